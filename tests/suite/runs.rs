//! `cnn runs`: what was trained, side by side.

use serde_json::json;

use crate::support::Lab;

/// A lab with two runs that differ in rate and epochs, and a sweep of two trials.
fn lab() -> Lab {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--epochs", "3", "--quiet"])
        .ok();
    let rate = "train.optimizer.learning_rate=0.0001";
    lab.cnn(&[
        "train",
        "bars.toml",
        "--epochs",
        "2",
        "--quiet",
        "--set",
        rate,
    ])
    .ok();
    lab
}

#[test]
fn runs_are_listed_shown_and_compared() {
    let lab = lab();
    let sweep = [
        "sweep",
        "bars.toml",
        "--set",
        "train.seed=1,2",
        "--epochs",
        "1",
        "--quiet",
    ];
    lab.cnn(&sweep).ok();
    let listed = lab.cnn(&["runs", "list", "--sort", "name", "--json"]).ok();
    let runs = listed.json_lines();
    let names: Vec<&str> = runs.iter().filter_map(|run| run["run"].as_str()).collect();
    let expected = [
        "bars-1",
        "bars-2",
        "bars-sweep-1/trial-001",
        "bars-sweep-1/trial-002",
    ];
    assert_eq!(names, expected);
    assert_eq!(runs[0]["epochs"], 3);
    let by_loss = lab
        .cnn(&["runs", "list", "--sort", "loss", "--json"])
        .ok()
        .json_lines();
    let losses: Vec<f64> = by_loss
        .iter()
        .filter_map(|run| run["validation_loss"].as_f64())
        .collect();
    assert!(losses.len() == 4 && losses.is_sorted(), "{losses:?}");
    let table = lab.cnn(&["runs", "list"]).ok().stdout;
    assert!(names.iter().all(|name| table.contains(name)), "{table}");
    let one = lab
        .cnn(&["runs", "show", "bars-sweep-1/trial-002"])
        .ok()
        .stdout;
    assert!(one.contains("status") && one.contains("finished"), "{one}");

    let words = ["runs", "compare", "bars-1", "bars-2", "--svg", "both.svg"];
    let text = lab.cnn(&words).ok().stdout;
    assert!(text.contains("train.optimizer.learning_rate"), "{text}");
    let compared = lab.cnn(&[&words[..], &["--json"]].concat()).ok().json();
    assert_eq!(compared["differences"]["train.epochs"], json!(["3", "2"]));
    assert_eq!(compared["differences"].as_object().unwrap().len(), 2);
    let drawn = String::from_utf8(lab.read("both.svg")).unwrap();
    for word in ["bars-1", "bars-2", "loss", "accuracy in %", "epoch"] {
        assert!(drawn.contains(word), "{word}");
    }
    // A line in each of two charts, each run in a colour of its own.
    for colour in ["#0072B2", "#D55E00"] {
        let lines = drawn.split("<polyline").skip(1);
        let lines =
            lines.filter(|line| line.split("/>").next().unwrap_or_default().contains(colour));
        assert_eq!(lines.count(), 2, "{colour}");
    }
}

#[test]
fn a_report_is_written_anew() {
    let lab = lab();
    let before = lab.read("runs/bars-1/report.html");
    std::fs::remove_file(lab.path("runs/bars-1/report.html")).unwrap();
    let said = lab.cnn(&["runs", "report", "bars-1"]).ok().stdout;
    assert_eq!(said, "runs/bars-1/report.html\n");
    let after = String::from_utf8(lab.read("runs/bars-1/report.html")).unwrap();
    assert_eq!(after, String::from_utf8(before).unwrap());
}

#[test]
fn runs_are_removed_by_name_alone_and_not_while_in_use() {
    let lab = lab();
    lab.cnn(&["runs", "rm", "latest"]).code(2);
    let said = lab.cnn(&["runs", "rm", "bars-1", "none"]).code(4);
    assert!(said.stderr.contains("no run `none`"), "{said:?}");
    assert!(
        lab.path("runs/bars-1").is_dir(),
        "one is missing, so none is removed"
    );
    let lock = std::fs::File::open(lab.path("runs/bars-1/checkpoints")).unwrap();
    lock.lock().unwrap();
    lab.cnn(&["runs", "rm", "bars-1"]).code(7);
    assert!(lab.path("runs/bars-1/run.json").is_file());
    drop(lock);
    lab.cnn(&["runs", "rm", "bars-1"]).ok();
    assert!(!lab.path("runs/bars-1").exists());
    let left = lab.cnn(&["runs", "list", "--json"]).ok().json_lines();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_damaged_run_is_a_warning_in_the_list() {
    let lab = lab();
    lab.write("runs/bars-1/run.json", "{");
    let said = lab.cnn(&["runs", "list", "--json"]).ok();
    assert_eq!(said.json_lines().len(), 1);
    assert!(said.stderr.contains("is damaged"), "{said:?}");
    lab.cnn(&["runs", "show", "bars-1"]).code(4);
    let empty = Lab::new();
    let said = empty.cnn(&["runs", "list"]).ok().stdout;
    assert!(said.contains("no runs"), "{said}");
}
