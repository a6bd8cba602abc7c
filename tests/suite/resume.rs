//! Going on where a run was: the same bytes as if it had never stopped.

mod changes;
mod faults;

use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use crate::support::{BARS, Lab, bar_png, finished, names, signal, wait_until};

/// All that carries state from step to step: dropout, running statistics, augmentation, moments,
/// a schedule.
fn config(epochs: usize) -> String {
    BARS.replace(
        "  { type = \"flatten\" },\n",
        "  { type = \"batch_norm\" },\n  { type = \"flatten\" },\n  { type = \"dropout\", rate = 0.3 },\n",
    )
    .replace("batch_size = 9", "batch_size = 3\nschedule = \"cosine\"")
    .replace("epochs = 3", &format!("epochs = {epochs}"))
        + "\n[augment]\nshift = 1\nrotate = 10\n"
}

fn lab(epochs: usize) -> Lab {
    let lab = Lab::with_bars();
    lab.write("bars.toml", config(epochs));
    lab
}

/// A config that goes on until it is ended, by a schedule that does not ask how long.
fn endless() -> Lab {
    let lab = Lab::with_bars();
    let exponential = "schedule = { type = \"exponential\", gamma = 0.99 }";
    let config = config(100_000).replace("schedule = \"cosine\"", exponential);
    assert!(config.contains(exponential));
    lab.write("bars.toml", config);
    lab
}

/// Trains an endless run for an epoch more, and asserts that it is as if it had never stopped.
#[track_caller]
fn assert_ends_as_the_straight_run(lab: &Lab) {
    // Epochs so far, and the head of the table.
    let epochs = rows(lab, "run").len().to_string();
    lab.cnn(&["train", "--resume", "run", "--epochs", &epochs, "--quiet"])
        .ok();
    lab.train("straight", &["--epochs", &epochs]);
    assert_same(lab, "run", "straight");
}

fn resume(lab: &Lab, run: &str) {
    lab.cnn(&["train", "--resume", run, "--quiet"]).ok();
}

/// Returns the rows of a run without what the clock decides.
fn rows(lab: &Lab, run: &str) -> Vec<String> {
    let text = lab.text(Path::new("runs").join(run).join("metrics.csv"));
    let row = |line: &str| line.split(',').take(7).collect::<Vec<_>>().join(",");
    text.lines().map(row).collect()
}

/// Asserts that two runs are the same to the last bit: best weights, figures, and the newest
/// checkpoint with its optimizer.
#[track_caller]
fn assert_same(lab: &Lab, run: &str, straight: &str) {
    assert_eq!(rows(lab, run), rows(lab, straight), "{run}");
    let folder = |run: &str| Path::new("runs").join(run);
    let same = |file: &Path| {
        let (one, other) = (
            lab.read(folder(run).join(file)),
            lab.read(folder(straight).join(file)),
        );
        assert!(
            one == other,
            "{} of {run} is another than of {straight}",
            file.display()
        );
    };
    same(Path::new("model.safetensors"));
    same(Path::new("config.toml"));
    let checkpoints = checkpoints(lab, straight);
    let newest = checkpoints.last().unwrap();
    same(
        &Path::new("checkpoints")
            .join(newest)
            .join("model.safetensors"),
    );
    same(
        &Path::new("checkpoints")
            .join(newest)
            .join("optimizer.safetensors"),
    );
    let average = Path::new("checkpoints")
        .join(newest)
        .join("average.safetensors");
    let has_average = |run: &str| lab.path(folder(run).join(&average)).exists();
    assert_eq!(has_average(run), has_average(straight));
    if has_average(straight) {
        same(&average);
    }
}

fn checkpoints(lab: &Lab, run: &str) -> Vec<String> {
    let mut names = lab.names(format!("runs/{run}/checkpoints"));
    names.retain(|name| name.starts_with("step-"));
    names
}

/// Copies all that is in a folder.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Starts a run and waits until it has written a checkpoint.
fn start(lab: &Lab, arguments: &[&str], run: &str) -> Child {
    let folder = lab.path(format!("runs/{run}/checkpoints"));
    let whole = || {
        let mut names = if folder.is_dir() {
            names(&folder)
        } else {
            Vec::new()
        };
        names.retain(|name| name.starts_with("step-"));
        names
    };
    let before = whole();
    let mut child = lab.start(arguments);
    wait_until("checkpoint", || {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "ended before a checkpoint: {ended:?}");
        whole() != before
    });
    child
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let lab = lab(2);
    for (run, threads) in [("a", "1"), ("b", "1"), ("c", "2"), ("d", "4")] {
        let arguments = [
            "train",
            "bars.toml",
            "--run",
            run,
            "--threads",
            threads,
            "--quiet",
            "--deterministic",
        ];
        lab.cnn(&arguments).ok();
    }
    for run in ["b", "c", "d"] {
        assert_same(&lab, run, "a");
    }
}

#[test]
fn resuming_after_any_epoch_equals_the_straight_run() {
    let lab = lab(4);
    lab.train("straight", &[]);
    let all = checkpoints(&lab, "straight");
    assert_eq!(
        all,
        ["step-00000018", "step-00000027", "step-00000036"],
        "the newest three"
    );
    for kept in 1..all.len() {
        let run = format!("resumed-{kept}");
        copy_folder(&lab.path("runs/straight"), &lab.path("runs").join(&run));
        for later in &all[kept..] {
            fs::remove_dir_all(lab.path("runs").join(&run).join("checkpoints").join(later))
                .unwrap();
        }
        resume(&lab, &run);
        assert_same(&lab, &run, "straight");
    }
}

#[test]
fn resuming_after_any_step_equals_the_straight_run() {
    // All that recipes carry from step to step, on top of what the config has.
    let keys = r#"
accumulate = 2
clip_norm = 0.5
clip_value = 0.2
ema = 0.9
l1 = 1e-4
l2 = 1e-4
checkpoint = { every = "1 step", keep = 100 }
schedule = { type = "plateau", patience = 0, threshold = 0.5, gamma = 0.7, warmup_epochs = 0.5 }
loss = { type = "cross_entropy", label_smoothing = 0.1, class_weights = "balanced" }
optimizer = { type = "adan", learning_rate = 0.01, weight_decay = 0.01, decay_bias_and_norm = false }
"#;
    let lab = Lab::with_bars();
    let old = [
        "schedule = \"cosine\"\n",
        "optimizer = { type = \"adam\", learning_rate = 0.03 }\n",
    ];
    let text = old.iter().fold(config(2), |text, key| {
        assert!(text.contains(key), "{text}");
        text.replace(key, "")
    });
    lab.write(
        "bars.toml",
        text.replace("[augment]", &format!("{keys}\n[augment]")),
    );
    lab.train("straight", &[]);
    let all = checkpoints(&lab, "straight");
    assert_eq!(all.len(), 10, "five steps an epoch: {all:?}");
    for kept in 1..all.len() {
        let run = format!("resumed-{kept}");
        copy_folder(&lab.path("runs/straight"), &lab.path("runs").join(&run));
        for later in &all[kept..] {
            fs::remove_dir_all(lab.path("runs").join(&run).join("checkpoints").join(later))
                .unwrap();
        }
        let threads = (kept % 3 + 1).to_string();
        lab.cnn(&["train", "--resume", &run, "--threads", &threads, "--quiet"])
            .ok();
        assert_same(&lab, &run, "straight");
    }
}

#[test]
fn an_interrupted_run_is_saved_and_goes_on_in_mid_epoch() {
    let lab = endless();
    // A signal comes when a checkpoint has been written. Where that takes longest, it is heard at the step after:
    // with one at every third of all steps, in mid-epoch, which has five.
    let config = lab.text("bars.toml");
    let every = "checkpoint = { every = \"3 steps\" }\nschedule";
    lab.write("bars.toml", config.replace("schedule", every));
    let mut in_mid_epoch = 0;
    let mut arguments = vec!["train", "bars.toml", "--run", "run"];
    let signals = [("INT", 130), ("TERM", 143)].into_iter().cycle();
    for (count, (name, code)) in signals.take(30).enumerate() {
        // Where nothing takes long, it comes anywhere in an epoch: one of them in mid-epoch.
        if count >= 3 && in_mid_epoch > 0 {
            break;
        }
        let child = start(&lab, &arguments, "run");
        signal(&child, name);
        let outcome = finished(child).code(code);
        assert!(
            outcome
                .stdout
                .contains("stopped; go on with `cnn train --resume run`"),
            "{outcome:?}"
        );
        assert_eq!(lab.json("runs/run/run.json")["status"], "stopped");
        let newest = checkpoints(&lab, "run").pop().unwrap();
        let state = lab.json(format!("runs/run/checkpoints/{newest}/state.json"));
        in_mid_epoch += usize::from(state["step_in_epoch"] != 0);
        arguments = vec!["train", "--resume", "run"];
    }
    assert!(in_mid_epoch > 0, "no signal came in mid-epoch");
    assert_ends_as_the_straight_run(&lab);
    assert_eq!(lab.json("runs/run/run.json")["status"], "finished");
}

#[test]
fn a_run_interrupted_in_its_first_epoch_is_found_again() {
    let lab = lab(1);
    // Steps that take their time, so that the signal comes before the epoch is over.
    let wide = config(1).replace("filters = 4", "filters = 200, padding = 4");
    lab.write(
        "wide.toml",
        wide.replace("batch_size = 3", "batch_size = 1"),
    );
    let was_in_time = (0..20).any(|_| {
        let child = lab.start(&["train", "wide.toml", "--run", "run"]);
        wait_until("start", || lab.path("runs/run/run.json").is_file());
        signal(&child, "INT");
        let said = finished(child);
        if !lab.path("runs/run/model.safetensors").exists() {
            said.code(130);
            return true;
        }
        // The machine was busy elsewhere: again.
        fs::remove_dir_all(lab.path("runs")).unwrap();
        false
    });
    assert!(was_in_time, "no signal came in the first epoch");
    let outcome = lab.cnn(&["predict", "bars"]).code(4);
    assert!(outcome.stderr.contains("no trained run"), "{outcome:?}");
    lab.cnn(&["train", "--resume", "latest", "--quiet"]).ok();
    assert_eq!(rows(&lab, "run").len(), 1 + 1);
}

#[test]
fn a_killed_run_goes_on_from_its_last_checkpoint() {
    let lab = endless();
    let mut arguments = vec!["train", "bars.toml", "--run", "run", "--quiet"];
    for pause_millis in [0, 3, 7, 12] {
        let mut child = start(&lab, &arguments, "run");
        // At another moment each time.
        sleep(Duration::from_millis(pause_millis));
        child.kill().unwrap();
        child.wait().unwrap();
        arguments = vec!["train", "--resume", "run", "--quiet"];
    }
    assert_ends_as_the_straight_run(&lab);
    let left = |folder: &str| {
        let names = lab.names(folder);
        names
            .into_iter()
            .filter(|name| name.starts_with(".unfinished"))
            .count()
    };
    assert_eq!(left("runs/run") + left("runs/run/checkpoints"), 0);
}

#[test]
fn patience_is_kept_over_a_resume() {
    let lab = Lab::with_bars();
    let early = "early_stopping = { patience = 3, min_delta = 100 }\nepochs = 40";
    lab.write("bars.toml", config(3).replace("epochs = 3", early));
    lab.train("straight", &[]);
    assert_eq!(
        rows(&lab, "straight").len(),
        1 + 4,
        "one best epoch and three without a better"
    );
    copy_folder(&lab.path("runs/straight"), &lab.path("runs/run"));
    for later in &checkpoints(&lab, "straight")[1..] {
        fs::remove_dir_all(lab.path("runs/run/checkpoints").join(later)).unwrap();
    }
    resume(&lab, "run");
    assert_same(&lab, "run", "straight");
}

#[test]
fn what_is_kept_in_memory_changes_nothing() {
    let lab = lab(3);
    let data = "[data]\non_bad_image = \"skip\"";
    lab.write("bars.toml", config(3).replace("[data]", data));
    // Files that cannot be decoded, and others of the same pixels.
    lab.write("bars/down/bad.png", "no picture");
    lab.write("bars/across/cut.png", &bar_png(0, 3)[..50]);
    for number in 0..4 {
        let same = [&bar_png(2, number)[..], b"and more"].concat();
        lab.write(format!("bars/slant/same{number}.png"), same);
    }
    lab.train("kept", &[]);
    let arguments = [
        "train",
        "bars.toml",
        "--run",
        "read",
        "--set",
        "data.cache=0",
    ];
    lab.cnn(&arguments).ok();
    assert_eq!(rows(&lab, "read"), rows(&lab, "kept"));
    let record = |run: &str| lab.json(format!("runs/{run}/run.json"));
    assert_eq!(
        record("read")["data_fingerprint"],
        record("kept")["data_fingerprint"]
    );
    let newest = checkpoints(&lab, "kept").pop().unwrap();
    let path = lab.path("runs/read/checkpoints").join(newest);
    fs::remove_dir_all(path).unwrap();
    let again = ["train", "--resume", "read", "--set", "data.cache=1000000"];
    let outcome = lab.cnn(&again).ok();
    assert!(!outcome.stderr.contains("fingerprint"), "{outcome:?}");
    assert_eq!(rows(&lab, "read"), rows(&lab, "kept"));
    lab.write("bars/down/03.png", bar_png(1, 4));
    let more = ["train", "--resume", "read", "--epochs", "4"];
    let outcome = lab.cnn(&more).ok();
    assert!(outcome.stderr.contains("fingerprint"), "{outcome:?}");
}
