//! What was exported, as text and JSON.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::plain;
use crate::export::Check;

/// Writes which files there are.
#[must_use]
pub fn render(files: &[PathBuf], check: Option<&Check>) -> String {
    let lines = files
        .iter()
        .map(|file| format!("wrote {}\n", plain(&file.display().to_string())));
    let mut text: String = lines.collect();
    if let Some(check) = check {
        let same = check.same.map(|same| format!(", the same class in {same}"));
        text.push_str(&format!(
            "checked on {} samples: outputs differ by {:.1e} of the largest{}\n",
            check.samples,
            check.difference,
            same.unwrap_or_default()
        ));
    }
    text
}

/// Describes which files there are.
#[must_use]
pub fn json_of(files: &[PathBuf], check: Option<&Check>) -> Value {
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let check = check.map(|check| {
        json!({ "samples": check.samples, "difference": check.difference, "same_class": check.same })
    });
    json!({ "files": files, "check": check })
}
