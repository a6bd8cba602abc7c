//! Folders with a folder of pictures for each class.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::decode::{self, Files};
use super::faults;
use super::stream::Location;
use super::{Request, SUPPORTED, Splits};
use crate::diagnostic::{Diagnostic, Error, Result};

const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "bmp"];
const SPLITS: [&str; 4] = ["train", "validation", "val", "test"];

/// A folder in a folder, by the name that it has there.
type Named = (OsString, PathBuf);

/// Loads class folders, with or without `train/`, `validation/` (or `val/`) and `test/` above.
pub(super) fn load(folder: &Path, request: &Request) -> Result<Splits> {
    check_input(folder, request)?;
    let entries = folders(folder)?;
    let [train, validation, val, test] = SPLITS.map(|split| {
        let found = entries.iter().find(|(name, _)| name == split);
        found.map(|(_, path)| path.clone())
    });
    let (train, validation, test) = match train {
        Some(train) if entries.iter().all(is_split) || !folders(&train)?.is_empty() => {
            (train, one_of(folder, validation, val)?, test)
        }
        None if !entries.is_empty() && entries.iter().all(is_split) => {
            let message = format!("`{}` has no `train` folder", folder.display());
            let help = "add `train` with a folder of pictures for each class";
            return Err(Error::data(Diagnostic::error(message).help(help)));
        }
        // `train` without folders, among others, is a class of trains.
        _ => (folder.to_owned(), None, None),
    };
    let classes = class_folders(&train)?;
    let train = classified_files(&train, &classes)?;
    let other = |folder: Option<PathBuf>| {
        let files = folder.map(|folder| matched_files(&folder, &classes));
        files.transpose()
    };
    let (validation, test) = (other(validation)?, other(test)?);
    let splits = [Some(train), validation, test];
    let (splits, warnings) = decode::load_all(splits, request)?;
    let [train, validation, test] = splits;
    Ok(Splits {
        classes: names(&classes),
        warnings,
        // The first of the three is there.
        train: train.ok_or_else(|| Error::data(no_class_folders(folder)))?,
        validation,
        test,
    })
}

/// Refuses an input that no picture can be.
fn check_input(folder: &Path, request: &Request) -> Result<()> {
    let shown = folder.display();
    let (message, help) = match request.preprocessing.picture_shape() {
        Some([1 | 3, ..]) => return Ok(()),
        Some([channels, ..]) => (
            format!("the pictures of `{shown}` have 1 or 3 channels, the input has {channels}"),
            "set the first number of `input` in `[model]` to 1 for grey or 3 for colour",
        ),
        None => {
            let input = crate::shape::display(&request.preprocessing.shape);
            (
                format!("`{shown}` is a folder of pictures, the input is {input}"),
                "set `input` in `[model]` to the channels, height and width of a picture",
            )
        }
    };
    Err(Error::data(Diagnostic::error(message).help(help)))
}

fn is_split((name, _): &Named) -> bool {
    SPLITS.iter().any(|split| name == split)
}

fn one_of(
    folder: &Path,
    validation: Option<PathBuf>,
    val: Option<PathBuf>,
) -> Result<Option<PathBuf>> {
    if validation.is_some() && val.is_some() {
        let message = format!("`{}` has both `validation` and `val`", folder.display());
        return Err(Error::data(
            Diagnostic::error(message).help("keep one of the two"),
        ));
    }
    Ok(validation.or(val))
}

fn names(classes: &[Named]) -> Vec<String> {
    let names = classes.iter().map(|(name, _)| name.to_string_lossy());
    names.map(std::borrow::Cow::into_owned).collect()
}

/// Lists what is in a folder, without what is hidden, in bytewise order.
fn list(folder: &Path) -> Result<Vec<Named>> {
    let fault = |error| Error::io("read", folder, &error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            entries.push((name, entry.path()));
        }
    }
    entries.sort_by(|(a, _), (b, _)| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(entries)
}

/// Lists the folders in a folder; links to folders count.
fn folders(folder: &Path) -> Result<Vec<Named>> {
    let mut entries = list(folder)?;
    entries.retain(|(_, path)| path.is_dir());
    Ok(entries)
}

fn class_folders(folder: &Path) -> Result<Vec<Named>> {
    let classes = folders(folder)?;
    if classes.is_empty() {
        return Err(Error::data(no_class_folders(folder)));
    }
    Ok(classes)
}

fn no_class_folders(folder: &Path) -> Diagnostic {
    let shown = folder.display();
    let entries = list(folder).unwrap_or_default();
    let pictures = entries
        .iter()
        .filter(|(name, _)| is_picture_name(name))
        .count();
    let has_cifar = entries.iter().any(|(name, _)| {
        let name = name.to_string_lossy();
        name.starts_with("data_batch_") || name == "train.bin"
    });
    let diagnostic = Diagnostic::error(if entries.is_empty() {
        format!("`{shown}` is empty")
    } else {
        format!("`{shown}` has no class folders")
    });
    if has_cifar {
        diagnostic
            .note("CIFAR files are not supported yet")
            .help(SUPPORTED)
    } else if pictures > 0 {
        diagnostic
            .note(format!("pictures directly in it: {pictures}"))
            .help("put the pictures of each class into a folder named after the class")
    } else {
        diagnostic.help(SUPPORTED)
    }
}

/// Collects the files of the training split; every class must have some.
fn classified_files(folder: &Path, classes: &[Named]) -> Result<Files> {
    let mut files = Files::default();
    let mut faults = Vec::new();
    for (label, (name, path)) in classes.iter().enumerate() {
        if !files.add(path, label as u32)? {
            let (name, folder) = (name.to_string_lossy(), folder.display());
            faults.push(
                Diagnostic::error(format!("class `{name}` of `{folder}` has no pictures"))
                    .help("add pictures (png, jpg, jpeg, webp, bmp), or remove the folder"),
            );
        }
    }
    faults::fail_with(faults)?;
    Ok(files)
}

/// Collects the files of another split, whose classes must be among those of the training split.
fn matched_files(folder: &Path, classes: &[Named]) -> Result<Files> {
    let mut files = Files::default();
    let mut faults = Vec::new();
    for (name, path) in class_folders(folder)? {
        if let Some(label) = classes.iter().position(|(class, _)| *class == name) {
            files.add(&path, label as u32)?;
        } else {
            let (name, folder) = (name.to_string_lossy(), folder.display());
            faults.push(
                Diagnostic::error(format!("class `{name}` of `{folder}` is not in `train`"))
                    .note(format!("classes of `train`: `{}`", shown_classes(classes)))
                    .help("rename or remove the folder, or add the class to `train`"),
            );
        }
    }
    faults::fail_with(faults)?;
    if files.locations.is_empty() {
        let message = format!("`{}` has no pictures", folder.display());
        let help = "add pictures (png, jpg, jpeg, webp, bmp), or remove the folder";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    Ok(files)
}

fn shown_classes(classes: &[Named]) -> String {
    let shown = names(classes.get(..faults::MOST_TOLD).unwrap_or(classes)).join("`, `");
    match classes.len().saturating_sub(faults::MOST_TOLD) {
        0 => shown,
        more => format!(
            "{shown}` and {more} more, the last `{}",
            names(&classes[classes.len() - 1..]).concat()
        ),
    }
}

fn is_picture_name(name: &OsStr) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default();
    EXTENSIONS
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

impl Files {
    /// Adds the pictures under the folder of a class; tells whether there were any.
    fn add(&mut self, class: &Path, label: u32) -> Result<bool> {
        let found = pictures_below(class)?;
        self.labels.extend(found.iter().map(|_| label));
        let any = !found.is_empty();
        self.locations.extend(found.into_iter().map(Location::File));
        Ok(any)
    }
}

/// Returns the pictures in a folder and the folders inside it, sorted by path; hidden ones are
/// passed over.
///
/// # Errors
/// When a folder cannot be read.
pub fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut visited = HashSet::new();
    let mut found = Vec::new();
    let mut to_visit = vec![folder.to_owned()];
    while let Some(folder) = to_visit.pop() {
        let real = fs::canonicalize(&folder).map_err(|error| Error::io("read", &folder, &error))?;
        if !visited.insert(real.clone()) {
            continue;
        }
        for (name, path) in list(&folder)? {
            if path.is_dir() {
                // A link back to a folder above would bring in other classes, or never end.
                let leads_back = fs::canonicalize(&path).is_ok_and(|path| real.starts_with(path));
                if !leads_back {
                    to_visit.push(path);
                }
            } else if is_picture_name(&name) {
                found.push(path);
            }
        }
    }
    found.sort_by(|a, b| {
        let bytes = |path: &'_ PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
        bytes(a).cmp(&bytes(b))
    });
    Ok(found)
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
