//! Bytes as a file, which is what readers take.

use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

/// Writes bytes to a file of a name, where nothing else is, and does something with it.
pub fn with(bytes: &[u8], name: &str, work: impl FnOnce(&Path)) {
    static FOLDER: LazyLock<TempDir> =
        LazyLock::new(|| tempfile::tempdir().expect("a folder for the file"));
    let path = FOLDER.path().join(name);
    std::fs::write(&path, bytes).expect("room for the file");
    work(&path);
}
