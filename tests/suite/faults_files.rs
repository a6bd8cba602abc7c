//! What lies where a file is expected and is none: folders, pipes, devices that never end, links in a circle.

#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Lab, Outcome, PATIENCE, finished, write_idx};

/// Runs a command that has to end by itself, with bounded memory.
#[track_caller]
fn ends(lab: &Lab, arguments: &str) -> Outcome {
    let mut command = Command::new("sh");
    let script = format!("ulimit -v 4000000; exec \"$0\" {arguments}");
    command
        .args(["-c", &script, env!("CARGO_BIN_EXE_cnn")])
        .current_dir(lab.path(""))
        .env("NO_COLOR", "1")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("`cnn {arguments}` waits: {:?}", finished(child));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    finished(child)
}

fn pipe(lab: &Lab, name: &str) {
    let path = lab.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let status = Command::new("mkfifo").arg(path).status();
    assert!(status.unwrap().success());
}

#[test]
fn what_is_no_file_is_refused_and_never_waited_for() {
    let lab = Lab::trained();
    for name in ["pipe.png", "pipe.csv", "pipe.npz", "pipe.tar", "pipe"] {
        pipe(&lab, name);
    }
    for (code, arguments) in [
        (2, "inspect /dev/zero"),
        (2, "train /dev/zero"),
        (2, "inspect bars"),
        (2, "bench bars"),
        (3, "train bars.toml --data /dev/zero"),
        (3, "train bars.toml --data pipe.csv"),
        (3, "train bars.toml --data pipe.npz"),
        (3, "train bars.toml --data pipe.tar"),
        (3, "data check pipe.npz"),
        (3, "data stats pipe.png"),
        (3, "data check /dev/zero"),
        (3, "predict pipe.png --model run"),
        (3, "predict /dev/zero --model run"),
        (3, "show run explain pipe.png"),
        (3, "filter pipe.png --kernel sobel_x"),
        (2, "filter bars/down/00.png --kernel ./pipe"),
        (4, "predict bars --model /dev/zero"),
        (4, "predict bars --model pipe"),
        (4, "predict bars --model bars"),
        (4, "eval bars"),
        (4, "import pipe --into bars.toml"),
        (4, "import /dev/zero --into bars.toml"),
        (4, "import bars --into bars.toml"),
        (
            2,
            "import runs/run/model.safetensors --into bars.toml --map /dev/zero",
        ),
    ] {
        let said = ends(&lab, arguments).code(code);
        assert!(said.stderr.starts_with("error: "), "{arguments}: {said:?}");
        let mut named = arguments
            .split(' ')
            .filter(|word| said.stderr.contains(*word));
        assert!(named.next().is_some(), "{arguments}: {said:?}");
    }
    // What never ends on standard input is not kept.
    let zeros = std::fs::File::open("/dev/zero").unwrap();
    let mut command = lab.command(&["predict", "-", "--model", "run"]);
    let said = crate::support::outcome(command.stdin(zeros)).code(3);
    assert!(said.stderr.contains("is not a png"), "{said:?}");
}

#[test]
fn pipes_among_the_data_are_told() {
    let lab = Lab::trained();
    pipe(&lab, "bars/down/99.png");
    let said = ends(&lab, "train bars.toml").code(3);
    let message = "failed to read picture `bars/down/99.png`: it is not a regular file";
    assert!(said.stderr.contains(message), "{said:?}");
    let skip = "train bars.toml --set data.on_bad_image=skip";
    let said = ends(&lab, skip).ok();
    assert!(said.stderr.contains("bars/down/99.png"), "{said:?}");
    pipe(&lab, "arrays/x_train.npy");
    pipe(&lab, "arrays/y_train.npy");
    write_idx(&lab.path("idx"));
    let labels = "idx/train-labels-idx1-ubyte";
    std::fs::remove_file(lab.path(labels)).unwrap();
    pipe(&lab, labels);
    for folder in ["arrays", "idx"] {
        for command in ["train bars.toml --data", "data check"] {
            let said = ends(&lab, &format!("{command} {folder}")).code(3);
            assert!(said.stderr.contains(folder), "{said:?}");
        }
    }
}

#[test]
fn links_in_a_circle_are_told_or_passed_over() {
    let lab = Lab::trained();
    // A folder that holds itself: no picture comes twice.
    symlink("..", lab.path("bars/down/up")).unwrap();
    symlink("self.png", lab.path("bars/down/self.png")).unwrap();
    let said = ends(&lab, "train bars.toml").code(3);
    assert!(said.stderr.contains("bars/down/self.png"), "{said:?}");
    std::fs::remove_file(lab.path("bars/down/self.png")).unwrap();
    let said = ends(&lab, "train bars.toml --json").ok();
    assert_eq!(said.json_lines()[0]["train_samples"], 27, "{said:?}");
    let said = ends(&lab, "predict bars --json --model run").ok();
    assert_eq!(said.json_lines().len(), 36);
    symlink("round.toml", lab.path("round.toml")).unwrap();
    let said = ends(&lab, "inspect round.toml").code(2);
    assert!(said.stderr.contains("round.toml"), "{said:?}");
    symlink("round", lab.path("round")).unwrap();
    ends(&lab, "train bars.toml --data round").code(5);
    ends(&lab, "eval round").code(4);
}

#[test]
fn a_place_for_runs_that_is_none_is_told() {
    let lab = Lab::with_bars();
    symlink("nowhere", lab.path("runs")).unwrap();
    let said = ends(&lab, "train bars.toml").code(5);
    assert!(said.stderr.contains("failed to create `runs`"), "{said:?}");
    assert!(said.stderr.contains("help: "), "{said:?}");
    let said = ends(&lab, "runs list").ok();
    assert!(said.stdout.contains("no runs"), "{said:?}");
    // A link to a folder is a place like any other.
    std::fs::create_dir(lab.path("nowhere")).unwrap();
    ends(&lab, "train bars.toml --quiet").ok();
    assert_eq!(lab.names("nowhere"), ["bars-1"]);
}

#[test]
fn what_lies_in_a_run_folder_and_is_no_file_is_told() {
    let lab = Lab::trained();
    let damages: [(&str, i32, &str); 4] = [
        ("run.json", 4, "train --resume run"),
        ("config.toml", 2, "train --resume run"),
        ("model.safetensors", 4, "eval run"),
        ("checkpoints", 5, "train --resume run"),
    ];
    for (number, (file, code, arguments)) in damages.into_iter().enumerate() {
        let run = format!("run{number}");
        crate::resume::copy_folder(&lab.path("runs/run"), &lab.path("runs").join(&run));
        let path = lab.path(format!("runs/{run}/{file}"));
        if path.is_dir() {
            std::fs::remove_dir_all(&path).unwrap();
            std::fs::write(&path, "").unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
            std::fs::create_dir(&path).unwrap();
        }
        let said = ends(&lab, &arguments.replace("run", &run)).code(code);
        assert!(said.stderr.contains(&run), "{said:?}");
    }
}
