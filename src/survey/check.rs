//! What is wrong with a data set: unreadable files, samples that come twice, classes with few samples.

use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::Subject;
use crate::dataset::{Samples, Values};
use crate::diagnostic::{Diagnostic, Result};

/// A class with fewer samples to train on is told.
const FEW: usize = 10;

/// What was found.
#[derive(Clone, Debug)]
pub struct Check {
    /// Files that cannot be read, all of them.
    pub unreadable: Vec<Diagnostic>,
    /// Samples that come more than once.
    pub repeated: Vec<Repeated>,
    /// Samples of each class that can be read, split by split.
    pub class_counts: Vec<(&'static str, Vec<usize>)>,
    /// Classes with few samples to train on, by number.
    pub few: Vec<usize>,
    /// Classes that the network of the config has no output for, by number.
    pub beyond: Vec<usize>,
    /// Outputs of the network of the config.
    pub outputs: Option<usize>,
}

/// Samples of equal content.
#[derive(Clone, Debug)]
pub struct Repeated {
    /// All of them, two at least.
    pub samples: Vec<Sample>,
}

/// A sample by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The split.
    pub split: &'static str,
    /// Its number in the split.
    pub index: usize,
    /// Its class, where it has one.
    pub class: Option<u32>,
    /// Its file, where it has one.
    pub path: Option<PathBuf>,
}

impl Repeated {
    /// Tells whether they lie in different splits.
    #[must_use]
    pub fn crosses_splits(&self) -> bool {
        self.differ(|sample| sample.split)
    }

    /// Tells whether they have different classes.
    #[must_use]
    pub fn contradicts(&self) -> bool {
        self.differ(|sample| sample.class)
    }

    fn differ<T: PartialEq>(&self, of: impl Fn(&Sample) -> T) -> bool {
        let mut values = self.samples.iter().map(of);
        let first = values.next();
        values.any(|value| Some(value) != first)
    }
}

impl Check {
    /// Tells whether a network cannot be trained on the data set as it is.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        !self.unreadable.is_empty() || !self.beyond.is_empty()
    }
}

/// Decodes every sample and looks for what is wrong.
///
/// # Errors
/// When reading fails for another reason than the file itself.
pub fn check(subject: &Subject) -> Result<Check> {
    let mut seen: HashMap<[u8; 16], Vec<Sample>> = HashMap::new();
    let mut order = Vec::new();
    let mut class_counts = Vec::new();
    for (split, samples) in subject.splits() {
        let mut counts = vec![0; subject.dataset.classes.len()];
        for (index, hash) in content_hashes(samples)?.into_iter().enumerate() {
            let Some(hash) = hash else {
                continue;
            };
            let class = samples.labels().get(index).copied();
            if let Some(count) = class.and_then(|class| counts.get_mut(class as usize)) {
                *count += 1;
            }
            let same = seen.entry(hash).or_default();
            same.push(Sample {
                split,
                index,
                class,
                path: samples.path(index).map(PathBuf::from),
            });
            if same.len() == 2 {
                order.push(hash);
            }
        }
        class_counts.push((split, counts));
    }
    let repeated = order.iter().filter_map(|hash| seen.remove(hash));
    let repeated = repeated.map(|samples| Repeated { samples }).collect();
    let train = class_counts.first().map(|(_, counts)| counts.as_slice());
    let few = train.unwrap_or_default().iter().enumerate();
    let few = few
        .filter(|(_, count)| **count < FEW)
        .map(|(class, _)| class);
    let few = few.collect();
    let outputs = subject.outputs();
    let classes = subject.dataset.classes.len();
    let mut unreadable: Vec<Diagnostic> = subject.warnings().iter().map(as_fault).collect();
    // Threads find them in any order.
    unreadable.sort_by(|one, other| one.message.cmp(&other.message));
    Ok(Check {
        unreadable,
        repeated,
        few,
        beyond: outputs.map_or_else(Vec::new, |outputs| (outputs..classes).collect()),
        outputs,
        class_counts,
    })
}

/// Turns "skipped picture …" into what is wrong with the picture.
fn as_fault(warning: &Diagnostic) -> Diagnostic {
    let message = warning.message.strip_prefix("skipped ");
    Diagnostic::error(message.unwrap_or(&warning.message))
}

/// Decodes all samples, on all processors; nothing of those that cannot be.
fn content_hashes(samples: &Samples) -> Result<Vec<Option<[u8; 16]>>> {
    let hash = |index| {
        let values = samples.values(index)?;
        Ok(values.as_ref().map(content_hash))
    };
    (0..samples.len()).into_par_iter().map(hash).collect()
}

fn content_hash(values: &Values<'_>) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    match values {
        Values::Bytes(bytes) => {
            hasher.update(bytes);
        }
        Values::Floats(floats) => {
            for value in floats.iter() {
                hasher.update(&value.to_le_bytes());
            }
        }
    }
    // Half of it tells apart more samples than there can be.
    let mut half = [0; 16];
    hasher.finalize_xof().fill(&mut half);
    half
}

impl Subject {
    /// Returns the outputs of the network, if a config was given and they stand for classes.
    fn outputs(&self) -> Option<usize> {
        let of_classes = self.request.task == crate::config::Task::Classes;
        (self.has_config && of_classes).then(|| self.project.plan.output().iter().product())
    }
}
