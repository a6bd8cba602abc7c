//! `docs/adding-a-layer.md` shows lines that stand in the sources, and every source that knows of its layer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repository;

/// Files with the words of the layer, below a folder.
fn knowing(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            knowing(&path, found);
            continue;
        }
        let is_written_by_hand = ["rs", "py", "toml"]
            .map(Some)
            .contains(&path.extension().and_then(|own| own.to_str()));
        let is_this = path.ends_with("tests/suite/adding_a_layer.rs");
        if !is_written_by_hand || is_this {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let words = [
            "pixel_shuffle",
            "PixelShuffle",
            "DepthToSpace",
            "mod shuffle;",
        ];
        if words.iter().any(|word| text.contains(word)) {
            found.insert(path);
        }
    }
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
    let mut all = BTreeSet::new();
    for folder in ["src", "tests"] {
        knowing(&repository(folder), &mut all);
    }
    let missing: Vec<&PathBuf> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "the page does not show {missing:?}");
}
