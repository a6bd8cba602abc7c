//! docs/glossary.md has every word that the reports put beside a figure, in the order of the alphabet.

use std::fs;

use crate::support::{Lab, repository};

/// Returns the words of each entry.
fn entries() -> Vec<Vec<String>> {
    let text = fs::read_to_string(repository("docs/glossary.md")).unwrap();
    let items = text.split("\n- **").skip(1);
    let entry = |item: &str| {
        let (words, said) = item
            .split_once("** – ")
            .unwrap_or_else(|| panic!("no dash after the words of {item}"));
        let said = said.split("\n\n").next().unwrap();
        assert!(said.len() > 20 && said.ends_with('.'), "{words}: {said}");
        words.split("**, **").map(str::to_owned).collect()
    };
    items.map(entry).collect()
}

#[test]
fn the_words_are_in_the_order_of_the_alphabet() {
    let letters = |words: &Vec<String>| {
        let kept = words[0].to_lowercase();
        kept.replace(|sign: char| !sign.is_ascii_alphanumeric(), "")
    };
    let words: Vec<String> = entries().iter().map(letters).collect();
    assert!(words.len() > 50, "{} words", words.len());
    for pair in words.windows(2) {
        assert!(pair[0] < pair[1], "`{}` before `{}`", pair[1], pair[0]);
    }
}

/// What stands above columns and needs no explanation.
const PLAIN: [&str; 4] = ["layer", "input", "output", "pictures"];

/// Returns what stands above the columns of a table whose first is `first`, and before the figures of lines, two blanks apart.
fn labels(report: &str, first: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for line in report.lines() {
        let apart = line.split("  ").map(str::trim);
        let mut apart = apart.filter(|part| !part.is_empty());
        if line.trim_start().starts_with(first) {
            labels.extend(apart.map(str::to_owned));
        } else if line.starts_with(|letter: char| letter.is_alphabetic()) && line.contains("  ") {
            labels.extend(apart.next().map(str::to_owned));
        }
    }
    labels
}

/// A network with something to show in every column.
const EVERY_COLUMN: &str = r#"[model]
input = [1, 9, 9]
layers = [
  { type = "conv", filters = 2, kernel_size = 2, stride = 2, trainable = false },
  { type = "conv", filters = 2, kernel_size = 3, padding = "same" },
  { type = "batch_norm" },
]

[train]
rate_factors = { "*" = 0.1 }
"#;

#[test]
fn every_word_beside_a_figure_is_explained() {
    let lab = Lab::trained();
    lab.write("network.toml", EVERY_COLUMN);
    let inspected = lab.cnn(&["inspect", "network.toml", "--wide"]).ok();
    let inspected = inspected.stdout;
    let inspected = labels(&inspected, "layer ");
    let evaluated = lab.cnn(&["eval", "run"]).ok().stdout;
    let evaluated = evaluated.split("confusion matrix").next().unwrap();
    let mut evaluated = labels(evaluated, "class ");
    evaluated.retain(|label| !crate::support::CLASSES.contains(&label.as_str()));
    assert!(
        inspected.len() > 25 && evaluated.len() > 6,
        "{inspected:?} {evaluated:?}"
    );
    let entries = entries().concat();
    let one = |word: &str| word.trim_end_matches('s').to_owned();
    let known: Vec<String> = entries.iter().map(|word| one(word)).collect();
    for label in inspected.iter().chain(&evaluated) {
        let is_known = PLAIN.contains(&label.as_str()) || known.contains(&one(label));
        assert!(is_known, "`{label}` is not explained");
    }
}
