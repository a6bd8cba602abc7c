//! `docs/adding-a-layer.md` shows lines that stand in the sources, and every source that knows of its layer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{files_below, has_ending, repository};

/// What tells of the layer.
const WORDS: [&str; 4] = [
    "pixel_shuffle",
    "PixelShuffle",
    "DepthToSpace",
    "mod shuffle;",
];

/// Tells whether a file is written by hand and knows of the layer.
fn knows(path: &Path) -> bool {
    let is_this = path.ends_with("tests/suite/adding_a_layer.rs");
    if !has_ending(path, &["rs", "py", "toml"]) || is_this {
        return false;
    }
    let text = fs::read_to_string(path).unwrap();
    WORDS.iter().any(|word| text.contains(word))
}

#[test]
fn the_page_shows_lines_of_the_sources_and_leaves_no_file_out() {
    let page = fs::read_to_string(repository("docs/adding-a-layer.md")).unwrap();
    let blocks = page.split("```diff\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    let mut shown = BTreeSet::new();
    let (mut path, mut rest, mut checked) = (PathBuf::new(), String::new(), 0);
    for line in lines {
        if let Some(file) = line.strip_prefix("+++ ") {
            path = repository(file);
            rest = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            shown.insert(path.clone());
            continue;
        }
        if line == "…" {
            continue;
        }
        let own = line.strip_prefix(['+', ' ']);
        let own = own.unwrap_or_else(|| panic!("`{line}` is neither added nor there"));
        // In the order of the file, each line whole.
        let mut behind = rest.split_inclusive('\n');
        let is_there = behind.any(|other| other.trim_end_matches('\n') == own);
        assert!(is_there, "{} does not go on with `{own}`", path.display());
        rest = behind.collect();
        checked += 1;
    }
    assert!(checked > 100, "{checked} lines: the page has lost its diff");
    let all = ["src", "tests"].map(|folder| files_below(&repository(folder)));
    let knowing = all.concat().into_iter().filter(|path| knows(path));
    let all: BTreeSet<PathBuf> = knowing.collect();
    let missing: Vec<&PathBuf> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "the page does not show {missing:?}");
}
