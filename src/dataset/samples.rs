//! Samples of one split: in memory, or in files that are decoded when they are asked for.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::stream::Streamed;
use crate::diagnostic::{Diagnostic, Result};

/// What is to be learnt of each sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// A class each.
    Classes(Vec<u32>),
    /// `width` numbers each, one after another: values to come close to, a 0 or a 1 for each label, or shares of
    /// classes.
    Values {
        /// Numbers of one sample.
        width: usize,
        /// The numbers of all samples.
        values: Vec<f32>,
    },
}

impl Targets {
    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values { width, values } => values.len() / (*width).max(1),
        }
    }

    /// Tells whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the class of each sample; nothing where they have numbers.
    pub fn classes(&self) -> &[u32] {
        match self {
            Self::Classes(classes) => classes,
            Self::Values { .. } => &[],
        }
    }

    /// Returns the targets of some samples; numbers beyond the samples are left out.
    #[must_use]
    pub fn of(&self, indices: &[usize]) -> Self {
        match self {
            Self::Classes(classes) => {
                let picked = indices.iter().filter_map(|index| classes.get(*index));
                Self::Classes(picked.copied().collect())
            }
            Self::Values { width, values } => {
                let row = |index: &usize| values.get(index * width..(index + 1) * width);
                Self::Values {
                    width: *width,
                    values: indices.iter().filter_map(row).flatten().copied().collect(),
                }
            }
        }
    }
}

/// The raw values of one sample: `[channel, …]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Values<'a> {
    /// Of pictures.
    Bytes(Cow<'a, [u8]>),
    /// Of signals and volumes.
    Floats(Cow<'a, [f32]>),
}

impl Values<'_> {
    /// Exchanges light and dark of bytes: `255 − v`.
    pub(super) fn exchange_light_and_dark(&mut self) {
        if let Self::Bytes(bytes) = self {
            for byte in bytes.to_mut() {
                *byte = !*byte;
            }
        }
    }
}

/// Where the values of samples are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Store {
    /// Decoded, one sample after another.
    Bytes(Vec<u8>),
    /// Decoded, one sample after another.
    Floats(Vec<f32>),
    /// In files.
    Streamed(Streamed),
}

/// The file of a sample, as it was when the data set was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Hash of its content; nothing if it cannot be read.
    pub(super) content: Option<blake3::Hash>,
    /// Whether it was decoded in vain: what stands in its place in memory is no sample.
    pub(super) is_lost: bool,
}

/// The samples of one split.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Channels and extents of each sample, after resize and before padding.
    pub(super) shape: Vec<usize>,
    pub(super) store: Store,
    /// What is to be learnt of each.
    pub targets: Targets,
    /// The file of each sample, where there is one.
    pub paths: Option<Vec<PathBuf>>,
    /// The same files by their content.
    pub(super) origins: Option<Vec<Origin>>,
}

impl Samples {
    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Tells whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Returns channels and extents of each sample, after resize and before padding.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the class of each sample; nothing where they have numbers.
    pub fn labels(&self) -> &[u32] {
        self.targets.classes()
    }

    /// Returns the file of a sample, where there is one.
    pub fn path(&self, index: usize) -> Option<&Path> {
        self.paths.as_ref()?.get(index).map(PathBuf::as_path)
    }

    /// Tells whether samples are decoded each time they are asked for.
    pub fn is_streamed(&self) -> bool {
        matches!(self.store, Store::Streamed(_))
    }

    /// Returns the values of a sample: `[channel, …]`; nothing if its file cannot be decoded and such files are
    /// to be skipped.
    ///
    /// # Errors
    /// When its file cannot be decoded.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn values(&self, index: usize) -> Result<Option<Values<'_>>> {
        let size = self.sample_len();
        let range = index * size..(index + 1) * size;
        let origin = self.origins.as_ref().and_then(|origins| origins.get(index));
        if origin.is_some_and(|origin| origin.is_lost) {
            return Ok(None);
        }
        match &self.store {
            Store::Bytes(bytes) => Ok(Some(Values::Bytes(bytes[range].into()))),
            Store::Floats(floats) => Ok(Some(Values::Floats(floats[range].into()))),
            Store::Streamed(streamed) => streamed.values(index),
        }
    }

    /// Returns what has come up since this was last asked: files that were skipped.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        match &self.store {
            Store::Streamed(streamed) => streamed.take_warnings(),
            Store::Bytes(_) | Store::Floats(_) => Vec::new(),
        }
    }

    /// Counts the samples of each of `classes` classes.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for label in self.labels() {
            if let Some(count) = counts.get_mut(*label as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// Tells whether the values are bytes; of files, those of the first that can be decoded.
    pub fn are_bytes(&self) -> bool {
        match &self.store {
            Store::Bytes(_) => true,
            Store::Floats(_) => false,
            Store::Streamed(streamed) => streamed.are_bytes(),
        }
    }

    /// Exchanges light and dark of all samples.
    pub(super) fn exchange_light_and_dark(&mut self) {
        match &mut self.store {
            Store::Bytes(bytes) => {
                for byte in bytes {
                    *byte = !*byte;
                }
            }
            Store::Floats(_) => {}
            Store::Streamed(streamed) => streamed.exchange_light_and_dark(),
        }
    }

    /// Returns what tells equal samples: a hash of the file, or of the values where there is none; nothing where the
    /// file cannot be read.
    pub(super) fn contents(&self) -> Vec<Option<blake3::Hash>> {
        if let Some(origins) = &self.origins {
            return origins.iter().map(|origin| origin.content).collect();
        }
        let size = self.sample_len().max(1);
        match &self.store {
            Store::Bytes(bytes) => {
                let samples = bytes.par_chunks(size);
                samples.map(|bytes| Some(blake3::hash(bytes))).collect()
            }
            Store::Floats(floats) => {
                let hash = |floats: &[f32]| {
                    let mut hasher = blake3::Hasher::new();
                    hash_floats(&mut hasher, floats);
                    Some(hasher.finalize())
                };
                floats.par_chunks(size).map(hash).collect()
            }
            // Whatever is in files has origins.
            Store::Streamed(_) => vec![None; self.len()],
        }
    }

    /// Returns the number of values of one sample.
    pub(super) fn sample_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Takes the marked samples out, in their order; the others close up.
    pub(super) fn take(&mut self, is_taken: &[bool]) -> Self {
        let size = self.sample_len();
        let store = match &mut self.store {
            Store::Bytes(bytes) => Store::Bytes(take_rows(bytes, size, is_taken)),
            Store::Floats(floats) => Store::Floats(take_rows(floats, size, is_taken)),
            Store::Streamed(streamed) => Store::Streamed(streamed.take(is_taken)),
        };
        let targets = match &mut self.targets {
            Targets::Classes(classes) => Targets::Classes(take_rows(classes, 1, is_taken)),
            Targets::Values { width, values } => Targets::Values {
                width: *width,
                values: take_rows(values, *width, is_taken),
            },
        };
        let paths = self.paths.as_mut().map(|paths| take(paths, is_taken));
        let origins = self.origins.as_mut();
        let origins = origins.map(|origins| take(origins, is_taken));
        Self {
            shape: self.shape.clone(),
            store,
            targets,
            paths,
            origins,
        }
    }

    /// Adds all that makes these samples what they are: values and targets; of files, their content in place of the
    /// values, so that it is the same whether they are kept in memory or not.
    pub(super) fn hash_into(&self, hasher: &mut blake3::Hasher) {
        for number in self.shape.iter().chain([&self.len()]) {
            hasher.update(&(*number as u64).to_le_bytes());
        }
        match (&self.store, &self.origins) {
            (_, Some(origins)) => {
                for origin in origins {
                    let content = origin.content.map(|content| *content.as_bytes());
                    hasher.update(&content.unwrap_or_default());
                }
            }
            (Store::Bytes(bytes), None) => {
                hasher.update(bytes);
            }
            (Store::Floats(floats), None) => hash_floats(hasher, floats),
            (Store::Streamed(_), None) => {}
        }
        match &self.targets {
            Targets::Classes(classes) => {
                for class in classes {
                    hasher.update(&class.to_le_bytes());
                }
            }
            Targets::Values { values, .. } => hash_floats(hasher, values),
        }
    }
}

fn hash_floats(hasher: &mut blake3::Hasher, floats: &[f32]) {
    for float in floats {
        hasher.update(&float.to_le_bytes());
    }
}

/// Moves the marked rows of `size` values out; the others close up in place.
fn take_rows<T: Copy>(values: &mut Vec<T>, size: usize, is_taken: &[bool]) -> Vec<T> {
    let mut taken = Vec::new();
    let mut kept = 0;
    for (index, marked) in is_taken.iter().enumerate() {
        let row = index * size..(index + 1) * size;
        if *marked {
            taken.extend_from_slice(&values[row]);
        } else {
            values.copy_within(row, kept * size);
            kept += 1;
        }
    }
    values.truncate(kept * size);
    values.shrink_to_fit();
    taken
}

/// Moves the marked items out; the others close up.
pub(super) fn take<T>(items: &mut Vec<T>, is_taken: &[bool]) -> Vec<T> {
    let marked = std::mem::take(items).into_iter().zip(is_taken);
    let (taken, kept): (Vec<_>, Vec<_>) = marked.partition(|(_, taken)| **taken);
    items.extend(kept.into_iter().map(|(item, _)| item));
    taken.into_iter().map(|(item, _)| item).collect()
}
