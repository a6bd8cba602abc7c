//! Every chapter of the guide, command by command, in a folder as a reader has it.
//!
//! `CNN_PROGRAM` names a program that is built with optimization: chapters that train are skipped with a word without it.

use std::io::{Read as _, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Lab, command_in, names, repository};

/// Returns the program that is built with optimization, if one is named.
fn optimized() -> Option<PathBuf> {
    std::env::var_os("CNN_PROGRAM").map(PathBuf::from)
}

/// A block of a chapter.
struct Block<'a> {
    language: &'a str,
    text: &'a str,
}

fn blocks(chapter: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = chapter;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').unwrap();
        let (text, after) = after.split_once("```").unwrap();
        blocks.push(Block { language, text });
        rest = after;
    }
    blocks
}

/// Takes a command apart as a shell does: by blanks, but for what stands in quotes.
pub(crate) fn arguments(command: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut current: Option<String> = None;
    let mut quote = None;
    for letter in command.chars() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                current.get_or_insert_default();
            }
            (None, ' ') => arguments.extend(current.take()),
            _ => current.get_or_insert_default().push(letter),
        }
    }
    arguments.extend(current);
    arguments
}

/// Runs a command; returns whether it succeeded, and all that it says, in the order in which it says it.
fn said(lab: &Lab, line: &str) -> (bool, String) {
    let command = line.split(" #").next().unwrap().trim();
    let command = command.strip_prefix("cnn ");
    let arguments = arguments(command.unwrap_or_else(|| panic!("`{line}` is no command of cnn")));
    let plain = command_in(&lab.path(""), &arguments);
    let mut command = match optimized() {
        Some(program) => {
            let mut command = Command::new(program);
            command.args(&arguments).current_dir(lab.path(""));
            let settings = plain
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?)));
            command.envs(settings);
            command
        }
        None => plain,
    };
    let (mut reader, writer) = pipe().unwrap();
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().unwrap())
        .stderr(writer);
    let mut child = command.spawn().unwrap();
    // It holds the ends that are written to.
    drop(command);
    let mut all = String::new();
    reader.read_to_string(&mut all).unwrap();
    (child.wait().unwrap().success(), all)
}

/// Tells whether a line is the one shown; figures of what was trained differ a little from processor to processor.
fn is_like(shown: &str, real: &str, is_trained: bool) -> bool {
    if shown.trim_end() == real.trim_end() {
        return true;
    }
    let (mut shown, mut real): (Vec<&str>, Vec<&str>) = (
        shown.split_whitespace().collect(),
        real.split_whitespace().collect(),
    );
    // What a line ends with, such as seconds, may be left out of it.
    if shown.len() > 1 && shown.last() == Some(&"…") {
        shown.pop();
        real.truncate(shown.len());
    }
    let is_near = |(shown, real): (&&str, &&str)| {
        let figure = |word: &str| {
            let word = word.trim_end_matches([',', ':', ';']);
            word.parse::<f64>().ok().filter(|_| word.contains('.'))
        };
        match (figure(shown), figure(real)) {
            (Some(shown), Some(real)) => (shown - real).abs() <= 0.02 + 0.1 * shown.abs(),
            _ => shown == real,
        }
    };
    is_trained && shown.len() == real.len() && shown.iter().zip(&real).all(is_near)
}

/// Finds the lines shown among the real ones, in their order; `…` stands for any number of lines.
fn check_shown(place: &str, shown: &[&str], real: &str, is_trained: bool) {
    let trimmed = |mut lines: Vec<String>| {
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        lines
    };
    let real = trimmed(real.lines().map(str::to_owned).collect());
    let shown = trimmed(shown.iter().map(|line| (*line).to_owned()).collect());
    let parts: Vec<&[String]> = shown.split(|line| line.trim() == "…").collect();
    let mut at = 0;
    for (number, part) in parts.iter().enumerate() {
        let is_here = |from: usize| {
            let lines = real.get(from..from + part.len());
            let alike = |lines: &[String]| {
                part.iter()
                    .zip(lines)
                    .all(|(a, b)| is_like(a, b, is_trained))
            };
            lines.is_some_and(alike)
        };
        let last = real.len().saturating_sub(part.len());
        let found = match (number == 0, number + 1 == parts.len()) {
            (true, true) if part.len() != real.len() => None,
            (true, _) => Some(0),
            // The end of what is shown is the end of what is said.
            (false, true) => Some(last.max(at)),
            (false, false) => (at..=last).find(|from| is_here(*from)),
        };
        let found = found.filter(|from| is_here(*from));
        at = part.len()
            + found.unwrap_or_else(|| panic!("{place}: no {part:#?} in\n{}", real.join("\n")));
    }
}

/// Runs a chapter from its first command to its last; returns how many there are.
fn follow(chapter: &Path) -> usize {
    let text = std::fs::read_to_string(chapter).unwrap();
    follow_text(&chapter.file_name().unwrap().to_string_lossy(), &text)
}

/// Runs the commands of a text; returns how many there are.
fn follow_text(name: &str, text: &str) -> usize {
    let blocks = blocks(text);
    let trains = blocks.iter().any(|block| {
        let is_run = matches!(block.language, "sh" | "console");
        let words = ["cnn train", "cnn sweep", "cnn crossval"];
        is_run && words.iter().any(|word| block.text.contains(word))
    });
    if trains && optimized().is_none() {
        eprintln!("skipped {name}: it trains (name an optimized `cnn` by CNN_PROGRAM)");
        return 0;
    }
    let lab = Lab::new();
    for folder in ["configs", "datasets", "examples"] {
        std::os::unix::fs::symlink(repository(folder), lab.path(folder)).unwrap();
    }
    for block in blocks.iter().filter(|block| block.language == "toml") {
        let first = block.text.lines().next().unwrap();
        let file = first
            .strip_prefix("# ")
            .filter(|name| name.ends_with(".toml"));
        lab.write(
            file.unwrap_or_else(|| panic!("{name}: `{first}` names no file")),
            block.text,
        );
    }
    let mut commands = 0;
    let mut is_trained = false;
    for block in blocks {
        match block.language {
            "sh" => {
                for line in block.text.lines() {
                    is_trained |= line.starts_with("cnn train") || line.starts_with("cnn sweep");
                    let (is_ok, all) = said(&lab, line);
                    assert!(is_ok, "{name}: {line}\n{all}");
                    commands += 1;
                }
            }
            "console" => {
                let mut lines = block.text.lines().peekable();
                while let Some(line) = lines.next() {
                    let command = line
                        .strip_prefix("$ ")
                        .unwrap_or_else(|| panic!("{name}: {line}"));
                    is_trained |= command.starts_with("cnn train");
                    let mut shown = Vec::new();
                    while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                        shown.push(line);
                    }
                    let (_, all) = said(&lab, command);
                    check_shown(&format!("{name}: {command}"), &shown, &all, is_trained);
                    commands += 1;
                }
            }
            _ => {}
        }
    }
    commands
}

#[test]
fn every_chapter_says_what_happens() {
    let folder = repository("docs/guide");
    let chapters = names(&folder);
    let chapters = chapters
        .iter()
        .filter(|name| name.ends_with(".md") && *name != "README.md");
    let mut commands = 0;
    for chapter in chapters {
        commands += follow(&folder.join(chapter));
    }
    assert!(commands > 20, "{commands} commands were run");
}

#[test]
fn the_readme_shows_what_happens() {
    for (section, expected) in [("Five minutes", 4), ("What is wrong, and where", 1)] {
        let text = crate::readme::section(section);
        let commands = follow_text(section, &text);
        let is_skipped = text.contains("cnn train") && optimized().is_none();
        assert_eq!(commands, if is_skipped { 0 } else { expected }, "{section}");
    }
}

#[test]
fn the_index_names_every_chapter_and_every_picture_is_shown() {
    let folder = repository("docs/guide");
    let read = |name: &String| std::fs::read_to_string(folder.join(name)).unwrap();
    let index = read(&"README.md".to_owned());
    let files: Vec<String> = names(&folder)
        .into_iter()
        .filter(|name| name.ends_with(".md"))
        .collect();
    let all: String = files.iter().map(read).collect();
    for file in files.iter().filter(|name| *name != "README.md") {
        assert!(index.contains(&format!("({file})")), "{file}");
    }
    for picture in names(&folder.join("pictures")) {
        assert!(all.contains(&format!("(pictures/{picture})")), "{picture}");
    }
}
