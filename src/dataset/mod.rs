//! Data sets: from a name or a path to bytes and labels in memory, and from those to batches of floats.
//!
//! `layout.rs` decides classes and splits over any tree of files (`folder.rs`, `archive.rs`); `table.rs`, `arrays.rs`,
//! `binary.rs` and `idx.rs` read the rest. `fit.rs` brings arrays to the input's shape, `sample.rs` decodes one file by its
//! content, and `stream.rs` decodes files when they are asked for.

use std::path::Path;

use crate::config::{OnBadImage, Task, Validation};
use crate::diagnostic::{Diagnostic, Error, Result};

mod archive;
mod arrays;
mod augment;
mod axes;
mod batches;
mod binary;
mod builtin;
mod canvas;
mod cifar;
mod class_files;
mod columns;
mod csv;
mod decode;
mod faults;
mod fit;
mod folder;
mod idx;
mod join;
mod labels;
mod layout;
mod loader;
mod npy;
mod npy_header;
mod picture;
mod preprocess;
mod request;
mod sample;
mod samples;
mod shares;
mod split;
mod statistics;
mod stream;
mod table;
mod tar;
mod wav;

pub use arrays::picture_shape as array_shape;
pub use augment::Augment;
pub use batches::{Batch, assemble, order};
pub use builtin::{BUILT_IN, BuiltIn, folder as datasets_folder};
pub use folder::pictures_below;
pub use idx::training_images as idx_images;
pub(crate) use labels::are_numbers;
pub use loader::Loader;
pub(crate) use npy_header::begin as begin_npy;
pub use picture::{MAX_PICTURE_BYTES, Pixels, picture_pixels, pixels_of, read_picture};
pub use preprocess::{Invert, Mode, Preprocessing, input_of};
pub use request::{augment, request};
pub use samples::{Samples, Targets, Values};
pub use statistics::normalize_by;

/// What of a data set a command needs, taken from the config and the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// A built-in name or a path, relative to the working directory.
    pub source: String,
    /// How a picture becomes the network's input.
    pub preprocessing: Preprocessing,
    /// What of the training samples is set apart for validation.
    pub validation: Option<Validation>,
    /// A name or a path of validation samples, where the source has none.
    pub validation_source: Option<String>,
    /// A name or a path of test samples, where the source has none.
    pub test_source: Option<String>,
    /// Columns of a table that hold what is to be learnt; found by their names if there are none.
    pub targets: Vec<String>,
    /// How many numbers the network answers with, where that is known.
    pub outputs: Option<usize>,
    /// Decides which samples are set apart.
    pub seed: u64,
    /// What is to be learnt of each sample.
    pub task: Task,
    /// Samples that take more when decoded are decoded each time they are asked for.
    pub cache_bytes: u64,
    /// What becomes of a picture that cannot be decoded.
    pub on_bad_image: OnBadImage,
}

/// A data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The built-in name, or the last part of the path.
    pub name: String,
    /// Class names, and a label is an index into them; or the names of the numbers that are to be learnt.
    pub classes: Vec<String>,
    /// What the network learns from.
    pub train: Samples,
    /// What tells when to stop, if asked for or in the source.
    pub validation: Option<Samples>,
    /// What is measured at the end, if in the source.
    pub test: Option<Samples>,
    /// Mean raw value (0 to 255) of the border pixels over the training split.
    pub border: f32,
    /// What the user should know: files that were skipped.
    pub warnings: Vec<Diagnostic>,
    /// BLAKE3 in hex over the files, or the values where there are none, and the targets of the source's splits; the
    /// seed, the fraction set apart for validation and what is kept in memory do not change it.
    pub fingerprint: String,
}

/// The splits as they lie in a source.
struct Splits {
    classes: Vec<String>,
    /// What the user should know: files that were skipped.
    warnings: Vec<Diagnostic>,
    train: Samples,
    validation: Option<Samples>,
    test: Option<Samples>,
}

impl Splits {
    fn all(&self) -> impl Iterator<Item = (&'static str, &Samples)> {
        let validation = self.validation.as_ref();
        [
            ("train", Some(&self.train)),
            ("validation", validation),
            ("test", self.test.as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, samples)| Some((name, samples?)))
    }

    /// Tells whether samples of all splits have as many numbers to learn.
    fn agree_in_width(&self) -> bool {
        let width = |samples: &Samples| match samples.targets {
            Targets::Classes(_) => None,
            Targets::Values { width, .. } => Some(width),
        };
        self.all()
            .all(|(_, samples)| width(samples) == width(&self.train))
    }

    /// Tells whether samples of all splits are bytes, or all are floats.
    fn agree_in_kind(&self) -> bool {
        let is_other = |samples: &Samples| samples.are_bytes() != self.train.are_bytes();
        !self.all().any(|(_, samples)| is_other(samples))
    }

    fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (name, samples) in self.all() {
            hasher.update(name.as_bytes());
            samples.hash_into(&mut hasher);
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Loads a data set: decodes, converts, stretches where asked, and sets validation samples apart. What does not fit
/// into memory is decoded when it is asked for.
///
/// # Errors
/// Diagnostics about the source: a name or path that is not there, a damaged file, a folder of another layout,
/// pictures of another size or kind; all unreadable pictures of a folder at once.
pub fn load(request: &Request) -> Result<Dataset> {
    let preprocessing = &request.preprocessing;
    check_shape(preprocessing)?;
    let source = request.source.as_str();
    let (name, mut splits) = load_source(source, request)?;
    if let Some(other) = &request.validation_source {
        join::validation(&mut splits, source, other, request)?;
    }
    if let Some(other) = &request.test_source {
        join::test(&mut splits, source, other, request)?;
    }
    if request.task == Task::Classes && splits.classes.len() < 2 {
        let only = splits.classes.first().map_or("", String::as_str);
        let message = format!("`{source}` has a single class, `{only}`");
        let help = "add a second class: there is nothing to tell apart";
        let diagnostic = Diagnostic::error(message).help(help);
        // What is unpacked often lies in a folder of its own name.
        let within = Path::new(&request.source).join(only);
        let has_folders = folder::has_folders(&within);
        return Err(Error::data(if has_folders {
            let place = within.display();
            diagnostic.help(format!(
                "or, where the folders in it are the classes, set `source` to `{place}`"
            ))
        } else {
            diagnostic
        }));
    }
    if !splits.agree_in_width() || !splits.agree_in_kind() {
        let what = if splits.agree_in_width() {
            "bytes in one split and floats in another"
        } else {
            "more numbers to learn of a sample in one split than in another"
        };
        let message = format!("`{source}` has {what}");
        let help = "save all splits in the same way";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    let fingerprint = splits.fingerprint();
    if preprocessing.invert == Invert::Always {
        let others = [splits.validation.as_mut(), splits.test.as_mut()];
        for samples in others.into_iter().flatten().chain([&mut splits.train]) {
            samples.exchange_light_and_dark();
        }
    }
    let (train, validation) = match (request.validation, splits.validation) {
        (None, validation) => (splits.train, validation),
        (Some(validation), None) => {
            let (train, validation) =
                split::split(splits.train, splits.classes.len(), validation, request.seed)?;
            (train, Some(validation))
        }
        (Some(validation), Some(_)) => return Err(two_validations(source, validation)),
    };
    Ok(Dataset {
        name,
        classes: splits.classes,
        border: statistics::border_mean(&train)?,
        warnings: splits.warnings,
        train,
        validation,
        test: splits.test,
        fingerprint,
    })
}

/// Loads a built-in data set or a path, and returns what it is called.
fn load_source(source: &str, request: &Request) -> Result<(String, Splits)> {
    let path = Path::new(source);
    let (name, splits) = if let Some(splits) = builtin::load(source, request)? {
        (source.to_owned(), splits)
    } else {
        (path_name(path), load_path(path, request)?)
    };
    Ok((name, splits))
}

fn check_shape(preprocessing: &Preprocessing) -> Result<()> {
    let shape = preprocessing.shape.iter();
    let size = shape
        .clone()
        .try_fold(1_usize, |all, size| all.checked_mul(*size));
    if size.is_some_and(|size| size > 0) {
        return Ok(());
    }
    let shown: Vec<String> = shape.map(usize::to_string).collect();
    let message = format!("samples of {} cannot be made", shown.join("x"));
    let help = "set `input` in `[model]` to the channels, height and width of a picture";
    Err(Error::data(Diagnostic::error(message).help(help)))
}

fn two_validations(source: &str, validation: Validation) -> Error {
    let (what, help) = match validation {
        Validation::Fraction(fraction) => (
            "the config sets apart a fraction too",
            format!(
                "remove `validation = {fraction}` from `[data]`, or the samples from the source"
            ),
        ),
        Validation::Fold { .. } => (
            "folds are made of the training split alone",
            "move the validation samples to those to train on".to_owned(),
        ),
    };
    let message = format!("`{source}` has validation samples, and {what}");
    Error::data(Diagnostic::error(message).help(help))
}

/// Returns the last part of a path; of `.` too.
fn path_name(path: &Path) -> String {
    let whole = std::fs::canonicalize(path);
    let name = path
        .file_name()
        .or_else(|| whole.as_ref().ok().and_then(|path| path.file_name()));
    name.map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn load_path(path: &Path, request: &Request) -> Result<Splits> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::NotADirectory
                    | std::io::ErrorKind::InvalidFilename
                    | std::io::ErrorKind::InvalidInput
            ) =>
        {
            return Err(builtin::unknown(path));
        }
        Err(error) => return Err(Error::io("read", path, &error)),
    };
    if metadata.is_dir() {
        return load_folder(path, request);
    }
    let name = path_name(path).to_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if !metadata.is_file() {
        Err(unsupported(path, "is neither a file nor a folder"))
    } else if ends(&[".csv"]) {
        table::load(path, request)
    } else if ends(&[".tar", ".tar.gz", ".tgz"]) {
        archive::load(path, request)
    } else if ends(&[".npz"]) {
        arrays::load(path, request)
    } else if name.contains("-ubyte") {
        let what = "is one of the IDX files, and the folder that holds them is needed";
        Err(unsupported(path, what))
    } else if ends(&[".bin"]) {
        let what = "is one of the CIFAR files, and the folder that holds them is needed";
        Err(unsupported(path, what))
    } else if ends(&[".npy"]) {
        let what =
            "is one array, and a folder that holds `x_train.npy` and `y_train.npy` is needed";
        Err(unsupported(path, what))
    } else {
        Err(unsupported(path, "is a file that is no data set"))
    }
}

fn load_folder(path: &Path, request: &Request) -> Result<Splits> {
    if idx::is_idx_folder(path) {
        idx::load(path, &request.preprocessing)
    } else if let Some(files) = binary::Files::in_folder(path) {
        binary::load(&files, &request.preprocessing)
    } else if arrays::is_array_folder(path) {
        arrays::load(path, request)
    } else {
        folder::load(path, request)
    }
}

const SUPPORTED: &str = "use a built-in name; a folder of class folders, of IDX, CIFAR or npy files; or a .csv, .npz, .tar or .tar.gz file";

fn unsupported(path: &Path, what: &str) -> Error {
    let message = format!("`{}` {what}", path.display());
    Error::data(Diagnostic::error(message).help(SUPPORTED))
}

#[cfg(test)]
mod hostile_tests;

#[cfg(test)]
#[path = "load_tests.rs"]
pub(crate) mod tests;
