//! Data sets in archives: class folders, or the binary files of CIFAR.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::sync::Arc;

use super::layout::{self, Tree};
use super::stream::Location;
use super::tar::{self, Archive, Entry, Place};
use super::{Request, Splits, binary};
use crate::diagnostic::Result;

/// Loads an archive.
pub(super) fn load(path: &Path, request: &Request) -> Result<Splits> {
    let (archive, entries) = tar::open(path)?;
    let index = Index::new(path, archive, entries);
    if let Some(files) = index.cifar() {
        return binary::load(&files, &request.preprocessing);
    }
    layout::load(&index, &layout::within_folders(&index, request)?, request)
}

/// The folders and files of an archive, without what is hidden.
struct Index {
    path: PathBuf,
    archive: Arc<Archive>,
    /// The names in each folder.
    folders: BTreeMap<PathBuf, BTreeSet<OsString>>,
    /// By path, bytewise; of two with the same path the later, as if they were unpacked.
    files: Vec<(PathBuf, Place)>,
}

impl Index {
    fn new(path: &Path, archive: Arc<Archive>, entries: Vec<Entry>) -> Self {
        let mut folders: BTreeMap<PathBuf, BTreeSet<OsString>> = BTreeMap::new();
        let mut files = Vec::new();
        for Entry { path, place } in entries {
            let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
            if path.iter().any(is_hidden) {
                continue;
            }
            let above = if place.is_some() {
                path.parent()
            } else {
                Some(path.as_path())
            };
            for folder in above.into_iter().flat_map(Path::ancestors) {
                let Some((above, name)) = folder.parent().zip(folder.file_name()) else {
                    break;
                };
                let names = folders.entry(above.to_owned()).or_default();
                if !names.insert(name.to_owned()) {
                    break;
                }
            }
            files.extend(place.map(|place| (path, place)));
        }
        files.sort_by(|(a, _), (b, _)| bytes(a).cmp(bytes(b)));
        // The sort keeps the order of equals, and the first that is kept must be the last.
        files.reverse();
        files.dedup_by(|(a, _), (b, _)| a == b);
        files.reverse();
        Self {
            path: path.to_owned(),
            archive,
            folders,
            files,
        }
    }

    /// Returns the binary files of CIFAR by their names, if it holds any.
    fn cifar(&self) -> Option<binary::Files> {
        let named = self.files.iter().filter_map(|(path, place)| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some((name, self.location(path, *place)))
        });
        binary::Files::of(&self.path, named.collect())
    }

    fn location(&self, path: &Path, place: Place) -> Location {
        Location::Packed {
            archive: Arc::clone(&self.archive),
            path: self.path.join(path),
            place,
        }
    }

    /// Returns the files in a folder and the folders inside it.
    fn below(&self, folder: &Path) -> &[(PathBuf, Place)] {
        let mut prefix = bytes(folder).to_vec();
        let separator = MAIN_SEPARATOR as u8;
        if !prefix.is_empty() && !prefix.ends_with(&[separator]) {
            prefix.push(separator);
        }
        let from = self
            .files
            .partition_point(|(path, _)| bytes(path) < prefix.as_slice());
        let rest = self.files.get(from..).unwrap_or_default();
        let count = rest.partition_point(|(path, _)| bytes(path).starts_with(&prefix));
        rest.get(..count).unwrap_or_default()
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

impl Tree for Index {
    fn shown(&self, path: &Path) -> PathBuf {
        // Joining nothing would add a slash.
        match path.iter().next() {
            Some(_) => self.path.join(path),
            None => self.path.clone(),
        }
    }

    fn folders(&self, folder: &Path) -> Result<Vec<OsString>> {
        let names = self.folders.get(folder);
        Ok(names.into_iter().flatten().cloned().collect())
    }

    fn files(&self, folder: &Path) -> Result<Vec<OsString>> {
        let direct = self.below(folder).iter().filter_map(|(path, _)| {
            let is_direct = path.parent() == Some(folder);
            path.file_name().filter(|_| is_direct)
        });
        Ok(direct.map(OsString::from).collect())
    }

    fn files_below(&self, folder: &Path) -> Result<Vec<Location>> {
        let found = self.below(folder).iter();
        Ok(found
            .map(|(path, place)| self.location(path, *place))
            .collect())
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
