//! Folders on disk, as trees of files.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::class_files::{PICTURES, ends_in};
use super::layout::{self, Tree};
use super::stream::Location;
use super::{Request, Splits};
use crate::diagnostic::{Error, Result};

/// Loads class folders, with or without folders of splits above.
pub(super) fn load(folder: &Path, request: &Request) -> Result<Splits> {
    layout::load(&Folder { root: folder }, Path::new(""), request)
}

/// Returns the pictures in a folder and the folders inside it, sorted by path; hidden ones are
/// passed over.
///
/// # Errors
/// When a folder cannot be read.
pub fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>> {
    files_below(folder, |name| ends_in(name, &PICTURES))
}

/// Tells whether a path is that of a folder with folders in it.
pub(super) fn has_folders(path: &Path) -> bool {
    list(path).is_ok_and(|entries| entries.iter().any(|(_, path)| path.is_dir()))
}

/// A folder whose files are read where they lie.
struct Folder<'a> {
    root: &'a Path,
}

impl Tree for Folder<'_> {
    fn shown(&self, path: &Path) -> PathBuf {
        // Joining nothing would add a slash.
        if path.as_os_str().is_empty() {
            self.root.to_owned()
        } else {
            self.root.join(path)
        }
    }

    fn folders(&self, folder: &Path) -> Result<Vec<OsString>> {
        let entries = list(&self.shown(folder))?.into_iter();
        let folders = entries.filter(|(_, path)| path.is_dir());
        Ok(folders.map(|(name, _)| name).collect())
    }

    fn files(&self, folder: &Path) -> Result<Vec<OsString>> {
        let entries = list(&self.shown(folder))?.into_iter();
        let files = entries.filter(|(_, path)| !path.is_dir());
        Ok(files.map(|(name, _)| name).collect())
    }

    fn files_below(&self, folder: &Path) -> Result<Vec<Location>> {
        let found = files_below(&self.shown(folder), |_| true)?;
        Ok(found.into_iter().map(Location::File).collect())
    }
}

/// Lists what is in a folder, without what is hidden, in bytewise order.
fn list(folder: &Path) -> Result<Vec<(OsString, PathBuf)>> {
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

fn files_below(folder: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> Result<Vec<PathBuf>> {
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
            } else if is_wanted(&name) {
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
