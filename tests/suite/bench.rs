//! `cnn bench`: its figures, its table, and what it refuses.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{BARS, Lab, Outcome, keys, repository};

/// A network with a way around, a joint of a single shape, one of several, a merge and frozen weights.
const GRAPH: &str = r#"[model]
input = [1, 8, 8]
layers = [
  { type = "dropout", rate = 0.1 },
  { type = "conv", name = "first", filters = 2, kernel_size = 3, padding = 1 },
  { type = "residual", activation = "relu", layers = [
    { type = "conv", name = "inner", filters = 2, kernel_size = 3, padding = 1, bias = false },
    { type = "batch_norm" },
  ] },
  { type = "branches", merge = "add", branches = [[{ type = "activation", fn = "tanh" }], []] },
  { type = "branches", branches = [[{ type = "conv", filters = 1, kernel_size = 1 }], []] },
  { type = "conv", name = "frozen", filters = 2, kernel_size = 1, trainable = false },
  { type = "merge", from = "first", with = "add" },
  { type = "flatten" },
  { type = "dense", units = 3 },
  { type = "activation", fn = "softmax" },
]

[train]
batch_size = 3
"#;

fn bench(lab: &Lab, more: &[&str]) -> Outcome {
    let quick = ["bench", "bars.toml", "--seconds", "0.05"];
    lab.cnn(&[&quick, more].concat())
}

#[track_caller]
fn check_positive(report: &Value, of: &[&str]) {
    for key in of {
        assert!(
            report[key].as_f64().is_some_and(|v| v > 0.0),
            "{key}: {report}"
        );
    }
}

#[test]
fn the_json_of_a_benchmark_has_the_words_of_its_peers() {
    let lab = Lab::with_bars();
    for (mode, more) in [("train", None), ("infer", Some(["--mode", "infer"]))] {
        let more = more.iter().flatten().copied();
        let arguments = ["--json", "--threads", "1"].into_iter().chain(more);
        let report = bench(&lab, &arguments.collect::<Vec<_>>()).ok();
        assert_eq!(report.stdout.lines().count(), 1);
        assert_eq!(report.stderr, "");
        let report = report.json();
        let mut expected = [
            "net",
            "parameters",
            "batch",
            "mode",
            "threads",
            "device",
            "images_per_second",
            "median_ms",
            "first_step_seconds",
            "peak_rss_bytes",
        ];
        expected.sort_unstable();
        assert_eq!(keys(&report), expected);
        assert_eq!(report["net"], "bars");
        assert_eq!(report["parameters"], 4 * 9 + 4 + 4 * 9 * 3 + 3);
        assert_eq!(report["batch"], 9, "the config's");
        assert_eq!(report["mode"], mode);
        assert_eq!(report["threads"], 1);
        assert_eq!(report["device"], "cpu");
        check_positive(
            &report,
            &["images_per_second", "median_ms", "first_step_seconds"],
        );
        let number = |key: &str| report[key].as_f64().unwrap();
        let speed = 9.0 / number("median_ms") * 1e3;
        assert!((number("images_per_second") / speed - 1.0).abs() < 1e-9);
        // The first step of several, from the start of the process on, with all that comes before.
        assert!(number("first_step_seconds") * 1e3 > number("median_ms"));
        if cfg!(target_os = "linux") {
            assert!(number("peak_rss_bytes") > 1e6);
        }
    }
    assert!(!lab.path("runs").exists());
}

#[test]
fn options_take_the_place_of_the_configs() {
    let lab = Lab::with_bars();
    let set = [
        "--json",
        "--set",
        "train.batch_size=2",
        "--set",
        "train.loss=focal",
    ];
    assert_eq!(bench(&lab, &set).ok().json()["batch"], 2);
    let batch = [
        "--json",
        "--batch",
        "5",
        "--set",
        "train.batch_size=2",
        "--device",
        "ndarray",
    ];
    let report = bench(&lab, &batch).ok().json();
    assert_eq!(
        (&report["batch"], &report["device"]),
        (&json!(5), &json!("ndarray"))
    );
}

#[test]
fn every_layer_is_measured() {
    let lab = Lab::with_bars();
    lab.write("bars.toml", GRAPH);
    let report = bench(&lab, &["--layers", "--json"]).ok().json();
    assert!(report["ceiling_gflops"].as_f64().unwrap() > 0.0);
    let layers = report["layers"].as_array().unwrap();
    let types: Vec<&str> = layers
        .iter()
        .map(|layer| layer["type"].as_str().unwrap())
        .collect();
    let expected = [
        "dropout",
        "conv",
        "residual",
        "conv",
        "batch_norm",
        "branches",
        "activation",
        "branches",
        "conv",
        "conv",
        "merge",
        "flatten",
        "dense",
    ];
    assert_eq!(types, expected, "the softmax belongs to the loss");
    let mut all = [
        "path",
        "name",
        "type",
        "forward_ms",
        "backward_ms",
        "gflops",
        "share_of_ceiling",
    ];
    all.sort_unstable();
    for layer in layers {
        assert_eq!(keys(layer), all);
        check_positive(layer, &["forward_ms"]);
        let multiplies = ["conv", "dense"].contains(&layer["type"].as_str().unwrap());
        assert_eq!(layer["gflops"].is_number(), multiplies, "{layer}");
        assert_eq!(layer["share_of_ceiling"].is_number(), multiplies, "{layer}");
        if multiplies {
            check_positive(layer, &["gflops", "share_of_ceiling"]);
        }
    }
    let named = |name: &str| layers.iter().find(|layer| layer["name"] == name).unwrap();
    assert_eq!(named("inner")["path"], "2.layers.0");
    assert_eq!(layers[0]["backward_ms"], 0.0, "no weight stands before it");
    for alone in [7, 10] {
        assert_eq!(
            layers[alone]["backward_ms"],
            Value::Null,
            "{}",
            layers[alone]
        );
    }
    // Two FLOPs a multiply-add forward, two for the weights; the first layer's input needs none. A
    // machine that does much else may find the backward pass too quick to tell.
    let first = named("first");
    let backward = first["backward_ms"].as_f64();
    let products = if backward.is_some() { 2.0 } else { 1.0 };
    let ms = first["forward_ms"].as_f64().unwrap() + backward.unwrap_or(0.0);
    let speed = products * f64::from(2 * (2 * 9 * 64) * 3) / (ms / 1e3) / 1e9;
    assert!((first["gflops"].as_f64().unwrap() / speed - 1.0).abs() < 1e-6);
}

#[test]
fn the_table_names_every_layer() {
    let lab = Lab::with_bars();
    lab.write("bars.toml", GRAPH);
    let text = bench(&lab, &["--layers", "--threads", "2"]).ok().stdout;
    assert!(
        text.starts_with("bars: training with batches of 3 on cpu, 2 threads\n"),
        "{text}"
    );
    for label in [
        "images/s",
        "step",
        "first step",
        "parameters",
        "memory",
        "ceiling",
    ] {
        assert!(
            text.lines().any(|line| line.starts_with(label)),
            "{label}: {text}"
        );
    }
    let (_, table) = text.split_once("of sgemm\n").unwrap();
    let lines: Vec<&str> = table.lines().take(14).map(str::trim).collect();
    for (line, start) in lines.iter().zip([
        "0  ",
        "1  ",
        "2  ",
        "2.layers.0",
        "2.layers.1",
        "3  ",
        "3.branches.0.0",
        "4  ",
        "4.branches.0.0",
        "5  ",
        "6  ",
        "7  ",
        "8  ",
        "all layers",
    ]) {
        assert!(line.starts_with(start), "{start}: {table}");
    }
    assert!(
        lines[1].contains("first (conv)") && lines[3].contains("inner (conv)"),
        "{table}"
    );
    assert!(lines[10].contains('–'), "{table}");

    let text = bench(&lab, &["--layers", "--mode", "infer"]).ok().stdout;
    assert!(
        text.starts_with("bars: answering with batches of 3"),
        "{text}"
    );
    assert!(
        text.contains("first (conv)") && !text.contains("backward"),
        "{text}"
    );
}

#[test]
fn what_joins_a_container_is_its_own() {
    let lab = Lab::with_bars();
    let layers = r#"[
      { type = "conv", filters = 16, kernel_size = 3, padding = 1 },
      { type = "residual", activation = "relu", layers = [{ type = "pool", kind = "max", size = 3, stride = 1, padding = 1 }] },
      { type = "flatten" }, { type = "dense", units = 3 },
    ]"#;
    lab.write(
        "bars.toml",
        format!("[model]\ninput = [1, 8, 8]\nlayers = {layers}\n"),
    );
    let report = bench(&lab, &["--layers", "--mode", "infer", "--json"]).ok();
    let layers = report.json()["layers"].clone();
    for (at, type_name) in [(0, "conv"), (1, "residual"), (2, "pool")] {
        assert_eq!(layers[at]["type"], type_name);
        check_positive(&layers[at], &["forward_ms"]);
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let lab = Lab::with_bars();
    for bad in [
        &["--batch", "0"][..],
        &["--seconds", "0"],
        &["--seconds", "nan"],
        &["--seconds", "1e9"],
        &["--mode", "both"],
        &["--device", "tpu"],
        &["--threads", "0"],
        &["--set", "train.batch_size"],
    ] {
        let mut arguments = vec!["bench", "bars.toml"];
        arguments.extend(bad);
        let outcome = lab.cnn(&arguments).code(2);
        assert!(outcome.stderr.contains(bad[0]), "{outcome:?}");
    }
    let outcome = bench(&lab, &["--set", "train.batch=2"]).code(2);
    assert!(outcome.stderr.contains("train.batch"), "{outcome:?}");
    if cfg!(target_os = "linux") {
        for mode in ["train", "infer"] {
            let outcome = bench(&lab, &["--mode", mode, "--batch", "4000000000"]).code(2);
            assert!(
                outcome.stderr.contains("the largest batch that fits"),
                "{outcome:?}"
            );
        }
    }
    let frozen = BARS.replace("units = 3", "units = 3, trainable = false");
    lab.write(
        "bars.toml",
        frozen.replace("filters = 4", "filters = 4, trainable = false"),
    );
    let outcome = bench(&lab, &[]).code(2);
    assert!(outcome.stderr.contains("`--mode infer`"), "{outcome:?}");
    bench(&lab, &["--mode", "infer"]).ok();
}

/// The comparison, with a peer whose figures are known.
#[test]
fn the_comparison_counts_the_better_layout() {
    let python = ["python3", "python"].into_iter().find(|python| {
        let output = Command::new(python).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    });
    let Some(python) = python else {
        eprintln!("skipped: there is no Python here");
        return;
    };
    let lab = Lab::new();
    lab.write("peers.py", PEERS);
    let output = Command::new(python)
        .arg(repository("benches/compare.py"))
        .args([
            "--peers",
            "peers.py",
            "--python",
            python,
            "--seconds",
            "0.01",
        ])
        .args([
            "--only",
            "lenet5:64:infer",
            "--rounds",
            "1",
            "--threads",
            "1",
        ])
        .arg("--cnn")
        .arg(Path::new(env!("CARGO_BIN_EXE_cnn")))
        .current_dir(lab.path(""))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| lenet5 "))
        .collect();
    assert_eq!(rows.len(), 1, "{text}");
    let cells: Vec<&str> = rows[0].split('|').map(str::trim).collect();
    assert_eq!(cells[2..4], ["64", "infer"], "{text}");
    let own: f64 = cells[4].replace(',', "").parse().unwrap();
    assert_eq!(cells[5], "2,000 (nhwc)", "{text}");
    let check_ratio = |cell: &str, other: f64| {
        let ratio: f64 = cell.parse().unwrap();
        assert!((ratio - own / other).abs() < 0.011, "{text}");
    };
    check_ratio(cells[6], 2000.0);
    assert_eq!(cells[7], "4,000", "{text}");
    check_ratio(cells[8], 4000.0);
    assert_eq!(cells[10], "500", "{text}");
    assert!(text.contains("1 thread"), "{text}");
}

const PEERS: &str = r#"
import json, sys
option = lambda name: sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None
speed = {("torch", "nchw"): 1500, ("torch", "nhwc"): 2000, ("ort", None): 4000}[option("--peer"), option("--layout")]
print("a warning of some library")
print(json.dumps({"net": sys.argv[1], "parameters": 61706, "batch": int(sys.argv[2]), "mode": sys.argv[3],
                  "images_per_second": speed, "peak_rss_bytes": 500_000_000}))
"#;
