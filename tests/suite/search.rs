//! Cross-validation and searches: here `cnn crossval`, `cnn sweep` in a file of its own.

mod sweeps;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Child;

use serde_json::Value;

use crate::support::{BARS, CLASSES, Lab, PER_CLASS, finished, keys, signal, wait_until};

/// Returns the rows of a CSV file by column, without what the clock decides.
fn table(lab: &Lab, path: &str) -> Vec<BTreeMap<String, String>> {
    let bytes = lab.read(path);
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let header = reader.headers().unwrap().clone();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let cells = header.iter().zip(&record);
        let cells = cells.map(|(name, cell)| (name.to_owned(), cell.to_owned()));
        cells.filter(|(name, _)| name != "seconds").collect()
    });
    rows.collect()
}

/// Waits until a run has its first checkpoint.
fn wait_for_checkpoint(lab: &Lab, child: &mut Child, run: &str) {
    let folder = lab.path(run).join("checkpoints");
    wait_until(run, || {
        assert!(child.try_wait().unwrap().is_none(), "ended");
        let names = fs::read_dir(&folder).map(|entries| {
            let names = entries.flatten().map(|entry| entry.file_name());
            names
                .filter(|name| name.to_string_lossy().starts_with("step-"))
                .count()
        });
        names.unwrap_or(0) > 0
    });
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn every_sample_is_in_one_fold_and_figures_add_up() {
    let lab = Lab::with_bars();
    let said = lab
        .cnn(&["crossval", "bars.toml", "--folds", "4", "--json", "--quiet"])
        .ok();
    assert_eq!(said.stderr, "");
    let report = said.json();
    assert_eq!(
        keys(&report),
        [
            "accuracy", "crossval", "folds", "loss", "model", "of", "stopped"
        ]
    );
    assert_eq!(report["crossval"], "runs/bars-crossval-1");
    let folds = report["folds"].as_array().unwrap();
    assert_eq!(folds.len(), 4);
    let losses: Vec<f64> = folds
        .iter()
        .map(|fold| fold["validation_loss"].as_f64().unwrap())
        .collect();
    let mean = losses.iter().sum::<f64>() / 4.0;
    let variance = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / 3.0;
    let close = |value: &Value, expected: f64| {
        let value = value.as_f64().unwrap();
        assert!((value - expected).abs() < 1e-12, "{value} {expected}");
    };
    close(&report["loss"]["mean"], mean);
    close(&report["loss"]["deviation"], variance.sqrt());
    let rows = table(&lab, "runs/bars-crossval-1/folds.csv");
    assert_eq!(rows.len(), 4);
    let mut seen = Vec::new();
    for (index, (row, fold)) in rows.iter().zip(folds).enumerate() {
        let run = format!("runs/bars-crossval-1/fold-{}", index + 1);
        assert_eq!(fold["run"], run.as_str());
        assert_eq!(
            row["validation_loss"].parse().ok(),
            fold["validation_loss"].as_f64()
        );
        // Whoever measures the fold's model again finds the same.
        let again = lab
            .cnn(&["eval", &run, "--split", "validation", "--json"])
            .ok()
            .json();
        close(
            &again["accuracy"],
            fold["validation_accuracy"].as_f64().unwrap(),
        );
        assert_eq!(again["samples"], 9);
        let classes = again["classes"].as_array().unwrap();
        assert!(
            classes.iter().all(|class| class["support"] == 3),
            "of each class alike"
        );
        seen.extend(fold_of(&lab, index + 1));
    }
    seen.sort();
    let all: Vec<String> = CLASSES
        .iter()
        .flat_map(|class| (0..PER_CLASS).map(move |number| format!("{class}/{number:02}.png")))
        .collect();
    assert_eq!(seen, all, "each picture in one fold");
}

/// Returns the pictures that a fold is measured on: those a model that knows nothing gets wrong, and
/// those it gets right, which is one class.
fn fold_of(lab: &Lab, fold: usize) -> Vec<String> {
    use cnn::config::Validation;
    use cnn::load::Project;
    let text = BARS.replace(
        "source = \"bars\"",
        &format!("source = '{}'", lab.path("bars").display()),
    );
    let fold = Validation::Fold { fold, of: 4 }.to_toml();
    let text = text.replace("validation = 0.25", &format!("validation = {fold}"));
    let project = Project::check("bars.toml", &text, &[]).unwrap();
    let dataset = project.load_data().unwrap().dataset;
    let paths = dataset.validation.unwrap().paths.unwrap();
    let name = |path: &Path| {
        let path = path.strip_prefix(lab.path("bars")).unwrap();
        path.display().to_string()
    };
    paths.iter().map(|path| name(path)).collect()
}

#[test]
fn a_killed_cross_validation_goes_on_with_the_fold_it_was_in() {
    let lab = Lab::with_bars();
    // The second fold goes on for long enough after its first checkpoint that the end comes within it.
    let config = BARS.replace("epochs = 3", "epochs = 120");
    lab.write("long.toml", &config);
    lab.cnn(&[
        "crossval",
        "long.toml",
        "--folds",
        "3",
        "--name",
        "straight",
        "--quiet",
    ])
    .ok();
    let arguments = [
        "crossval",
        "long.toml",
        "--folds",
        "3",
        "--name",
        "killed",
        "--quiet",
    ];
    let mut child = lab.start(&arguments);
    wait_for_checkpoint(&lab, &mut child, "runs/killed/fold-2");
    kill(child);
    let finished_model = lab.read("runs/killed/fold-1/run.json");
    let said = lab.cnn(&["crossval", "--resume", "killed"]).ok();
    assert!(
        said.stderr.contains("fold 2 of 3\n") && !said.stderr.contains("fold 1 of 3\n"),
        "{said:?}"
    );
    assert_eq!(
        finished_model,
        lab.read("runs/killed/fold-1/run.json"),
        "the finished fold is left alone"
    );
    assert_eq!(
        table(&lab, "runs/killed/folds.csv"),
        table(&lab, "runs/straight/folds.csv")
    );
    for fold in 1..=3 {
        let model = |run: &str| lab.read(format!("runs/{run}/fold-{fold}/model.safetensors"));
        assert!(model("killed") == model("straight"), "fold {fold}");
    }
    // What is done is told again without training.
    let again = lab
        .cnn(&["crossval", "--resume", "killed", "--json", "--quiet"])
        .ok()
        .json();
    assert_eq!(again["folds"].as_array().unwrap().len(), 3);
}

#[test]
fn an_interrupted_cross_validation_says_how_to_go_on() {
    let lab = Lab::with_bars();
    let arguments = [
        "crossval",
        "bars.toml",
        "--epochs",
        "100000",
        "--name",
        "long",
    ];
    let mut child = lab.start(&arguments);
    wait_for_checkpoint(&lab, &mut child, "runs/long/fold-1");
    let busy = lab.cnn(&["crossval", "--resume", "long"]).code(7);
    assert!(
        busy.stderr.contains("is in use by another process"),
        "{busy:?}"
    );
    signal(&child, "INT");
    let said = finished(child).code(130);
    assert!(
        said.stdout
            .contains("go on with `cnn crossval --resume long`"),
        "{said:?}"
    );
    let latest = lab.cnn(&["predict", "bars"]).code(4);
    assert!(
        latest.stderr.contains("runs/"),
        "folds are no runs of their own: {latest:?}"
    );
}
