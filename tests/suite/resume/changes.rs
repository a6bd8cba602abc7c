//! Going on with other settings: what is allowed, what is told, what is refused.

use std::fs;

use super::{assert_same, config, copy_folder, lab, rows};
use crate::support::{BARS, Lab};

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
    lab.train("straight", &[]);
    lab.train("run", &["--epochs", "2"]);
    assert_eq!(rows(&lab, "run").len(), 1 + 2);
    lab.cnn(&["train", "--resume", "run", "--epochs", "4", "--quiet"])
        .ok();
    assert_same(&lab, "run", "straight");
}

#[test]
fn a_finished_run_is_left_as_it_is() {
    let lab = lab(2);
    lab.train("run", &[]);
    copy_folder(&lab.path("runs/run"), &lab.path("runs/copy"));
    let outcome = lab.cnn(&["train", "--resume", "run"]).ok();
    assert!(
        outcome
            .stderr
            .contains("nothing to train: all 2 epochs are done"),
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
    lab.train("run", &[]);
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
fn another_batch_size_leaves_the_schedule_where_it_was() {
    let lab = lab(4);
    lab.train("run", &[]);
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
    lab.train("run", &[]);
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
    lab.train("run", &[]);
    let other = format!("train.early_stopping={}", early("loss"));
    let arguments = ["train", "--resume", "run", "--epochs", "3", "--set", &other];
    lab.cnn(&arguments).ok();
    let state = lab.json("runs/run/checkpoints/step-00000009/state.json");
    let row = rows(&lab, "run").pop().unwrap();
    let loss: f64 = row.split(',').nth(4).unwrap().parse().unwrap();
    assert_eq!(state["watched"]["figure"], loss);
}

#[test]
fn classes_of_other_names_are_refused() {
    let lab = lab(2);
    lab.train("run", &[]);
    fs::rename(lab.path("bars/across"), lab.path("bars/zigzag")).unwrap();
    let more = ["train", "--resume", "run", "--epochs", "3"];
    let outcome = lab.cnn(&more).code(4);
    let said = |text: &str| assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    said("run `run` was trained on other classes");
    said("class 0 was `across`, is `down`");
    fs::rename(lab.path("bars/zigzag"), lab.path("bars/across")).unwrap();
    lab.cnn(&more).ok();
}
