//! What was exported, as text and JSON.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::plain;

/// Writes which files there are.
#[must_use]
pub fn render(files: &[PathBuf]) -> String {
    let lines = files
        .iter()
        .map(|file| format!("wrote {}\n", plain(&file.display().to_string())));
    lines.collect()
}

/// Describes which files there are.
#[must_use]
pub fn json_of(files: &[PathBuf]) -> Value {
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    json!({ "files": files })
}
