//! The table of faults in `docs/reliability.md` is true: each test it names is there, and each test of faults is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{names, repository};

/// Returns what stands in backticks and has `::` in it: a file of tests and one of them.
fn references(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let in_backticks = text.split('`').skip(1).step_by(2);
    in_backticks.filter_map(|words| words.split_once("::"))
}

/// Returns the names of the tests of a file.
fn tests(path: &Path) -> BTreeSet<String> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "sh") {
        let names = text.lines().filter_map(|line| line.strip_prefix("name=\""));
        return names
            .map(|name| name.trim_end_matches('"').to_owned())
            .collect();
    }
    let after_attribute = |part: &str| {
        let (_, rest) = part.split_once("fn ")?;
        Some(rest.split('(').next()?.to_owned())
    };
    text.split("#[test]")
        .skip(1)
        .filter_map(after_attribute)
        .collect()
}

#[test]
fn every_test_that_the_table_names_is_there() {
    let document = fs::read_to_string(repository("docs/reliability.md")).unwrap();
    let mut count = 0;
    for (file, test) in references(&document) {
        let there = tests(&repository(file));
        assert!(there.contains(test), "`{file}` has no `{test}`: {there:#?}");
        count += 1;
    }
    assert!(count > 100, "{count} tests are named");
}

#[test]
fn every_row_of_the_table_has_a_code_and_a_test() {
    let document = fs::read_to_string(repository("docs/reliability.md")).unwrap();
    // Below come figures.
    let (faults, _) = document.split_once("\n## Fuzzing").unwrap();
    let rows = faults
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let rows: Vec<&str> = rows.filter(|line| !line.starts_with("| fault ")).collect();
    assert!(rows.len() > 50, "{} rows", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [fault, _, code, tests] = cells[..] else {
            panic!("four cells: {row}");
        };
        assert!(
            code.trim() == "–" || code.contains(|c: char| c.is_ascii_digit()),
            "{fault}: {code}"
        );
        assert!(references(tests).next().is_some(), "{fault} has no test");
    }
}

#[test]
fn every_test_of_faults_is_in_the_table() {
    let document = fs::read_to_string(repository("docs/reliability.md")).unwrap();
    let named: BTreeSet<(&str, &str)> = references(&document).collect();
    let files = names(&repository("tests/suite")).into_iter();
    let files = files.filter(|file| file.starts_with("faults_"));
    let files: Vec<String> = files
        .map(|file| format!("tests/suite/{file}"))
        .chain(["tests/faults.sh".to_owned()])
        .collect();
    assert!(files.len() > 5);
    for file in &files {
        for test in tests(&repository(file)) {
            assert!(
                named.contains(&(file.as_str(), test.as_str())),
                "`{file}::{test}` is in no row"
            );
        }
    }
}
