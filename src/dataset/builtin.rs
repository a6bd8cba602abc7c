//! The data sets that go by a name.

use std::path::{Path, PathBuf};

use super::{Request, Splits, idx};
use crate::config::nearest;
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};

/// A data set that goes by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// What its pictures show.
    pub about: &'static str,
    /// Channels, height and width of its pictures.
    pub shape: [usize; 3],
    /// Classes.
    pub classes: usize,
    /// Pictures to train on.
    pub train: usize,
    /// Pictures to test on.
    pub test: usize,
    /// Whether it is part of the program, not fetched.
    pub embedded: bool,
}

const fn of_mnist(name: &'static str, about: &'static str) -> BuiltIn {
    BuiltIn {
        name,
        about,
        shape: [1, 28, 28],
        classes: 10,
        train: 60_000,
        test: 10_000,
        embedded: false,
    }
}

const fn of_cifar(name: &'static str, about: &'static str, classes: usize) -> BuiltIn {
    BuiltIn {
        name,
        about,
        shape: [3, 32, 32],
        classes,
        train: 50_000,
        test: 10_000,
        embedded: false,
    }
}

/// All data sets that go by a name.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "mnist-5k",
        about: "handwritten digits, a part of MNIST",
        shape: [1, 28, 28],
        classes: 10,
        train: 4_000,
        test: 1_000,
        embedded: true,
    },
    of_mnist("mnist", "handwritten digits"),
    of_mnist("fashion-mnist", "pieces of clothing"),
    of_mnist("kmnist", "handwritten Japanese characters"),
    of_cifar("cifar10", "animals and vehicles", 10),
    of_cifar("cifar100", "animals, plants, things, people", 100),
];

/// Names of the classes of sets whose files number them.
const CLASS_NAMES: &[(&str, &[&str])] = &[
    (
        "fashion-mnist",
        &[
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ],
    ),
    (
        "kmnist",
        &["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
    ),
];

impl BuiltIn {
    /// Returns where its files lie once it is fetched.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        folder().join(self.name)
    }
}

/// Returns the folder of the fetched data sets: `CNN_DATASETS`, or `datasets`.
#[must_use]
pub fn folder() -> PathBuf {
    let set = std::env::var_os("CNN_DATASETS").filter(|path| !path.is_empty());
    set.map_or_else(|| PathBuf::from("datasets"), PathBuf::from)
}

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
pub(super) fn load(source: &str, request: &Request) -> Result<Option<Splits>> {
    if source == "mnist-5k" {
        let files = [
            embedded!("train-images-idx3-ubyte.gz"),
            embedded!("train-labels-idx1-ubyte.gz"),
            embedded!("t10k-images-idx3-ubyte.gz"),
            embedded!("t10k-labels-idx1-ubyte.gz"),
        ];
        return idx::load_embedded(files, &request.preprocessing).map(Some);
    }
    let Some(set) = BUILT_IN.iter().find(|set| set.name == source) else {
        return Ok(None);
    };
    let folder = set.folder();
    if !folder.is_dir() {
        let message = format!("the data set `{source}` has not been fetched");
        let diagnostic = Diagnostic::error(message)
            .note(format!("looked for `{}`", folder.display()))
            .help(format!("run `cnn data fetch {source}`"));
        return Err(Error::data(diagnostic));
    }
    let mut splits = super::load_path(&folder, request)?;
    let named = CLASS_NAMES.iter().find(|(name, _)| *name == source);
    if let Some((_, names)) = named
        && names.len() == splits.classes.len()
    {
        splits.classes = names.iter().map(ToString::to_string).collect();
    }
    Ok(Some(splits))
}

/// Says that a source is neither a name nor a path.
pub(super) fn unknown(path: &Path) -> Error {
    let source = path.display().to_string();
    let message = format!("no data set and no path is called `{source}`");
    let mut diagnostic = Diagnostic::error(message);
    let names: Vec<&str> = BUILT_IN.iter().map(|set| set.name).collect();
    diagnostic = diagnostic.note(format!("built-in: {}", in_backticks(&names)));
    if let Ok(folder) = std::env::current_dir()
        && path.is_relative()
    {
        diagnostic = diagnostic.note(format!("looked for `{}`", folder.join(path).display()));
    }
    Error::data(match nearest(&source, &names) {
        Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
        None => diagnostic.help(super::SUPPORTED),
    })
}
