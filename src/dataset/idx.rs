//! IDX files, the format of MNIST: a header of big-endian sizes, then bytes; plain or gzip.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::Splits;
use super::fit;
use super::npy::Numbers;
use super::preprocess::Preprocessing;
use super::samples::{Samples, Targets};
use crate::diagnostic::{Diagnostic, Error, Result};

/// Pictures of one file: bytes in the order `[pictures, channels, height, width]`.
struct Pictures {
    shape: [usize; 3],
    pixels: Vec<u8>,
}

/// What a file is expected to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Images,
    Labels,
}

/// No file can expand more than this under gzip, and none otherwise.
const GZIP_MAX_RATIO: u64 = 1_032;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Names of the two files of a split, without `.gz`.
fn names(split: &str, content: Content) -> Vec<String> {
    let (word, ranks): (_, &[u8]) = match content {
        Content::Images => ("images", &[3, 4]),
        Content::Labels => ("labels", &[1]),
    };
    let mut names = Vec::new();
    for rank in ranks {
        for dash in ['-', '.'] {
            names.push(format!("{split}-{word}{dash}idx{rank}-ubyte"));
        }
    }
    names
}

fn find(folder: &Path, splits: &[&str], content: Content) -> Option<PathBuf> {
    let names = splits.iter().flat_map(|split| names(split, content));
    names
        .flat_map(|name| [folder.join(&name), folder.join(name + ".gz")])
        .find(|path| path.is_file())
}

/// Returns the file of the pictures to train on in a folder of IDX files.
#[must_use]
pub fn training_images(folder: &Path) -> Option<PathBuf> {
    find(folder, &["train"], Content::Images)
}

/// Tells whether a folder holds any of the IDX files by name.
pub(super) fn is_idx_folder(folder: &Path) -> bool {
    [Content::Images, Content::Labels]
        .into_iter()
        .any(|content| find(folder, &["train", "t10k", "test"], content).is_some())
}

/// Loads `train-…` and, if there, `t10k-…` or `test-…` of a folder.
pub(super) fn load(folder: &Path, preprocessing: &Preprocessing) -> Result<Splits> {
    let split = |names: &[&str]| -> Result<Option<Samples>> {
        let images = find(folder, names, Content::Images);
        let labels = find(folder, names, Content::Labels);
        let (images, labels) = match (images, labels) {
            (None, None) => return Ok(None),
            (Some(images), Some(labels)) => (images, labels),
            (Some(images), None) => return Err(missing(&images, names, Content::Labels)),
            (None, Some(labels)) => return Err(missing(&labels, names, Content::Images)),
        };
        let pictures = read_images(&Input::open(&images)?)?;
        let labels = read_labels(&Input::open(&labels)?)?;
        samples(
            &images.display().to_string(),
            pictures,
            labels,
            preprocessing,
        )
        .map(Some)
    };
    let Some(train) = split(&["train"])? else {
        let message = format!(
            "`{}` has IDX files for test and none for train",
            folder.display()
        );
        return Err(Error::data(Diagnostic::error(message).help(format!(
            "add `{}` and `{}`, plain or with `.gz`",
            "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
        ))));
    };
    Ok(with_classes(train, split(&["t10k", "test"])?))
}

/// Loads the four files of a data set that lies in memory.
pub(super) fn load_embedded(
    files: [(&'static str, &'static [u8]); 4],
    preprocessing: &Preprocessing,
) -> Result<Splits> {
    let [train_images, train_labels, test_images, test_labels] =
        files.map(|(name, bytes)| Input::embedded(name, bytes));
    let split = |images: &Input, labels: &Input| {
        let pictures = read_images(images)?;
        samples(&images.name, pictures, read_labels(labels)?, preprocessing)
    };
    let train = split(&train_images, &train_labels)?;
    Ok(with_classes(
        train,
        Some(split(&test_images, &test_labels)?),
    ))
}

fn with_classes(train: Samples, test: Option<Samples>) -> Splits {
    let labels = train
        .labels()
        .iter()
        .chain(test.iter().flat_map(Samples::labels));
    let last = labels.max().copied().unwrap_or(0);
    Splits {
        classes: (0..=last).map(|class| class.to_string()).collect(),
        warnings: Vec::new(),
        train,
        validation: None,
        test,
    }
}

fn missing(found: &Path, splits: &[&str], wanted: Content) -> Error {
    let names: Vec<_> = splits
        .iter()
        .flat_map(|split| names(split, wanted))
        .collect();
    let word = if wanted == Content::Labels {
        "labels"
    } else {
        "images"
    };
    let message = format!("`{}` has no {word} beside it", found.display());
    let first = names.first().map_or("", String::as_str);
    Error::data(Diagnostic::error(message).help(format!("add `{first}` or `{first}.gz`")))
}

/// Where the bytes of a file come from.
struct Input {
    name: String,
    path: PathBuf,
    bytes: Option<&'static [u8]>,
    size_bytes: u64,
}

impl Input {
    fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| Error::io("read", path, &error))?;
        Ok(Self {
            name: path.display().to_string(),
            path: path.into(),
            bytes: None,
            size_bytes: metadata.len(),
        })
    }

    fn embedded(name: &str, bytes: &'static [u8]) -> Self {
        Self {
            name: name.into(),
            path: name.into(),
            bytes: Some(bytes),
            size_bytes: bytes.len() as u64,
        }
    }

    /// Opens the content, unpacked if it begins as gzip does; returns how many bytes it can hold at most.
    fn reader(&self) -> io::Result<(Box<dyn Read>, u64)> {
        let raw: Box<dyn Read> = match self.bytes {
            Some(bytes) => Box::new(bytes),
            None => Box::new(File::open(&self.path)?),
        };
        let mut raw = BufReader::new(raw);
        let mut start = Vec::new();
        raw.by_ref().take(2).read_to_end(&mut start)?;
        let packed = start == GZIP_MAGIC;
        let whole = io::Cursor::new(start).chain(raw);
        if packed {
            let most = self.size_bytes.saturating_mul(GZIP_MAX_RATIO);
            return Ok((Box::new(MultiGzDecoder::new(BufReader::new(whole))), most));
        }
        Ok((Box::new(whole), self.size_bytes))
    }

    fn fault(&self, what: &str) -> Error {
        let diagnostic = Diagnostic::error(format!("`{}` {what}", self.name));
        Error::data(diagnostic.help("fetch or make the file again"))
    }

    fn read_fault(&self, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                self.fault("is truncated: its gzip stream ends too early")
            }
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                self.fault(&format!("is not a whole gzip file: {error}"))
            }
            _ => Error::io("read", &self.path, error),
        }
    }

    /// Reads the sizes of the header and the bytes after it, which must be as many as the header promises.
    fn read(&self, content: Content) -> Result<(Vec<u64>, Vec<u8>)> {
        let (mut reader, most) = self.reader().map_err(|error| self.read_fault(&error))?;
        let mut header = |size: u64| {
            let mut bytes = Vec::new();
            match reader.by_ref().take(size).read_to_end(&mut bytes) {
                Err(error) => Err(self.read_fault(&error)),
                Ok(read) if read as u64 == size => Ok(bytes),
                Ok(_) => Err(self.fault("is truncated: its header is not whole")),
            }
        };
        let magic: [u8; 4] = header(4)?.try_into().unwrap_or_default();
        let rank = self.check_magic(magic, content)?;
        let sizes: Vec<u64> = header(4 * u64::from(rank))?
            .chunks_exact(4)
            .map(|bytes| {
                bytes
                    .iter()
                    .fold(0, |size, byte| size << 8 | u64::from(*byte))
            })
            .collect();
        let shown = sizes
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(" x ");
        if sizes.contains(&0) {
            return Err(self.fault(&format!("is empty: its header says {shown}")));
        }
        let promised = sizes
            .iter()
            .try_fold(1_u64, |all, size| all.checked_mul(*size));
        let Some(promised) = promised.filter(|promised| *promised <= most) else {
            let what =
                format!("is truncated: its header promises {shown} bytes, more than it holds");
            return Err(self.fault(&what));
        };
        let mut bytes = Vec::new();
        // One more than promised, to see whether anything follows.
        let read = reader.take(promised + 1).read_to_end(&mut bytes);
        let read = read.map_err(|error| self.read_fault(&error))? as u64;
        if read < promised {
            return Err(self.fault(&format!(
                "is truncated: its header promises {shown} = {promised} bytes, it holds {read}"
            )));
        }
        if read > promised {
            return Err(self.fault(&format!(
                "has extra bytes: its header promises {shown} = {promised}, more follow"
            )));
        }
        Ok((sizes, bytes))
    }

    /// Returns the number of dimensions.
    fn check_magic(&self, magic: [u8; 4], content: Content) -> Result<u8> {
        let (expected, word) = match content {
            Content::Images => (3, "images"),
            Content::Labels => (1, "labels"),
        };
        let number = u32::from_be_bytes(magic);
        let wanted = format!("expected 0x0000080{expected} ({word})");
        let what = match magic {
            [0, 0, 8, rank @ (3 | 4)] if content == Content::Images => return Ok(rank),
            [0, 0, 8, 1] if content == Content::Labels => return Ok(1),
            [0, 0, 8, rank] => {
                let meaning = match rank {
                    1 => "labels".into(),
                    3 => "images".into(),
                    4 => "images with channels".into(),
                    rank => format!("bytes of {rank} dimensions"),
                };
                format!("begins with 0x{number:08x} ({meaning}), {wanted}")
            }
            [0, 0, 9 | 0x0b..=0x0e, _] => {
                format!("begins with 0x{number:08x} (values that are not unsigned bytes), {wanted}")
            }
            _ => format!("is not an IDX file: it begins with 0x{number:08x}, {wanted}"),
        };
        Err(self.fault(&what))
    }
}

fn read_images(input: &Input) -> Result<Pictures> {
    let (sizes, pixels) = input.read(Content::Images)?;
    // Each size divides the number of bytes read, so it fits.
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let shape = match sizes[..] {
        [_, channels, height, width] => [size(channels), size(height), size(width)],
        [_, height, width] => [1, size(height), size(width)],
        _ => return Err(input.fault("has a header of another size")),
    };
    Ok(Pictures { shape, pixels })
}

fn read_labels(input: &Input) -> Result<Vec<u32>> {
    let (_, labels) = input.read(Content::Labels)?;
    Ok(labels.into_iter().map(u32::from).collect())
}

/// Joins pictures and labels, brought to the channels and the size of the input.
fn samples(
    images: &str,
    pictures: Pictures,
    labels: Vec<u32>,
    preprocessing: &Preprocessing,
) -> Result<Samples> {
    let numbers = Numbers::Bytes(pictures.pixels);
    let targets = Targets::Classes(labels);
    fit::samples(images, &pictures.shape, numbers, targets, preprocessing)
}

#[cfg(test)]
#[path = "idx_tests.rs"]
mod tests;
