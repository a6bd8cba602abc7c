//! Train, evaluate, predict: what a user does, on pictures that a small network learns in a second.

mod data;
mod predictions;
mod training;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::{BARS, CLASSES, Lab, keys};

const COLUMNS: &str = "epoch,step,train_loss,train_accuracy,validation_loss,validation_accuracy,\
                       learning_rate,seconds,images_per_second";

/// Makes a folder with a run `run` that tells the bars apart.
fn trained() -> Lab {
    let lab = Lab::with_bars();
    lab.train("run", &["--epochs", "12"]);
    lab
}

/// Returns the figures of a run that do not depend on the clock.
fn figures(lab: &Lab, run: &str) -> Vec<Vec<String>> {
    let text = lab.text(Path::new("runs").join(run).join("metrics.csv"));
    let row = |line: &str| line.split(',').take(7).map(str::to_owned).collect();
    text.lines().map(row).collect()
}

#[test]
fn a_run_folder_holds_what_the_contract_names() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml"]).ok();
    let mut found = lab.names("runs/bars-1");
    found.retain(|name| !name.starts_with('.'));
    let expected = [
        "checkpoints",
        "config.toml",
        "curves.svg",
        "metrics.csv",
        "model.safetensors",
        "report.html",
        "run.json",
    ];
    assert_eq!(found, expected);
    let metrics = lab.text("runs/bars-1/metrics.csv");
    let lines: Vec<&str> = metrics.lines().collect();
    assert_eq!(lines[0], COLUMNS);
    assert_eq!(lines.len(), 1 + 3);
    for (index, line) in lines[1..].iter().enumerate() {
        let numbers: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 9);
        assert!(numbers.iter().all(|number| number.is_finite()), "{line}");
        let epoch = index as f64 + 1.0;
        assert_eq!(
            &numbers[..2],
            [epoch, epoch * 3.0],
            "27 pictures are 3 batches of 9"
        );
    }
    let record = lab.json("runs/bars-1/run.json");
    assert_eq!(record["status"], "finished");
    assert_eq!(record["seed"], 7);
    assert_eq!(record["device"], "cpu");
    assert_eq!(record["data"], "bars");
    assert_eq!(record["data_fingerprint"].as_str().unwrap().len(), 64);
    assert_eq!(record["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(record["epochs"], 3);
    assert!(
        record["best_epoch"]
            .as_u64()
            .is_some_and(|epoch| (1..=3).contains(&epoch))
    );
    assert!(record["train_secs"].as_f64().is_some_and(|secs| secs > 0.0));
    let mut checkpoints = lab.names("runs/bars-1/checkpoints");
    checkpoints.retain(|name| name.starts_with("step-"));
    assert_eq!(checkpoints.len(), 3);
    let curves = lab.text("runs/bars-1/curves.svg");
    assert!(curves.starts_with("<svg ") && curves.trim_end().ends_with("</svg>"));
}

#[test]
fn a_resolved_config_means_the_same() {
    let lab = Lab::with_bars();
    lab.write("plain.toml", BARS.replace("name = \"bars\"\n", ""));
    for config in ["bars", "plain"] {
        let file = format!("{config}.toml");
        lab.cnn(&["train", &file, "--epochs", "1", "--set", "augment.shift=1"])
            .ok();
        let resolved = format!("runs/{config}-1/config.toml");
        let inspect = |config: &str| lab.cnn(&["inspect", config, "--json"]).ok().json();
        assert_eq!(inspect(&file), inspect(&resolved));
        lab.cnn(&["train", &resolved]).ok();
        let (once, twice) = (
            lab.text(&resolved),
            lab.text(format!("runs/{config}-2/config.toml")),
        );
        assert_eq!(once, twice, "resolving a resolved config changes nothing");
        let (one, two) = (format!("{config}-1"), format!("{config}-2"));
        assert_eq!(figures(&lab, &one), figures(&lab, &two), "and trains alike");
    }
}

#[test]
fn events_are_json_and_agree_with_the_metrics() {
    let lab = Lab::with_bars();
    let outcome = lab.cnn(&["train", "bars.toml", "--json"]).ok();
    assert_eq!(outcome.stderr, "");
    let events = outcome.json_lines();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    let expected = [
        "start",
        "epoch",
        "checkpoint",
        "epoch",
        "checkpoint",
        "epoch",
        "checkpoint",
        "end",
    ];
    assert_eq!(kinds, expected);
    let start = &events[0];
    assert_eq!(start["train_samples"], 27);
    assert_eq!(start["validation_samples"], 9);
    assert_eq!(
        (start["classes"].as_u64(), start["epochs"].as_u64()),
        (Some(3), Some(3))
    );
    let metrics = lab.text("runs/bars-1/metrics.csv");
    let mut rows = metrics.lines().skip(1);
    for event in events.iter().filter(|event| event["event"] == "epoch") {
        let mut columns: BTreeSet<&str> = COLUMNS.split(',').collect();
        columns.insert("event");
        assert_eq!(keys(event), columns.into_iter().collect::<Vec<_>>());
        let row = rows.next().unwrap();
        for (name, cell) in COLUMNS.split(',').zip(row.split(',')) {
            assert_eq!(event[name].as_f64(), cell.parse().ok(), "{name}");
        }
    }
    let checkpoint = lab.path(events[2]["path"].as_str().unwrap());
    assert!(checkpoint.is_dir());
    let end = &events[7];
    assert_eq!(end["reason"], "finished");
    assert_eq!(end["run"], "runs/bars-1");
    assert_eq!(end["epochs"], 3);
}

#[test]
fn an_evaluation_has_the_keys_of_the_contract_and_adds_up() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--epochs", "2", "--quiet"])
        .ok();
    let report = lab.cnn(&["eval", "--split", "train", "--json"]).ok().json();
    let mut expected = [
        "run",
        "split",
        "samples",
        "loss",
        "accuracy",
        "top5_accuracy",
        "expected_calibration_error",
        "classes",
        "confusion",
        "mistakes",
        "seconds",
        "images_per_second",
    ];
    expected.sort_unstable();
    assert_eq!(keys(&report), expected);
    assert_eq!(
        (&report["run"], &report["split"]),
        (&"bars-1".into(), &"train".into())
    );
    let confusion: Vec<Vec<u64>> = serde_json::from_value(report["confusion"].clone()).unwrap();
    let samples: u64 = confusion.iter().flatten().sum();
    assert_eq!(report["samples"], samples);
    assert_eq!(samples, 27);
    let right: u64 = (0..3).map(|class| confusion[class][class]).sum();
    let close = |value: &Value, expected: f64| {
        let value = value.as_f64().unwrap();
        assert!((value - expected).abs() < 1e-9, "{value} {expected}");
    };
    close(&report["accuracy"], right as f64 / samples as f64);
    close(&report["top5_accuracy"], 1.0);
    let classes = report["classes"].as_array().unwrap();
    for (index, class) in classes.iter().enumerate() {
        assert_eq!(
            keys(class),
            ["f1", "name", "precision", "recall", "support"]
        );
        assert_eq!(class["name"], CLASSES[index]);
        let support: u64 = confusion[index].iter().sum();
        assert_eq!(class["support"], support);
        let hits = confusion[index][index] as f64;
        close(&class["recall"], hits / support as f64);
        let answered: u64 = confusion.iter().map(|row| row[index]).sum();
        let precision = if answered == 0 {
            0.0
        } else {
            hits / answered as f64
        };
        close(&class["precision"], precision);
    }
    let mistakes = report["mistakes"].as_array().unwrap();
    assert_eq!(mistakes.len() as u64, samples - right);
    let confidences: Vec<f64> = mistakes
        .iter()
        .map(|mistake| mistake["confidence"].as_f64().unwrap())
        .collect();
    assert!(
        confidences.is_sorted_by(|a, b| a >= b),
        "the most confident first"
    );
    for mistake in mistakes {
        assert_eq!(keys(mistake), ["confidence", "label", "path", "predicted"]);
        assert!(lab.path(mistake["path"].as_str().unwrap()).is_file());
        assert_ne!(mistake["label"], mistake["predicted"]);
    }
    let text = lab.cnn(&["eval", "--split", "train"]).ok().stdout;
    let percent = format!("{:.2} %", 100.0 * right as f64 / samples as f64);
    assert!(
        text.contains(&format!("accuracy           {percent}")),
        "{text}"
    );
    assert!(text.contains("confusion matrix"), "{text}");
    let validation = lab.cnn(&["eval", "--json"]).ok().json();
    assert_eq!(
        (&validation["split"], &validation["samples"]),
        (&"validation".into(), &9.into())
    );
}
