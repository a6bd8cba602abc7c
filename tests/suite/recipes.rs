//! Recipes of training: what each key of `[train]` does to a run.

mod tasks;

use std::collections::BTreeMap;

use crate::support::{BARS, Lab, weights};

/// Makes a folder with `bars.toml`, whose `[train]` has more keys.
fn lab(keys: &str) -> Lab {
    let lab = Lab::with_bars();
    lab.write("bars.toml", format!("{BARS}{keys}\n"));
    lab
}

fn train(lab: &Lab, run: &str, settings: &[&str]) {
    let mut arguments = vec!["train", "bars.toml", "--run", run, "--quiet"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    lab.cnn(&arguments).ok();
}

#[track_caller]
fn furthest(one: &BTreeMap<String, Vec<f32>>, other: &BTreeMap<String, Vec<f32>>) -> f32 {
    assert_eq!(one.len(), other.len());
    let pairs = one
        .iter()
        .flat_map(|(name, values)| values.iter().zip(&other[name]));
    pairs
        .map(|(one, other)| (one - other).abs())
        .fold(0.0, f32::max)
}

#[test]
fn accumulated_gradients_are_those_of_the_large_batch() {
    // The last batch of an epoch is smaller, and classes count differently.
    let lab = lab("loss = { type = \"cross_entropy\", class_weights = { down = 3.0 } }\nl2 = 0.01");
    let rate = "train.optimizer={ type = \"sgd\", learning_rate = 0.1 }";
    let of = |run: &str, batch: &str, accumulate: &str| {
        let batch = format!("train.batch_size={batch}");
        let accumulate = format!("train.accumulate={accumulate}");
        train(&lab, run, &[rate, &batch, &accumulate]);
        weights(&lab, run)
    };
    let (large, small) = (of("large", "8", "1"), of("small", "2", "4"));
    assert!(
        furthest(&large, &small) < 1e-5,
        "{}",
        furthest(&large, &small)
    );
    assert!(furthest(&large, &of("other", "2", "1")) > 1e-3);
    let rows = lab.text("runs/small/metrics.csv");
    assert!(rows.contains("\n3,12,"), "four steps an epoch: {rows}");
}

#[test]
fn frozen_layers_keep_the_weights_they_come_from() {
    let lab = lab("");
    train(&lab, "first", &[]);
    let from = "train.from=\"first\"";
    train(&lab, "second", &[from, "train.freeze=[\"0\"]"]);
    let (first, second) = (weights(&lab, "first"), weights(&lab, "second"));
    for name in ["0.weight", "0.bias"] {
        assert_eq!(first[name], second[name], "{name}");
    }
    assert_ne!(first["3.weight"], second["3.weight"]);
    let inspected = lab.cnn(&[
        "inspect",
        "bars.toml",
        "--set",
        "train.freeze=[\"0\"]",
        "--json",
    ]);
    let totals = inspected.ok().json()["totals"].clone();
    assert_eq!(
        totals["parameters"].as_u64().unwrap() - totals["trainable"].as_u64().unwrap(),
        40
    );
}

#[test]
fn a_moving_average_is_what_is_kept_and_measured() {
    let lab = lab("");
    train(&lab, "plain", &[]);
    train(&lab, "slow", &["train.ema=0.99"]);
    train(&lab, "fast", &["train.ema=1e-7"]);
    let (plain, slow) = (weights(&lab, "plain"), weights(&lab, "slow"));
    assert!(furthest(&plain, &slow) > 1e-3);
    assert!(furthest(&plain, &weights(&lab, "fast")) < 1e-5);
    let rows = |run: &str| lab.text(format!("runs/{run}/metrics.csv"));
    let losses = |run: &str| -> Vec<String> {
        let rows = rows(run);
        let row = rows.lines().nth(1).unwrap();
        row.split(',').map(str::to_owned).collect()
    };
    assert_eq!(
        losses("plain")[2],
        losses("slow")[2],
        "training is the same"
    );
    assert_ne!(
        losses("plain")[4],
        losses("slow")[4],
        "validation is the average's"
    );
}

#[test]
fn penalties_and_clipping_hold_weights_back() {
    let lab = lab("");
    let norm = |run: &str| -> f32 {
        let weights = weights(&lab, run);
        ["0.weight", "3.weight"]
            .iter()
            .flat_map(|name| &weights[*name])
            .map(|value| value * value)
            .sum()
    };
    train(&lab, "plain", &[]);
    train(&lab, "l2", &["train.l2=0.1"]);
    train(&lab, "l1", &["train.l1=0.05"]);
    assert!(norm("l2") < norm("plain") && norm("l1") < norm("plain"));
    let sgd = "train.optimizer={ type = \"sgd\", learning_rate = 0.1 }";
    train(&lab, "sgd", &[sgd, "train.epochs=1"]);
    train(
        &lab,
        "clipped",
        &[sgd, "train.epochs=1", "train.clip_norm=1e-4"],
    );
    train(
        &lab,
        "cut",
        &[sgd, "train.epochs=1", "train.clip_value=1e-6"],
    );
    train(
        &lab,
        "still",
        &[sgd, "train.epochs=1", "train.clip_norm=1e-12"],
    );
    let still = weights(&lab, "still");
    // Three steps of 0.1 times a norm of 1e-4.
    let moved = furthest(&still, &weights(&lab, "clipped"));
    assert!(moved > 1e-7 && moved <= 3.1e-5, "{moved}");
    let moved = furthest(&still, &weights(&lab, "cut"));
    assert!(moved > 1e-8 && moved <= 5e-7, "{moved}");
    assert!(furthest(&still, &weights(&lab, "sgd")) > 1e-3);
}

#[test]
fn time_that_is_over_ends_a_run_with_a_model() {
    let lab = lab("max_minutes = 1e-7");
    let outcome = lab
        .cnn(&["train", "bars.toml", "--run", "run", "--json"])
        .ok();
    let end = outcome.json_lines().pop().unwrap();
    assert_eq!(end["reason"], "max_minutes");
    assert_eq!(end["epochs"], 0);
    lab.cnn(&["predict", "bars/down/01.png", "--json"]).ok();
    let more = "train.max_minutes=100";
    lab.cnn(&["train", "--resume", "run", "--set", more, "--quiet"])
        .ok();
    train(&lab, "straight", &[more]);
    assert_eq!(weights(&lab, "run"), weights(&lab, "straight"));
}

#[test]
fn checkpoints_come_at_their_interval_and_old_ones_go() {
    let names = |keys: &str| {
        let lab = lab(keys);
        train(&lab, "run", &[]);
        let mut names = lab.names("runs/run/checkpoints");
        names.retain(|name| name.starts_with("step-"));
        names.join(" ")
    };
    // Three epochs of three steps.
    let every = "checkpoint = { every = \"2 steps\", keep = 10 }";
    assert_eq!(
        names(every),
        "step-00000002 step-00000003 step-00000004 step-00000006 step-00000008 step-00000009"
    );
    let every = "checkpoint = { every = \"2 epochs\", keep = 1 }";
    assert_eq!(names(every), "step-00000009");
    let every = "checkpoint = { every = \"2 epochs\", keep = 2 }";
    assert_eq!(names(every), "step-00000006 step-00000009");
    let every = "checkpoint = { every = \"5 min\" }";
    assert_eq!(names(every), "step-00000003 step-00000006 step-00000009");
}

#[test]
fn divergence_names_the_layer() {
    let lab = lab("");
    let wild = "train.optimizer={ type = \"sgd\", learning_rate = 1e30 }";
    let arguments = ["train", "bars.toml", "--run", "run", "--set", wild];
    let outcome = lab.cnn(&arguments).code(6);
    let said = |text: &str| assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    said("is not a finite number in epoch 1, step ");
    said("the first that is not finite");
    assert!(!outcome.stderr.contains("going back"), "{outcome:?}");
    assert_eq!(lab.json("runs/run/run.json")["status"], "failed");
}

#[test]
fn a_run_that_diverges_goes_back_with_half_the_rate() {
    // With a penalty l2 a weight is multiplied with 1 − 2·rate·l2 in each step: by −5, −2, then −0.5.
    let lab = lab("l2 = 10.0\non_divergence = \"back\"");
    let rate = |rate: &str| format!("train.optimizer={{ type = \"sgd\", learning_rate = {rate} }}");
    let set = |run: &'static str, rate: &str| {
        let arguments = [
            "train",
            "bars.toml",
            "--run",
            run,
            "--epochs",
            "60",
            "--set",
            rate,
        ];
        lab.cnn(&arguments)
    };
    let outcome = set("run", &rate("0.3")).ok();
    assert_eq!(
        outcome.stderr.matches("going back to ").count(),
        2,
        "{outcome:?}"
    );
    assert!(
        outcome
            .stderr
            .contains("with half the rate, 0.075: 2 of 3 times"),
        "{outcome:?}"
    );
    let rows = lab.text("runs/run/metrics.csv");
    assert_eq!(rows.lines().count(), 1 + 60);
    assert_eq!(
        rows.lines().last().unwrap().split(',').nth(6),
        Some("0.075")
    );
    let outcome = set("wild", &rate("1e30")).code(6);
    assert_eq!(
        outcome.stderr.matches("to the start with half").count(),
        3,
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("error: "), "{outcome:?}");
}

#[test]
fn going_back_takes_back_what_is_trained_again() {
    let lab = lab(
        "l2 = 10.0\non_divergence = \"back\"\ncheckpoint = { every = \"100 epochs\", keep = 5 }",
    );
    let run = |name: &'static str, rate: &str| {
        let rate = format!("train.optimizer={{ type = \"sgd\", learning_rate = {rate} }}");
        let arguments = [
            "train",
            "bars.toml",
            "--run",
            name,
            "--epochs",
            "60",
            "--tensorboard",
            "--json",
            "--set",
            &rate,
        ];
        lab.cnn(&arguments)
    };
    let outcome = run("run", "0.3").ok();
    let events = outcome.json_lines();
    let back: Vec<_> = events
        .iter()
        .filter(|event| event["event"] == "back")
        .collect();
    assert_eq!(back.len(), 2, "{outcome:?}");
    // Weights only grow at first, so the first epoch is the best; there is a checkpoint of it.
    assert_eq!(
        (&back[0]["epoch"], &back[0]["step"]),
        (&1.into(), &3.into())
    );
    assert_eq!(
        (&back[1]["setbacks"], &back[1]["learning_rate"]),
        (&2.into(), &0.075.into())
    );
    assert!(
        back[0]["reason"].as_str().unwrap().contains("epoch"),
        "{back:?}"
    );
    assert!(outcome.stderr.contains("warning: "), "{outcome:?}");
    let end = events.last().unwrap();
    let best = end["best_epoch"].as_u64().unwrap() as usize;
    let rows = lab.text("runs/run/metrics.csv");
    assert_eq!(rows.lines().count(), 1 + 60);
    let row = rows.lines().nth(best).unwrap();
    let loss: f64 = row.split(',').nth(4).unwrap().parse().unwrap();
    assert_eq!(end["best_loss"], loss, "{row}");
    assert_eq!(lab.names("runs/run/tensorboard").len(), 1 + 2);
    let outcome = run("wild", "1e30").code(6);
    let last = outcome.json_lines().pop().unwrap();
    assert_eq!(
        (&last["event"], &last["exit_code"]),
        (&"error".into(), &6.into())
    );
    let message = last["message"].as_str().unwrap();
    assert!(outcome.stderr.contains(message), "{outcome:?}");
}

#[test]
fn class_weights_are_those_of_classes_there_are() {
    let lab = lab("loss = { type = \"focal\", class_weights = { sideways = 2.0 } }");
    let outcome = lab.cnn(&["train", "bars.toml"]).code(2);
    let said = |text: &str| assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    said("`class_weights` names a class `sideways` that the data does not have");
    said("classes: `across`, `down`, `slant`");
    let loss = "train.loss={ type = \"focal\", class_weights = \"balanced\" }";
    train(&lab, "balanced", &[loss, "train.epochs=1"]);
}

#[test]
fn a_plateau_brings_the_rate_down() {
    let lab = lab(
        "schedule = { type = \"plateau\", patience = 1, threshold = 100.0, gamma = 0.5 }\nepochs = 6",
    );
    lab.write(
        "bars.toml",
        lab.text("bars.toml").replacen("epochs = 3\n", "", 1),
    );
    train(&lab, "run", &[]);
    let rows = lab.text("runs/run/metrics.csv");
    let rates: Vec<&str> = rows
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').nth(6))
        .collect();
    assert_eq!(rates, ["0.03", "0.03", "0.03", "0.015", "0.015", "0.0075"]);
}
