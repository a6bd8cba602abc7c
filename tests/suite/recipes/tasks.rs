//! What is learnt besides classes: numbers and labels.

use super::{lab, train};
use crate::support::{BARS, CLASSES, Lab, PER_CLASS};

#[test]
fn what_learns_numbers_wants_numbers() {
    let lab = lab("loss = \"mse\"");
    let outcome = lab.cnn(&["train", "bars.toml"]).code(2);
    assert!(
        outcome
            .stderr
            .contains("`bars` has classes, and `mse` learns numbers"),
        "{outcome:?}"
    );
}

/// Writes a table of the bars with numbers and labels of each.
fn lab_of_numbers(loss: &str, targets: &str, activation: &str) -> Lab {
    let lab = Lab::with_bars();
    let mut table = "path,light,across,down\n".to_owned();
    for (class, name) in CLASSES.iter().enumerate() {
        for number in 0..PER_CLASS {
            let light = if number < 6 { 1.0 } else { 0.8 };
            let marks = [class == 0, class == 1].map(u8::from);
            let [across, down] = marks;
            table += &format!("bars/{name}/{number:02}.png,{light},{across},{down}\n");
        }
    }
    lab.write("table.csv", table);
    let config = BARS
        .replace(
            "source = \"bars\"",
            &format!("source = \"table.csv\"\ntarget = {targets}"),
        )
        .replace("units = 3", &format!("units = 2{activation}"))
        .replace("epochs = 3", "epochs = 25");
    lab.write("bars.toml", format!("{config}loss = \"{loss}\"\n"));
    lab
}

#[test]
fn numbers_are_learnt_measured_and_told() {
    let lab = lab_of_numbers("mse", "[\"light\", \"across\"]", "");
    train(&lab, "run", &[]);
    let rows = lab.text("runs/run/metrics.csv");
    let last: Vec<&str> = rows.lines().last().unwrap().split(',').collect();
    assert_eq!((last[3], last[5]), ("", ""), "no accuracy: {rows}");
    assert!(last[4].parse::<f64>().unwrap() < 0.1, "{rows}");
    let report = lab.cnn(&["eval", "run", "--json"]).ok().json();
    let names: Vec<&str> = report["values"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|value| value["name"].as_str())
        .collect();
    assert_eq!(names, ["light", "across"]);
    assert!(
        report["mae"].as_f64().unwrap() <= report["rmse"].as_f64().unwrap(),
        "{report}"
    );
    assert!(
        report["values"][1]["r2"].as_f64().unwrap() > 0.5,
        "{report}"
    );
    assert_eq!(report["accuracy"], serde_json::Value::Null);
    let answer = lab
        .cnn(&["predict", "bars/across/01.png", "--json"])
        .ok()
        .json();
    assert!(
        answer["values"]["across"].as_f64().unwrap() > 0.5,
        "{answer}"
    );
    let text = lab.cnn(&["eval", "run"]).ok().stdout;
    assert!(text.contains("root mean square"), "{text}");
}

#[test]
fn labels_are_learnt_each_for_itself() {
    let lab = lab_of_numbers(
        "binary_cross_entropy",
        "[\"across\", \"down\"]",
        ", activation = \"sigmoid\"",
    );
    train(&lab, "run", &[]);
    let report = lab.cnn(&["eval", "run", "--json"]).ok().json();
    assert!(report["accuracy"].as_f64().unwrap() > 0.9, "{report}");
    assert_eq!(report["labels"][1]["name"], "down");
    assert!(
        report["labels"][1]["f1"].as_f64().unwrap() > 0.8,
        "{report}"
    );
    let probability = |picture: &str, label: &str| {
        let answer = lab.cnn(&["predict", picture, "--json"]).ok().json();
        let guesses = answer["predictions"].as_array().unwrap().clone();
        let guess = guesses
            .iter()
            .find(|guess| guess["class"] == label)
            .unwrap()
            .clone();
        guess["probability"].as_f64().unwrap()
    };
    assert!(probability("bars/across/01.png", "across") > 0.5);
    assert!(probability("bars/across/01.png", "down") < 0.5);
    let neither = ["across", "down"].map(|label| probability("bars/slant/01.png", label));
    assert!(
        neither.iter().all(|probability| *probability < 0.5),
        "{neither:?}"
    );
    let text = lab.cnn(&["eval", "run"]).ok().stdout;
    assert!(text.contains("mean F1"), "{text}");
}
