//! Commands and their flags as `--help` describes them, and values for them: likely ones, and hostile ones.

use crate::support::{command_in, outcome, repository};

/// The only command that asks the network.
const ASKS_THE_NETWORK: &str = "fetch";

/// What a word of a value's name in `--help` lets expect, such as `RUN` in `[RUN]`.
pub(crate) const LIKELY: [(&str, &[&str]); 11] = [
    ("CONFIG", &["net.toml", "net.toml", "bad.toml", "-"]),
    ("RUN", &["one", "latest", "one.safetensors", "runs/one"]),
    ("IMAGE", &["a.png", "bars", "-", "cut.png"]),
    ("SOURCE", &["bars", "bars.csv", "bars.tar", "net.toml"]),
    ("KEY=VALUE", SETTINGS),
    ("KEY=VALUES", SETTINGS),
    ("WEIGHTS", &["one.safetensors", "bars.pth", "one.onnx"]),
    ("NAME", &["two", "sobel_x", "0", "lenet5", "conv"]),
    ("FILE", &["new.png", "new.svg", "new.csv", "/dev/null"]),
    ("DEVICE", &["cpu", "ndarray"]),
    ("N", NUMBERS),
];

const NUMBERS: &[&str] = &[
    "1",
    "2",
    "3",
    "0",
    "-1",
    "1000000",
    "4294967296",
    "18446744073709551616",
    "nan",
    "0.5",
    "1e30",
];

const SETTINGS: &[&str] = &[
    "train.epochs=1",
    "train.epochs=1,2",
    "train.batch_size=4..9",
    "train.optimizer.learning_rate=1e30",
    "train.optimizer.learning_rate=nan",
    "train.optimizer={type=\"muon\"}",
    "train.early_stopping.patience=0",
    "train.checkpoint={every=\"1 step\",keep=1}",
    "model.layers.0.filters=9223372036854775807",
    "model.layers.0.kernel_size=9",
    "model.layers=[]",
    "model.input=[1,1,1]",
    "model.name=\"../up\"",
    "data.validation=0.99",
    "data.validation=\"bars\"",
    "data.cache=0",
    "data.on_bad_image=\"skip\"",
    "data.resize=[1000000,1000000]",
    "data.normalize=\"dataset\"",
    "augment.rotate=1e30",
    "augment.mixup=0.5",
    "=",
    "a.b.c=[[[[",
];

/// Folders that lead out of the one where a command runs.
pub(crate) const UP: &str = "..";
pub(crate) const FURTHER_UP: &str = "../..";

/// Where nothing may be written, so that it is given only where something is read: see [`READ`].
pub(crate) const ROOT: &str = "/";

/// Names of values that say what to read.
pub(crate) const READ: [&str; 5] = ["CONFIG", "RUN", "IMAGE", "SOURCE", "WEIGHTS"];

/// Values that fit nowhere, or where no one expects them.
pub(crate) const HOSTILE: &[&str] = &[
    "",
    " ",
    "-",
    "--",
    "=",
    UP,
    FURTHER_UP,
    ROOT,
    "runs",
    "none",
    "empty",
    "garbage",
    "bars/none/a.png",
    "/dev/null",
    "/dev/full",
    "/dev/zero",
    "\u{1b}[31m\u{7}",
    "\u{202e}",
    "new\nline",
    "%s%n",
    "é",
    "*",
    "1,8,8",
    "0,0,0",
    "3;4",
    "1 2; 3 4",
    "[[[[",
    "max:0",
    "max:2:2",
    "relu",
    "9999999999999999999999",
    "validation",
    LONG,
];

const LONG: &str = concat!(
    "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong",
    "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong",
    "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong",
);

/// A command as `--help` describes it.
#[derive(Debug)]
pub(crate) struct Described {
    /// Words and places before the options: `show`, a run, `explain`.
    pub(crate) head: Vec<Part>,
    /// The names of the values that come after.
    pub(crate) places: Vec<String>,
    pub(crate) flags: Vec<Flag>,
}

#[derive(Debug)]
pub(crate) enum Part {
    Word(String),
    Place(String),
}

#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) name: String,
    /// The name of its value, if it takes one.
    pub(crate) value: Option<String>,
    pub(crate) choices: Vec<String>,
}

fn help(words: &[&str]) -> String {
    let arguments = [words, &["--help"]].concat();
    outcome(&mut command_in(&repository(""), &arguments))
        .ok()
        .stdout
}

/// Returns the lines of a part of a help, such as `Options:`.
fn part<'a>(help: &'a str, title: &str) -> Vec<&'a str> {
    let lines = help.lines().skip_while(|line| *line != title).skip(1);
    let inside = |line: &&str| line.is_empty() || line.starts_with(' ');
    lines.take_while(inside).collect()
}

/// Returns what stands between `<` and `>` first.
fn bracketed(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('<')?;
    Some(rest.split_once('>')?.0.to_owned())
}

fn flags(help: &str) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    let mut said = String::new();
    for line in part(help, "Options:") {
        let words = line.trim_start();
        let named = words.split_whitespace().find(|word| word.starts_with("--"));
        if let Some(name) = named.filter(|_| words.starts_with('-') && !words.starts_with("- ")) {
            let (_, after) = words.split_once(name).unwrap();
            let has_value = after.trim_start_matches("...").starts_with(" <");
            flags.push(Flag {
                name: name.trim_end_matches("...").to_owned(),
                value: bracketed(after).filter(|_| has_value),
                choices: Vec::new(),
            });
            said.clear();
        }
        let Some(flag) = flags.last_mut() else {
            continue;
        };
        // Choices stand in a list of their own, or in brackets that may go over two lines.
        if let Some((choice, _)) = words
            .strip_prefix("- ")
            .and_then(|rest| rest.split_once(':'))
        {
            flag.choices.push(choice.to_owned());
        }
        said += words;
        said.push(' ');
        let listed = said.split_once("[possible values: ");
        if let Some((list, _)) = listed.and_then(|(_, rest)| rest.split_once(']')) {
            flag.choices = list.split(", ").map(str::to_owned).collect();
        }
    }
    flags
}

/// Finds all commands below some words, but that which asks the network.
pub(crate) fn described(words: &[&str], found: &mut Vec<Described>) {
    let help = help(words);
    let inner = part(&help, "Commands:").into_iter().filter_map(|line| {
        let name = line
            .strip_prefix("  ")
            .filter(|rest| !rest.starts_with(' '));
        name?.split_whitespace().next()
    });
    let inner: Vec<&str> = inner.filter(|name| *name != "help").collect();
    for name in &inner {
        if *name != ASKS_THE_NETWORK {
            described(&[words, &[name]].concat(), found);
        }
    }
    if !inner.is_empty() {
        return;
    }
    let usage = help
        .lines()
        .find_map(|line| line.strip_prefix("Usage: cnn "));
    let usage = usage.unwrap_or_else(|| panic!("no usage: {help}"));
    let head = usage
        .split_whitespace()
        .take_while(|word| *word != "[OPTIONS]");
    let head = head.map(|word| match bracketed(word) {
        Some(place) => Part::Place(place),
        None => Part::Word(word.to_owned()),
    });
    let place = |line: &str| {
        let line = line
            .strip_prefix("  ")
            .filter(|rest| !rest.starts_with(' '))?;
        Some(line.split(['<', '>', '[', ']']).nth(1)?.to_owned())
    };
    found.push(Described {
        head: head.collect(),
        places: part(&help, "Arguments:")
            .into_iter()
            .filter_map(place)
            .collect(),
        flags: flags(&help),
    });
}
