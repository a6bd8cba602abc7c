//! CONTRIBUTING.md names tests that are there, and all whose golden files one command writes anew.

use std::collections::BTreeSet;
use std::fs;

use crate::source::files_in;
use crate::support::repository;

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
    for file in files_in("tests/suite") {
        let module = file.module();
        let calls = ["Golden::new()", "check_svg(", "check_drawing("];
        let is_this = ["contributing", "support"].contains(&module);
        if !is_this && calls.iter().any(|call| file.text.contains(call)) {
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
        for file in files_in(folder) {
            let functions = file
                .text
                .lines()
                .filter(|line| line.trim_start().starts_with("fn "));
            there += &file.name;
            there.extend(functions);
        }
        let asked = asked(command).concat();
        assert!(asked.len() > 3, "{command}{asked:?}");
        for name in asked {
            assert!(there.contains(&name), "{command}{name} runs nothing");
        }
    }
}
