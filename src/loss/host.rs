//! The same losses in 64 bits on the host, where the outputs are for the figures anyway.

use super::Loss;
use crate::config;
use crate::dataset::Targets;

impl Loss {
    /// Returns the sum of the losses of a batch; over [`Loss::weight`] it is what
    /// [`Loss::of`] computes.
    #[must_use]
    pub fn sum(&self, outputs: &[f32], width: usize, targets: &Targets) -> f64 {
        let rows = outputs.chunks(width.max(1)).enumerate();
        rows.map(|(sample, row)| match targets {
            Targets::Classes(_) => self.of_shares(row, sample, targets),
            Targets::Values { .. } if self.task() == config::Task::Classes => {
                self.of_shares(row, sample, targets)
            }
            Targets::Values { values, .. } => {
                let own = values.get(sample * width..(sample + 1) * width);
                let pairs = row.iter().zip(own.unwrap_or_default());
                let losses = pairs
                    .map(|(output, target)| self.of_number(f64::from(*output), f64::from(*target)));
                losses.sum::<f64>() / width.max(1) as f64
            }
        })
        .sum()
    }

    fn of_shares(&self, row: &[f32], sample: usize, targets: &Targets) -> f64 {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row
            .iter()
            .map(|logit| f64::from(logit - largest).exp())
            .sum();
        let (shift, classes) = (sum.ln(), row.len());
        let losses = row.iter().enumerate().map(|(class, logit)| {
            let log = f64::from(logit - largest) - shift;
            let share = self.share(targets, sample, class, classes);
            // Nothing of what is surely not the case is nothing.
            if share == 0.0 {
                return 0.0;
            }
            match self.settings {
                config::Loss::Focal { gamma, .. } => -share * (1.0 - log.exp()).powf(gamma) * log,
                _ => -share * log,
            }
        });
        // A logit that is not finite shows even where it has no share.
        losses.sum::<f64>() + shift * 0.0
    }

    fn of_number(&self, output: f64, target: f64) -> f64 {
        let distance = (output - target).abs();
        match self.settings {
            config::Loss::BinaryCrossEntropy => {
                output.max(0.0) - output * target + (-output.abs()).exp().ln_1p()
            }
            config::Loss::Mae => distance,
            config::Loss::Huber { delta } if distance <= delta => distance * distance / 2.0,
            config::Loss::Huber { delta } => delta * (distance - delta / 2.0),
            _ => distance * distance,
        }
    }
}
