//! What is wrong with a data set: unreadable files, samples that come twice, classes with few samples.

use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::{Count, Subject};
use crate::dataset::{Samples, Targets, Values};
use crate::diagnostic::{Diagnostic, Result};

/// A class with fewer samples to train on is told.
const FEW: usize = 10;

/// What was found.
#[derive(Clone, Debug)]
pub struct Check {
    /// Files that cannot be read, all of them.
    pub unreadable: Vec<Diagnostic>,
    /// Files and folders that are no samples.
    pub passed_over: Vec<Diagnostic>,
    /// Samples that come more than once.
    pub repeated: Vec<Repeated>,
    /// Samples that can be read, split by split.
    pub counts: Vec<Count>,
    /// Classes or labels with few samples to train on, by number.
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
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The split.
    pub split: &'static str,
    /// Its number in the split.
    pub index: usize,
    /// Its class, where it has one.
    pub class: Option<u32>,
    /// What is to be learnt of it.
    pub learnt: Targets,
    /// Its file, where it has one.
    pub path: Option<PathBuf>,
}

impl Repeated {
    /// Tells whether they lie in different splits.
    #[must_use]
    pub fn crosses_splits(&self) -> bool {
        self.differ(|sample| sample.split)
    }

    /// Tells whether other classes, labels or numbers are to be learnt of some.
    #[must_use]
    pub fn contradicts(&self) -> bool {
        self.differ(|sample| &sample.learnt)
    }

    fn differ<'a, T: PartialEq>(&'a self, of: impl Fn(&'a Sample) -> T) -> bool {
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
pub(crate) fn check(subject: &Subject) -> Result<Check> {
    let mut seen: HashMap<[u8; 16], Vec<Sample>> = HashMap::new();
    let mut order = Vec::new();
    let mut counts = Vec::new();
    for (split, samples) in subject.splits() {
        let hashes = content_hashes(samples)?;
        let is_readable: Vec<bool> = hashes.iter().map(Option::is_some).collect();
        counts.push(subject.count(split, samples, &is_readable));
        for (index, hash) in hashes.into_iter().enumerate() {
            let Some(hash) = hash else {
                continue;
            };
            let same = seen.entry(hash).or_default();
            same.push(Sample {
                split,
                index,
                class: samples.labels().get(index).copied(),
                learnt: samples.targets.of(&[index]),
                path: samples.path(index).map(PathBuf::from),
            });
            if same.len() == 2 {
                order.push(hash);
            }
        }
    }
    let repeated = order.iter().filter_map(|hash| seen.remove(hash));
    let repeated = repeated.map(|samples| Repeated { samples }).collect();
    let train = counts.first().map(|count| count.of_each.as_slice());
    let few = train.unwrap_or_default().iter().enumerate();
    let few = few
        .filter(|(_, count)| **count < FEW)
        .map(|(class, _)| class);
    let few = few.collect();
    let outputs = subject.outputs();
    let classes = subject.dataset.classes.len();
    let mut unreadable = subject.take_unreadable();
    // Threads find them in any order.
    unreadable.sort_by(|one, other| one.message.cmp(&other.message));
    Ok(Check {
        unreadable: unreadable.iter().map(as_fault).collect(),
        passed_over: subject.dataset.warnings.clone(),
        repeated,
        few,
        beyond: outputs.map_or_else(Vec::new, |outputs| (outputs..classes).collect()),
        outputs,
        counts,
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
