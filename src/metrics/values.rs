//! Figures of numbers.

use super::count;

/// Sums over the samples seen so far, a number each.
#[derive(Clone, Debug)]
pub struct Values(Vec<Sums>);

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    samples: u64,
    distance: f64,
    square: f64,
    /// Mean of the targets, and the sum of their squared distances from it.
    mean: f64,
    spread: f64,
}

/// Figures of one number, or of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueFigures {
    /// Mean absolute difference.
    pub mae: f64,
    /// Root of the mean squared difference.
    pub rmse: f64,
    /// Share of the targets' variance that is explained; nothing where they are all the same.
    pub r2: Option<f64>,
}

impl Values {
    pub(super) fn new(values: usize) -> Self {
        Self(vec![Sums::default(); values])
    }

    /// Adds one sample.
    pub(super) fn add(&mut self, outputs: &[f32], targets: &[f32]) {
        for ((sums, output), target) in self.0.iter_mut().zip(outputs).zip(targets) {
            let target = f64::from(*target);
            let distance = f64::from(*output) - target;
            sums.samples += 1;
            sums.distance += distance.abs();
            sums.square += distance * distance;
            // Welford's way keeps the digits of targets far from 0.
            let from_mean = target - sums.mean;
            sums.mean += from_mean / count(sums.samples);
            sums.spread += from_mean * (target - sums.mean);
        }
    }

    /// Returns the figures of each number.
    #[must_use]
    pub fn each(&self) -> Vec<ValueFigures> {
        let figures = self.0.iter().map(|sums| ValueFigures {
            mae: sums.distance / count(sums.samples),
            rmse: (sums.square / count(sums.samples)).sqrt(),
            r2: (sums.spread > 0.0).then(|| 1.0 - sums.square / sums.spread),
        });
        figures.collect()
    }

    /// Returns the figures of all numbers: errors over all, and the mean of their R².
    #[must_use]
    pub fn all(&self) -> ValueFigures {
        let samples: u64 = self.0.iter().map(|sums| sums.samples).sum();
        let distance: f64 = self.0.iter().map(|sums| sums.distance).sum();
        let square: f64 = self.0.iter().map(|sums| sums.square).sum();
        let each: Option<Vec<f64>> = self.each().iter().map(|figures| figures.r2).collect();
        let each = each.filter(|each| !each.is_empty());
        ValueFigures {
            mae: distance / count(samples),
            rmse: (square / count(samples)).sqrt(),
            r2: each.map(|each| each.iter().sum::<f64>() / each.len() as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_three_samples_by_hand() {
        let mut values = Values::new(2);
        values.add(&[1.0, 5.0], &[1.0, 5.0]);
        values.add(&[3.0, 5.0], &[2.0, 5.0]);
        values.add(&[2.0, 6.0], &[3.0, 5.0]);
        let [first, second] = values.each()[..] else {
            panic!("two numbers")
        };
        let close = |one: f64, other: f64| assert!((one - other).abs() < 1e-12, "{one} {other}");
        close(first.mae, 2.0 / 3.0);
        close(first.rmse, (2.0_f64 / 3.0).sqrt());
        close(first.r2.unwrap(), 0.0);
        assert_eq!(second.r2, None, "all the same");
        close(values.all().mae, 0.5);
        assert_eq!(values.all().r2, None);
    }
}
