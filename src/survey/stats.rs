//! Figures of a data set: mean and deviation of each channel, sizes of pictures, samples of each class.

use std::collections::BTreeMap;
use std::path::Path;

use image::ImageReader;

use super::Subject;
use crate::dataset;
use crate::diagnostic::Result;

/// The figures.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Channels and extents of a sample, before padding.
    pub shape: Vec<usize>,
    /// Factor on the raw values before the mean and the deviation are taken.
    pub rescale: f32,
    /// Mean of each channel over the training split.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel over the training split.
    pub std: Vec<f32>,
    /// Samples of each class, split by split.
    pub class_counts: Vec<(&'static str, Vec<usize>)>,
    /// Samples, split by split.
    pub samples: Vec<(&'static str, usize)>,
    /// Sizes of the pictures in their files, the most frequent first; nothing where samples are not files.
    pub sizes: Vec<SizeCount>,
}

/// How many pictures have a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeCount {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Pictures.
    pub count: usize,
}

/// Works out the figures.
///
/// # Errors
/// When a sample cannot be read.
pub fn stats(subject: &Subject) -> Result<Stats> {
    let mut preprocessing = subject.request.preprocessing.clone();
    preprocessing.take_kind(&subject.dataset.train, subject.has_factor());
    dataset::normalize_by(&subject.dataset.train, &mut preprocessing)?;
    let mut sizes = BTreeMap::new();
    for (_, samples) in subject.splits() {
        let paths = (0..samples.len()).filter_map(|index| samples.path(index));
        for size in paths.filter_map(stored_size) {
            *sizes.entry(size).or_default() += 1;
        }
    }
    let mut sizes: Vec<SizeCount> = sizes
        .into_iter()
        .map(|((width, height), count)| SizeCount {
            height,
            width,
            count,
        })
        .collect();
    sizes.sort_by_key(|size| std::cmp::Reverse(size.count));
    Ok(Stats {
        shape: preprocessing.shape,
        rescale: preprocessing.rescale,
        mean: preprocessing.mean,
        std: preprocessing.std,
        class_counts: subject.class_counts(),
        samples: subject
            .splits()
            .map(|(name, samples)| (name, samples.len()))
            .collect(),
        sizes,
    })
}

/// Returns width and height as the head of a picture's file says them.
fn stored_size(path: &Path) -> Option<(u32, u32)> {
    // Opening a pipe would wait for its writer.
    if !path.is_file() {
        return None;
    }
    let reader = ImageReader::open(path).ok()?.with_guessed_format().ok()?;
    reader.into_dimensions().ok()
}
