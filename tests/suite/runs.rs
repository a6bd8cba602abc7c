//! `cnn runs`: what was trained, side by side.

use serde_json::json;

use crate::support::{Lab, wait_until};

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
    let named = |arguments: &[&str]| -> Vec<String> {
        let all = [&["runs", "list", "--sort", "name", "--json"], arguments].concat();
        let lines = lab.cnn(&all).ok().json_lines();
        let names = lines.iter().filter_map(|run| run["run"].as_str());
        names.map(str::to_owned).collect()
    };
    assert_eq!(named(&["--filter", "SWEEP"]), expected[2..]);
    assert_eq!(
        named(&["--filter", "sweep", "--limit", "1"]),
        expected[2..3]
    );
    assert_eq!(named(&["--status", "finished"]), expected);
    assert!(named(&["--status", "running"]).is_empty());
    let none = lab.cnn(&["runs", "list", "--filter", "elsewhere"]).ok();
    assert_eq!(
        none.stdout,
        "no run of `runs/` is like that; there are finished\n"
    );
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
    lab.cnn(&["runs", "rm", "bars-1", "runs/bars-1"]).ok();
    assert!(!lab.path("runs/bars-1").exists());
    let empty = Lab::new();
    let said = empty.cnn(&["runs", "list"]).ok().stdout;
    assert!(said.contains("no runs"), "{said}");
}

#[test]
fn a_report_shows_answers_and_needs_nothing_beside_it() {
    let lab = Lab::with_bars();
    let folders: Vec<_> = std::fs::read_dir(lab.path("bars"))
        .unwrap()
        .flatten()
        .collect();
    // A class's name is text, whatever stands in it.
    std::fs::rename(folders[0].path(), lab.path("bars/<script>alert(1)")).unwrap();
    lab.cnn(&["train", "bars.toml", "--epochs", "2", "--quiet"])
        .ok();
    let page = lab.text("runs/bars-1/report.html");
    for heading in [
        "Curves",
        "Answers",
        "Confusion matrix",
        "Calibration",
        "Each class against the others",
        "Typical hits",
        "Learned filters",
        "Epochs",
        "Network",
        "Data and environment",
        "Config",
    ] {
        assert!(page.contains(&format!("<h2>{heading}</h2>")), "{heading}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)"));
    // Arrows of the drawing refer to a part of the page itself.
    let outside = page.replace("url(#", "");
    for foreign in ["<script", "src=\"http", "href=", "@import", "url("] {
        assert!(!outside.contains(foreign), "{foreign}");
    }
    // What the page says is what an evaluation finds.
    let report = lab.cnn(&["eval", "bars-1", "--json"]).ok().json();
    let accuracy = format!("({:.2} %)", 100.0 * report["accuracy"].as_f64().unwrap());
    assert!(page.contains(&accuracy), "{accuracy}");
    // Without its data the rest is still written.
    std::fs::rename(lab.path("bars"), lab.path("elsewhere")).unwrap();
    let said = lab.cnn(&["runs", "report", "bars-1"]).ok();
    assert!(said.stderr.contains("No answers are shown"), "{said:?}");
    let page = lab.text("runs/bars-1/report.html");
    assert!(page.contains("No answers are shown") && !page.contains("<h2>Answers</h2>"));
    assert!(page.contains("<h2>Learned filters</h2>"));
}

#[test]
fn the_latest_run_is_the_one_trained_last() {
    let lab = lab();
    let first = || -> String {
        let listed = lab.cnn(&["runs", "list", "--json"]).ok().json_lines();
        listed[0]["run"].as_str().unwrap().to_owned()
    };
    let latest = || lab.cnn(&["runs", "show", "--json"]).ok().json()["run"].clone();
    assert_eq!((first(), latest()), ("bars-2".to_owned(), json!("bars-2")));
    let more = ["train", "--resume", "bars-1", "--epochs", "4", "--quiet"];
    lab.cnn(&more).ok();
    assert_eq!((first(), latest()), ("bars-1".to_owned(), json!("bars-1")));
    let begun = lab.cnn(&["runs", "list", "--sort", "started", "--json"]);
    assert_eq!(begun.ok().json_lines().len(), 2);
}

#[test]
fn a_killed_run_does_not_stay_running() {
    let lab = Lab::with_bars();
    let endless = ["train", "bars.toml", "--epochs", "100000000", "--quiet"];
    let mut child = lab.start(&endless);
    wait_until("start", || lab.path("runs/bars-1/run.json").is_file());
    let status = || {
        let listed = lab.cnn(&["runs", "list", "--json"]).ok().json_lines();
        listed[0]["status"].clone()
    };
    assert_eq!(status(), "running");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lab.json("runs/bars-1/run.json")["status"], "running");
    assert_eq!(status(), "killed");
    let shown = lab.cnn(&["runs", "show"]).ok().stdout;
    assert!(shown.contains("cnn train --resume bars-1"), "{shown}");
    let killed = lab.cnn(&["runs", "list", "--status", "killed"]).ok();
    assert!(killed.stdout.contains("bars-1"), "{killed:?}");
    let one = ["train", "--resume", "bars-1", "--epochs", "1", "--quiet"];
    lab.cnn(&one).ok();
    assert_eq!(status(), "finished");
}

#[test]
fn data_that_change_behind_a_run_are_told() {
    let lab = Lab::trained();
    let quiet = lab.cnn(&["eval", "run"]).ok();
    assert_eq!(quiet.stderr, "");
    std::fs::remove_dir_all(lab.path("bars/slant")).unwrap();
    let told = lab.cnn(&["eval", "run"]).ok().stderr;
    assert!(told.contains("its fingerprint has changed"), "{told}");
    // The network is what it is: to edit its config would not mend it.
    let resume = ["train", "--resume", "run", "--epochs", "5"];
    let said = lab.cnn(&resume).code(3).stderr;
    assert!(
        said.starts_with("error: run `runs/run` does not fit its data as it is now\n"),
        "{said}"
    );
    assert!(
        said.contains("2 classes") && !said.contains("units = 2"),
        "{said}"
    );
    std::fs::rename(lab.path("bars"), lab.path("moved")).unwrap();
    let said = lab.cnn(&["eval", "run"]).code(3).stderr;
    assert!(said.contains("`--data` names the place"), "{said}");
    let said = lab.cnn(&resume).code(3).stderr;
    assert!(said.contains("`--data` names the place"), "{said}");
}

#[test]
#[cfg(unix)]
fn a_look_at_a_run_waits_for_nothing_and_stands_in_no_way() {
    let lab = Lab::trained();
    let mut record = lab.json("runs/run/run.json");
    record["status"] = "running".into();
    lab.write("runs/run/run.json", record.to_string());
    let status = || lab.cnn(&["runs", "show", "run", "--json"]).ok().json()["status"].clone();
    // Another look holds the lock in the same way.
    let checkpoints = lab.path("runs/run/checkpoints");
    let look = std::fs::File::open(&checkpoints).unwrap();
    look.lock_shared().unwrap();
    assert_eq!(status(), "killed");
    drop(look);
    std::fs::remove_dir_all(&checkpoints).unwrap();
    assert_eq!(status(), "killed");
    let mut fifo = std::process::Command::new("mkfifo");
    assert!(fifo.arg(&checkpoints).status().unwrap().success());
    assert_eq!(status(), "killed");
    let said = lab.cnn(&["train", "--resume", "run"]).code(5);
    assert!(said.stderr.contains("checkpoints"), "{said:?}");
}
