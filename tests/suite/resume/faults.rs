//! Going on after damage: checkpoints, disks, processes and folders that fail.

use std::fs;
use std::process::Command;

use super::{assert_same, checkpoints, copy_folder, endless, lab, resume, rows, start};
use crate::support::{Lab, finished, outcome, wait_until};

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_used() {
    let lab = lab(3);
    lab.train("straight", &[]);
    let newest = checkpoints(&lab, "straight").pop().unwrap();
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let empty = |bytes: &mut Vec<u8>| bytes.clear();
    let damages: [(&str, &dyn Fn(&mut Vec<u8>)); 6] = [
        ("model.safetensors", &flip),
        ("model.safetensors", &cut),
        ("optimizer.safetensors", &flip),
        ("optimizer.safetensors", &empty),
        ("state.json", &flip),
        ("state.json", &cut),
    ];
    for (number, (file, damage)) in damages.into_iter().enumerate() {
        let run = format!("run-{number}");
        copy_folder(&lab.path("runs/straight"), &lab.path("runs").join(&run));
        let path = format!("runs/{run}/checkpoints/{newest}");
        let mut bytes = lab.read(format!("{path}/{file}"));
        damage(&mut bytes);
        lab.write(format!("{path}/{file}"), bytes);
        let outcome = lab.cnn(&["train", "--resume", &run]).ok();
        let said = format!("warning: checkpoint `{path}` is damaged: ");
        assert!(outcome.stderr.contains(&said), "{file}: {outcome:?}");
        assert!(
            outcome.stderr.contains("the one before is used"),
            "{outcome:?}"
        );
        assert!(
            outcome.stderr.contains("going on after epoch 2"),
            "{outcome:?}"
        );
        assert_same(&lab, &run, "straight");
        let again = lab.cnn(&["train", "--resume", &run]).ok();
        assert!(
            !again.stderr.contains("damaged"),
            "{file}: written anew: {again:?}"
        );
    }
}

#[test]
fn a_run_in_use_is_busy_and_a_killed_one_is_not() {
    let lab = endless();
    let mut child = start(
        &lab,
        &["train", "bars.toml", "--run", "run", "--quiet"],
        "run",
    );
    let outcome = lab.cnn(&["train", "--resume", "run"]).code(7);
    assert!(
        outcome
            .stderr
            .contains("run `runs/run` is in use by another process"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("help: "), "{outcome:?}");
    assert!(child.try_wait().unwrap().is_none(), "the first goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut done = rows(&lab, "run").len() - 1;
    // The row is written before the checkpoint.
    done -= usize::from(checkpoints(&lab, "run").last() != Some(&format!("step-{:08}", done * 9)));
    lab.cnn(&[
        "train",
        "--resume",
        "run",
        "--epochs",
        &(done + 1).to_string(),
        "--quiet",
    ])
    .ok();
    assert_eq!(rows(&lab, "run").len(), 1 + done + 1);
}

#[test]
fn what_a_killed_run_left_unfinished_is_removed() {
    let lab = lab(1);
    lab.train("run", &[]);
    lab.write("runs/run/.unfinished-run.json", "{");
    lab.write("runs/run/.unfinished-model.safetensors", "");
    lab.write(
        "runs/run/checkpoints/.unfinished-step-00000099/state.json",
        "{",
    );
    resume(&lab, "run");
    for folder in ["runs/run", "runs/run/checkpoints"] {
        let names = lab.names(folder);
        let unfinished = names.iter().any(|name| name.starts_with(".unfinished"));
        assert!(!unfinished, "{names:?}");
    }
}

#[test]
fn a_run_folder_deleted_in_mid_run_is_told() {
    let lab = endless();
    let child = start(
        &lab,
        &["train", "bars.toml", "--run", "run", "--quiet"],
        "run",
    );
    // The process may write a file while the folder is being emptied.
    wait_until("deletion", || fs::remove_dir_all(lab.path("runs")).is_ok());
    let outcome = finished(child).code(5);
    assert!(outcome.stderr.contains("runs/run"), "{outcome:?}");
    assert!(!lab.path("runs").exists(), "it is not made again");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_the_last_checkpoint() {
    let lab = lab(2);
    lab.train("run", &[]);
    copy_folder(&lab.path("runs/run"), &lab.path("runs/copy"));
    // No file may grow beyond 1 or 2 blocks of 512 or 1024 bytes.
    let limited = "trap '' XFSZ; ulimit -f 2; exec \"$0\" train --resume run --epochs 4 --quiet";
    let mut command = Command::new("sh");
    command
        .args(["-c", limited, env!("CARGO_BIN_EXE_cnn")])
        .current_dir(lab.path(""));
    let outcome = outcome(&mut command).code(5);
    assert!(
        outcome.stderr.contains("failed to write `runs/run/"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("File too large"), "{outcome:?}");
    assert!(lab.read("runs/run/model.safetensors") == lab.read("runs/copy/model.safetensors"));
    assert_eq!(checkpoints(&lab, "run"), checkpoints(&lab, "copy"));
    for run in ["run", "copy"] {
        lab.cnn(&["train", "--resume", run, "--epochs", "4", "--quiet"])
            .ok();
    }
    assert_same(&lab, "run", "copy");
}

#[test]
fn a_run_killed_before_its_first_checkpoint_begins_anew() {
    let lab = lab(2);
    lab.train("straight", &[]);
    copy_folder(&lab.path("runs/straight"), &lab.path("runs/run"));
    for checkpoint in checkpoints(&lab, "run") {
        fs::remove_dir_all(lab.path("runs/run/checkpoints").join(checkpoint)).unwrap();
    }
    fs::remove_file(lab.path("runs/run/model.safetensors")).unwrap();
    resume(&lab, "run");
    assert_same(&lab, "run", "straight");
}

#[test]
fn a_start_that_fails_leaves_no_run() {
    let lab = lab(1);
    lab.write("weights.bin", [0x80, 2, 0, 0]);
    for from in ["nowhere", "weights.bin"] {
        let from = format!("train.from=\"{from}\"");
        let arguments = ["train", "bars.toml", "--run", "run", "--set", &from];
        lab.cnn(&arguments).code(4);
        assert!(!lab.path("runs/run").exists(), "{from}");
    }
    lab.train("run", &[]);
}

#[test]
fn a_line_of_figures_that_was_cut_short_is_left_out() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--epochs", "2", "--quiet"])
        .ok();
    let figures = lab.path("runs/bars-1/metrics.csv");
    let whole = fs::read_to_string(&figures).unwrap();
    fs::write(&figures, format!("{whole}3,12,0.25")).unwrap();
    lab.cnn(&["runs", "show", "bars-1", "--json"]).ok();
    let again = ["train", "--resume", "bars-1", "--epochs", "3"];
    let said = lab.cnn(&again).ok();
    assert!(!said.stderr.contains("are lost"), "{said:?}");
    let text = fs::read_to_string(&figures).unwrap();
    assert!(text.starts_with(&whole), "{text}");
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn lost_best_weights_and_lost_figures_are_told() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--epochs", "2", "--quiet"])
        .ok();
    fs::remove_file(lab.path("runs/bars-1/model.safetensors")).unwrap();
    fs::remove_file(lab.path("runs/bars-1/metrics.csv")).unwrap();
    // Nothing is left to but a run that is over has weights.
    let said = lab.cnn(&["train", "--resume", "bars-1"]).ok();
    assert!(
        said.stderr.contains("the weights of the best epoch"),
        "{said:?}"
    );
    assert!(
        said.stderr.contains("`metrics.csv` has 0 of the 2 epochs"),
        "{said:?}"
    );
    assert!(lab.path("runs/bars-1/model.safetensors").is_file());
    lab.cnn(&["eval", "bars-1", "--json"]).ok();
    lab.write("runs/bars-1/model.safetensors", "garbage");
    lab.cnn(&["train", "bars.toml", "--resume", "bars-1", "--epochs", "3"])
        .ok();
    lab.cnn(&["eval", "bars-1", "--json"]).ok();
    // A best epoch of old whose weights are damaged.
    lab.write("runs/bars-1/model.safetensors", "garbage");
    let again = ["train", "bars.toml", "--resume", "bars-1", "--epochs", "4"];
    let said = lab.cnn(&again).ok();
    assert!(
        said.stderr.contains("is not a safetensors file"),
        "{said:?}"
    );
    lab.cnn(&["eval", "bars-1", "--json"]).ok();
}
