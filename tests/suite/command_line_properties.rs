//! Random command lines: whatever flags come with whatever values and files, `cnn` ends with a code that the
//! contract names, says why, writes JSON where JSON was asked for, and leaves the data as it was.
//!
//! Commands and flags are those that `--help` names, so that new ones join by themselves. `CNN_COMMAND_LINES` asks
//! for another number of lines than those of the suite, `CNN_SEED` for others.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config as ProptestConfig, RngSeed, TestRunner};

use crate::described::{Described, FURTHER_UP, HOSTILE, LIKELY, Part, READ, ROOT, UP, described};
use crate::resume::copy_folder;
use crate::support::{BARS, CLASSES, Lab, bar_png, names, repository, signal};

/// Command lines of the suite.
const LINES: u32 = 48;

/// The folder that a command runs in, so deep that what leads out of it does not lead out of the temporary one.
const FOLDER: &str = "one/two/three";

/// KiB of address space that a process may take: threads without number and sizes without bound meet it.
const MEMORY_KIB: u32 = 12_000_000;

/// After this long a process is asked to stop: a service and a long training have no end of their own.
const PATIENCE: Duration = Duration::from_secs(2);

/// After this long it is stuck. A step that has begun is ended first, which takes its time on a busy machine.
const STUCK: Duration = Duration::from_secs(600);

/// Codes that the contract names.
const CODES: [i32; 9] = [0, 2, 3, 4, 5, 6, 7, 130, 143];

/// One command line to be: numbers that choose among what the command takes.
#[derive(Clone, Debug)]
struct Chosen {
    command: Index,
    flags: Vec<(Index, Value)>,
    places: Vec<Value>,
    /// A file to damage, where in it, and how.
    damage: Option<(Index, Index, u8)>,
}

#[derive(Clone, Debug)]
struct Value {
    /// Below 6: one that is likely; else any.
    kind: u8,
    which: Index,
}

fn value() -> impl Strategy<Value = Value> {
    (0..10_u8, any::<Index>()).prop_map(|(kind, which)| Value { kind, which })
}

fn chosen() -> impl Strategy<Value = Chosen> {
    let flag = (any::<Index>(), value());
    let damage = (any::<Index>(), any::<Index>(), any::<u8>());
    (
        any::<Index>(),
        prop::collection::vec(flag, 0..5),
        prop::collection::vec(value(), 1..4),
        prop::option::weighted(0.4, damage),
    )
        .prop_map(|(command, flags, places, damage)| Chosen {
            command,
            flags,
            places,
            damage,
        })
}

impl Value {
    fn text(&self, name: &str, choices: &[String]) -> String {
        if self.kind < 6 && !choices.is_empty() {
            return self.which.get(choices).clone();
        }
        let words: Vec<&str> = name.split('|').collect();
        let likely = LIKELY.iter().find(|(word, _)| words.contains(word));
        let all = likely.filter(|_| self.kind < 6).map(|(_, values)| *values);
        let any: Vec<&str> = LIKELY
            .iter()
            .flat_map(|(_, values)| *values)
            .chain(HOSTILE)
            .copied()
            .filter(|value| *value != ROOT || words.iter().any(|word| READ.contains(word)))
            .collect();
        (*self.which.get(all.unwrap_or(&any))).to_owned()
    }
}

impl Chosen {
    fn arguments(&self, commands: &[Described]) -> Vec<String> {
        let command = self.command.get(commands);
        let mut values = self.places.iter().cycle();
        let mut next = |name: &str| {
            values
                .next()
                .map(|value| value.text(name, &[]))
                .unwrap_or_default()
        };
        let mut arguments: Vec<String> = Vec::new();
        for part in &command.head {
            arguments.push(match part {
                Part::Word(word) => word.clone(),
                Part::Place(name) => next(name),
            });
        }
        for name in &command.places {
            arguments.push(next(name));
        }
        for (flag, value) in &self.flags {
            let flag = flag.get(&command.flags);
            arguments.push(flag.name.clone());
            if let Some(name) = &flag.value {
                arguments.push(value.text(name, &flag.choices));
            }
        }
        arguments
    }
}

/// A folder with a config, data in several formats, a trained run, weights of others, and what is none of these.
fn template() -> Lab {
    let lab = Lab::new();
    for (class, name) in CLASSES.iter().enumerate() {
        for number in 0..4 {
            lab.write(format!("bars/{name}/{number}.png"), bar_png(class, number));
        }
    }
    lab.write("net.toml", BARS);
    let rows = CLASSES
        .iter()
        .flat_map(|name| (0..4).map(move |n| format!("bars/{name}/{n}.png,{name}\n")));
    lab.write(
        "bars.csv",
        format!("path,label\n{}", rows.collect::<String>()),
    );
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all("bars", lab.path("bars")).unwrap();
    lab.write("bars.tar", tar.into_inner().unwrap());
    lab.cnn(&[
        "train", "net.toml", "--run", "one", "--epochs", "2", "--quiet",
    ])
    .ok();
    lab.write("one.safetensors", lab.read("runs/one/model.safetensors"));
    lab.cnn(&["export", "one", "--format", "onnx", "--out", "one.onnx"])
        .ok();
    fs::copy(
        repository("tests/golden/import/bars.pth"),
        lab.path("bars.pth"),
    )
    .unwrap();
    lab.write("a.png", bar_png(1, 5));
    lab.write("cut.png", &bar_png(1, 5)[..40]);
    lab.write(
        "bad.toml",
        "[model]\ninput = [1, 8]\nlayers = [{ type = \"conv\" }]\n",
    );
    lab.write("empty", "");
    lab.write("garbage", (0..=255).collect::<Vec<u8>>());
    lab
}

/// Returns all files below a folder with their bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in names(folder) {
        let path = folder.join(name);
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// What a process said, and whether it had to be asked to end.
#[derive(Debug)]
struct Said {
    status: ExitStatus,
    was_stopped: bool,
    stdout: Vec<u8>,
    stderr: String,
}

/// Runs a command line in a folder within bounds of time and memory.
fn run(folder: &Path, arguments: &[String]) -> Result<Said, String> {
    let limited = format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"");
    let streams = [folder.join(".stdout"), folder.join(".stderr")];
    let [stdout, stderr] = [0, 1].map(|stream| fs::File::create(&streams[stream]).unwrap());
    let mut child = Command::new("sh")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_cnn")])
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let mut was_stopped = false;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if !was_stopped && begin.elapsed() > PATIENCE {
            signal(&child, "TERM");
            was_stopped = true;
        }
        if begin.elapsed() > STUCK {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err("it neither ends nor stops when asked to".to_owned());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let [stdout, stderr] = streams.map(|path| {
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        bytes
    });
    Ok(Said {
        status,
        was_stopped,
        stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

/// Holds one command line to the contract; returns whether it did what was asked.
fn check(template: &Lab, commands: &[Described], chosen: &Chosen) -> Result<bool, String> {
    let fence = Lab::new();
    let folder = fence.path(FOLDER);
    copy_folder(&template.path(""), &folder);
    for above in folder.ancestors().skip(1).take(3) {
        fs::write(above.join("kept"), "not to be touched").unwrap();
    }
    if let Some((file, place, how)) = &chosen.damage {
        let all: Vec<(PathBuf, Vec<u8>)> = contents(&folder)
            .into_iter()
            .filter(|(_, bytes)| !bytes.is_empty())
            .collect();
        let (path, bytes) = file.get(&all);
        let mut bytes = bytes.clone();
        let at = place.index(bytes.len());
        match how % 3 {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << (how % 8),
            _ => bytes.splice(at..at, [*how; 9]).for_each(drop),
        }
        fs::write(path, bytes).unwrap();
    }
    let data = contents(&folder.join("bars"));
    let outside = || {
        let mut all = contents(&fence.path(""));
        all.retain(|path, _| !path.starts_with(&folder));
        all
    };
    let around = outside();
    let arguments = chosen.arguments(commands);
    let said = run(&folder, &arguments)?;
    let code = said.status.code();
    // A command that leaves nothing half done lets the system end it.
    let is_ended = said.was_stopped && said.status.signal() == Some(15);
    if !is_ended && !code.is_some_and(|code| CODES.contains(&code)) {
        return Err(format!(
            "{} is no code of the contract: {}",
            said.status, said.stderr
        ));
    }
    if said.stderr.contains("panicked") {
        return Err(said.stderr);
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let text = String::from_utf8_lossy(&said.stdout);
    // Where each picture has a line of its own, its line says why; and what `data check` finds is its answer.
    let is_told = !said.stderr.trim().is_empty()
        || (has("--json") && text.contains("\"error\":"))
        || (has("check") && text.contains("unreadable"));
    if matches!(code, Some(2..=7)) && !is_told {
        return Err(format!("it ends with {} and does not say why", said.status));
    }
    if has("--json") && !has("--help") {
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line)
                .map_err(|error| format!("{error}: {line}"))?;
        }
    }
    let keeps = |before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>| {
        let mut files = before.iter();
        files.all(|(path, bytes)| after.get(path) == Some(bytes))
    };
    if !keeps(&data, &contents(&folder.join("bars"))) {
        return Err("a file of the data has changed".to_owned());
    }
    // Files of its own come where a command is told to write.
    let is_led_out = has(UP) || has(FURTHER_UP);
    let after = outside();
    if !keeps(&around, &after) || (!is_led_out && after.len() > around.len()) {
        return Err(format!("outside are now {:?}", after.keys()));
    }
    let left = contents(&fence.path(""))
        .into_keys()
        .find(|path| path.to_string_lossy().contains("/.unfinished"));
    match left.filter(|_| !is_ended) {
        Some(path) => Err(format!("`{}` is left", path.display())),
        None => Ok(code == Some(0)),
    }
}

#[test]
fn any_command_line_ends_as_the_contract_says() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let template = template();
    let mut commands = Vec::new();
    described(&[], &mut commands);
    let with = |flag: &str| {
        commands
            .iter()
            .any(|command| command.flags.iter().any(|known| known.name == flag))
    };
    assert!(
        commands.len() > 20 && with("--json") && with("--max-body"),
        "{commands:#?}"
    );
    let mut runner = TestRunner::new(ProptestConfig {
        cases: number("CNN_COMMAND_LINES").map_or(LINES, |lines| lines as u32),
        rng_seed: RngSeed::Fixed(number("CNN_SEED").unwrap_or(8)),
        failure_persistence: None,
        max_shrink_iters: 100,
        ..ProptestConfig::default()
    });
    let (done, refused) = (Cell::new(0), Cell::new(0));
    let outcome = runner.run(&chosen(), |chosen| {
        let arguments = chosen.arguments(&commands);
        match check(&template, &commands, &chosen) {
            Ok(true) => done.set(done.get() + 1),
            Ok(false) => refused.set(refused.get() + 1),
            Err(fault) => {
                let message = format!("cnn {arguments:?}: {fault}");
                return Err(TestCaseError::fail(message));
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let (done, refused) = (done.get(), refused.get());
    assert!(
        done * 20 > refused && refused * 20 > done,
        "{done} done, {refused} refused"
    );
}
