//! A run that is cut off at the worst moment, or gone on with from several sides: what counts, and what is told.

use std::fs;
use std::path::Path;

use crate::resume::copy_folder;
use crate::support::{BARS, Lab, finished, signal, wait_until};

fn checkpoints(lab: &Lab, run: &str) -> Vec<String> {
    lab.names(format!("runs/{run}/checkpoints"))
}

/// Asserts that a run has ended in the weights and the checkpoint of another.
#[track_caller]
fn assert_same(lab: &Lab, run: &str, other: &str) {
    let newest = checkpoints(lab, other).pop().unwrap();
    for file in [
        "model.safetensors".to_owned(),
        format!("checkpoints/{newest}/model.safetensors"),
        format!("checkpoints/{newest}/optimizer.safetensors"),
    ] {
        let of = |run: &str| lab.read(Path::new("runs").join(run).join(&file));
        assert!(of(run) == of(other), "{file} of {run}");
    }
}

#[test]
fn a_checkpoint_is_whole_or_does_not_count() {
    let lab = Lab::trained();
    let newest = checkpoints(&lab, "run").pop().unwrap();
    let files = lab.names(format!("runs/run/checkpoints/{newest}"));
    assert!(files.len() >= 3, "weights, optimizer, state: {files:?}");
    // A kill after each of the files, before the folder has its name: nothing is lost but the epoch.
    for kept in 0..=files.len() {
        let run = format!("killed-{kept}");
        copy_folder(&lab.path("runs/run"), &lab.path("runs").join(&run));
        let folder = lab.path(format!("runs/{run}/checkpoints"));
        let unfinished = folder.join(format!(".unfinished-{newest}"));
        fs::rename(folder.join(&newest), &unfinished).unwrap();
        for file in &files[kept..] {
            fs::remove_file(unfinished.join(file)).unwrap();
        }
        let said = lab.cnn(&["train", "--resume", &run]).ok();
        assert!(said.stderr.contains("going on after epoch 2"), "{said:?}");
        assert!(!said.stderr.contains("damaged"), "{said:?}");
        assert!(!unfinished.exists(), "{run}");
        assert_same(&lab, &run, "run");
    }
    // A folder that has its name and lacks a file is damaged, whichever file it is.
    for file in &files {
        let run = format!("without-{file}");
        copy_folder(&lab.path("runs/run"), &lab.path("runs").join(&run));
        let path = format!("runs/{run}/checkpoints/{newest}");
        fs::remove_file(lab.path(&path).join(file)).unwrap();
        let said = lab.cnn(&["train", "--resume", &run]).ok();
        let warning = format!("warning: checkpoint `{path}` is damaged: ");
        assert!(said.stderr.contains(&warning), "{file}: {said:?}");
        assert!(said.stderr.contains("the one before is used"), "{said:?}");
        assert_same(&lab, &run, "run");
    }
}

#[test]
fn the_best_epoch_outlives_a_resume_after_it() {
    let lab = Lab::with_bars();
    // A rate that is too large after an epoch: what comes later is worse.
    let schedule = "schedule = { type = \"multi_step\", milestones = [1], gamma = 200.0 }\n";
    let keys = format!("{schedule}checkpoint = {{ every = \"1 epoch\", keep = 9 }}\nepochs = 5");
    lab.write("bars.toml", BARS.replace("epochs = 3", &keys));
    lab.train("run", &[]);
    let best = |run: &str| lab.json(format!("runs/{run}/run.json"))["best_epoch"].clone();
    let epoch = best("run").as_u64().unwrap() as usize;
    let all = checkpoints(&lab, "run");
    assert!(epoch < all.len(), "the last epoch is the best");
    for kept in epoch..all.len() {
        let run = format!("resumed-{kept}");
        copy_folder(&lab.path("runs/run"), &lab.path("runs").join(&run));
        for later in &all[kept..] {
            let path = format!("runs/{run}/checkpoints/{later}");
            fs::remove_dir_all(lab.path(path)).unwrap();
        }
        lab.cnn(&["train", "--resume", &run, "--quiet"]).ok();
        assert_eq!(best(&run), epoch, "{run}");
        assert_same(&lab, &run, "run");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_second_signal_ends_at_once() {
    let lab = Lab::with_bars();
    // A step of half a million million products: what ends the process ends it within the first.
    let layers = "filters = 64, kernel_size = 41, padding = 40 }, \
                  { type = \"conv\", filters = 64, kernel_size = 47, padding = 23";
    lab.write(
        "slow.toml",
        BARS.replace("filters = 4, kernel_size = 3", layers),
    );
    for (second, code) in [("TERM", 143), ("INT", 130)] {
        let child = lab.start(&["train", "slow.toml", "--run", second, "--quiet"]);
        let record = format!("runs/{second}/run.json");
        wait_until("start", || lab.path(&record).is_file());
        signal(&child, "INT");
        // Two that wait are one if they are the same, and are not told in their order.
        let status = format!("/proc/{}/status", child.id());
        wait_until("delivery", || {
            let status = fs::read_to_string(&status).unwrap_or_default();
            let pending = status.lines().filter(|line| line.contains("Pnd:"));
            pending
                .flat_map(|line| line.split_whitespace().skip(1))
                .all(|mask| mask.chars().all(|digit| digit == '0'))
        });
        signal(&child, second);
        finished(child).code(code);
        // The first would have written that it was stopped, after the step.
        assert_eq!(lab.json(&record)["status"], "running");
        // Nothing holds the run.
        let lock = fs::File::open(lab.path(format!("runs/{second}/checkpoints"))).unwrap();
        lock.try_lock().unwrap();
    }
}

#[test]
fn of_several_that_resume_together_one_trains() {
    let lab = Lab::with_bars();
    lab.train("run", &[]);
    let resume = ["train", "--resume", "run", "--epochs", "100000", "--quiet"];
    let mut children: Vec<_> = (0..4).map(|_| lab.start(&resume)).collect();
    wait_until("three that give way", || {
        let ended = children
            .iter_mut()
            .filter_map(|child| child.try_wait().unwrap());
        ended.count() == 3
    });
    let place = children
        .iter_mut()
        .position(|child| child.try_wait().unwrap().is_none());
    let trains = children.swap_remove(place.unwrap());
    signal(&trains, "TERM");
    finished(trains).code(143);
    for child in children {
        let said = finished(child).code(7);
        let message = "run `runs/run` is in use by another process";
        assert!(said.stderr.contains(message), "{said:?}");
    }
    assert_eq!(lab.json("runs/run/run.json")["status"], "stopped");
}

#[test]
fn a_config_that_changes_meanwhile_changes_no_run() {
    let lab = Lab::trained();
    let arguments = ["train", "bars.toml", "--run", "changed", "--quiet"];
    let one = [&arguments[..], &["--epochs", "1"]].concat();
    lab.cnn(&one).ok();
    lab.write("bars.toml", "[model]\ninput = [1, 8, 8]\nlayers = []\n");
    let resume = ["train", "--resume", "changed", "--epochs", "3", "--quiet"];
    lab.cnn(&resume).ok();
    // Its own config is gone on with, not the file it came from.
    assert_same(&lab, "changed", "run");
    fs::remove_file(lab.path("bars.toml")).unwrap();
    lab.cnn(&["train", "--resume", "changed", "--epochs", "4", "--quiet"])
        .ok();
}

#[test]
fn a_clock_that_went_back_is_no_fault() {
    let lab = Lab::trained();
    let mut record = lab.json("runs/run/run.json");
    for key in ["started_unix", "updated_unix"] {
        record[key] = u64::MAX.into();
    }
    lab.write("runs/run/run.json", record.to_string());
    lab.cnn(&["runs", "list"]).ok();
    lab.cnn(&["runs", "show", "run"]).ok();
    lab.cnn(&["runs", "report", "run"]).ok();
    lab.cnn(&["train", "--resume", "run", "--epochs", "4", "--quiet"])
        .ok();
    let after = lab.json("runs/run/run.json");
    assert_eq!(after["epochs"], 4);
    assert!(after["train_secs"].as_f64().unwrap() >= 0.0);
}

#[test]
fn a_run_folder_that_is_elsewhere_is_gone_on_with_there() {
    let lab = Lab::trained();
    copy_folder(&lab.path("runs/run"), &lab.path("elsewhere/run"));
    #[cfg(unix)]
    std::os::unix::fs::symlink("../elsewhere/run", lab.path("runs/linked")).unwrap();
    let more = ["--epochs", "4", "--quiet"];
    lab.cnn(&[&["train", "--resume", "run"], &more[..]].concat())
        .ok();
    let place = if cfg!(unix) {
        "linked"
    } else {
        "elsewhere/run"
    };
    lab.cnn(&[&["train", "--resume", place], &more[..]].concat())
        .ok();
    copy_folder(&lab.path("elsewhere/run"), &lab.path("runs/copied"));
    assert_same(&lab, "copied", "run");
    // A link is removed, and not what it leads to.
    if cfg!(unix) {
        lab.cnn(&["runs", "rm", "linked"]).ok();
        assert!(lab.path("elsewhere/run/run.json").is_file());
        assert!(!lab.path("runs/linked").exists());
    }
}
