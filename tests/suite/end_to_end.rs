//! Train, evaluate, predict: what a user does, on pictures that a small network learns in a second.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{
    BARS, CLASSES, Lab, PER_CLASS, bar_png, finished, inverted_bar_png, keys, names, write_bars,
    write_idx,
};

const COLUMNS: &str = "epoch,step,train_loss,train_accuracy,validation_loss,validation_accuracy,\
                       learning_rate,seconds,images_per_second";

/// Makes a folder with a run `run` that tells the bars apart.
fn trained() -> Lab {
    let lab = Lab::with_bars();
    lab.cnn(&[
        "train",
        "bars.toml",
        "--run",
        "run",
        "--epochs",
        "12",
        "--quiet",
    ])
    .ok();
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

#[test]
fn files_folders_and_standard_input_are_told_apart() {
    let lab = trained();
    for (class, name) in CLASSES.iter().enumerate() {
        let path = format!("bars/{name}/03.png");
        let from_file = lab.cnn(&["predict", &path, "--json"]).ok().json();
        assert_eq!(keys(&from_file), ["path", "predictions"]);
        assert_eq!(from_file["path"], path);
        let guesses = from_file["predictions"].as_array().unwrap();
        assert_eq!(guesses.len(), 3);
        assert_eq!(keys(&guesses[0]), ["class", "index", "probability"]);
        assert_eq!(
            (&guesses[0]["class"], &guesses[0]["index"]),
            (&(*name).into(), &class.into())
        );
        let shares: Vec<f64> = guesses
            .iter()
            .map(|guess| guess["probability"].as_f64().unwrap())
            .collect();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(shares.is_sorted_by(|a, b| a >= b));
        let input = bar_png(class, 3);
        let from_input = lab
            .cnn_with_input(&["predict", "-", "--json"], &input)
            .ok()
            .json();
        assert_eq!(from_input["path"], "-");
        assert_eq!(from_input["predictions"], from_file["predictions"]);
    }
    let folder = lab
        .cnn(&["predict", "bars", "--json", "--top-k", "1"])
        .ok()
        .json_lines();
    assert_eq!(folder.len(), 3 * PER_CLASS);
    let right = folder.iter().filter(|line| {
        assert_eq!(line["predictions"].as_array().unwrap().len(), 1);
        let class = line["predictions"][0]["class"].as_str().unwrap();
        line["path"]
            .as_str()
            .unwrap()
            .starts_with(&format!("bars/{class}/"))
    });
    assert!(right.count() >= 33, "{folder:?}");
    let small = [
        "predict",
        "bars",
        "--json",
        "--top-k",
        "1",
        "--batch-size",
        "5",
    ];
    assert_eq!(
        lab.cnn(&small).ok().json_lines(),
        folder,
        "batches do not change answers"
    );
}

#[test]
fn predictions_as_text_and_csv_agree_with_json() {
    let lab = trained();
    let picture = "bars/down/03.png";
    let json = lab
        .cnn(&["predict", picture, "--json", "--top-k", "2"])
        .ok()
        .json();
    let csv = lab
        .cnn(&["predict", picture, "--csv", "--top-k", "2"])
        .ok()
        .stdout;
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows[0],
        ["path", "rank", "class", "index", "probability", "error"]
    );
    assert_eq!(rows.len(), 3);
    for (rank, row) in rows[1..].iter().enumerate() {
        let guess = &json["predictions"][rank];
        assert_eq!(row[..2], [picture, &(rank + 1).to_string()]);
        assert_eq!(row[2], guess["class"]);
        assert_eq!(row[3], guess["index"].to_string());
        assert_eq!(row[4].parse().ok(), guess["probability"].as_f64());
        assert_eq!(row[5], "");
    }
    let text = lab.cnn(&["predict", picture, "--top-k", "1"]).ok().stdout;
    assert!(
        text.starts_with("bars/down/03.png: down ") && text.ends_with(" %\n"),
        "{text}"
    );
}

#[test]
fn the_model_file_alone_predicts_elsewhere() {
    let lab = trained();
    let elsewhere = Lab::new();
    elsewhere.write("a.png", bar_png(1, 4));
    lab.write("a.png", bar_png(1, 4));
    elsewhere.write("model.safetensors", lab.read("runs/run/model.safetensors"));
    let here = lab.cnn(&["predict", "a.png", "--json"]).ok();
    let arguments = ["predict", "a.png", "--json", "--model", "model.safetensors"];
    let there = elsewhere.cnn(&arguments).ok();
    assert_eq!(here.stdout, there.stdout);
    let run = lab.path("runs/run");
    let by_path = [
        "predict",
        "a.png",
        "--json",
        "--model",
        run.to_str().unwrap(),
    ];
    assert_eq!(elsewhere.cnn(&by_path).ok().stdout, here.stdout);
    assert_eq!(elsewhere.names(""), ["a.png", "model.safetensors"]);
}

#[test]
fn idx_files_and_folders_of_the_same_pictures_train_alike() {
    let lab = Lab::with_bars();
    write_idx(&lab.path("idx"));
    lab.cnn(&["train", "bars.toml", "--run", "folder"]).ok();
    lab.cnn(&["train", "bars.toml", "--run", "idx", "--data", "idx"])
        .ok();
    assert_eq!(figures(&lab, "folder"), figures(&lab, "idx"));
    let fingerprint = |run: &str| {
        let record = lab.json(format!("runs/{run}/run.json"));
        record["data_fingerprint"].clone()
    };
    // It is of the files, wherever they lie.
    write_bars(&lab.path("elsewhere/copy"));
    let copy = [
        "train",
        "bars.toml",
        "--run",
        "copy",
        "--data",
        "elsewhere/copy",
    ];
    lab.cnn(&copy).ok();
    assert_eq!(fingerprint("folder"), fingerprint("copy"));
    assert_ne!(fingerprint("folder"), fingerprint("idx"));
    let accuracy = |run: &str| lab.cnn(&["eval", run, "--json"]).ok().json()["accuracy"].clone();
    assert_eq!(accuracy("folder"), accuracy("idx"));
}

#[test]
fn gzip_does_not_change_idx_files() {
    use std::io::Write as _;

    let lab = Lab::with_bars();
    write_idx(&lab.path("plain"));
    for name in names(&lab.path("plain")) {
        let bytes = lab.read(format!("plain/{name}"));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&bytes).unwrap();
        lab.write(format!("packed/{name}.gz"), packed.finish().unwrap());
    }
    let model = |data: &str| {
        lab.cnn(&[
            "train",
            "bars.toml",
            "--epochs",
            "1",
            "--run",
            data,
            "--data",
            data,
        ])
        .ok();
        lab.json(format!("runs/{data}/run.json"))["data_fingerprint"].clone()
    };
    assert_eq!(model("plain"), model("packed"));
}

#[test]
fn black_on_white_is_told_as_white_on_black() {
    let lab = trained();
    lab.write("white.png", bar_png(2, 3));
    lab.write("black.png", inverted_bar_png(2, 3));
    let answer = |picture: &str, invert: &[&str]| {
        let arguments = [&["predict", picture, "--json"], invert].concat();
        lab.cnn(&arguments).ok().json()["predictions"].clone()
    };
    let white = answer("white.png", &[]);
    assert_eq!(white[0]["class"], "slant");
    assert_eq!(answer("black.png", &[]), white);
    assert_eq!(answer("black.png", &["--invert", "auto"]), white);
    assert_eq!(answer("black.png", &["--invert", "true"]), white);
    assert_ne!(answer("black.png", &["--invert", "false"]), white);
    assert_eq!(answer("white.png", &["--invert", "false"]), white);
    assert_ne!(answer("white.png", &["--invert", "true"]), white);
}

#[test]
fn invert_in_the_config_holds_for_training_and_prediction() {
    let lab = Lab::with_bars();
    for (class, name) in CLASSES.iter().enumerate() {
        for number in 0..PER_CLASS {
            lab.write(
                format!("inverse/{name}/{number:02}.png"),
                inverted_bar_png(class, number),
            );
        }
    }
    lab.cnn(&[
        "train",
        "bars.toml",
        "--run",
        "white",
        "--set",
        "data.invert=false",
    ])
    .ok();
    let inverse = [
        "train",
        "bars.toml",
        "--run",
        "black",
        "--data",
        "inverse",
        "--set",
        "data.invert=true",
    ];
    lab.cnn(&inverse).ok();
    assert_eq!(figures(&lab, "white"), figures(&lab, "black"));
    let answer = |model: &str, picture: &str| {
        let answer = lab
            .cnn(&["predict", picture, "--model", model, "--json"])
            .ok()
            .json();
        answer["predictions"].clone()
    };
    let (white, black) = ("bars/down/01.png", "inverse/down/01.png");
    assert_eq!(answer("white", white), answer("black", black));
    assert_ne!(
        answer("white", white),
        answer("white", black),
        "invert = false is held to"
    );
}

#[test]
fn splits_of_the_data_are_used_as_they_lie() {
    let lab = Lab::with_bars();
    for split in ["train", "validation", "test"] {
        write_bars(&lab.path("splits").join(split));
    }
    fs::remove_dir_all(lab.path("splits/test/down")).unwrap();
    lab.write(
        "splits.toml",
        BARS.replace("\"bars\"\nvalidation = 0.25", "\"splits\""),
    );
    let events = lab
        .cnn(&["train", "splits.toml", "--json"])
        .ok()
        .json_lines();
    assert_eq!(events[0]["train_samples"], 36);
    assert_eq!(events[0]["validation_samples"], 36);
    assert_eq!(events[0]["test_samples"], 24);
    let end = events.last().unwrap();
    assert_eq!(end["test_samples"], 24);
    let report = lab.cnn(&["eval", "--json"]).ok().json();
    assert_eq!(report["split"], "test");
    assert_eq!(report["accuracy"], end["test_accuracy"]);
    assert_eq!(report["classes"][1]["support"], 0, "a class may be missing");
    let record = lab.json("runs/bars-1/run.json");
    assert_eq!(record["test"]["accuracy"], end["test_accuracy"]);
    for (key, value) in report.as_object().unwrap() {
        assert!(!value.is_null(), "{key} is no number");
    }
    for class in report["classes"].as_array().unwrap() {
        assert!(
            class["precision"].is_number() && class["f1"].is_number(),
            "{class}"
        );
    }
}

#[test]
fn without_validation_the_last_weights_are_kept() {
    let lab = Lab::with_bars();
    lab.write("whole.toml", BARS.replace("validation = 0.25\n", ""));
    let events = lab
        .cnn(&["train", "whole.toml", "--json"])
        .ok()
        .json_lines();
    assert_eq!(events[0]["train_samples"], 36);
    let epoch = events
        .iter()
        .find(|event| event["event"] == "epoch")
        .unwrap();
    assert!(epoch["validation_loss"].is_null() && epoch["validation_accuracy"].is_null());
    assert_eq!(events.last().unwrap()["best_epoch"], 3);
    let row = lab.text("runs/bars-1/metrics.csv");
    assert_eq!(row.lines().nth(1).unwrap().split(',').nth(4), Some(""));
    let newest = lab.names("runs/bars-1/checkpoints").pop().unwrap();
    let checkpoint = lab.read(format!(
        "runs/bars-1/checkpoints/{newest}/model.safetensors"
    ));
    assert!(checkpoint == lab.read("runs/bars-1/model.safetensors"));
}

#[test]
fn names_of_any_kind_keep_json_valid() {
    let lab = Lab::new();
    let classes = ["two words", "new\nline", "\"quotes\""];
    for (class, name) in classes.iter().enumerate() {
        for number in 0..PER_CLASS {
            lab.write(
                format!("data/{name}/{number} of\n12.png"),
                bar_png(class, number),
            );
        }
    }
    let config = BARS.replace("source = \"bars\"", "source = \"data\"");
    lab.write("my bars.toml", config);
    let events = lab
        .cnn(&["train", "my bars.toml", "--json", "--epochs", "1"])
        .ok()
        .json_lines();
    assert_eq!(events[0]["classes"], 3);
    let lines = lab.cnn(&["predict", "data", "--json"]).ok().json_lines();
    assert_eq!(lines.len(), 36);
    for line in &lines {
        let path = line["path"].as_str().unwrap();
        assert!(lab.path(path).is_file(), "{path}");
        let class = line["predictions"][0]["class"].as_str().unwrap();
        assert!(classes.contains(&class), "{class}");
    }
    lab.cnn(&["eval", "--split", "train", "--json"]).ok().json();
    let text = lab.cnn(&["predict", "data"]).ok().stdout;
    assert_eq!(text.lines().count(), 36, "a line a picture: {text}");
    let csv = lab
        .cnn(&["predict", "data", "--csv", "--top-k", "1"])
        .ok()
        .stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.records().map(Result::unwrap).count(), 36);
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_not_utf8_are_answered_too() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let lab = trained();
    let name = OsStr::from_bytes(b"f\xfcr.png");
    lab.write(name, bar_png(0, 3));
    let arguments = [OsStr::new("predict"), name, OsStr::new("--json")];
    let answer = lab.cnn(&arguments).ok().json();
    assert_eq!(answer["predictions"][0]["class"], "across");
    let class = lab.path("bars").join(OsStr::from_bytes(b"\xff"));
    fs::create_dir(&class).unwrap();
    fs::write(class.join(name), bar_png(0, 3)).unwrap();
    let four = BARS.replace("units = 3", "units = 4");
    lab.write("four.toml", four);
    let events = lab
        .cnn(&["train", "four.toml", "--json", "--epochs", "1"])
        .ok()
        .json_lines();
    assert_eq!(events[0]["classes"], 4);
}

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
fn the_data_is_left_untouched() {
    let lab = Lab::with_bars();
    let state = || -> Vec<_> {
        let of = |class: &&str| {
            let folder = lab.path("bars").join(class);
            let state = |name: String| {
                let path = folder.join(&name);
                let modified = fs::metadata(&path).unwrap().modified().unwrap();
                (name, modified, fs::read(&path).unwrap())
            };
            names(&folder).into_iter().map(state).collect::<Vec<_>>()
        };
        CLASSES.iter().flat_map(of).collect()
    };
    let before = state();
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    lab.cnn(&["eval"]).ok();
    lab.cnn(&["predict", "bars"]).ok();
    assert!(before == state());
    assert_eq!(lab.names(""), ["bars", "bars.toml", "runs"]);
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
