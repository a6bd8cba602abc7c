//! The binary files of CIFAR as a data set, in a folder or in an archive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::cifar::{self, Cifar, Records};
use super::npy::Numbers;
use super::preprocess::Preprocessing;
use super::samples::{Samples, Targets};
use super::stream::Location;
use super::{Splits, fit};
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};

/// A file of class names is no longer.
const MAX_NAMES_BYTES: u64 = 1 << 16;

/// The files of one of the data sets, by their names.
pub(super) struct Files {
    kind: Cifar,
    source: PathBuf,
    by_name: BTreeMap<String, Location>,
}

impl Files {
    /// Takes the files if they are of CIFAR.
    pub(super) fn of(source: &Path, files: BTreeMap<String, Location>) -> Option<Self> {
        let kind = Cifar::of(&files.keys().map(String::as_str))?;
        let source = source.to_owned();
        Some(Self {
            kind,
            source,
            by_name: files,
        })
    }

    /// Takes the files of a folder if they are of CIFAR.
    pub(super) fn in_folder(folder: &Path) -> Option<Self> {
        let entries = fs::read_dir(folder).ok()?.flatten();
        let files = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name, Location::File(entry.path())))
        });
        Self::of(folder, files.collect())
    }
}

/// Loads the splits that are there; `train` must be.
pub(super) fn load(files: &Files, preprocessing: &Preprocessing) -> Result<Splits> {
    let kind = files.kind;
    let missing = |name: &&&str| !files.by_name.contains_key(**name);
    if let Some(name) = kind.train().iter().find(missing) {
        let message = format!("`{}` has no `{name}`", files.source.display());
        let help = "fetch the data set again: its training pictures are in ".to_owned();
        let help = help + &in_backticks(kind.train());
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    let split = |names: &[&str]| -> Result<Samples> {
        let mut records = Records::default();
        let mut first = None;
        for name in names {
            let Some(location) = files.by_name.get(*name) else {
                continue;
            };
            let path = location.path();
            let shown = path.display().to_string();
            let reader = open(location).map_err(|error| Error::io("read", &path, &error))?;
            records.append(&shown, kind, &mut BufReader::new(reader))?;
            first.get_or_insert(shown);
        }
        let numbers = Numbers::Bytes(records.pixels);
        let targets = Targets::Classes(records.labels);
        let shown = first.unwrap_or_default();
        fit::samples(&shown, &cifar::SHAPE, numbers, targets, preprocessing)
    };
    let classes = match files.by_name.get(kind.names()) {
        None => (0..kind.classes()).map(|class| class.to_string()).collect(),
        Some(location) => {
            let path = location.path();
            let failed = |error| Error::io("read", &path, &error);
            let mut text = Vec::new();
            let reader = open(location).map_err(failed)?;
            let mut reader = reader.take(MAX_NAMES_BYTES);
            reader.read_to_end(&mut text).map_err(failed)?;
            cifar::class_names(&path.display().to_string(), kind, &text)?
        }
    };
    let train = split(kind.train())?;
    let has_test = files.by_name.contains_key(kind.test());
    let test = has_test.then(|| split(&[kind.test()])).transpose()?;
    Ok(Splits {
        classes,
        warnings: Vec::new(),
        train,
        validation: None,
        test,
    })
}

fn open(location: &Location) -> io::Result<Box<dyn Read + '_>> {
    Ok(match location {
        Location::File(path) => Box::new(File::open(path)?),
        Location::Packed { archive, place, .. } => Box::new(archive.reader(*place)),
    })
}

#[cfg(test)]
#[path = "binary_tests.rs"]
mod tests;
