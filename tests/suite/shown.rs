//! What is seen of a training: bars, curves, the page, TensorBoard's event files.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Lab, finished, has_program, names, outcome, repository};

/// Reads a run's figures with TensorBoard's own reader: for each tag, steps and values.
const READER: &str = r"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
tags = events.Tags()['scalars']
print(json.dumps({tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in tags}))
";

fn python() -> String {
    std::env::var("CNN_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Returns the columns of `metrics.csv` by name.
fn column(lab: &Lab, run: &str, name: &str) -> Vec<f64> {
    let text = lab.text(format!("runs/{run}/metrics.csv"));
    let mut lines = text.lines();
    let place = lines
        .next()
        .unwrap()
        .split(',')
        .position(|cell| cell == name);
    let cell = |line: &str| {
        line.split(',')
            .nth(place.unwrap())
            .unwrap()
            .parse()
            .unwrap()
    };
    lines.map(cell).collect()
}

/// Undoes the frames of a record file, checking every checksum with a table of its own.
fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
    let masked = |bytes: &[u8]| {
        let mut crc = !0_u32;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                let bit = crc & 1;
                crc = (crc >> 1) ^ (0x82f6_3b78 * bit);
            }
        }
        let crc = !crc;
        crc.rotate_right(15).wrapping_add(0xa282_ead8)
    };
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let mut rest = bytes;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(u64::from_le_bytes(rest[..8].try_into().unwrap())).unwrap();
        assert_eq!(
            number(&rest[8..12]),
            masked(&rest[..8]),
            "checksum of a length"
        );
        let data = &rest[12..12 + length];
        assert_eq!(
            number(&rest[12 + length..16 + length]),
            masked(data),
            "checksum of data"
        );
        records.push(data.to_vec());
        rest = &rest[16 + length..];
    }
    records
}

fn event_files(lab: &Lab, run: &str) -> Vec<Vec<u8>> {
    let folder = lab.path(format!("runs/{run}/tensorboard"));
    let read = |name: &String| fs::read(folder.join(name)).unwrap();
    names(&folder).iter().map(read).collect()
}

fn has(record: &[u8], text: &str) -> bool {
    record
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn event_files_have_sound_frames_and_every_figure() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--tensorboard", "--quiet"])
        .ok();
    let name = &lab.names("runs/bars-1/tensorboard")[0];
    assert!(name.starts_with("events.out.tfevents."), "{name}");
    let files = event_files(&lab, "bars-1");
    assert_eq!(files.len(), 1);
    let records = records(&files[0]);
    assert!(has(&records[0], "brain.Event:2"));
    for tag in [
        "loss/train",
        "loss/validation",
        "accuracy/train",
        "accuracy/validation",
        "learning_rate",
        "images_per_second",
    ] {
        let count = records.iter().filter(|record| has(record, tag)).count();
        assert_eq!(count, 3, "{tag} once an epoch");
    }
    let golden = fs::read(repository("tests/golden/tensorboard/events.bin")).unwrap();
    assert_eq!(
        self::records(&golden).len(),
        9,
        "the decoder reads TensorBoard's own frames"
    );
}

#[test]
fn a_run_without_the_option_has_no_event_files() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--epochs", "1", "--quiet"])
        .ok();
    assert!(!lab.path("runs/bars-1/tensorboard").exists());
}

#[test]
fn tensorboard_reads_the_figures_once_each_after_resuming() {
    let mut probe = Command::new(python());
    probe
        .args(["-c", "import tensorboard"])
        .stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: no python with tensorboard (name one by CNN_PYTHON)");
        return;
    }
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    // The first three epochs were trained without event files, and are written now.
    let resume = |epochs: &str| {
        let arguments = [
            "train",
            "--resume",
            "bars-1",
            "--epochs",
            epochs,
            "--tensorboard",
            "--quiet",
        ];
        lab.cnn(&arguments).ok();
    };
    resume("5");
    // The newest checkpoints are lost: the last two epochs are trained again.
    let checkpoints = lab.path("runs/bars-1/checkpoints");
    let mut steps = names(&checkpoints);
    steps.retain(|name| name.starts_with("step-"));
    for name in steps.iter().rev().take(2) {
        fs::remove_dir_all(checkpoints.join(name)).unwrap();
    }
    resume("7");
    assert_eq!(lab.names("runs/bars-1/tensorboard").len(), 2);
    let folder = lab.path("runs/bars-1/tensorboard");
    let output = Command::new(python())
        .args(["-c", READER])
        .arg(folder)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let scalars: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = column(&lab, "bars-1", "step");
    assert_eq!(steps.len(), 7);
    for (tag, name) in [
        ("loss/train", "train_loss"),
        ("loss/validation", "validation_loss"),
        ("accuracy/train", "train_accuracy"),
        ("accuracy/validation", "validation_accuracy"),
        ("learning_rate", "learning_rate"),
        ("images_per_second", "images_per_second"),
    ] {
        let points: Vec<[f64; 2]> = serde_json::from_value(scalars[tag].clone()).unwrap();
        let figures = column(&lab, "bars-1", name);
        assert_eq!(points.len(), 7, "{tag}: {points:?}");
        for ((point, step), figure) in points.iter().zip(&steps).zip(figures) {
            assert_eq!(point[0], *step, "{tag}");
            assert_eq!(point[1] as f32, figure as f32, "{tag}");
        }
    }
}

#[test]
fn curves_are_drawn_at_the_end_where_there_is_no_terminal() {
    let lab = Lab::with_bars();
    let said = lab.cnn(&["train", "bars.toml", "--plot"]).ok();
    let place = |text: &str| {
        said.stderr
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {said:?}"))
    };
    assert!(place("epoch   3/3") < place("┤"), "after the last epoch");
    assert_eq!(
        said.stderr.matches("└").count(),
        2,
        "loss and accuracy, once each"
    );
    assert!(place("loss\n") < place("accuracy in %\n"));
    assert!(
        !said.stdout.contains('┤') && !said.stderr.contains('\u{1b}'),
        "{said:?}"
    );
    let lab = Lab::with_bars();
    let said = lab.cnn(&["train", "bars.toml", "--plot", "--quiet"]).ok();
    assert_eq!(said.stderr, "");
    let said = lab.cnn(&["train", "bars.toml"]).ok();
    assert!(!said.stderr.contains('┤'));
}

#[test]
fn curves_are_on_disk_while_training_goes_on() {
    let lab = Lab::with_bars();
    let arguments = ["train", "bars.toml", "--epochs", "100000", "--quiet"];
    let mut child = lab.start(&arguments);
    crate::support::wait_until("curves", || {
        assert!(child.try_wait().unwrap().is_none(), "ended");
        lab.path("runs/bars-1/curves.svg").is_file()
    });
    child.kill().unwrap();
    finished(child);
    assert!(
        lab.text("runs/bars-1/curves.svg")
            .trim_end()
            .ends_with("</svg>")
    );
    assert!(!lab.path("runs/bars-1/report.html").exists());
}

/// Runs a command with a terminal for its streams; nothing where there is no `script`.
fn on_a_terminal(lab: &Lab, arguments: &str) -> Option<String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_cnn"));
    let mut command = lab.command::<&str>(&[]);
    let mut script = Command::new("script");
    script
        .args([
            "-qec",
            &format!("stty cols 90 rows 60; {} {arguments}", binary.display()),
        ])
        .arg("/dev/null")
        .current_dir(command.get_current_dir().unwrap())
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    command.env_clear();
    script.stderr(Stdio::null());
    if !has_program("script") {
        return None;
    }
    Some(outcome(&mut script).ok().stdout)
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_shows_a_bar_for_the_run_and_one_for_the_epoch() {
    let lab = Lab::with_bars();
    let Some(said) = on_a_terminal(&lab, "train bars.toml --epochs 30 --plot") else {
        return;
    };
    let bar = |name: &str, word: &str| {
        said.split(['\n', '\r']).any(|line| {
            line.contains(name) && line.contains('█') && line.contains(word) && line.contains("ETA")
        })
    };
    assert!(bar("  run ", "epoch "), "{said}");
    assert!(bar("epoch ", "images/s"), "{said}");
    assert!(
        said.matches("accuracy in %").count() > 1,
        "curves anew each epoch"
    );
    assert!(said.contains("\u{1b}[34m"), "in colours");
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_shows_pictures_bars_and_shades() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--epochs", "2", "--quiet"])
        .ok();
    lab.write("dark.png", crate::support::png(8, 8, &[0; 64]));
    // Off a terminal there are letters in place of colours, and bars.
    let said = lab
        .cnn(&["predict", "dark.png", "--show", "--top-k", "2"])
        .ok();
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert_eq!(lines[0], "dark.png");
    assert_eq!(lines.len(), 1 + 4 + 2, "{said:?}");
    assert!(
        lines[5].contains('█') && lines[5].contains(" %"),
        "{said:?}"
    );
    assert!(!said.stdout.contains('\u{1b}'), "{said:?}");
    let plain = lab.cnn(&["eval"]).ok().stdout;
    assert!(!plain.contains(['░', '▒', '▓', '█']), "{plain}");
    let Some(said) = on_a_terminal(&lab, "predict dark.png --show") else {
        return;
    };
    assert!(
        said.contains("\u{1b}[38;2;") && said.contains('▀'),
        "{said}"
    );
    let said = on_a_terminal(&lab, "eval").unwrap_or_default();
    assert!(said.contains(['░', '▒', '▓', '█']), "{said}");
}
