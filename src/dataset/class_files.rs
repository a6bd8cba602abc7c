//! Files in class folders: which are samples, and what is told of the others.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use super::decode::Files;
use super::faults;
use super::layout::Tree;
use super::samples::Targets;
use super::stream::Location;
use crate::diagnostic::{Diagnostic, Result};

/// Endings of pictures.
pub(super) const PICTURES: [&str; 5] = ["png", "jpg", "jpeg", "webp", "bmp"];

/// What the files of samples are, by the shape of the input.
pub(super) struct Content {
    pub(super) noun: &'static str,
    pub(super) endings: &'static [&'static str],
    shown_endings: &'static str,
}

impl Content {
    /// Returns what they are.
    pub(super) fn of(shape: &[usize]) -> Self {
        let (noun, endings, shown_endings): (_, &'static [_], _) = match shape {
            [1 | 3, _, _] => (
                "pictures",
                &["png", "jpg", "jpeg", "webp", "bmp", "npy"],
                "png, jpg, jpeg, webp, bmp",
            ),
            [_, _] => ("signals", &["wav", "npy"], "wav, npy"),
            _ => ("arrays", &["npy"], "npy"),
        };
        Self {
            noun,
            endings,
            shown_endings,
        }
    }

    /// Counts the samples that lie in a folder itself.
    pub(super) fn count_directly_in(&self, tree: &dyn Tree, folder: &Path) -> Result<usize> {
        let files = tree.files(folder)?;
        Ok(files
            .iter()
            .filter(|name| ends_in(name, self.endings))
            .count())
    }

    /// Says that samples lie beside the class folders, if any do.
    pub(super) fn lost_beside(&self, tree: &dyn Tree, folder: &Path) -> Result<Option<Diagnostic>> {
        let count = self.count_directly_in(tree, folder)?;
        let message = format!(
            "`{}`: {} beside the class folders have no class and are passed over: {count}",
            tree.shown(folder).display(),
            self.noun
        );
        let help = "move each into the folder of its class";
        Ok((count > 0).then(|| Diagnostic::warning(message).help(help)))
    }

    /// Says what to do about a folder without any.
    pub(super) fn help(&self) -> String {
        let (noun, endings) = (self.noun, self.shown_endings);
        format!("add {noun} ({endings}), or remove the folder")
    }
}

/// Tells whether a file ends in one of some endings, in any case.
pub(super) fn is_of(file: &Location, endings: &[&str]) -> bool {
    ends_in(file.path().as_os_str(), endings)
}

/// Tells whether a name ends in one of some endings, in any case.
pub(super) fn ends_in(name: &OsStr, endings: &[&str]) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default();
    endings
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

/// Files with the classes of their folders.
#[derive(Default)]
pub(super) struct Labelled {
    locations: Vec<Location>,
    labels: Vec<u32>,
}

impl Labelled {
    /// Adds the samples under the folder of a class; returns the other files there.
    pub(super) fn add(
        &mut self,
        tree: &dyn Tree,
        class: &Path,
        label: u32,
        content: &Content,
    ) -> Result<Others> {
        let mut others = Others::default();
        for file in tree.files_below(class)? {
            if is_of(&file, content.endings) {
                self.locations.push(file);
                self.labels.push(label);
            } else {
                others.note(&file);
            }
        }
        Ok(others)
    }

    /// Tells whether there is none of a class.
    pub(super) fn lacks(&self, label: u32) -> bool {
        self.labels.last() != Some(&label)
    }

    /// Tells whether there is none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    pub(super) fn into_files(self) -> Files {
        Files {
            locations: self.locations,
            targets: Targets::Classes(self.labels),
        }
    }
}

/// Files of class folders that are no samples, by their endings.
#[derive(Default)]
pub(super) struct Others(BTreeMap<String, usize>);

impl Others {
    fn note(&mut self, file: &Location) {
        let path = file.path();
        let ending = path.extension().map(|ending| ending.to_string_lossy());
        let kind = ending.map_or("without an ending".to_owned(), |ending| {
            ending.to_lowercase()
        });
        *self.0.entry(kind).or_default() += 1;
    }

    /// Adds those of another folder.
    pub(super) fn add(&mut self, more: Self) {
        for (kind, count) in more.0 {
            *self.0.entry(kind).or_default() += count;
        }
    }

    fn count(&self) -> usize {
        self.0.values().sum()
    }

    /// Tells whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names the kinds, those of most files first.
    pub(super) fn shown(&self) -> String {
        let mut kinds: Vec<_> = self.0.iter().collect();
        kinds.sort_by_key(|(_, count)| Reverse(**count));
        let rest = kinds.split_off(kinds.len().min(faults::MOST_TOLD));
        let told = kinds
            .iter()
            .map(|(kind, count)| format!("{kind} ({count})"));
        let rest = rest.first().map(|_| format!("{} other kinds", rest.len()));
        told.chain(rest).collect::<Vec<_>>().join(", ")
    }

    /// Says that they are passed over, if there are any.
    pub(super) fn warning(&self, source: &Path, content: &Content) -> Option<Diagnostic> {
        let files = match self.count() {
            0 => return None,
            1 => "1 file of its class folders is".to_owned(),
            count => format!("{count} files of its class folders are"),
        };
        let kinds = self.shown();
        let message = format!("`{}`: {files} passed over: {kinds}", source.display());
        let (noun, endings) = (content.noun, content.shown_endings);
        Some(Diagnostic::warning(message).help(format!("{noun} end in {endings}")))
    }
}
