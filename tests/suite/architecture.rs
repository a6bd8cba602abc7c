//! The floors of `ARCHITECTURE.md`, held.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::source::{self, File, without_tests};
use crate::support::{files_below, has_ending, names, repository};

/// Modules by floor, the lowest first; a module uses what stands on its own floor or below.
const FLOORS: &[&[&str]] = &[
    &[
        "canvas",
        "diagnostic",
        "float",
        "handmade",
        "random",
        "shape",
    ],
    &["config"],
    &["dataset", "plan"],
    &[
        "checkpoint",
        "files",
        "kernels",
        "loss",
        "machine",
        "memory",
        "metrics",
        "model",
        "model_file",
        "onnx",
        "optimizer",
        "run",
        "schedule",
    ],
    &[
        "bench", "crossval", "doctor", "evaluate", "export", "fetch", "filter", "group", "import",
        "load", "look", "measure", "page", "predict", "runs", "survey", "sweep", "template",
        "train",
    ],
    &["report"],
    &["cli", "serve"],
];

/// Modules that touch neither Burn nor the disk nor the terminal.
const PURE: &[&str] = &[
    "canvas",
    "diagnostic",
    "float",
    "handmade",
    "random",
    "shape",
    "config",
    "plan",
];

/// Lines a source file may have.
const MAX_LINES: usize = 400;

/// Returns the modules of this crate that a text names.
fn used(text: &str) -> impl Iterator<Item = String> {
    text.split("crate::").skip(1).map(|rest| {
        let name = rest
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next();
        name.unwrap_or_default().to_owned()
    })
}

/// Returns a file without its tests, what is said of the code, and the examples in it.
fn code(file: &File) -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let lines = without_tests(&file.text).lines();
    lines.filter(is_code).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_module_has_a_floor_and_uses_only_what_stands_below() {
    let floor_of: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, modules)| modules.iter().map(move |module| (*module, floor)))
        .collect();
    let mut seen = 0;
    for file in source::files() {
        let module = file.module();
        if module == "lib" || module == "main" {
            continue;
        }
        let floor = floor_of.get(module);
        let floor = floor.unwrap_or_else(|| panic!("`{module}` has no floor: add it to the table"));
        for other in used(&file.text) {
            let below = floor_of.get(other.as_str());
            let below = below.unwrap_or_else(|| panic!("{}: `{other}`", file.name));
            assert!(
                below <= floor,
                "{} uses `{other}` of a floor above",
                file.name
            );
            seen += 1;
        }
    }
    assert!(seen > 50, "the test has lost sight of the code");
}

#[test]
fn the_low_floors_touch_neither_burn_nor_disk_nor_terminal() {
    for file in source::files() {
        if !PURE.contains(&file.module()) {
            continue;
        }
        for word in [
            "burn::",
            "std::fs",
            "std::env",
            "println!",
            "eprintln!",
            "stdout()",
            "stderr()",
        ] {
            assert!(!file.text.contains(word), "{} has `{word}`", file.name);
        }
    }
}

#[test]
fn the_table_of_the_page_is_the_one_that_is_held() {
    let page = fs::read_to_string(repository("ARCHITECTURE.md")).unwrap();
    for (floor, modules) in FLOORS.iter().enumerate() {
        let begin = format!("| {floor} | ");
        let row = page.lines().find_map(|line| line.strip_prefix(&begin));
        let row = row.unwrap_or_else(|| panic!("no floor {floor}"));
        let named = row
            .split(" | ")
            .next()
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2);
        let name = |file: &str| {
            file.trim_end_matches('/')
                .trim_end_matches(".rs")
                .to_owned()
        };
        let told: BTreeSet<String> = named.map(name).filter(|name| name != "main").collect();
        let held: BTreeSet<String> = modules.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(told, held, "floor {floor}");
    }
}

#[test]
fn only_fetching_asks_the_network() {
    for file in source::files() {
        let asks = code(&file).contains("ureq::");
        let is_client = file.name == "fetch/client.rs";
        assert!(!asks || is_client, "{} asks the network", file.name);
    }
}

#[test]
fn only_the_service_listens() {
    for file in source::files() {
        let listens = without_tests(&file.text).contains("TcpListener");
        assert!(
            !listens || file.module() == "serve",
            "{} listens",
            file.name
        );
    }
}

#[test]
fn only_the_report_floor_prints() {
    for file in source::files() {
        if file.module() == "report" {
            continue;
        }
        for word in ["println!", "eprintln!", "print!(", "stdout()", "dbg!("] {
            assert!(!code(&file).contains(word), "{} has `{word}`", file.name);
        }
    }
}

#[test]
fn only_kernels_are_unsafe_and_nothing_panics() {
    for file in source::files() {
        let (name, code) = (&file.name, code(&file));
        for word in [".unwrap()", ".expect(", "todo!(", "panic!("] {
            assert!(
                file.is_tests() || !code.contains(word),
                "{name} has `{word}`"
            );
        }
        if file.module() == "kernels" {
            let blocks = code.matches("unsafe {").count() + code.matches("unsafe impl").count();
            let reasons = without_tests(&file.text).matches("SAFETY:").count();
            assert!(
                blocks <= reasons,
                "{name} has {blocks} unsafe blocks and {reasons} reasons"
            );
        } else {
            assert!(!code.contains("unsafe {"), "{name} has `unsafe`");
        }
    }
}

#[test]
fn all_that_is_written_by_hand_is_short() {
    let folders = ["src", "tests", "benches", "fuzz/targets"];
    let all = folders.map(|folder| files_below(&repository(folder)));
    // What a build and a run leave below it is not ours.
    let fuzz = repository("fuzz");
    let fuzz = names(&fuzz).into_iter().map(|name| fuzz.join(name));
    let all: Vec<PathBuf> = all.concat().into_iter().chain(fuzz).collect();
    let is_code = |path: &&PathBuf| {
        path.starts_with(repository("src")) || has_ending(path, &["rs", "py", "sh"])
    };
    let code: Vec<&PathBuf> = all.iter().filter(is_code).collect();
    assert!(code.len() > 400, "the test has lost sight of the code");
    for path in code {
        let lines = fs::read_to_string(path).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}
