//! Going on where a run was: the same bytes as if it had never stopped.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use crate::support::{BARS, Lab, bar_png, finished, names, outcome, signal, wait_until};

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

fn train(lab: &Lab, run: &str) {
    lab.cnn(&["train", "bars.toml", "--run", run, "--quiet"])
        .ok();
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

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
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
    train(&lab, "straight");
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
    train(&lab, "straight");
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
    let lab = lab(24);
    train(&lab, "straight");
    let mut in_mid_epoch = 0;
    let mut arguments = vec!["train", "bars.toml", "--run", "run"];
    for (name, code, pause_millis) in [("INT", 130, 10), ("TERM", 143, 20), ("INT", 130, 30)] {
        let child = start(&lab, &arguments, "run");
        sleep(Duration::from_millis(pause_millis));
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
    resume(&lab, "run");
    assert_same(&lab, "run", "straight");
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
    let mut child = lab.start(&["train", "wide.toml", "--run", "run"]);
    wait_until("start", || {
        assert!(child.try_wait().unwrap().is_none(), "ended before it began");
        lab.path("runs/run/run.json").is_file()
    });
    signal(&child, "INT");
    finished(child).code(130);
    assert!(
        !lab.path("runs/run/model.safetensors").exists(),
        "too late to test the first epoch"
    );
    let outcome = lab.cnn(&["predict", "bars"]).code(4);
    assert!(outcome.stderr.contains("no trained run"), "{outcome:?}");
    lab.cnn(&["train", "--resume", "latest", "--quiet"]).ok();
    assert_eq!(rows(&lab, "run").len(), 1 + 1);
}

#[test]
fn a_killed_run_goes_on_from_its_last_checkpoint() {
    let lab = lab(24);
    train(&lab, "straight");
    let mut arguments = vec!["train", "bars.toml", "--run", "run", "--quiet"];
    for pause_millis in [0, 3, 7, 12] {
        let mut child = start(&lab, &arguments, "run");
        sleep(Duration::from_millis(pause_millis));
        child.kill().unwrap();
        child.wait().unwrap();
        arguments = vec!["train", "--resume", "run", "--quiet"];
    }
    resume(&lab, "run");
    assert_same(&lab, "run", "straight");
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
fn a_damaged_checkpoint_is_named_and_the_one_before_used() {
    let lab = lab(3);
    train(&lab, "straight");
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
fn more_epochs_can_be_asked_for() {
    let lab = Lab::with_bars();
    // Without validation the last weights are the ones kept; without a schedule the epochs do not matter.
    lab.write(
        "bars.toml",
        config(4)
            .replace("schedule = \"cosine\"\n", "")
            .replace("validation = 0.25\n", ""),
    );
    train(&lab, "straight");
    lab.cnn(&[
        "train",
        "bars.toml",
        "--run",
        "run",
        "--epochs",
        "2",
        "--quiet",
    ])
    .ok();
    assert_eq!(rows(&lab, "run").len(), 1 + 2);
    lab.cnn(&["train", "--resume", "run", "--epochs", "4", "--quiet"])
        .ok();
    assert_same(&lab, "run", "straight");
}

#[test]
fn a_finished_run_is_left_as_it_is() {
    let lab = lab(2);
    train(&lab, "run");
    copy_folder(&lab.path("runs/run"), &lab.path("runs/copy"));
    let outcome = lab.cnn(&["train", "--resume", "run"]).ok();
    assert!(
        outcome.stderr.contains("going on after epoch 2"),
        "{outcome:?}"
    );
    assert_same(&lab, "run", "copy");
    assert_eq!(lab.json("runs/run/run.json")["status"], "finished");
    let before = lab.text("runs/run/config.toml");
    let rate = "train.optimizer.learning_rate=0.5";
    let outcome = lab
        .cnn(&["train", "--resume", "run", "--set", rate])
        .code(2);
    assert!(outcome.stderr.contains("nothing to train"), "{outcome:?}");
    assert_eq!(lab.text("runs/run/config.toml"), before);
}

#[test]
fn changed_data_and_another_optimizer_are_warned_of() {
    let lab = lab(2);
    let sgd = "train.optimizer=sgd";
    lab.cnn(&[
        "train",
        "bars.toml",
        "--run",
        "run",
        "--set",
        sgd,
        "--quiet",
    ])
    .ok();
    let picture = lab.read("bars/down/01.png");
    lab.write("bars/down/00.png", picture);
    let adam = "train.optimizer=adam";
    let outcome = lab
        .cnn(&["train", "--resume", "run", "--epochs", "3", "--set", adam])
        .ok();
    let said = |text: &str| assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    said("warning: the data is not what this run began with");
    said("warning: the optimizer starts anew");
}

#[test]
fn changed_settings_are_told() {
    let lab = lab(2);
    train(&lab, "run");
    let rate = "train.optimizer.learning_rate=0.01";
    let outcome = lab
        .cnn(&["train", "--resume", "run", "--epochs", "3", "--set", rate])
        .ok();
    let said = |text: &str| assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    said("epochs");
    said("learning_rate = 0.03");
    said("learning_rate = 0.01");
}

#[test]
fn patience_is_kept_over_a_resume() {
    let lab = Lab::with_bars();
    let early = "early_stopping = { patience = 3, min_delta = 100 }\nepochs = 40";
    lab.write("bars.toml", config(3).replace("epochs = 3", early));
    train(&lab, "straight");
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
fn a_run_in_use_is_busy_and_a_killed_one_is_not() {
    let lab = lab(5000);
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
    train(&lab, "run");
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
    let lab = lab(5000);
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
    train(&lab, "run");
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
    train(&lab, "straight");
    copy_folder(&lab.path("runs/straight"), &lab.path("runs/run"));
    for checkpoint in checkpoints(&lab, "run") {
        fs::remove_dir_all(lab.path("runs/run/checkpoints").join(checkpoint)).unwrap();
    }
    fs::remove_file(lab.path("runs/run/model.safetensors")).unwrap();
    resume(&lab, "run");
    assert_same(&lab, "run", "straight");
}

#[test]
fn another_batch_size_leaves_the_schedule_where_it_was() {
    let lab = lab(4);
    train(&lab, "run");
    for later in ["step-00000027", "step-00000036"] {
        fs::remove_dir_all(lab.path("runs/run/checkpoints").join(later)).unwrap();
    }
    let size = ["--batch-size", "9", "--quiet"];
    lab.cnn(&[&["train", "--resume", "run"], &size[..]].concat())
        .ok();
    lab.cnn(&[&["train", "bars.toml", "--run", "straight"], &size[..]].concat())
        .ok();
    let rates = |run: &str| -> Vec<String> {
        let rows = rows(&lab, run);
        let rate = |row: &String| row.split(',').nth(6).unwrap().to_owned();
        rows.iter().skip(3).map(rate).collect()
    };
    let (resumed, straight) = (rates("run"), rates("straight"));
    assert_eq!(resumed, straight, "epochs 3 and 4");
    assert_ne!(resumed[0], resumed[1]);
}

#[test]
fn figures_of_another_loss_are_forgotten() {
    let lab = Lab::with_bars();
    let keys = "epochs = 2\nearly_stopping = { patience = 1 }\n\
                schedule = { type = \"plateau\", patience = 0, threshold = 100.0, gamma = 0.5 }\n\
                loss = { type = \"focal\", gamma = 20.0 }";
    lab.write("bars.toml", BARS.replace("epochs = 3", keys));
    train(&lab, "run");
    let state = |step: &str| lab.json(format!("runs/run/checkpoints/step-{step}/state.json"));
    let before = state("00000006");
    let other = ["--set", "train.loss=cross_entropy", "--epochs", "3"];
    let resumed = [&["train", "--resume", "run", "--quiet"], &other[..]].concat();
    lab.cnn(&resumed).ok();
    let after = state("00000009");
    let row = rows(&lab, "run").pop().unwrap();
    let loss: f64 = row.split(',').nth(4).unwrap().parse().unwrap();
    assert!(
        loss > before["best"]["loss"].as_f64().unwrap(),
        "the losses of before are the smaller ones: {before}"
    );
    assert_eq!(after["best"]["epoch"], 3);
    assert_eq!(after["watched"]["figure"], loss);
    assert_eq!(after["watched"]["epochs"], 0);
    assert_eq!(after["plateau"]["best"], loss);
    let factor = &before["plateau"]["factor"];
    assert!(factor.as_f64().unwrap() < 1.0, "{before}");
    assert_eq!(after["plateau"]["factor"], *factor, "the rate stays");
}

#[test]
fn a_figure_that_is_watched_in_place_of_another_begins_anew() {
    let lab = Lab::with_bars();
    let early = |metric: &str| format!("{{ patience = 9, metric = \"validation_{metric}\" }}");
    let keys = format!("epochs = 2\nearly_stopping = {}", early("accuracy"));
    lab.write("bars.toml", BARS.replace("epochs = 3", &keys));
    train(&lab, "run");
    let other = format!("train.early_stopping={}", early("loss"));
    let arguments = ["train", "--resume", "run", "--epochs", "3", "--set", &other];
    lab.cnn(&arguments).ok();
    let state = lab.json("runs/run/checkpoints/step-00000009/state.json");
    let row = rows(&lab, "run").pop().unwrap();
    let loss: f64 = row.split(',').nth(4).unwrap().parse().unwrap();
    assert_eq!(state["watched"]["figure"], loss);
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
    train(&lab, "kept");
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

#[test]
fn classes_of_other_names_are_refused() {
    let lab = lab(2);
    train(&lab, "run");
    fs::rename(lab.path("bars/across"), lab.path("bars/zigzag")).unwrap();
    let more = ["train", "--resume", "run", "--epochs", "3"];
    let outcome = lab.cnn(&more).code(4);
    let said = |text: &str| assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    said("run `run` was trained on other classes");
    said("class 0 was `across`, is `down`");
    fs::rename(lab.path("bars/zigzag"), lab.path("bars/across")).unwrap();
    lab.cnn(&more).ok();
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
    train(&lab, "run");
}

#[test]
fn lost_best_weights_and_lost_figures_are_told() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--epochs", "2", "--quiet"])
        .ok();
    fs::remove_file(lab.path("runs/bars-1/model.safetensors")).unwrap();
    fs::remove_file(lab.path("runs/bars-1/metrics.csv")).unwrap();
    // Nothing is left to train, but a run that is over has weights.
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
