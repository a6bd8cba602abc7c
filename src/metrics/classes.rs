//! Figures of classes.

use std::collections::BTreeMap;

use super::{count, harmonic_mean, share};

/// Sums over the samples seen so far.
#[derive(Clone, Debug)]
pub struct Classes {
    count: usize,
    samples: u64,
    correct: u64,
    top5: u64,
    /// Counts by (class, answer); most pairs never occur.
    confusion: BTreeMap<(usize, usize), u64>,
    bins: Vec<Bin>,
}

/// Samples whose confidence lies in one interval.
#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    samples: u64,
    correct: u64,
    confidence: f64,
}

const BINS: usize = 15;

/// One answer of the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The most probable class.
    pub predicted: usize,
    /// Its probability.
    pub confidence: f64,
}

/// Answers whose confidence lies in one interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// How many.
    pub samples: u64,
    /// Their mean confidence.
    pub mean: f64,
    /// The share of them that is right.
    pub accuracy: f64,
}

/// Figures of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassFigures {
    /// Share of the answers of this class that are right; 0 where there is none.
    pub precision: f64,
    /// Share of the samples of this class that are found; 0 where there is none.
    pub recall: f64,
    /// Harmonic mean of both; 0 where both are.
    pub f1: f64,
    /// Samples of this class.
    pub support: u64,
}

impl Classes {
    /// Starts with no samples.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self {
            count: classes,
            samples: 0,
            correct: 0,
            top5: 0,
            confusion: BTreeMap::new(),
            bins: vec![Bin::default(); BINS],
        }
    }

    /// Adds one sample from its logits and returns the answer.
    ///
    /// Ties go to the lower class, as in `torch.argmax`.
    pub fn add(&mut self, logits: &[f32], label: usize) -> Answer {
        let largest = logits
            .iter()
            .fold(f32::NEG_INFINITY, |best, &logit| best.max(logit));
        let mut predicted = 0;
        let mut sum = 0.0;
        let mut above = 0_u32;
        let own = logits.get(label).copied().unwrap_or(f32::NAN);
        for (class, &logit) in logits.iter().enumerate() {
            sum += f64::from(logit - largest).exp();
            if logit > logits.get(predicted).copied().unwrap_or(f32::NEG_INFINITY) {
                predicted = class;
            }
            // Ties go to the lower class here too.
            if logit > own || (class < label && logit >= own) {
                above += 1;
            }
        }
        let confidence = 1.0 / sum;
        self.samples += 1;
        self.correct += u64::from(predicted == label);
        self.top5 += u64::from(above < 5);
        *self.confusion.entry((label, predicted)).or_default() += 1;
        self.add_to_bin(confidence, predicted == label);
        Answer {
            predicted,
            confidence,
        }
    }

    fn add_to_bin(&mut self, confidence: f64, correct: bool) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a confidence lies between 0 and 1"
        )]
        let index = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        if let Some(bin) = self.bins.get_mut(index) {
            bin.samples += 1;
            bin.correct += u64::from(correct);
            bin.confidence += confidence;
        }
    }

    /// Returns the number of right answers.
    #[must_use]
    pub fn correct(&self) -> u64 {
        self.correct
    }

    /// Returns the share of samples whose class is among the five most probable.
    #[must_use]
    pub fn top5_accuracy(&self) -> f64 {
        count(self.top5) / count(self.samples)
    }

    /// Returns the expected calibration error over 15 equal intervals of confidence.
    ///
    /// # Reference
    /// Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", eq. 3.
    #[must_use]
    pub fn expected_calibration_error(&self) -> f64 {
        let gaps = self
            .bins
            .iter()
            .map(|bin| (count(bin.correct) - bin.confidence).abs());
        gaps.sum::<f64>() / count(self.samples)
    }

    /// Returns how right answers are, interval by interval of confidence.
    #[must_use]
    pub fn confidences(&self) -> Vec<Confidence> {
        let of = |bin: &Bin| Confidence {
            samples: bin.samples,
            mean: bin.confidence / count(bin.samples.max(1)),
            accuracy: share(bin.correct, bin.samples),
        };
        self.bins.iter().map(of).collect()
    }

    /// Returns the rows of the confusion matrix: a row a true class, a column an answer.
    #[must_use]
    pub fn confusion(&self) -> Vec<Vec<u64>> {
        let count = |label, predicted| self.confusion.get(&(label, predicted)).copied();
        let row = |label| (0..self.count).map(move |answer| count(label, answer).unwrap_or(0));
        (0..self.count).map(|label| row(label).collect()).collect()
    }

    /// Returns the figures of each class.
    #[must_use]
    pub fn classes(&self) -> Vec<ClassFigures> {
        let mut sums = vec![[0_u64; 3]; self.count];
        for (&(label, predicted), &samples) in &self.confusion {
            let mut add = |class: usize, sum: usize| {
                if let Some(sums) = sums.get_mut(class) {
                    sums[sum] += samples;
                }
            };
            add(label, SUPPORT);
            add(predicted, ANSWERS);
            if label == predicted {
                add(label, HITS);
            }
        }
        let figures = sums.iter().map(|sums| {
            let precision = share(sums[HITS], sums[ANSWERS]);
            let recall = share(sums[HITS], sums[SUPPORT]);
            ClassFigures {
                precision,
                recall,
                f1: harmonic_mean(precision, recall),
                support: sums[SUPPORT],
            }
        });
        figures.collect()
    }
}

/// Places in the sums of a class: right answers, answers, samples.
const HITS: usize = 0;
const ANSWERS: usize = 1;
const SUPPORT: usize = 2;

/// Returns the place of the largest share, the first of several.
pub(super) fn largest(shares: &[f32]) -> usize {
    let mut largest = 0;
    for (class, share) in shares.iter().enumerate() {
        if shares.get(largest).is_some_and(|most| share > most) {
            largest = class;
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_four_samples_by_hand() {
        let mut classes = Classes::new(2);
        for (logits, label) in [
            ([2.0, 0.0], 0),
            ([0.0, 1.0], 1),
            ([3.0, 0.0], 1),
            ([1.0, 1.0], 0),
        ] {
            classes.add(&logits, label);
        }
        assert_eq!(classes.correct(), 3);
        assert!((classes.top5_accuracy() - 1.0).abs() < 1e-12);
        assert_eq!(classes.confusion(), [[2, 0], [1, 1]]);
        let [zero, one] = classes.classes()[..] else {
            panic!("two classes")
        };
        assert!((zero.precision - 2.0 / 3.0).abs() < 1e-12 && (zero.recall - 1.0).abs() < 1e-12);
        assert!((one.precision - 1.0).abs() < 1e-12 && (one.recall - 0.5).abs() < 1e-12);
        assert!((one.f1 - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_class_without_samples_or_answers_counts_as_zero() {
        let mut classes = Classes::new(3);
        classes.add(&[1.0, 0.0, 0.0], 0);
        let empty = ClassFigures {
            precision: 0.0,
            recall: 0.0,
            f1: 0.0,
            support: 0,
        };
        assert_eq!(classes.classes()[2], empty);
    }

    #[test]
    fn top5_counts_the_rank_of_the_label() {
        let mut classes = Classes::new(7);
        let logits = [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        classes.add(&logits, 4);
        classes.add(&logits, 5);
        assert!((classes.top5_accuracy() - 0.5).abs() < 1e-12);
    }
}
