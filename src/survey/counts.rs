//! What there is to learn from: samples that can be read, and how many there are of each class or label.

use rayon::prelude::*;

use super::Subject;
use crate::config::Task;
use crate::dataset::{Samples, Targets};
use crate::diagnostic::Result;

/// The samples of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The split.
    pub split: &'static str,
    /// Samples that can be read.
    pub samples: usize,
    /// Samples that cannot.
    pub unreadable: usize,
    /// Of those that can be read, how many are of each class or have each label; nothing where numbers are learnt.
    pub of_each: Vec<usize>,
}

impl Subject {
    /// Returns what is learnt of its samples.
    #[must_use]
    pub fn task(&self) -> Task {
        self.request.task
    }

    /// Counts the samples of a split; `is_readable` tells which can be read.
    pub(super) fn count(
        &self,
        split: &'static str,
        samples: &Samples,
        is_readable: &[bool],
    ) -> Count {
        let readable: Vec<usize> = (0..samples.len())
            .filter(|index| is_readable.get(*index) == Some(&true))
            .collect();
        let names = self.dataset.classes.len();
        let of_each = match samples.targets.of(&readable) {
            Targets::Classes(classes) => {
                let mut counts = vec![0; names];
                for class in classes {
                    if let Some(count) = counts.get_mut(class as usize) {
                        *count += 1;
                    }
                }
                counts
            }
            Targets::Values { width, values } if self.task() == Task::Labels => {
                let has = |label| {
                    let marks = values.iter().skip(label).step_by(width.max(1));
                    marks.filter(|mark| **mark > 0.5).count()
                };
                (0..names).map(has).collect()
            }
            Targets::Values { .. } => Vec::new(),
        };
        Count {
            split,
            samples: readable.len(),
            unreadable: samples.len() - readable.len(),
            of_each,
        }
    }
}

/// Decodes all samples, on all processors, and tells which can be.
pub(super) fn readable(samples: &Samples) -> Result<Vec<bool>> {
    let is_readable = |index| Ok(samples.values(index)?.is_some());
    (0..samples.len())
        .into_par_iter()
        .map(is_readable)
        .collect()
}
