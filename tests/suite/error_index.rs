//! docs/errors holds an entry for every message there is, and none for what nothing says.
//!
//! An entry is an item that begins with messages in bold, `…` for what varies, and says after a dash what they mean.
//! The messages are found in the sources, wherever a diagnostic is made, and in the golden files.

use std::collections::BTreeSet;
use std::fs;

use cnn::diagnostic::Kind;

use crate::source::{self, Call, Source, calls};
use crate::support::{Lab, files_below, names, repository};

/// Diagnostics whose message is handed on from elsewhere: the file, and what stands for the message. Golden files show
/// what these say.
const HANDED_ON: [(&str, &str); 10] = [
    ("cli/runs.rs", "missing.clone()"),
    ("filter/matrix.rs", "message"),
    ("plan/rates.rs", "message"),
    ("runs.rs", "error.to_string()"),
    ("survey/check.rs", "message.unwrap_or(&warning.message)"),
    ("sweep/axis.rs", "message"),
    ("sweep/comparison.rs", "message"),
    ("sweep/results.rs", "reason"),
    ("sweep/search.rs", "message"),
    ("train/divergence.rs", "message"),
];

/// Text beside a message, in the same statement.
const BESIDE: [&str; 2] = [
    "set the first number of `input` in `[model]` to 1 for grey or 3 for colour",
    "set `input` in `[model]` to the channels, height and width of a picture",
];

/// Returns the texts below a folder whose names end so: the name of each, and what it says.
fn read_all(folder: &str, ending: &str) -> Vec<(String, String)> {
    let paths = files_below(&repository(folder)).into_iter();
    let named = paths.filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        let is_text = name.ends_with(ending);
        is_text.then(|| (name, fs::read_to_string(path).unwrap()))
    });
    named.collect()
}

/// A message of the index.
struct Entry {
    message: String,
    place: String,
}

/// Returns all messages of the index, and holds each item to saying something of them.
fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (place, text) in read_all("docs/errors", ".md") {
        for item in text.split("\n- **").skip(1) {
            let item = item.split("\n\n").next().unwrap().replace("\n  ", " ");
            let (bold, said) = item
                .split_once("** – ")
                .unwrap_or_else(|| panic!("{place}: no dash after the messages of {item}"));
            assert!(
                said.split_whitespace().count() > 3,
                "{place}: {item} says nothing"
            );
            for message in bold.split("**; **") {
                assert!(has_word(message, 3), "{place}: `{message}` fits everything");
                entries.push(Entry {
                    message: message.to_owned(),
                    place: place.clone(),
                });
            }
        }
    }
    entries
}

/// Tells whether there is a word of so many letters.
fn has_word(text: &str, letters: usize) -> bool {
    let mut words = text.split(|letter: char| !letter.is_alphabetic());
    words.any(|word| word.len() >= letters)
}

/// Tells whether a message is one that an entry shows; `…` stands for what `may_vary`.
fn fits(entry: &str, message: &str, may_vary: fn(&str) -> bool) -> bool {
    let Some((fixed, rest)) = entry.split_once('…') else {
        return entry == message;
    };
    let Some(varied) = message.strip_prefix(fixed) else {
        return false;
    };
    let ends = varied.char_indices().map(|(at, _)| at);
    let mut parts = ends.chain([varied.len()]).map(|at| varied.split_at(at));
    parts.any(|(own, after)| may_vary(own) && fits(rest, after, may_vary))
}

/// What a user's text may be: a golden file has it in place of `…`.
fn anything(_: &str) -> bool {
    true
}

/// What the sources put in: the words that stand there are fixed, and an entry that says less is of another message.
fn no_word(text: &str) -> bool {
    !has_word(text, 3)
}

/// What the program can say.
struct Said {
    /// Messages of diagnostics in the sources: the file, and the text with `…` for what varies.
    messages: Vec<(String, String)>,
    /// All texts of the sources, of which some become part of a message.
    texts: BTreeSet<String>,
    /// Messages in golden files.
    golden: BTreeSet<String>,
}

fn said() -> Said {
    let mut messages = Vec::new();
    let mut texts = BTreeSet::new();
    let mut handed_on = BTreeSet::new();
    let mut beside = BTreeSet::new();
    for file in source::files() {
        if file.is_tests() {
            continue;
        }
        let source = Source::new(&file.text);
        let file = file.name;
        texts.extend(source.texts());
        for call in calls(&source) {
            match call {
                Call::Says(found) => {
                    for text in found {
                        if let Some(known) = BESIDE.iter().find(|known| **known == text) {
                            beside.insert(*known);
                        } else if text.contains('`') || text.split_whitespace().count() > 2 {
                            // A word or two are put into the message of another text.
                            messages.push((file.clone(), text));
                        }
                    }
                }
                Call::HandsOn(argument) => {
                    let known = HANDED_ON
                        .iter()
                        .find(|(of, begin)| *of == file && argument.starts_with(begin));
                    let known =
                        known.unwrap_or_else(|| panic!("{file}: what does `{argument}` say?"));
                    handed_on.insert(*known);
                }
            }
        }
    }
    assert_eq!(handed_on.len(), HANDED_ON.len(), "{handed_on:?}");
    assert_eq!(beside.len(), BESIDE.len(), "{beside:?}");
    assert!(messages.len() > 300, "{}", messages.len());
    let golden = ["tests/errors", "tests/snapshots"].map(|folder| read_all(folder, ".txt"));
    let golden = golden.concat();
    let lines = golden.iter().flat_map(|(_, text)| text.lines());
    let starts = ["error: ", "warning: "];
    let golden = lines.filter_map(|line| starts.iter().find_map(|start| line.strip_prefix(start)));
    Said {
        messages,
        texts,
        golden: golden.map(str::to_owned).collect(),
    }
}

#[test]
fn every_error_is_in_the_index() {
    let entries = entries();
    let said = said();
    let is_known = |message: &str, may_vary| {
        let mut entries = entries.iter();
        entries.any(|entry| fits(&entry.message, message, may_vary))
    };
    // Without a word of its own it is a frame: what it says comes from elsewhere.
    let from_sources = said
        .messages
        .iter()
        .filter(|(_, message)| has_word(message, 4));
    let unknown: Vec<_> = from_sources
        .filter(|(_, message)| !is_known(message, no_word))
        .collect();
    assert!(unknown.is_empty(), "docs/errors lacks {unknown:#?}");
    let unknown: Vec<_> = said
        .golden
        .iter()
        .filter(|message| !is_known(message, anything))
        .collect();
    assert!(unknown.is_empty(), "docs/errors lacks {unknown:#?}");
}

#[test]
fn the_index_has_no_error_that_nothing_says() {
    let said = said();
    // What stands behind the name of a file, or comes from elsewhere as a whole.
    let is_whole = |text: &&String| text.split_whitespace().count() > 2 && has_word(text, 3);
    let is_reason = |message: &str| {
        let mut texts = said.texts.iter().filter(is_whole);
        texts.any(|text| message.ends_with(text.as_str()))
    };
    // What failed is told by a few words: `Error::io("listen at", …)`.
    let is_action = |message: &str| {
        let action = message.strip_prefix("failed to ");
        let action = action.and_then(|rest| rest.strip_suffix(" `…`: …"));
        action.is_some_and(|action| said.texts.contains(action))
    };
    let is_said = |message: &str| {
        let mut sources = said.messages.iter();
        let in_sources = sources.any(|(_, text)| fits(message, text, no_word));
        let in_golden = said.golden.iter().any(|text| fits(message, text, anything));
        in_sources || in_golden || is_reason(message) || is_action(message)
    };
    let unsaid: Vec<(String, String)> = entries()
        .into_iter()
        .filter(|entry| !is_said(&entry.message))
        .map(|entry| (entry.place, entry.message))
        .collect();
    assert!(unsaid.is_empty(), "nothing says {unsaid:#?}");
}

#[test]
fn the_index_names_its_pages_and_shows_a_real_error() {
    let index = fs::read_to_string(repository("docs/errors.md")).unwrap();
    let shown = index.split("```text\n").nth(1).unwrap();
    let shown = shown.split("```").next().unwrap();
    let mut real = read_all("tests/errors", ".txt").into_iter();
    assert!(real.any(|(_, real)| real.starts_with(shown)), "{shown}");
    for name in names(&repository("docs/errors")) {
        assert!(index.contains(&format!("(errors/{name})")), "{name}");
    }
}

#[test]
fn every_page_with_the_exit_codes_has_all_of_them() {
    let codes = Kind::ALL.map(|kind| kind.exit_code().to_string());
    let codes = codes.each_ref().map(String::as_str);
    let all = |last: &[&'static str]| [&["0"], &codes[..], last].concat();
    let read = |page: &str| fs::read_to_string(repository(page)).unwrap();
    let index = read("docs/errors.md");
    let table = index.split("## Exit codes\n").nth(1).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let listed: Vec<&str> = rows.map(|row| row.split(" |").next().unwrap()).collect();
    assert_eq!(listed[2..], all(&["130, 143"]));
    let manual = Lab::new().cnn(&["man"]).ok().stdout.to_lowercase();
    for kind in Kind::ALL {
        let (code, meaning) = (kind.exit_code(), kind.meaning());
        assert!(table.contains(&format!("| {code} | {meaning}")), "{code}");
        let said = format!(".tp\n{code}\n{meaning}.\n");
        assert!(manual.contains(&said), "{code}: {manual}");
    }
    for page in ["README.md", "docs/reliability.md"] {
        let text = read(page);
        let sentence = text.split("Exit codes: ").nth(1).unwrap();
        let words = sentence.split('.').next().unwrap();
        let numbers = words.split(|letter: char| !letter.is_ascii_digit());
        let numbers: Vec<&str> = numbers.filter(|number| !number.is_empty()).collect();
        assert_eq!(numbers, all(&["130", "143"]), "{page}");
    }
}
