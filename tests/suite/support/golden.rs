//! What was said or drawn, held to files of the repository.

use std::fs;
use std::path::Path;

use super::Lab;

/// Returns a drawing and what it was when it was looked at; `UPDATE_GOLDEN` takes it over.
fn drawing(lab: &Lab, file: &str) -> [Vec<u8>; 2] {
    let drawn = lab.read(file);
    let name = file.rsplit('/').next().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots/drawn")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(&golden, &drawn).unwrap();
    }
    [
        drawn,
        fs::read(&golden).unwrap_or_else(|error| panic!("{}: {error}", golden.display())),
    ]
}

/// Holds a picture to what it was: one value in a thousand may be apart by more than 8 of 255.
#[track_caller]
pub(crate) fn check_drawing(lab: &Lab, file: &str) {
    let [drawn, golden] =
        drawing(lab, file).map(|bytes| image::load_from_memory(&bytes).unwrap().into_rgb8());
    assert_eq!(drawn.dimensions(), golden.dimensions(), "{file}");
    let apart = drawn.as_raw().iter().zip(golden.as_raw());
    let apart = apart.filter(|(a, b)| a.abs_diff(**b) > 8).count();
    let share = apart as f64 / drawn.as_raw().len() as f64;
    assert!(share < 0.001, "{file}: {share} of all values are apart");
}

/// Holds a drawing of lines to what it was: the same words, and numbers within 1, a pixel.
#[track_caller]
pub(crate) fn check_svg(lab: &Lab, file: &str) {
    let [drawn, golden] = drawing(lab, file).map(|bytes| String::from_utf8(bytes).unwrap());
    let words = |text: &str| -> Vec<String> {
        let marks = |c: char| !(c.is_alphanumeric() || "-+.#%".contains(c));
        text.split(marks).map(str::to_owned).collect()
    };
    let [drawn, golden] = [&drawn, &golden].map(|text| words(text));
    assert_eq!(drawn.len(), golden.len(), "{file}");
    for (place, (drawn, golden)) in drawn.iter().zip(&golden).enumerate() {
        let is_near = match (drawn.parse::<f64>(), golden.parse::<f64>()) {
            (Ok(drawn), Ok(golden)) => (drawn - golden).abs() <= 1.0,
            _ => drawn == golden,
        };
        assert!(
            is_near,
            "{file}, word {place}: `{drawn}`, it was `{golden}`"
        );
    }
}

/// The differences that [`Golden`] found are told together at its end.
#[derive(Debug)]
pub(crate) struct Golden {
    update: bool,
    differences: Vec<String>,
}

impl Golden {
    /// Compares files with what is said, or writes them anew where `UPDATE_GOLDEN` is set.
    pub(crate) fn new() -> Self {
        Self {
            update: std::env::var_os("UPDATE_GOLDEN").is_some(),
            differences: Vec::new(),
        }
    }

    /// Compares one file.
    pub(crate) fn check(&mut self, path: &Path, actual: &str) {
        if self.update {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, actual).unwrap();
            return;
        }
        let expected = fs::read_to_string(path).unwrap_or_default();
        if expected != actual {
            let path = path.display();
            let text = format!("{path}\n--- expected\n{expected}\n--- actual\n{actual}");
            self.differences.push(text);
        }
    }

    /// Fails if any file differed.
    #[track_caller]
    pub(crate) fn finish(self) {
        assert!(
            self.differences.is_empty(),
            "{}\n{} files differ; where that is meant, run the test with `UPDATE_GOLDEN=1`",
            self.differences.join("\n"),
            self.differences.len()
        );
    }
}
