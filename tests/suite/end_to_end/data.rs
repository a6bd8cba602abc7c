//! The same pictures in other files, in other splits, in black on white.

use std::fs;

use super::{figures, trained};
use crate::support::{
    BARS, CLASSES, Lab, PER_CLASS, bar_png, inverted_bar_png, names, write_bars, write_idx,
};

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
