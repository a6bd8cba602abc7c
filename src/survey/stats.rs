//! Figures of a data set: mean and deviation of each channel, sizes of pictures, samples of each class.

use std::collections::BTreeMap;
use std::path::Path;

use image::ImageReader;

use super::{Count, Subject, counts};
use crate::config::Task;
use crate::dataset::{self, Samples, Targets};
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
    /// Samples, split by split.
    pub counts: Vec<Count>,
    /// The numbers that are to be learnt, over the training split; nothing where they are classes or labels.
    pub targets: Vec<Target>,
    /// Sizes of the pictures in their files, the most frequent first; nothing where samples are not files.
    pub sizes: Vec<SizeCount>,
}

/// A number that is to be learnt.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub std: f64,
    /// The smallest there is.
    pub min: f32,
    /// The largest there is.
    pub max: f32,
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
pub(crate) fn stats(subject: &Subject) -> Result<Stats> {
    let mut preprocessing = subject.request.preprocessing.clone();
    preprocessing.take_kind(&subject.dataset.train, subject.has_factor());
    dataset::normalize_by(&subject.dataset.train, &mut preprocessing)?;
    let mut counts = Vec::new();
    let mut targets = Vec::new();
    for (split, samples) in subject.splits() {
        let is_readable = counts::readable(samples)?;
        if counts.is_empty() && subject.task() == Task::Values {
            targets = numbers(&subject.dataset.classes, samples, &is_readable);
        }
        counts.push(subject.count(split, samples, &is_readable));
    }
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
        counts,
        targets,
        sizes,
    })
}

/// Works out the figures of each number that is to be learnt, over the samples that can be read.
fn numbers(names: &[String], samples: &Samples, is_readable: &[bool]) -> Vec<Target> {
    let readable: Vec<usize> = (0..samples.len())
        .filter(|index| is_readable.get(*index) == Some(&true))
        .collect();
    let Targets::Values { width, values } = samples.targets.of(&readable) else {
        return Vec::new();
    };
    let target = |(number, name): (usize, &String)| {
        let own = || values.iter().skip(number).step_by(width.max(1)).copied();
        let count = readable.len().max(1) as f64;
        let mean = own().map(f64::from).sum::<f64>() / count;
        let squares = own().map(|value| (f64::from(value) - mean).powi(2));
        Target {
            name: name.clone(),
            mean,
            std: (squares.sum::<f64>() / count).sqrt(),
            min: own().fold(f32::INFINITY, f32::min),
            max: own().fold(f32::NEG_INFINITY, f32::max),
        }
    };
    names.iter().enumerate().map(target).collect()
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
