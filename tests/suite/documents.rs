//! What README.md, CONTRIBUTING.md and docs/ show: every fenced block has a language that says what is done with it here.
//!
//! | block | is |
//! | --- | --- |
//! | `sh`, `console` | run by `readme`, `guide`, `filter` and `install`; here every command is held to the command line |
//! | `sh parsed` | held to the command line alone: it needs files from elsewhere, or much time |
//! | `toml` | a whole config, which is planned; one without `[model]` stands below a small one |
//! | `toml fragment`, `toml rules` | lines that need others around them, rules of names: read as TOML |
//! | `json` | read |
//! | `diff` | lines of the sources, which `adding_a_layer` looks up |
//! | `rust` | run by `cargo test --doc` |
//! | `python`, `text` | shown: for other programs, and what is no language; no command may stand there |

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use cnn::{Config, Plan};

use crate::guide::arguments;
use crate::support::{Lab, bar_png, names, png, repository};

/// A fenced block.
struct Block {
    /// The file and the line of its fence.
    place: String,
    language: String,
    text: String,
}

/// Returns the documents, by their paths from the root.
fn documents() -> Vec<String> {
    let mut found = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for name in names(&repository(folder.to_str().unwrap())) {
            let path = folder.join(&name);
            if repository(path.to_str().unwrap()).is_dir() {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// Returns the blocks of a document.
fn blocks(document: &str) -> Vec<Block> {
    let text = fs::read_to_string(repository(document)).unwrap();
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let within = lines.by_ref().map(|(_, line)| line);
        let within: Vec<&str> = within.take_while(|line| line.trim() != "```").collect();
        blocks.push(Block {
            place: format!("{document}:{}", number + 1),
            language: language.trim().to_owned(),
            text: within.join("\n"),
        });
    }
    blocks
}

/// Returns the commands in a line of a shell, each without what is piped or written elsewhere.
fn commands(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" #").next().unwrap();
    let mut commands = vec![Vec::new()];
    let mut is_done = false;
    for word in arguments(line.trim()) {
        match word.as_str() {
            "&&" | "|" | ";" => {
                commands.push(Vec::new());
                is_done = false;
            }
            ">" | ">>" | "<" | "2>&1" | "&" => is_done = true,
            // A setting of the environment before a command.
            _ if commands.last().unwrap().is_empty() && word.contains('=') => {}
            _ if !is_done => commands.last_mut().unwrap().push(word),
            _ => {}
        }
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// Holds a command to the command line; returns whether it is one of `cnn`.
#[track_caller]
fn parse(place: &str, command: &[String]) -> bool {
    let run = ["run", "--release", "--"];
    let ours = match command[0].as_str() {
        "cnn" | "target/release/cnn" => &command[1..],
        "cargo" if command.get(1..4).is_some_and(|words| words == run) => &command[4..],
        _ => return false,
    };
    let line = [&["cnn".to_owned()], ours].concat();
    if let Err(error) = cnn::cli::command().try_get_matches_from(&line) {
        let is_asked = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion];
        assert!(is_asked.contains(&error.kind()), "{place}: {error}");
    }
    true
}

/// Plans a config; one without a network is put below a small one.
#[track_caller]
fn plan(block: &Block) {
    let small = "[model]\ninput = [1, 8, 8]\nlayers = [{ type = \"flatten\" }, { type = \"dense\", units = 2 }]\n";
    let own = &block.text;
    let has = |key: &str| own.lines().any(|line| line.starts_with(key));
    let text = match has("[model]") || has("model") {
        true if has("layers") || has("model") || has("[[model.layers]]") => own.clone(),
        true => format!(
            "{own}\nlayers = [{{ type = \"flatten\" }}, {{ type = \"dense\", units = 2 }}]\n"
        ),
        false => format!("{small}{own}"),
    };
    let config: Config = match text.parse() {
        Ok(config) => config,
        Err(error) => panic!("{}: {error}", block.place),
    };
    if let Err(error) = Plan::of(&config) {
        panic!("{}: {error}", block.place);
    }
}

/// The documents whose commands are run, by `readme`, `guide`, `filter` and `install`, and how many blocks of each.
const RUN: [(&str, usize); 5] = [
    ("README.md", 3),
    ("docs/filters.md", 1),
    ("docs/install.md", 4),
    ("docs/look.md", 1),
    ("docs/training.md", 1),
];

#[test]
fn every_block_is_what_it_says() {
    let mut counts = BTreeMap::new();
    let mut run = BTreeMap::new();
    let mut ours = 0;
    for block in documents().iter().flat_map(|document| blocks(document)) {
        let place = &block.place;
        match block.language.as_str() {
            "sh" | "sh parsed" => {
                let joined = block.text.replace("\\\n", " ");
                for command in joined.lines().flat_map(commands) {
                    ours += usize::from(parse(place, &command));
                }
            }
            "console" => {
                for line in block
                    .text
                    .lines()
                    .filter_map(|line| line.strip_prefix("$ "))
                {
                    for command in commands(line) {
                        ours += usize::from(parse(place, &command));
                    }
                }
            }
            // Each has its own test, `language`: an example of a layer alone.
            "toml" if place.starts_with("docs/layers.md") => {}
            "toml" => plan(&block),
            "toml fragment" | "toml rules" => {
                assert!(block.text.parse::<toml::Table>().is_ok(), "{place}");
            }
            "json" => {
                assert!(
                    serde_json::from_str::<serde_json::Value>(&block.text).is_ok(),
                    "{place}"
                );
            }
            "diff" => assert_eq!(place.split(':').next(), Some("docs/adding-a-layer.md")),
            "rust" => assert!(place.starts_with("docs/library.md"), "{place} is not run"),
            "python" | "text" => {
                let shown = block
                    .text
                    .lines()
                    .find(|line| line.trim_start_matches(['$', ' ']).starts_with("cnn "));
                assert_eq!(shown, None, "{place} shows a command");
            }
            other => panic!("{place}: `{other}` says nothing of what is done with it"),
        }
        if matches!(block.language.as_str(), "sh" | "console") && !place.starts_with("docs/guide/")
        {
            let document = place.split(':').next().unwrap();
            *run.entry(document.to_owned()).or_insert(0) += 1;
        }
        *counts.entry(block.language).or_insert(0) += 1;
    }
    assert!(ours > 100, "{ours} commands of `cnn` were read");
    let known = RUN.map(|(document, count)| (document.to_owned(), count));
    assert_eq!(
        run,
        BTreeMap::from(known),
        "a block of these is run by no test"
    );
    assert!(counts["toml"] > 30 && counts["console"] > 10, "{counts:?}");
}

/// Returns the commands without commands of their own, each with the words that lead to it.
fn leaves(command: &clap::Command, words: &[String]) -> Vec<(Vec<String>, clap::Command)> {
    let within = command
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help");
    let within: Vec<_> = within
        .flat_map(|inner| {
            let words = [words, &[inner.get_name().to_owned()]].concat();
            leaves(inner, &words)
        })
        .collect();
    if within.is_empty() {
        return vec![(words.to_vec(), command.clone())];
    }
    within
}

/// Returns the commands that a help shows as examples.
fn examples(command: &clap::Command) -> Vec<String> {
    // As it is declared: the help that is printed is wrapped.
    let help = command.get_after_long_help().or(command.get_after_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let lines = help.lines().map(|line| {
        let line = line.trim();
        let shown = ["Examples:", "Example:"];
        let line = shown
            .iter()
            .find_map(|word| line.strip_prefix(word))
            .unwrap_or(line);
        line.trim().to_owned()
    });
    lines.filter(|line| line.starts_with("cnn ")).collect()
}

/// Those whose examples take minutes without optimization, or a file, a network or a page from elsewhere.
const LONG: [&str; 9] = [
    "train",
    "crossval",
    "sweep",
    "bench",
    "serve",
    "serve-device",
    "import",
    "data fetch",
    "filter",
];

#[test]
fn every_command_shows_an_example_that_works() {
    let lab = trained();
    let mut passed_over = Vec::new();
    let mut leaves = leaves(&cnn::cli::command(), &[]);
    // What removes a run comes after all that takes it.
    leaves.sort_by_key(|(words, _)| words.last().is_some_and(|word| word == "rm"));
    for (words, command) in leaves {
        let name = words.join(" ");
        let examples = examples(&command);
        assert!(!examples.is_empty(), "`cnn {name} --help` has no example");
        for example in &examples {
            let read: Vec<_> = commands(example);
            assert!(parse(&name, &read[0]), "{example}");
            assert!(
                example.starts_with(&format!("cnn {}", words[0])),
                "{example}"
            );
            if LONG.contains(&name.as_str()) {
                continue;
            }
            let arguments: Vec<&str> = read[0][1..].iter().map(String::as_str).collect();
            lab.cnn(&arguments).ok();
        }
        if LONG.contains(&name.as_str()) {
            passed_over.push(name);
        }
    }
    passed_over.sort();
    let mut long = LONG.map(str::to_owned);
    long.sort();
    assert_eq!(passed_over, long);
}

/// A folder with what the examples speak of: pictures, and two runs of LeNet-5.
fn trained() -> Lab {
    let lab = Lab::new();
    for folder in ["configs", "datasets", "examples"] {
        std::os::unix::fs::symlink(repository(folder), lab.path(folder)).unwrap();
    }
    for (class, number) in (0..10).flat_map(|class| (0..4).map(move |number| (class, number))) {
        let level = |at: usize| ((at * (class + 1) + number) % 256) as u8;
        let pixels: Vec<u8> = (0..28 * 28).map(level).collect();
        lab.write(
            format!("pictures/{class}/{number}.png"),
            png(28, 28, &pixels),
        );
    }
    let digit = lab.read("pictures/3/0.png");
    lab.write("digit.png", &digit);
    lab.write("scans/1.png", &digit);
    lab.write("photo.jpg", bar_png(0, 0));
    let train = [
        "train",
        "configs/lenet5.toml",
        "--data",
        "pictures",
        "--epochs",
        "1",
        "--quiet",
    ];
    for _ in 0..2 {
        lab.cnn(&[&train[..], &["--set", "data.validation=0.25"]].concat())
            .ok();
    }
    lab
}

#[test]
fn the_defaults_of_training_are_those_shown() {
    let lab = Lab::new();
    lab.write(
        "small.toml",
        "[model]\ninput = [1, 8, 8]\nlayers = [{ type = \"flatten\" }, { type = \"dense\", units = 2 }]\n",
    );
    let resolved = lab
        .cnn(&["inspect", "small.toml", "--resolved"])
        .ok()
        .stdout;
    let (_, defaults) = resolved.split_once("[train]").unwrap();
    let defaults = defaults.split("\n[").next().unwrap().trim_end();
    let page = fs::read_to_string(repository("docs/training.md")).unwrap();
    assert!(
        page.contains(&format!("```toml\n[train]{defaults}\n```")),
        "{defaults}"
    );
}

#[test]
fn the_readme_is_short_and_names_every_command() {
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    assert!(readme.lines().count() < 250);
    let names = cnn::cli::command();
    let names = names.get_subcommands().map(clap::Command::get_name);
    let unknown: Vec<&str> = names
        .filter(|name| !readme.contains(&format!("`cnn {name}")))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// Returns the anchors of a document's headings, as they are made on the web.
fn anchors(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(document).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    let mut links = 0;
    for document in documents() {
        let text = fs::read_to_string(repository(&document)).unwrap();
        let folder = repository(&document).parent().unwrap().to_owned();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("http")) {
            links += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() {
                repository(&document)
            } else {
                folder.join(path)
            };
            let is_there = path.exists()
                && (anchor.is_empty() || anchors(&path).iter().any(|own| own == anchor));
            if !is_there {
                broken.push(format!("{document}: {target}"));
            }
        }
    }
    assert!(links > 100, "{links} links were followed");
    assert!(broken.is_empty(), "{broken:#?}");
}
