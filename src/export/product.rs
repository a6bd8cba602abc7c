//! What an export comes to, and its way onto the disk.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;

/// What is written: one file, or several in a folder.
#[derive(Debug)]
pub enum Product {
    /// One file.
    File(Vec<u8>),
    /// Files with their names.
    Folder(Vec<(&'static str, Vec<u8>)>),
}

impl Product {
    /// Writes it at `path`, each file whole or not at all, and returns the files.
    ///
    /// # Errors
    /// When one of the files is there and is not to be `replaced`, or is the `source` of it all, or cannot be written.
    pub fn write(&self, path: &Path, source: &Path, replaces: bool) -> Result<Vec<PathBuf>> {
        let files: Vec<(PathBuf, &[u8])> = match self {
            Self::File(bytes) => vec![(path.to_owned(), bytes)],
            Self::Folder(files) => (files.iter())
                .map(|(name, bytes)| (path.join(name), bytes.as_slice()))
                .collect(),
        };
        for (file, _) in &files {
            check(file, source, replaces)?;
        }
        match self {
            Self::Folder(own) if !path.exists() => {
                let own: Vec<(&str, &[u8])> = own
                    .iter()
                    .map(|(name, bytes)| (*name, bytes.as_slice()))
                    .collect();
                files::write_folder(path, &own)?;
            }
            _ => {
                for (file, bytes) in &files {
                    files::write(file, bytes)?;
                }
            }
        }
        Ok(files.into_iter().map(|(file, _)| file).collect())
    }
}

/// Refuses a file that is not to be lost.
fn check(file: &Path, source: &Path, replaces: bool) -> Result<()> {
    let shown = file.display();
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    if real(file).is_some_and(|file| real(source) == Some(file)) {
        let message = format!("`{shown}` is the model that is exported");
        let help = "choose another place with `--out`";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    let is_there = std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file());
    if is_there && !replaces {
        let help = "choose another place with `--out`, or replace it with `--force`";
        let diagnostic = Diagnostic::error(format!("`{shown}` exists"));
        return Err(Error::config(diagnostic.help(help)));
    }
    Ok(())
}
