//! From what stands after `--kernel` to weights: a name, a file, or the matrix itself.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::matrix::{self, Matrix};
use crate::config::nearest;
use crate::diagnostic::{Diagnostic, Error, Result, Source, Span};
use crate::handmade::{KERNELS, Kernel};

/// The largest file of a matrix that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Kernels that belong together: their responses are two sides of a triangle.
const PAIRS: &[(&str, [&str; 2])] = &[
    ("sobel", ["sobel_x", "sobel_y"]),
    ("prewitt", ["prewitt_x", "prewitt_y"]),
    ("scharr", ["scharr_x", "scharr_y"]),
    ("roberts", ["roberts_x", "roberts_y"]),
];

/// One or more matrices of the same size, and how they work together.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The name of the kernel or of its file; `matrix` for one given inline.
    pub name: String,
    /// What it brings out, where that is known.
    pub about: String,
    /// The matrices, all of one size; at least one.
    pub matrices: Vec<Matrix>,
    /// What the matrices are to each other.
    pub arrangement: Arrangement,
    /// Where the user named it.
    pub place: Span,
}

/// What the matrices of a [`Filter`] are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// One matrix for every channel.
    Shared,
    /// A matrix for each channel.
    PerChannel,
    /// Two matrices for every channel; the result is √(x² + y²) of their responses.
    Pair,
}

impl Filter {
    /// Reads what stands after `--kernel`.
    ///
    /// # Errors
    /// An unknown name, a file that cannot be read, or text that is no matrix.
    pub fn read(text: &str) -> Result<Self> {
        let source = Arc::new(Source {
            name: "--kernel".to_owned(),
            text: text.to_owned(),
        });
        let place = Span::new(&source, 0..text.len());
        if let Some(filter) = named(text, &place) {
            return Ok(filter);
        }
        if is_matrix_like(text) {
            return Ok(of_matrices("matrix", matrix::parse(&source)?, place));
        }
        let path = Path::new(text);
        if !path.is_file() && !text.contains(['/', '\\', '.']) {
            return Err(Error::config(unknown(text, &place)));
        }
        let content = read_text(path).map_err(|error| {
            let message = format!("failed to read kernel `{text}`: {error}");
            let help = "`cnn filter --list` shows the kernels that have a name";
            Error::config(Diagnostic::error(message).help(help))
        })?;
        let source = Arc::new(Source {
            name: text.to_owned(),
            text: content,
        });
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(of_matrices(&name, matrix::parse(&source)?, place))
    }

    /// Returns every filter that has a name.
    #[must_use]
    pub fn every() -> Vec<Self> {
        let names = KERNELS.iter().map(|kernel| kernel.name);
        let names = names.chain(PAIRS.iter().map(|(name, _)| *name));
        names
            .filter_map(|name| named(name, &Span::nowhere()))
            .collect()
    }

    /// Returns the number of rows and columns of each matrix.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        self.matrices.first().map_or([0, 0], Matrix::size)
    }

    /// Returns how many weights it has in all.
    #[must_use]
    pub fn weights(&self) -> usize {
        self.matrices
            .iter()
            .map(|matrix| matrix.weights.len())
            .sum()
    }
}

fn named(name: &str, place: &Span) -> Option<Filter> {
    let of = |kernel: &Kernel| Matrix {
        columns: kernel.columns,
        weights: kernel.weights().collect(),
    };
    if let Some(kernel) = Kernel::named(name) {
        return Some(Filter {
            name: name.to_owned(),
            about: kernel.about.to_owned(),
            matrices: vec![of(kernel)],
            arrangement: Arrangement::Shared,
            place: place.clone(),
        });
    }
    let (_, [across, down]) = PAIRS.iter().find(|(pair, _)| *pair == name)?;
    Some(Filter {
        name: name.to_owned(),
        about: format!("the strength of edges: √(x² + y²) of `{across}` and `{down}`"),
        matrices: vec![of(Kernel::named(across)?), of(Kernel::named(down)?)],
        arrangement: Arrangement::Pair,
        place: place.clone(),
    })
}

fn of_matrices(name: &str, matrices: Vec<Matrix>, place: Span) -> Filter {
    let arrangement = if matrices.len() == 1 {
        Arrangement::Shared
    } else {
        Arrangement::PerChannel
    };
    Filter {
        name: name.to_owned(),
        about: String::new(),
        matrices,
        arrangement,
        place,
    }
}

/// Tells a matrix from a name and a path by its first sign.
fn is_matrix_like(text: &str) -> bool {
    let text = text.trim_start();
    let bare = text.trim_start_matches(['+', '-']);
    let point = bare.trim_start_matches('.');
    let is_number = point.starts_with(|c: char| c.is_ascii_digit()) && bare.len() - point.len() < 2;
    let has_separators = text.contains([' ', ',', ';', '\t', '\n']);
    let has_words = || text.contains(|c: char| c.is_alphabetic() && !"eE".contains(c));
    text.starts_with('[') || (is_number && (has_separators || !has_words()))
}

fn unknown(name: &str, place: &Span) -> Diagnostic {
    let filters = Filter::every();
    let names: Vec<&str> = filters.iter().map(|filter| filter.name.as_str()).collect();
    let diagnostic = Diagnostic::error(format!("there is no kernel `{name}`")).at(place, "");
    match nearest(name, &names) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!(
            "give a matrix (`1 0 -1; 2 0 -2; 1 0 -1`), a file of one, or one of {}",
            names.join(", ")
        )),
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    let read = File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => io::Error::other("it is not UTF-8 text"),
            _ => error,
        })?;
    if read as u64 > MAX_BYTES {
        return Err(io::Error::other("it is over 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_filter_and_no_name_reads_as_a_matrix() {
        let filters = Filter::every();
        assert_eq!(filters.len(), KERNELS.len() + PAIRS.len());
        for filter in filters {
            let read = Filter::read(&filter.name).unwrap();
            assert_eq!(read.matrices, filter.matrices);
            assert!(!is_matrix_like(&filter.name));
        }
    }

    #[test]
    fn a_matrix_is_told_from_a_path() {
        for text in ["1", " -1 0 1", "+.5 1e-3", "1 x", "[[1]]", "[x]", "1/9 1/9"] {
            assert!(is_matrix_like(text), "{text}");
        }
        for text in ["3.csv", "./3", "../3", "sobel", "-", "5x5", ""] {
            assert!(!is_matrix_like(text), "{text}");
        }
    }

    #[test]
    fn a_file_is_called_as_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.csv");
        std::fs::write(&path, "1,0\n0,-1\n").unwrap();
        let filter = Filter::read(path.to_str().unwrap()).unwrap();
        assert_eq!((filter.name.as_str(), filter.size()), ("mine", [2, 2]));
    }
}
