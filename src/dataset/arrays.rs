//! Data sets of numpy's arrays: `x_train`, `y_train` and the like, in one `.npz` file or in a folder of `.npy` files.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::{CompressionMethod, ZipArchive};

use super::labels::MAX_CLASSES;
use super::layout::Split;
use super::npy::{self, Array, Numbers, shown_shape};
use super::samples::{Samples, Targets};
use super::{Request, Splits, axes, fit, npy_header};
use crate::config::Task;
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};

/// A deflated array may expand to so many times its size, and a gibibyte more; further, it is taken for damaged.
const MAX_EXPANSION: u64 = 50;
/// Entries of a file that holds a few arrays.
const MAX_ENTRIES: usize = 10_000;

/// Where arrays lie.
enum Holder {
    Npz(PathBuf, Box<ZipArchive<BufReader<File>>>),
    Folder(PathBuf),
}

/// Tells whether a folder holds the inputs of a training split as `.npy`.
pub(super) fn is_array_folder(folder: &Path) -> bool {
    let holder = Holder::Folder(folder.to_owned());
    let names = holder.names().unwrap_or_default();
    Split::ALL
        .iter()
        .any(|split| find(&names, &inputs_of(*split)).is_some())
}

/// Returns channels, height and width of the pictures to train on, as the head of their array says them.
#[must_use]
pub fn picture_shape(path: &Path) -> Option<[usize; 3]> {
    let mut holder = Holder::open(path).ok()?;
    let name = find(&holder.names().ok()?, &inputs_of(Split::Train))?;
    let (mut reader, _) = holder.reader(&name).ok()?;
    let header = npy_header::read_header(&name, &mut reader).ok()?;
    let has_colours = |channels| matches!(channels, 1 | 3);
    match header.shape[..] {
        [_, height, width] => Some([1, height, width]),
        [_, channels, height, width] if has_colours(channels) => Some([channels, height, width]),
        [_, height, width, channels] if has_colours(channels) => Some([channels, height, width]),
        _ => None,
    }
}

/// Loads a `.npz` file, or a folder of `.npy` files.
pub(super) fn load(path: &Path, request: &Request) -> Result<Splits> {
    let mut holder = Holder::open(path)?;
    let names = holder.names()?;
    let mut splits = Vec::new();
    for split in Split::ALL {
        splits.push(load_split(&mut holder, &names, split, request)?);
    }
    let mut splits = splits.into_iter();
    let mut next = || splits.next().flatten();
    let (train, validation, test) = (next(), next(), next());
    let Some(train) = train else {
        let message = format!("`{}` has no arrays to train on", path.display());
        let note = match in_backticks(names.iter().take(20)) {
            shown if shown.is_empty() => "it holds no arrays".to_owned(),
            shown => format!("it holds {shown}"),
        };
        let help = "call them `x_train` and `y_train`, and `x_val`, `y_val`, `x_test` and `y_test` where there are such";
        return Err(Error::data(
            Diagnostic::error(message).note(note).help(help),
        ));
    };
    let all = [Some(&train), validation.as_ref(), test.as_ref()];
    Ok(Splits {
        classes: class_names(all.into_iter().flatten()),
        warnings: Vec::new(),
        train,
        validation,
        test,
    })
}

/// Numbers as names, of the classes or of the targets.
fn class_names<'a>(splits: impl Iterator<Item = &'a Samples>) -> Vec<String> {
    let count = splits.map(|samples| match &samples.targets {
        Targets::Classes(classes) => classes.iter().max().map_or(0, |last| *last as usize + 1),
        Targets::Values { width, .. } => *width,
    });
    let count = count.max().unwrap_or(0);
    (0..count).map(|number| number.to_string()).collect()
}

/// Names that the inputs of a split can have.
fn inputs_of(split: Split) -> Vec<String> {
    names_of(split, ["x", "images", "data"])
}

fn targets_of(split: Split) -> Vec<String> {
    names_of(split, ["y", "labels", "targets"])
}

fn names_of(split: Split, words: [&str; 3]) -> Vec<String> {
    let splits: &[&str] = match split {
        Split::Train => &["train"],
        Split::Validation => &["val", "validation", "valid"],
        Split::Test => &["test"],
    };
    let of_split = |split: &&str| {
        let both = words.map(|word| [format!("{word}_{split}"), format!("{split}_{word}")]);
        both.into_iter().flatten().collect::<Vec<_>>()
    };
    let mut names: Vec<String> = splits.iter().flat_map(of_split).collect();
    if split == Split::Train {
        names.extend(words.map(str::to_owned));
    }
    names
}

fn find(names: &[String], wanted: &[String]) -> Option<String> {
    let is_there = |wanted: &String| names.iter().find(|name| name.eq_ignore_ascii_case(wanted));
    wanted.iter().find_map(is_there).cloned()
}

fn load_split(
    holder: &mut Holder,
    names: &[String],
    split: Split,
    request: &Request,
) -> Result<Option<Samples>> {
    let inputs = find(names, &inputs_of(split));
    let targets = find(names, &targets_of(split));
    let (inputs, targets) = match (inputs, targets) {
        (None, None) => return Ok(None),
        (Some(inputs), Some(targets)) => (inputs, targets),
        (Some(one), None) => return Err(alone(holder, &one, "labels", &targets_of(split))),
        (None, Some(one)) => return Err(alone(holder, &one, "inputs", &inputs_of(split))),
    };
    let (inputs_shown, targets_shown) = (holder.shown(&inputs), holder.shown(&targets));
    let array = holder.read(&targets)?;
    let targets = read_targets(&targets_shown, array, request.task)?;
    let array = holder.read(&inputs)?;
    let wanted = &request.preprocessing.shape;
    let sample = array.shape.get(1..).unwrap_or_default();
    let axes = axes::arrange(sample, wanted).map_err(|misfit| {
        let message = format!("`{inputs_shown}` {}", misfit.what);
        Error::data(Diagnostic::error(message).help(misfit.help))
    })?;
    let is_picture = axes.shape.len() == 3;
    let is_whole = array.dtype.is_whole();
    let numbers = axes.channels_first(match array.into_numbers(is_picture) {
        Numbers::Floats(floats) if is_whole && is_picture => pixels(floats),
        numbers => numbers,
    });
    let preprocessing = &request.preprocessing;
    fit::samples(&inputs_shown, &axes.shape, numbers, targets, preprocessing).map(Some)
}

fn alone(holder: &Holder, found: &str, missing: &str, wanted: &[String]) -> Error {
    let message = format!("`{}` has no {missing} beside it", holder.shown(found));
    let wanted = wanted.first().map_or("", String::as_str);
    Error::data(Diagnostic::error(message).help(format!("save them as `{wanted}`")))
}

/// Makes bytes of whole numbers that are all from 0 to 255, whatever they were stored in.
fn pixels(floats: Vec<f32>) -> Numbers {
    if floats.iter().all(|value| (0.0..=255.0).contains(value)) {
        Numbers::Bytes(floats.into_iter().map(|value| value as u8).collect())
    } else {
        Numbers::Floats(floats)
    }
}

/// Reads what is to be learnt: a class number each, or a row of numbers.
fn read_targets(name: &str, array: Array, task: Task) -> Result<Targets> {
    let fault = |what: String, help: &str| {
        Error::data(Diagnostic::error(format!("`{name}` {what}")).help(help))
    };
    let width = match array.shape[..] {
        [_] => 1,
        [_, width] => width,
        _ => {
            let what = format!(
                "is {}, expected a label a sample",
                shown_shape(&array.shape)
            );
            return Err(fault(
                what,
                "save it as one number a sample: `y.reshape(len(y), -1)`",
            ));
        }
    };
    let values: Vec<f32> = match array.values {
        Numbers::Bytes(bytes) => bytes.into_iter().map(f32::from).collect(),
        Numbers::Floats(floats) => floats,
    };
    let bad = |is_good: &dyn Fn(f32) -> bool| values.iter().position(|value| !is_good(*value));
    match task {
        Task::Classes if width != 1 => {
            let what = format!("has {width} numbers a sample, expected the number of its class");
            Err(fault(
                what,
                "save class numbers: `y.argmax(axis=1)`; or learn several labels with `loss = \"binary_cross_entropy\"`",
            ))
        }
        Task::Classes => {
            let last = MAX_CLASSES as f32 - 1.0;
            let is_class = |value: f32| value.fract() == 0.0 && (0.0..=last).contains(&value);
            if let Some(at) = bad(&is_class) {
                let what = format!(
                    "is {} for sample {at}, expected a class number from 0",
                    values[at]
                );
                return Err(fault(
                    what,
                    "number the classes from 0: `np.unique(y, return_inverse=True)[1]`",
                ));
            }
            Ok(Targets::Classes(
                values.iter().map(|value| *value as u32).collect(),
            ))
        }
        Task::Labels => match bad(&|value| [0.0, 1.0].contains(&value)) {
            Some(at) => {
                let what = format!(
                    "is {} for sample {}, expected 0 or 1",
                    values[at],
                    at / width.max(1)
                );
                Err(fault(what, "save a 0 or a 1 for each label"))
            }
            None => Ok(Targets::Values { width, values }),
        },
        Task::Values => match bad(&f32::is_finite) {
            Some(at) => {
                let what = format!("is {} for sample {}", values[at], at / width.max(1));
                Err(fault(
                    what,
                    "leave the sample out: what is learnt are finite numbers",
                ))
            }
            None => Ok(Targets::Values { width, values }),
        },
    }
}

impl Holder {
    fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        // A pipe may never begin.
        if !path.is_file() {
            return Err(damaged(path, "is not a regular file"));
        }
        let file = File::open(path).map_err(|error| Error::io("read", path, &error))?;
        let archive = ZipArchive::new(BufReader::new(file))
            .map_err(|error| damaged(path, &format!("is not a whole .npz file: {error}")))?;
        if archive.len() > MAX_ENTRIES {
            let what = format!(
                "has {} arrays, expected at most {MAX_ENTRIES}",
                archive.len()
            );
            return Err(damaged(path, &what));
        }
        Ok(Self::Npz(path.to_owned(), Box::new(archive)))
    }

    /// Returns the names of the arrays, without `.npy`.
    fn names(&self) -> Result<Vec<String>> {
        let names: Vec<String> = match self {
            Self::Npz(path, archive) => archive
                .file_names()
                .map(|name| name.map(std::borrow::Cow::into_owned))
                .collect::<std::result::Result<_, _>>()
                .map_err(|error| damaged(path, &format!("is not a whole .npz file: {error}")))?,
            Self::Folder(path) => {
                let entries =
                    fs::read_dir(path).map_err(|error| Error::io("read", path, &error))?;
                let files = entries.flatten().filter(|entry| entry.path().is_file());
                files
                    .map(|entry| entry.file_name().to_string_lossy().into_owned())
                    .collect()
            }
        };
        let arrays = names.iter().filter_map(|name| name.strip_suffix(".npy"));
        let mut arrays: Vec<String> = arrays.map(str::to_owned).collect();
        arrays.sort_unstable();
        Ok(arrays)
    }

    /// Returns what an array is called in messages.
    fn shown(&self, name: &str) -> String {
        let (Self::Npz(path, _) | Self::Folder(path)) = self;
        path.join(format!("{name}.npy")).display().to_string()
    }

    fn read(&mut self, name: &str) -> Result<Array> {
        let shown = format!("`{}`", self.shown(name));
        let (mut reader, most) = self.reader(name)?;
        npy::read(&shown, &mut reader, most)
    }

    /// Opens an array; returns the most bytes that it can hold too.
    fn reader(&mut self, name: &str) -> Result<(Box<dyn Read + '_>, u64)> {
        match self {
            Self::Folder(path) => {
                let path = path.join(format!("{name}.npy"));
                let failed = |error| Error::io("read", &path, &error);
                let file = File::open(&path).map_err(failed)?;
                let size_bytes = file.metadata().map_err(failed)?.len();
                Ok((Box::new(BufReader::new(file)), size_bytes))
            }
            Self::Npz(path, archive) => {
                let size_bytes = fs::metadata(&*path).map_or(0, |metadata| metadata.len());
                let entry = archive.by_name(&format!("{name}.npy"));
                let entry = entry.map_err(|error| {
                    damaged(path, &format!("cannot be read at `{name}`: {error}"))
                })?;
                let packed = entry.compressed_size().min(size_bytes);
                let most = match entry.compression() {
                    CompressionMethod::Stored => packed,
                    // Deflate can promise a thousand times as much, and fill the memory with zeros.
                    _ => packed.saturating_mul(MAX_EXPANSION).saturating_add(1 << 30),
                };
                Ok((Box::new(entry), most))
            }
        }
    }
}

fn damaged(path: &Path, what: &str) -> Error {
    let diagnostic = Diagnostic::error(format!("`{}` {what}", path.display()));
    Error::data(diagnostic.help("make the file again: `np.savez(file, x_train=…, y_train=…)`"))
}

#[cfg(test)]
#[path = "arrays_tests.rs"]
pub(super) mod tests;
