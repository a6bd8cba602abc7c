//! Snapshots of what commands print, and the manners of their streams.

use std::process::Stdio;

use serde_json::json;

use crate::support::{
    BARS, Golden, Lab, Outcome, bar_png, command_in, finished, keys, outcome, repository,
};

/// Runs the binary at the root of the repository, as its README does.
#[track_caller]
fn at_root(arguments: &[&str]) -> Outcome {
    outcome(&mut command_in(&repository(""), arguments))
}

fn check(golden: &mut Golden, name: &str, arguments: &[&str]) {
    let outcome = at_root(arguments).ok();
    assert_eq!(outcome.stderr, "", "{arguments:?}");
    let text = outcome.stdout.replace("ndarray, wgpu)", "ndarray)");
    let path = repository("tests/snapshots").join(format!("{name}.txt"));
    golden.check(&path, &format!("$ cnn {}\n{text}", arguments.join(" ")));
}

#[test]
fn help_reads_as_it_should() {
    let mut golden = Golden::new();
    check(&mut golden, "version", &["--version"]);
    check(&mut golden, "help", &["--help"]);
    for command in [
        "train",
        "eval",
        "predict",
        "inspect",
        "bench",
        "new",
        "schema",
        "filter",
        "data",
        "crossval",
        "sweep",
        "serve",
        "serve-device",
        "show",
        "runs",
        "import",
        "export",
    ] {
        check(
            &mut golden,
            &format!("help-{command}"),
            &[command, "--help"],
        );
    }
    for command in ["list", "fetch", "check", "stats", "show"] {
        check(
            &mut golden,
            &format!("help-data-{command}"),
            &["data", command, "--help"],
        );
    }
    golden.finish();
}

#[test]
fn inspections_read_as_they_should() {
    let mut golden = Golden::new();
    check(
        &mut golden,
        "inspect-lenet5",
        &["inspect", "configs/lenet5.toml"],
    );
    let batch = ["inspect", "configs/lenet5.toml", "--batch", "64"];
    check(&mut golden, "inspect-lenet5-batch-64", &batch);
    check(
        &mut golden,
        "inspect-mnist-small",
        &["inspect", "configs/mnist-small.toml"],
    );
    golden.finish();
}

#[test]
fn the_json_of_an_inspection_has_the_keys_and_the_figures_of_the_contract() {
    let outcome = at_root(&["inspect", "configs/lenet5.toml", "--json"]).ok();
    let report = outcome.json();
    assert_eq!(outcome.stdout.lines().count(), 1);
    assert_eq!(
        keys(&report),
        [
            "batch", "dtype", "input", "layers", "name", "totals", "weights"
        ]
    );
    assert_eq!(report["name"], "lenet5");
    assert_eq!(report["input"], json!([1, 32, 32]));
    let weights = report["weights"].as_array().unwrap();
    assert_eq!(weights.len(), 10);
    assert_eq!(
        weights[0],
        json!({ "name": "C1.weight", "shape": [6, 1, 5, 5] })
    );
    assert_eq!(
        (&report["batch"], &report["dtype"]),
        (&json!(1), &json!("f32"))
    );
    let totals = &report["totals"];
    let mut expected = [
        "parameters",
        "trainable",
        "frozen",
        "buffers",
        "macs",
        "flops",
        "weight_bytes",
        "gradient_bytes",
        "optimizer_bytes",
        "inference_bytes",
        "training_bytes",
        "receptive_field",
        "dense_equivalent_parameters",
        "predicted_training_rss_bytes",
    ];
    expected.sort_unstable();
    assert_eq!(keys(totals), expected);
    assert_eq!(totals["parameters"], 61_706);
    assert_eq!(totals["trainable"], 61_706);
    assert_eq!(totals["buffers"], 0);
    assert_eq!(totals["macs"], 416_520);
    assert_eq!(totals["flops"], 833_040);
    assert_eq!(totals["weight_bytes"], 246_824);
    assert_eq!(totals["receptive_field"], json!([32, 32]));
    // 6x28x28 and 6x14x14 are the largest two in a row; the sum is over all eight layers.
    assert_eq!(totals["inference_bytes"], 4 * (4704 + 1176));
    let outputs = 4704 + 1176 + 1600 + 400 + 120 + 120 + 84 + 10;
    assert_eq!(totals["training_bytes"], 4 * outputs);
    let first = json!({
        "index": 0, "path": "0", "name": "C1", "type": "conv", "depth": 0,
        "input": [1, 32, 32], "output": [6, 28, 28],
        "parameters": 156, "trainable": 156, "buffers": 0, "macs": 117_600, "flops": 235_200,
        "output_bytes": 18_816, "receptive_field": [5, 5], "jump": [1, 1],
        "padding": [[0, 0], [0, 0]], "ignored": [0, 0],
    });
    assert_eq!(report["layers"][0], first, "the example of the contract");
    let layers = report["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 8);
    for (index, layer) in layers.iter().enumerate() {
        assert_eq!(keys(layer), keys(&first));
        assert_eq!(layer["index"], index);
    }
    for key in ["parameters", "macs", "flops", "output_bytes"] {
        let sum: u64 = layers
            .iter()
            .map(|layer| layer[key].as_u64().unwrap())
            .sum();
        let total = if key == "output_bytes" {
            "training_bytes"
        } else {
            key
        };
        assert_eq!(totals[total], sum, "{key}");
    }
}

#[test]
fn a_batch_multiplies_the_memory_of_outputs_alone() {
    let figures = |batch: &str| {
        let arguments = ["inspect", "configs/lenet5.toml", "--json", "--batch", batch];
        at_root(&arguments).ok().json()
    };
    let (one, many) = (figures("1"), figures("32"));
    for key in ["inference_bytes", "training_bytes"] {
        let one = one["totals"][key].as_u64().unwrap();
        assert_eq!(many["totals"][key], one * 32);
    }
    for key in ["parameters", "macs", "weight_bytes", "receptive_field"] {
        assert_eq!(many["totals"][key], one["totals"][key]);
    }
}

#[test]
fn finding_faults_is_told_apart_from_results() {
    let verbose = at_root(&["inspect", "configs/lenet5.toml", "--json", "-vv"]).ok();
    verbose.json();
}

/// Runs a command whose reader goes away before anything is written.
#[track_caller]
fn unread(lab: &Lab, arguments: &[&str]) -> Outcome {
    let mut command = lab.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    finished(child)
}

#[test]
fn a_closed_standard_output_ends_quietly() {
    let lab = Lab::with_bars();
    lab.write("a.png", bar_png(0, 0));
    let train = ["train", "bars.toml", "--json", "--quiet"];
    let outcome = unread(&lab, &train).ok();
    assert_eq!(outcome.stderr, "");
    let record = lab.json("runs/bars-1/run.json");
    assert_eq!(record["status"], "finished", "training outlives its reader");
    let model = "runs/bars-1/model.safetensors";
    for arguments in [
        vec!["inspect", "bars.toml"],
        vec!["inspect", "bars.toml", "--json"],
        vec!["eval", "--json"],
        vec!["eval"],
        vec!["predict", "a.png", "a.png", "bars", "--model", model],
        vec!["predict", "a.png", "--csv"],
        vec!["--help"],
        vec!["--version"],
    ] {
        let outcome = unread(&lab, &arguments);
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_standard_output_is_told() {
    let lab = Lab::with_bars();
    for arguments in [["inspect", "bars.toml"], ["train", "bars.toml"]] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let mut command = lab.command(&arguments);
        let child = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let outcome = finished(child).code(5);
        let mut lines = outcome.stderr.lines().rev();
        let error = lines.find(|line| line.starts_with("error: "));
        let error = error.unwrap_or_default();
        assert!(error.contains("standard output"), "{outcome:?}");
    }
}

#[test]
fn quiet_says_nothing_but_results() {
    let lab = Lab::with_bars();
    let outcome = lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    assert_eq!(outcome.stderr, "");
    assert!(
        outcome.stdout.starts_with("run             runs/bars-1\n"),
        "{outcome:?}"
    );
    let outcome = lab.cnn(&["train", "bars.toml"]).ok();
    let epochs = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("epoch "));
    assert_eq!(epochs.count(), 3, "a line an epoch: {outcome:?}");
}

#[test]
fn the_run_that_answers_is_named_unless_it_was_asked_for() {
    let lab = Lab::with_bars();
    lab.write("a.png", bar_png(0, 0));
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    for (options, said) in [
        (&[][..], "run bars-1\n"),
        (&["--model", "bars-1"], ""),
        (&["--quiet"], ""),
        (&["--json"], ""),
        (&["--csv"], ""),
    ] {
        let outcome = lab.cnn(&[&["predict", "a.png"], options].concat()).ok();
        assert_eq!(outcome.stderr, said, "{options:?}");
        assert!(!outcome.stdout.contains("run "), "{outcome:?}");
    }
}

#[test]
fn colours_come_to_a_terminal_alone() {
    let lab = Lab::new();
    let mut command = lab.command(&["inspect", "none.toml"]);
    let outcome = outcome(command.env_remove("NO_COLOR")).code(2);
    assert!(!outcome.stderr.contains('\u{1b}'), "{outcome:?}");
    lab.write("bars.toml", BARS);
    let mut command = lab.command(&["inspect", "bars.toml", "-v"]);
    let outcome = crate::support::outcome(command.env_remove("NO_COLOR")).ok();
    assert!(outcome.stderr.contains("config read"), "{outcome:?}");
    assert!(!outcome.stderr.contains('\u{1b}'), "{outcome:?}");
}

#[test]
fn options_of_other_programs_are_named_as_they_are_here() {
    let lab = Lab::new();
    for (argument, here) in [
        ("--lr=0.1", "`--set train.optimizer.learning_rate=0.01`"),
        ("--gpu", "`--device wgpu`"),
        ("-o", "`--out FILE`"),
        (
            "--Learning_Rate",
            "`--set train.optimizer.learning_rate=0.01`",
        ),
    ] {
        let said = lab.cnn(&["train", "bars.toml", argument]).code(2).stderr;
        assert!(said.contains("error: unexpected argument"), "{said}");
        assert!(said.contains("tip: ") && said.contains(here), "{said}");
    }
    let near = lab.cnn(&["train", "bars.toml", "--epoch", "3"]).code(2);
    assert!(near.stderr.contains("'--epochs'"), "{near:?}");
}

#[test]
#[cfg(unix)]
fn an_argument_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt as _;
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9\x1b[2J.toml");
    let mut command = command_in(&repository(""), &["train", "--run"]);
    let said = outcome(command.arg(odd)).code(2);
    let message = "error: the argument `caf\\xe9\\x1b[2J.toml` is no UTF-8 text";
    assert!(said.stderr.starts_with(message), "{said:?}");
    // The one at fault is not told, and a path may be of any bytes.
    let mut command = command_in(&repository(""), &["train"]);
    let said = outcome(command.arg(odd).arg("--run").arg(odd)).code(2);
    assert!(said.stderr.starts_with("error: one of `caf"), "{said:?}");
}
