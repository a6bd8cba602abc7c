//! Figures of how well answers fit what was to be learnt, gathered batch by batch.

mod classes;
mod labels;
mod ranking;
mod values;

pub(crate) use classes::{Answer, Classes, Confidence};
pub(crate) use labels::Labels;
pub(crate) use ranking::{Curve, Ranking};
pub(crate) use values::Values;

use crate::config::Task;
use crate::dataset::Targets;
use crate::loss::Loss;

/// Sums over the samples seen so far.
#[derive(Clone, Debug)]
pub struct Metrics {
    samples: u64,
    loss: f64,
    weight: f64,
    /// The figures of what is learnt.
    pub figures: Figures,
}

/// Figures by what is learnt.
#[derive(Clone, Debug)]
pub enum Figures {
    /// Of classes.
    Classes(Classes),
    /// Of labels.
    Labels(Labels),
    /// Of numbers.
    Values(Values),
}

impl Metrics {
    /// Starts with no samples.
    #[must_use]
    pub fn new(task: Task, outputs: usize) -> Self {
        Self {
            samples: 0,
            loss: 0.0,
            weight: 0.0,
            figures: match task {
                Task::Classes => Figures::Classes(Classes::new(outputs)),
                Task::Labels => Figures::Labels(Labels::new(outputs)),
                Task::Values => Figures::Values(Values::new(outputs)),
            },
        }
    }

    /// Adds a batch of `outputs` `[batch, width]`; returns the answers where classes are learnt.
    pub fn add(
        &mut self,
        loss: &Loss,
        outputs: &[f32],
        width: usize,
        targets: &Targets,
    ) -> Vec<Answer> {
        self.samples += targets.len() as u64;
        self.loss += loss.sum(outputs, width, targets);
        self.weight += loss.weight(targets);
        let rows = outputs.chunks(width.max(1));
        match (&mut self.figures, targets) {
            (Figures::Classes(figures), Targets::Classes(labels)) => rows
                .zip(labels)
                .map(|(row, label)| figures.add(row, *label as usize))
                .collect(),
            (Figures::Classes(figures), Targets::Values { values, .. }) => rows
                .zip(values.chunks(width.max(1)))
                .map(|(row, shares)| figures.add(row, classes::largest(shares)))
                .collect(),
            (Figures::Labels(figures), Targets::Values { values, .. }) => {
                rows.zip(values.chunks(width.max(1)))
                    .for_each(|(row, marks)| figures.add(row, marks));
                Vec::new()
            }
            (Figures::Values(figures), Targets::Values { values, .. }) => {
                rows.zip(values.chunks(width.max(1)))
                    .for_each(|(row, values)| figures.add(row, values));
                Vec::new()
            }
            (Figures::Labels(_) | Figures::Values(_), Targets::Classes(_)) => Vec::new(),
        }
    }

    /// Returns the number of samples.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Returns the mean loss.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss / self.weight
    }

    /// Returns the sum of the losses and of what their mean is over.
    #[must_use]
    pub fn loss_sums(&self) -> (f64, f64) {
        (self.loss, self.weight)
    }

    /// Returns the number of right decisions and of decisions: one a sample where classes are
    /// learnt, one a label where labels are, none where numbers are.
    #[must_use]
    pub fn decisions(&self) -> (u64, u64) {
        match &self.figures {
            Figures::Classes(figures) => (figures.correct(), self.samples),
            Figures::Labels(figures) => figures.decisions(),
            Figures::Values(_) => (0, 0),
        }
    }

    /// Returns the share of right decisions, where there are any.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        let (right, all) = self.decisions();
        (all > 0).then(|| count(right) / count(all))
    }
}

/// Returns a share of a whole; 0 where there is none.
fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => count(part) / count(whole),
    }
}

/// Returns the harmonic mean; 0 where both are.
fn harmonic_mean(precision: f64, recall: f64) -> f64 {
    let sum = precision + recall;
    if sum == 0.0 {
        return 0.0;
    }
    2.0 * precision * recall / sum
}

fn count(samples: u64) -> f64 {
    samples as f64
}
