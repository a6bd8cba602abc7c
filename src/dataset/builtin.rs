//! The data sets that go by a name.

use std::path::Path;

use super::preprocess::Preprocessing;
use super::{Splits, idx};
use crate::diagnostic::{Diagnostic, Error, Result};

/// Names of the data sets that need no path.
pub(super) const BUILT_IN: &[&str] = &["mnist-5k"];

/// Names that are known, and whose data is not there yet.
const NOT_YET: &[&str] = &["mnist", "fashion-mnist", "kmnist", "cifar10", "cifar100"];

/// Embeds a file of `datasets/mnist-5k/` with its name.
macro_rules! embedded {
    ($name:literal) => {
        (
            concat!("datasets/mnist-5k/", $name),
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/datasets/mnist-5k/",
                $name
            ))
            .as_slice(),
        )
    };
}

/// Loads a built-in data set; `None` if the source is no such name.
pub(super) fn load(source: &str, preprocessing: &Preprocessing) -> Result<Option<Splits>> {
    if source == "mnist-5k" {
        let files = [
            embedded!("train-images-idx3-ubyte.gz"),
            embedded!("train-labels-idx1-ubyte.gz"),
            embedded!("t10k-images-idx3-ubyte.gz"),
            embedded!("t10k-labels-idx1-ubyte.gz"),
        ];
        return idx::load_embedded(files, preprocessing).map(Some);
    }
    if NOT_YET.contains(&source) {
        let message = format!("fetching the data set `{source}` is not supported yet");
        let help = if source.starts_with("cifar") {
            "make a folder with a folder of pictures for each class, and set `source` in `[data]` to its path"
        } else {
            "set `source` in `[data]` to the path of a folder with its IDX files"
        };
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    Ok(None)
}

/// Says that a source is neither a name nor a path.
pub(super) fn unknown(path: &Path) -> Error {
    let source = path.display().to_string();
    let message = format!("no data set and no path is called `{source}`");
    let mut diagnostic = Diagnostic::error(message);
    diagnostic = diagnostic.note(format!("built-in: `{}`", BUILT_IN.join("`, `")));
    if let Ok(folder) = std::env::current_dir()
        && path.is_relative()
    {
        diagnostic = diagnostic.note(format!("looked for `{}`", folder.join(path).display()));
    }
    let near = BUILT_IN
        .iter()
        .chain(NOT_YET)
        .map(|name| (strsim::osa_distance(&source.to_lowercase(), name), name))
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min();
    Error::data(match near {
        Some((_, name)) => diagnostic.help(format!("did you mean `{name}`?")),
        None => diagnostic.help(super::SUPPORTED),
    })
}
