//! `cnn sweep`: grids, draws, halving.

use std::collections::BTreeMap;
use std::fs;

use super::{kill, table, wait_for_checkpoint};
use crate::support::{BARS, Lab, Outcome, finished, keys, signal, wait_until};

#[test]
fn a_grid_tries_every_combination_and_writes_the_best() {
    let lab = Lab::with_bars();
    let said = lab
        .cnn(&[
            "sweep",
            "bars.toml",
            "--set",
            "train.optimizer.learning_rate=0.0001,0.03",
            "--set",
            "train.batch_size=9,27",
            "--set",
            "train.epochs=4",
            "--json",
            "--quiet",
        ])
        .ok();
    assert_eq!(said.stderr, "");
    let report = said.json();
    assert_eq!(
        keys(&report),
        [
            "best", "keys", "metric", "search", "stopped", "sweep", "trials"
        ]
    );
    assert_eq!(report["search"], "grid");
    let trials = report["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 4);
    let losses: Vec<f64> = trials
        .iter()
        .map(|trial| trial["figures"]["validation_loss"].as_f64().unwrap())
        .collect();
    assert!(losses.is_sorted(), "the best first: {losses:?}");
    let best = &trials[0];
    assert_eq!(best["values"]["train.optimizer.learning_rate"], 0.03);
    assert_eq!(report["best"]["trial"], best["trial"]);
    let rows = table(&lab, "runs/bars-sweep-1/results.csv");
    let values: Vec<[&str; 2]> = rows
        .iter()
        .map(|row| {
            ["train.optimizer.learning_rate", "train.batch_size"].map(|key| row[key].as_str())
        })
        .collect();
    assert_eq!(
        values,
        [
            ["0.0001", "9"],
            ["0.0001", "27"],
            ["0.03", "9"],
            ["0.03", "27"]
        ]
    );
    assert!(
        rows.iter()
            .all(|row| row["status"] == "finished" && row["epochs"] == "4")
    );
    // The best config trains to the same figures by itself.
    let best_toml = report["best"]["config"].as_str().unwrap();
    lab.cnn(&["train", best_toml, "--run", "again", "--quiet"])
        .ok();
    let model = format!(
        "{}/model.safetensors",
        report["best"]["run"].as_str().unwrap()
    );
    assert!(lab.read(model) == lab.read("runs/again/model.safetensors"));
}

#[test]
fn the_same_seed_draws_the_same_trials() {
    let lab = Lab::with_bars();
    let sweep = |name: &str, seed: &str| {
        let arguments = [
            "sweep",
            "bars.toml",
            "--set",
            "train.optimizer.learning_rate=1e-4..1e-1:log",
            "--set",
            "train.batch_size=4..16",
            "--trials",
            "3",
            "--epochs",
            "1",
            "--seed",
            seed,
            "--name",
            name,
            "--metric",
            "validation_accuracy",
        ];
        let said = lab.cnn(&arguments).ok();
        assert!(said.stdout.contains("by validation accuracy"), "{said:?}");
        table(&lab, &format!("runs/{name}/results.csv"))
    };
    let (one, two, other) = (sweep("one", "1"), sweep("two", "1"), sweep("other", "2"));
    assert_eq!(one.len(), 3);
    assert_eq!(one, two);
    assert_ne!(one, other);
    for row in &one {
        let rate: f64 = row["train.optimizer.learning_rate"].parse().unwrap();
        let batch: usize = row["train.batch_size"].parse().unwrap();
        assert!((1e-4..=1e-1).contains(&rate) && (4..=16).contains(&batch));
    }
}

fn halving(lab: &Lab, name: &str) -> Vec<&'static str> {
    lab.write(
        "nine.toml",
        BARS.replace("epochs = 3", "epochs = 36\nschedule = \"cosine\""),
    );
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    vec![
        "sweep",
        "nine.toml",
        "--set",
        "train.optimizer.learning_rate=1e-5..1e-1:log",
        "--trials",
        "9",
        "--search",
        "halving",
        "--name",
        name,
    ]
}

#[test]
fn halving_trains_the_best_on_as_if_they_had_never_paused() {
    let lab = Lab::with_bars();
    let said = lab.cnn(&halving(&lab, "halved")).ok();
    let begin =
        "runs/halved: halving, 9 for 4 epochs, then 3 for 12 epochs, then 1 for 36 epochs\n";
    assert!(said.stderr.starts_with(begin), "{said:?}");
    assert!(!said.stderr.contains("warning"), "{said:?}");
    let rows = table(&lab, "runs/halved/results.csv");
    let count = |epochs: &str, status: &str| {
        let rows = rows.iter();
        rows.filter(|row| row["epochs"] == epochs && row["status"] == status)
            .count()
    };
    assert_eq!(
        [
            count("4", "dropped"),
            count("12", "dropped"),
            count("36", "finished")
        ],
        [6, 2, 1]
    );
    // A round keeps those that were the best at its end.
    let loss_after = |trial: &str, epochs: usize| -> f64 {
        let trial: usize = trial.parse().unwrap();
        let metrics = table(&lab, &format!("runs/halved/trial-{trial:03}/metrics.csv"));
        let losses = metrics
            .iter()
            .take(epochs)
            .map(|row| row["validation_loss"].parse().unwrap());
        losses.fold(f64::INFINITY, f64::min)
    };
    let worst_kept = rows.iter().filter(|row| row["epochs"] != "4");
    let worst_kept = worst_kept
        .map(|row| loss_after(&row["trial"], 4))
        .fold(0.0, f64::max);
    for row in rows.iter().filter(|row| row["epochs"] == "4") {
        assert!(loss_after(&row["trial"], 4) >= worst_kept);
    }
    // The schedule is that of the whole training, and nothing is lost between rounds.
    lab.cnn(&[
        "train",
        "runs/halved/best.toml",
        "--run",
        "straight",
        "--quiet",
    ])
    .ok();
    let best = rows.iter().find(|row| row["epochs"] == "36").unwrap();
    let best: usize = best["trial"].parse().unwrap();
    let model = lab.read(format!("runs/halved/trial-{best:03}/model.safetensors"));
    assert!(model == lab.read("runs/straight/model.safetensors"));
}

#[test]
fn a_killed_sweep_goes_on_where_it_was() {
    let lab = Lab::with_bars();
    lab.cnn(&halving(&lab, "straight")).ok();
    let mut child = lab.start(&halving(&lab, "killed"));
    wait_for_checkpoint(&lab, &mut child, "runs/killed/trial-004");
    kill(child);
    let mut child = lab.start(&["sweep", "--resume", "killed"]);
    // Into the second round: one of its trials has gone beyond the epochs of the first.
    wait_until("second round", || {
        let ended = child.try_wait().unwrap().is_some();
        let is_beyond = (1..=9).any(|trial| {
            let path = lab.path(format!("runs/killed/trial-{trial:03}/metrics.csv"));
            fs::read_to_string(path).is_ok_and(|text| text.lines().count() > 6)
        });
        ended || is_beyond
    });
    kill(child);
    let records = || -> BTreeMap<String, Vec<u8>> {
        let trials = (1..=9).map(|trial| trial.to_string());
        let path = |trial: &str| format!("runs/killed/trial-00{trial}/run.json");
        trials
            .map(|trial| (trial.clone(), lab.read(path(&trial))))
            .collect()
    };
    let before = records();
    lab.cnn(&["sweep", "--resume", "killed"]).ok();
    let after = records();
    let rows = table(&lab, "runs/killed/results.csv");
    for row in rows.iter().filter(|row| row["epochs"] == "4") {
        let trial = &row["trial"];
        assert!(
            before[trial] == after[trial],
            "trial {trial} was done already"
        );
    }
    let (killed, straight) = (
        table(&lab, "runs/killed/results.csv"),
        table(&lab, "runs/straight/results.csv"),
    );
    assert_eq!(killed, straight);
    assert!(lab.read("runs/killed/best.toml") == lab.read("runs/straight/best.toml"));
}

#[test]
fn a_diverged_trial_is_a_result_and_the_sweep_goes_on() {
    let lab = Lab::with_bars();
    let rates = "train.optimizer.learning_rate=1e30,0.03";
    let said = lab.cnn(&["sweep", "bars.toml", "--set", rates]).ok();
    assert!(said.stderr.contains("trial 1 failed: "), "{said:?}");
    let rows = table(&lab, "runs/bars-sweep-1/results.csv");
    assert_eq!(rows[0]["status"], "failed");
    assert!(
        rows[0]["reason"].contains("not a finite number"),
        "{rows:?}"
    );
    assert_eq!(rows[1]["status"], "finished");
    assert!(lab.text("runs/bars-sweep-1/best.toml").contains("0.03"));
    let rates = "train.optimizer.learning_rate=1e30,1e31";
    let all: Outcome = lab.cnn(&["sweep", "bars.toml", "--set", rates]).code(6);
    assert!(
        all.stderr.contains("all trials of the sweep failed"),
        "{all:?}"
    );
    // Nothing is trained again, and it is as true as before.
    let again = lab.cnn(&["sweep", "--resume", "bars-sweep-2"]).code(6);
    let reason = "not a finite number";
    for said in ["all trials of the sweep failed", reason] {
        assert!(again.stderr.contains(said), "{again:?}");
    }
}

#[test]
fn an_interrupted_sweep_says_how_to_go_on() {
    let lab = Lab::with_bars();
    let arguments = [
        "sweep",
        "bars.toml",
        "--set",
        "train.batch_size=9,18",
        "--epochs",
        "100000",
        "--name",
        "long",
    ];
    let mut child = lab.start(&arguments);
    wait_for_checkpoint(&lab, &mut child, "runs/long/trial-001");
    lab.cnn(&["sweep", "--resume", "long"]).code(7);
    signal(&child, "TERM");
    let said = finished(child).code(143);
    assert!(
        said.stdout
            .contains("0 of 2 trials are done; go on with `cnn sweep --resume long`"),
        "{said:?}"
    );
}

#[test]
fn trials_of_different_losses_are_not_compared_by_them() {
    let lab = Lab::with_bars();
    let sweep = |arguments: &[&str]| {
        let all = [&["sweep", "bars.toml", "--epochs", "1"], arguments].concat();
        lab.cnn(&all)
    };
    let losses = ["--set", "train.loss=cross_entropy,focal"];
    let said = sweep(&losses).code(2);
    assert!(
        said.stderr
            .contains("validation losses of different kinds cannot be compared")
            && said.stderr.contains("`--metric validation_accuracy`"),
        "{said:?}"
    );
    assert!(!lab.path("runs").exists());
    let metric = ["--metric", "validation_accuracy"];
    sweep(&[&losses[..], &metric[..]].concat()).ok();
    // What only helps to train does not change what is measured.
    let smoothing =
        |share: &str| format!("{{ type = \"cross_entropy\", label_smoothing = {share} }}");
    let smoothed = format!("train.loss={},{}", smoothing("0.0"), smoothing("0.1"));
    sweep(&["--set", &smoothed]).ok();
    let numbers = ["--set", "train.loss=mse", "--set", "train.batch_size=3,9"];
    let said = sweep(&[&numbers[..], &metric[..]].concat()).code(2);
    assert!(said.stderr.contains("numbers have no accuracy"), "{said:?}");
}
