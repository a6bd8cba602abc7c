//! CONTRIBUTING.md names tests that are there, and all whose golden files one command writes anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{names, repository};

/// Returns the sources below a folder: the paths from it, and the texts.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            let inner = sources(&path).into_iter();
            found.extend(inner.map(|(below, text)| (format!("{name}/{below}"), text)));
        } else if name.ends_with(".rs") {
            found.push((name, fs::read_to_string(path).unwrap()));
        }
    }
    found
}

/// Returns the names that `cargo test` is asked to run, for each command that begins so.
fn asked(command: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(repository("CONTRIBUTING.md")).unwrap();
    let commands = page.split(command).skip(1).map(|rest| {
        let end = rest.find(['\n', '`', '#']).unwrap();
        rest[..end].split_whitespace().map(str::to_owned).collect()
    });
    commands.collect()
}

#[test]
fn one_command_writes_all_golden_files_anew() {
    let mut writing = BTreeSet::new();
    for (path, text) in sources(&repository("tests/suite")) {
        let module = path.split(['/', '.']).next().unwrap();
        let calls = ["Golden::new()", "check_svg(", "check_drawing("];
        let is_this = ["contributing", "support"].contains(&module);
        if !is_this && calls.iter().any(|call| text.contains(call)) {
            writing.insert(module.to_owned());
        }
    }
    let commands = asked("UPDATE_GOLDEN=1 cargo test --test suite -- ");
    let [command] = &commands[..] else {
        panic!("one command: {commands:?}");
    };
    let asked: BTreeSet<String> = command.iter().cloned().collect();
    assert_eq!(asked, writing);
    for page in ["ARCHITECTURE.md", "docs/adding-a-layer.md"] {
        let text = fs::read_to_string(repository(page)).unwrap();
        assert!(
            !text.contains("UPDATE_GOLDEN"),
            "{page} has a command of its own"
        );
    }
}

#[test]
fn the_tests_that_it_names_are_there() {
    for (command, folder) in [("--test suite -- ", "tests/suite"), ("--lib -- ", "src")] {
        let mut there = String::new();
        for (path, text) in sources(&repository(folder)) {
            let functions = text
                .lines()
                .filter(|line| line.trim_start().starts_with("fn "));
            there += &path;
            there.extend(functions);
        }
        let asked = asked(command).concat();
        assert!(asked.len() > 3, "{command}{asked:?}");
        for name in asked {
            assert!(there.contains(&name), "{command}{name} runs nothing");
        }
    }
}
