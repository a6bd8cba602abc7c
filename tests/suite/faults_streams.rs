//! Every command that writes, where nothing can be written any more.

use std::process::Stdio;

use crate::support::{Lab, Outcome, finished};

/// A lab with a trained run, and a picture.
fn trained() -> Lab {
    let lab = Lab::trained();
    lab.write("a.png", crate::support::bar_png(1, 2));
    lab
}

/// Runs a command line with standard output on a disk that is full.
fn onto_full_disk(lab: &Lab, arguments: &str) -> Outcome {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let mut command = lab.command(&arguments);
    command.stdout(full.unwrap()).stderr(Stdio::piped());
    finished(command.spawn().unwrap())
}

#[test]
fn what_cannot_be_said_is_told() {
    let lab = trained();
    for arguments in [
        "--help",
        "--version",
        "train --help",
        "inspect bars.toml --json",
        "inspect bars.toml --resolved",
        "train bars.toml --json --run two",
        "eval run",
        "predict a.png --model run",
        "predict a.png bars --csv --model run",
        "predict a.png --json --model run",
        "show run filters",
        "runs list",
        "runs show run --json",
        "runs compare run two",
        "data list",
        "data check bars",
        "data stats bars --json",
        "schema",
        "new --list",
        "filter --list",
        "bench bars.toml --seconds 0.1",
        "export run --format safetensors",
        "import run.safetensors --into bars.toml",
        "crossval bars.toml --folds 2 --epochs 1",
        "sweep bars.toml --set train.seed=1,2 --epochs 1",
    ] {
        let said = onto_full_disk(&lab, arguments).code(5);
        let message = "error: failed to write `standard output`: No space left on device";
        assert!(said.stderr.contains(message), "{arguments}: {said:?}");
    }
    // What a training has done by then is kept.
    let last = lab.names("runs/two/checkpoints").pop().unwrap();
    assert!(last.starts_with("step-"), "{last}");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let lab = trained();
    for arguments in [
        "inspect bars.toml --svg /dev/full",
        "filter a.png --kernel sobel_x --quiet --out no/such/folder.png",
        "data show bars --out no/such/folder.png",
        "runs compare run run --svg no/such/folder.svg",
        "export run --format onnx --out no/such/folder.onnx",
        "show run filters --out a.png",
        "inspect bars.toml --svg bars",
    ] {
        let command: Vec<&str> = arguments.split(' ').collect();
        let said = lab.cnn(&command).code(5);
        let file = command.last().unwrap();
        let names_it = said.stderr.starts_with("error: failed to ") && said.stderr.contains(file);
        assert!(names_it, "{arguments}: {said:?}");
    }
    assert_eq!(lab.names(""), ["a.png", "bars", "bars.toml", "runs"]);
}

#[test]
fn a_reader_that_leaves_ends_every_command_quietly() {
    let lab = trained();
    for arguments in [
        "runs list",
        "runs show run",
        "data list",
        "data check bars",
        "data stats bars",
        "schema",
        "new --list",
        "filter --list",
        "inspect bars.toml --resolved",
        "predict bars --csv --model run",
        "crossval bars.toml --folds 2 --epochs 1 --quiet",
        "train --help",
    ] {
        let command: Vec<&str> = arguments.split(' ').collect();
        let mut child = lab.start(&command);
        drop(child.stdout.take());
        let said = finished(child).code(0);
        assert_eq!(said.stderr, "", "{arguments}");
    }
}
