//! How runs begin, end and keep what is best.

use std::collections::BTreeSet;

use super::figures;
use crate::support::{BARS, Lab, finished};

#[test]
fn runs_started_together_have_folders_of_their_own() {
    let lab = Lab::with_bars();
    let start = || {
        lab.start(&[
            "train",
            "bars.toml",
            "--epochs",
            "1",
            "--json",
            "--threads",
            "1",
        ])
    };
    let children: Vec<_> = (0..6).map(|_| start()).collect();
    let ended: BTreeSet<String> = children
        .into_iter()
        .map(|child| {
            let events = finished(child).ok().json_lines();
            events[0]["run"].as_str().unwrap().to_owned()
        })
        .collect();
    let expected: BTreeSet<String> = (1..=6)
        .map(|number| format!("runs/bars-{number}"))
        .collect();
    assert_eq!(ended, expected);
    for run in &ended {
        assert_eq!(lab.json(format!("{run}/run.json"))["status"], "finished");
    }
}

#[test]
fn a_loss_that_is_no_number_keeps_the_best_weights() {
    let lab = Lab::with_bars();
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
    let model = lab.read("runs/run/model.safetensors");
    let before = lab.names("runs/run/checkpoints");
    let rate = "train.optimizer.learning_rate=1e30";
    let resume = [
        "train",
        "bars.toml",
        "--resume",
        "run",
        "--epochs",
        "5",
        "--set",
        rate,
    ];
    let outcome = lab.cnn(&resume).code(6);
    assert!(outcome.stderr.contains("in epoch 3, step "), "{outcome:?}");
    assert!(lab.read("runs/run/model.safetensors") == model);
    assert_eq!(lab.names("runs/run/checkpoints"), before);
    assert_eq!(lab.json("runs/run/run.json")["status"], "failed");
    lab.cnn(&[
        "train",
        "bars.toml",
        "--resume",
        "run",
        "--epochs",
        "3",
        "--quiet",
    ])
    .ok();
    assert_eq!(figures(&lab, "run").len(), 1 + 3);
}

#[test]
fn early_stopping_ends_before_the_last_epoch() {
    let lab = Lab::with_bars();
    let early = "train.early_stopping={patience=2,min_delta=100}";
    let arguments = [
        "train",
        "bars.toml",
        "--epochs",
        "40",
        "--set",
        early,
        "--json",
    ];
    let events = lab.cnn(&arguments).ok().json_lines();
    let end = events.last().unwrap();
    assert_eq!(
        (&end["reason"], &end["epochs"]),
        (&"early_stopping".into(), &3.into())
    );
    assert_eq!(figures(&lab, "bars-1").len(), 1 + 3);
    assert_eq!(lab.json("runs/bars-1/run.json")["status"], "finished");
    let text = lab.cnn(&arguments[..6]).ok().stdout;
    assert!(text.contains("epochs          3 (stopped early"), "{text}");
}

#[test]
fn the_best_epoch_is_the_one_of_the_least_validation_loss() {
    let lab = Lab::with_bars();
    // A rate that is too large, so that the last epoch is not the best.
    let rate = "train.optimizer.learning_rate=0.5";
    lab.cnn(&[
        "train",
        "bars.toml",
        "--epochs",
        "8",
        "--set",
        rate,
        "--quiet",
    ])
    .ok();
    let rows = figures(&lab, "bars-1");
    let losses: Vec<f64> = rows[1..]
        .iter()
        .map(|row| row[4].parse().unwrap())
        .collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let best = losses.iter().position(|loss| *loss == least).unwrap();
    assert_eq!(lab.json("runs/bars-1/run.json")["best_epoch"], best + 1);
    let report = lab.cnn(&["eval", "--json"]).ok().json();
    let loss = report["loss"].as_f64().unwrap();
    assert!(
        (loss - least).abs() < 1e-5,
        "{loss} {least}: the model file holds the best weights"
    );
}

#[test]
fn the_seed_decides() {
    let lab = Lab::with_bars();
    let train = |run: &str, seed: &str| {
        lab.cnn(&[
            "train",
            "bars.toml",
            "--run",
            run,
            "--seed",
            seed,
            "--quiet",
        ])
        .ok();
        figures(&lab, run)
    };
    assert_ne!(train("a", "1"), train("b", "2"));
}

#[test]
fn batches_of_any_size_train() {
    let lab = Lab::with_bars();
    let norm = "  { type = \"flatten\" },\n  { type = \"batch_norm\" },\n";
    lab.write(
        "norm.toml",
        BARS.replace("  { type = \"flatten\" },\n", norm),
    );
    // 27 pictures: a batch beyond the data set, a last batch of one, batches of one.
    for size in ["64", "26", "13", "1"] {
        for config in ["bars.toml", "norm.toml"] {
            let arguments = [
                "train",
                config,
                "--batch-size",
                size,
                "--epochs",
                "1",
                "--json",
            ];
            let events = lab.cnn(&arguments).ok().json_lines();
            assert!(
                events[1]["validation_loss"].is_number(),
                "{config} {size}: {events:?}"
            );
        }
    }
}

#[test]
fn a_network_without_weights_is_not_trained() {
    let lab = Lab::with_bars();
    let layers = "model.layers=[{ type = \"flatten\" }, { type = \"activation\", fn = \"relu\" }]";
    let outcome = lab.cnn(&["train", "bars.toml", "--set", layers]).code(2);
    assert!(
        outcome.stderr.contains("no weights to train"),
        "{outcome:?}"
    );
    assert!(!lab.path("runs").exists());
}

#[test]
fn a_wild_rate_is_told_without_validation_too() {
    let lab = Lab::with_bars();
    let config = lab.text("bars.toml");
    let kept = config.lines().filter(|line| !line.contains("validation"));
    lab.write("bars.toml", kept.collect::<Vec<_>>().join("\n"));
    // One step an epoch: the loss before it is finite, what comes after it is not.
    let settings = [
        "train.batch_size=1000",
        "train.optimizer={ type = \"sgd\", learning_rate = 1e38 }",
        "train.schedule=constant",
    ];
    let mut arguments = vec!["train", "bars.toml", "--run", "wild", "--quiet"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let outcome = lab.cnn(&arguments).code(6);
    assert!(
        outcome.stderr.contains("not a finite number"),
        "{outcome:?}"
    );
    assert!(!lab.path("runs/wild/model.safetensors").exists());
}
