//! The floors of `ARCHITECTURE.md`, held.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::source::without_tests;

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

/// Returns the files below a folder.
fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

/// Returns the files of `src/`, each with the module that it stands in and what it says.
fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let source = |path: PathBuf| {
        let inner = path.strip_prefix(&root).unwrap();
        let module = inner.iter().next().unwrap().to_string_lossy();
        let module = module.trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).unwrap();
        (module, path, text)
    };
    files_below(root.clone()).into_iter().map(source).collect()
}

/// Returns the modules of this crate that a text names.
fn used(text: &str) -> impl Iterator<Item = String> {
    text.split("crate::").skip(1).map(|rest| {
        let name = rest
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next();
        name.unwrap_or_default().to_owned()
    })
}

/// Drops what is said of the code, and the examples in it.
fn without_comments(text: &str) -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_module_has_a_floor_and_uses_only_what_stands_below() {
    let floor_of: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, modules)| modules.iter().map(move |module| (*module, floor)))
        .collect();
    let mut seen = 0;
    for (module, path, text) in sources() {
        if module == "lib" || module == "main" {
            continue;
        }
        let floor = floor_of.get(module.as_str());
        let floor = floor.unwrap_or_else(|| panic!("`{module}` has no floor: add it to the table"));
        for other in used(&text) {
            let below = floor_of.get(other.as_str());
            let below = below.unwrap_or_else(|| panic!("{}: `{other}`", path.display()));
            assert!(
                below <= floor,
                "{} uses `{other}` of a floor above",
                path.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 50, "the test has lost sight of the code");
}

#[test]
fn the_low_floors_touch_neither_burn_nor_disk_nor_terminal() {
    for (module, path, text) in sources() {
        if !PURE.contains(&module.as_str()) {
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
            assert!(!text.contains(word), "{} has `{word}`", path.display());
        }
    }
}

#[test]
fn the_table_of_the_page_is_the_one_that_is_held() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let page = fs::read_to_string(page).unwrap();
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
    for (_, path, text) in sources() {
        let asks = without_comments(without_tests(&text)).contains("ureq::");
        let is_client = path.ends_with("src/fetch/client.rs");
        assert!(!asks || is_client, "{} asks the network", path.display());
    }
}

#[test]
fn only_the_service_listens() {
    for (module, path, text) in sources() {
        let listens = without_tests(&text).contains("TcpListener");
        assert!(!listens || module == "serve", "{} listens", path.display());
    }
}

#[test]
fn only_the_report_floor_prints() {
    for (module, path, text) in sources() {
        if module == "report" {
            continue;
        }
        for word in ["println!", "eprintln!", "print!(", "stdout()", "dbg!("] {
            assert!(
                !without_comments(without_tests(&text)).contains(word),
                "{} has `{word}`",
                path.display()
            );
        }
    }
}

#[test]
fn files_are_short_and_safe() {
    for (module, path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
        let code = without_comments(without_tests(&text));
        let is_tests = path.to_string_lossy().ends_with("_tests.rs");
        for word in [".unwrap()", ".expect(", "todo!(", "panic!("] {
            assert!(
                is_tests || !code.contains(word),
                "{} has `{word}`",
                path.display()
            );
        }
        if module == "kernels" {
            let blocks = code.matches("unsafe {").count() + code.matches("unsafe impl").count();
            let reasons = without_tests(&text).matches("SAFETY:").count();
            assert!(
                blocks <= reasons,
                "{} has {blocks} unsafe blocks and {reasons} reasons",
                path.display()
            );
        } else {
            assert!(
                !code.contains("unsafe {"),
                "{} has `unsafe`",
                path.display()
            );
        }
    }
}

#[test]
fn tests_and_their_generators_are_short_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests", "benches", "fuzz/targets"].map(|folder| files_below(root.join(folder)));
    // What a build and a run leave below it is not ours.
    let fuzz = fs::read_dir(root.join("fuzz")).unwrap();
    let fuzz = fuzz.map(|entry| entry.unwrap().path()).collect();
    let is_code = |path: &&PathBuf| {
        path.extension()
            .is_some_and(|ending| ["rs", "py", "sh"].iter().any(|own| ending == *own))
    };
    let all = [folders.concat(), fuzz].concat();
    let code: Vec<&PathBuf> = all.iter().filter(is_code).collect();
    assert!(code.len() > 60, "the test has lost sight of the tests");
    for path in code {
        let lines = fs::read_to_string(path).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}
