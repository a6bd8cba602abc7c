//! `cnn predict` on files, folders, standard input and names of any kind.

use std::fs;

use super::trained;
use crate::support::{BARS, CLASSES, Lab, PER_CLASS, bar_png, keys};

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
