//! Bytes as files, which is what readers take.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder of files, of which some are written anew for each input.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    /// Makes a folder with files that stay.
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        let scratch = Self(tempfile::tempdir().expect("a folder for files"));
        for (name, content) in files {
            scratch.write(name, content);
        }
        scratch
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        let above = path.parent().unwrap_or(Path::new(""));
        std::fs::create_dir_all(above).expect("room for a folder");
        std::fs::write(&path, content).expect("room for a file");
        path
    }
}
