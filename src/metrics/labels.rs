//! Figures of labels, each for itself.

use super::{count, harmonic_mean, share};

/// Sums over the samples seen so far, a label each.
#[derive(Clone, Debug)]
pub struct Labels(Vec<Counts>);

/// How often a label was there and was told.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    samples: u64,
    /// There and told.
    hits: u64,
    /// There.
    support: u64,
    /// Told.
    told: u64,
}

/// Figures of one label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelFigures {
    /// Share of the samples for which it is rightly told whether it is there.
    pub accuracy: f64,
    /// Share of the samples it is told for that have it; 0 where there is none.
    pub precision: f64,
    /// Share of the samples that have it for which it is told; 0 where there is none.
    pub recall: f64,
    /// Harmonic mean of both; 0 where both are.
    pub f1: f64,
    /// Samples that have it.
    pub support: u64,
}

impl Labels {
    pub(super) fn new(labels: usize) -> Self {
        Self(vec![Counts::default(); labels])
    }

    /// Adds one sample from its logits; a label is told from a probability of 1/2 on.
    pub(super) fn add(&mut self, logits: &[f32], marks: &[f32]) {
        for ((counts, logit), mark) in self.0.iter_mut().zip(logits).zip(marks) {
            let (told, there) = (*logit >= 0.0, *mark >= 0.5);
            counts.samples += 1;
            counts.hits += u64::from(told && there);
            counts.support += u64::from(there);
            counts.told += u64::from(told);
        }
    }

    /// Returns the number of right decisions and of all.
    pub(super) fn decisions(&self) -> (u64, u64) {
        let right = self.0.iter().map(Counts::right).sum();
        (right, self.0.iter().map(|counts| counts.samples).sum())
    }

    /// Returns the figures of each label.
    #[must_use]
    pub fn labels(&self) -> Vec<LabelFigures> {
        let figures = self.0.iter().map(|counts| {
            let precision = share(counts.hits, counts.told);
            let recall = share(counts.hits, counts.support);
            LabelFigures {
                accuracy: share(counts.right(), counts.samples),
                precision,
                recall,
                f1: harmonic_mean(precision, recall),
                support: counts.support,
            }
        });
        figures.collect()
    }

    /// Returns the mean of the labels' F1.
    #[must_use]
    pub fn mean_f1(&self) -> f64 {
        let labels = self.labels();
        let sum: f64 = labels.iter().map(|label| label.f1).sum();
        sum / count(labels.len() as u64).max(1.0)
    }
}

impl Counts {
    fn right(&self) -> u64 {
        let wrong = (self.told - self.hits) + (self.support - self.hits);
        self.samples - wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_three_samples_by_hand() {
        let mut labels = Labels::new(2);
        labels.add(&[1.0, -1.0], &[1.0, 0.0]);
        labels.add(&[1.0, -2.0], &[0.0, 1.0]);
        labels.add(&[-1.0, -3.0], &[1.0, 0.0]);
        assert_eq!(labels.decisions(), (3, 6));
        let [first, second] = labels.labels()[..] else {
            panic!("two labels")
        };
        let close = |one: f64, other: f64| assert!((one - other).abs() < 1e-12, "{one} {other}");
        close(first.accuracy, 1.0 / 3.0);
        close(first.precision, 0.5);
        close(first.recall, 0.5);
        close(first.f1, 0.5);
        assert_eq!(first.support, 2);
        close(second.accuracy, 2.0 / 3.0);
        close(second.precision, 0.0);
        close(second.f1, 0.0);
        close(labels.mean_f1(), 0.25);
    }
}
