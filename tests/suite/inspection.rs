//! What `cnn inspect` tells: the textbook's figures, explanations, drawings, JSON.

mod drawing;

use cnn::load::Project;
use cnn::plan::{Dtype, Plan};
use cnn::report::inspection::Inspection;
use serde_json::{Value, json};

use crate::support::{Golden, Lab, Outcome, command_in, keys, outcome, repository};
use crate::zoo::configs;

/// Plans a network of the given input and layers.
#[track_caller]
fn plan(input: &str, layers: &str) -> Plan {
    let text = format!("[model]\ninput = {input}\nlayers = [{layers}]\n");
    let project = Project::check("test.toml", &text, &[]);
    project.unwrap_or_else(|error| panic!("{error}")).plan
}

#[test]
fn a_large_convolution_takes_what_the_textbook_says() {
    let layer = "{ type = \"conv\", filters = 200, kernel_size = 5, padding = \"same\" }";
    let plan = plan("[3, 100, 150]", layer);
    let one = plan.totals(Dtype::F32, 1).unwrap();
    assert_eq!(one.parameters(), 15_200);
    assert_eq!(one.macs, 225_000_000);
    assert_eq!(one.training_bytes, 12_000_000);
    assert_eq!(
        plan.totals(Dtype::F32, 100).unwrap().training_bytes,
        1_200_000_000
    );
    assert_eq!(
        plan.totals(Dtype::F16, 100).unwrap().training_bytes,
        600_000_000
    );
    assert_eq!(
        plan.totals(Dtype::Bf16, 100).unwrap().training_bytes,
        600_000_000
    );
    let billions = one.dense_equivalent / 1_000_000_000;
    assert_eq!(billions, 135);
}

#[test]
fn shapes_are_those_of_the_textbook() {
    let conv = |settings: &str| format!("{{ type = \"conv\", {settings} }}");
    for (input, layers, output) in [
        (
            "[3, 70, 120]",
            conv("filters = 32, kernel_size = 7"),
            vec![32, 64, 114],
        ),
        (
            "[3, 70, 120]",
            conv("filters = 32, kernel_size = 7, padding = \"same\", stride = 2"),
            vec![32, 35, 60],
        ),
        (
            "[3, 128, 128]",
            conv("filters = 64, kernel_size = 5, padding = \"same\""),
            vec![64, 128, 128],
        ),
        (
            "[16, 10, 10]",
            "{ type = \"flatten\" }".to_owned(),
            vec![1600],
        ),
    ] {
        assert_eq!(plan(input, &layers).output(), output, "{layers}");
    }
}

#[test]
fn weights_and_fields_are_those_of_the_textbook() {
    let dense = "{ type = \"flatten\" }, { type = \"dense\", units = 100 }";
    let classifier = plan("[1, 1024, 1024]", dense);
    assert_eq!(classifier.counts().unwrap().trainable, 104_857_700);
    let conv = "{ type = \"conv\", filters = 1, kernel_size = 3, bias = false }";
    let small = plan("[1, 4, 4]", conv).counts().unwrap();
    assert_eq!((small.trainable, small.dense_equivalent), (9, 64));
    let two = plan("[1, 9, 9]", &format!("{conv}, {conv}"));
    assert_eq!(two.totals(Dtype::F32, 1).unwrap().receptive_field, [5, 5]);
}

#[test]
fn what_a_skip_keeps_alive_is_counted() {
    let keep = "{ type = \"conv\", name = \"a\", filters = 4, kernel_size = 1 }";
    let narrow = "{ type = \"conv\", filters = 1, kernel_size = 1 }";
    let merge = "{ type = \"merge\", from = \"a\" }";
    let plan = plan(
        "[1, 10, 10]",
        &format!("{keep}, {narrow}, {narrow}, {merge}"),
    );
    // Two maps in a row and the four that wait for the merge; then its output of five.
    let totals = plan.totals(Dtype::F32, 1).unwrap();
    assert_eq!(totals.inference_bytes, 4 * 100 * (4 + 1 + 5));
    let paths: Vec<_> = totals
        .inference_parts
        .iter()
        .map(|part| part.path.as_deref())
        .collect();
    assert_eq!(paths, [Some("2"), Some("3"), Some("0")]);
}

/// Runs the binary at the root of the repository.
#[track_caller]
fn at_root(arguments: &[&str]) -> Outcome {
    outcome(&mut command_in(&repository(""), arguments)).ok()
}

fn check(golden: &mut Golden, name: &str, arguments: &[&str]) {
    let outcome = at_root(arguments);
    assert_eq!(outcome.stderr, "", "{arguments:?}");
    let path = repository("tests/snapshots").join(format!("{name}.txt"));
    let text = format!("$ cnn {}\n{}", arguments.join(" "), outcome.stdout);
    golden.check(&path, &text);
}

#[test]
fn tables_show_what_is_asked_for() {
    let mut golden = Golden::new();
    let resnet = ["inspect", "configs/resnet50.toml", "--depth", "0"];
    check(&mut golden, "inspect-resnet50-depth-0", &resnet);
    let wide = ["inspect", "configs/lenet5-1998.toml", "--wide"];
    check(&mut golden, "inspect-lenet5-1998-wide", &wide);
    let half = ["inspect", "configs/lenet5.toml", "--dtype", "bf16"];
    check(&mut golden, "inspect-lenet5-bf16", &half);
    let larger = [
        "inspect",
        "configs/fully-convolutional.toml",
        "--input",
        "1,64,200",
    ];
    check(&mut golden, "inspect-fully-convolutional-input", &larger);
    golden.finish();
}

#[test]
fn a_narrow_terminal_loses_columns_and_no_line_is_broken() {
    let config = repository("configs/resnet50.toml");
    let project = Project::read(&config, &[]).unwrap();
    let optimizer = &project.config.train.optimizer;
    let table = |width: usize, wide: bool| {
        let shown = Inspection {
            width: Some(width),
            wide,
            ..Inspection::new("resnet50", &project.plan, 1, optimizer)
        };
        let text = shown.render().unwrap();
        let lines = text.lines().skip(2).take_while(|line| !line.is_empty());
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        assert_eq!(lines.len(), 1 + project.plan.every().len());
        for line in &lines {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        lines[0].split_whitespace().map(str::to_owned).collect()
    };
    let titles: Vec<String> = table(100, false);
    assert_eq!(
        titles,
        [
            "layer",
            "output",
            "parameters",
            "MACs",
            "memory",
            "padding",
            "sees"
        ]
    );
    assert!(table(120, false).contains(&"ignored".to_owned()));
    assert!(table(200, true).contains(&"FLOPs".to_owned()));
    let least: Vec<String> = table(50, false);
    assert_eq!(least, ["layer", "output", "parameters"]);
    let least: Vec<String> = table(48, true);
    assert_eq!(least.len(), 3);
}

/// One layer of each kind.
const EVERY_KIND: &str = r#"[model]
name = "kinds"
input = [4, 12, 17]
layers = [
  { type = "conv", filters = 8, kernel_size = [3, 5], stride = 2, padding = "same", groups = 2, activation = "prelu" },
  { type = "depthwise_conv", kernel_size = 3, padding = 1, dilation = [1, 2], bias = false, trainable = false },
  { type = "separable_conv", name = "separable", filters = 8, kernel_size = 3, activation = "relu" },
  { type = "pixel_shuffle", scale = 2 },
  { type = "conv_transpose", filters = 4, kernel_size = 4, stride = 2, padding = 1 },
  { type = "pool", kind = "avg", size = 2, stride = 3, ceil = true },
  { type = "batch_norm" },
  { type = "layer_norm", affine = false },
  { type = "group_norm", groups = 2 },
  { type = "local_response_norm" },
  { type = "activation", fn = "gelu" },
  { type = "spatial_dropout", rate = 0.25 },
  { type = "noise", std = 0.1 },
  { type = "scale", bias = true },
  { type = "upsample", scale = 2, mode = "linear" },
  { type = "pad", amount = [[1, 0], [2, 0]], mode = "zeros" },
  { type = "crop", amount = 1 },
  { type = "residual", activation = "relu", layers = [{ type = "conv", filters = 4, kernel_size = 3, padding = 1 }] },
  { type = "branches", branches = [[], [{ type = "conv", filters = 3, kernel_size = 1 }]] },
  { type = "merge", from = "late", with = "add" },
  { type = "adaptive_pool", output = [2, 3] },
  { type = "reshape", shape = [-1, 6] },
  { type = "flatten" },
  { type = "dense", units = 5, activation = "softmax" },
]
"#;

#[test]
fn every_kind_of_layer_is_explained() {
    let lab = Lab::new();
    // The joint needs a layer of its own shape before it.
    let text = EVERY_KIND.replace(
        "{ type = \"branches\",",
        "{ type = \"branches\", name = \"late\",",
    );
    lab.write("kinds.toml", text);
    let count = lab.cnn(&["inspect", "kinds.toml", "--json"]).ok().json();
    let layers = count["layers"].as_array().unwrap();
    let mut golden = Golden::new();
    let mut told = String::new();
    for layer in layers {
        let path = layer["path"].as_str().unwrap();
        let outcome = lab.cnn(&["inspect", "kinds.toml", "--explain", path]).ok();
        told.push_str(&outcome.stdout);
        told.push('\n');
    }
    golden.check(&repository("tests/snapshots/inspect-explain.txt"), &told);
    golden.finish();
    let named = lab
        .cnn(&["inspect", "kinds.toml", "--explain", "separable"])
        .ok();
    let by_path = lab.cnn(&["inspect", "kinds.toml", "--explain", "2"]).ok();
    assert_eq!(named.stdout, by_path.stdout);
}

#[test]
fn the_json_of_every_config_adds_up() {
    for config in configs() {
        let path = config.display().to_string();
        let report = at_root(&["inspect", &path, "--json"]).json();
        let layers = report["layers"].as_array().unwrap();
        let sum = |key: &str, outermost: bool| -> u64 {
            let layers = layers
                .iter()
                .filter(|layer| !outermost || layer["depth"] == 0);
            layers.map(|layer| layer[key].as_u64().unwrap()).sum()
        };
        let totals = &report["totals"];
        for key in ["parameters", "trainable", "buffers", "macs", "flops"] {
            assert_eq!(totals[key], sum(key, true), "{key} of {path}");
        }
        assert_eq!(
            totals["training_bytes"],
            sum("output_bytes", false),
            "{path}"
        );
        let frozen = totals["parameters"].as_u64().unwrap() - totals["trainable"].as_u64().unwrap();
        assert_eq!(totals["frozen"], frozen, "{path}");
        for (index, layer) in layers.iter().enumerate() {
            assert_eq!(layer["index"], index, "{path}");
            assert_eq!(keys(layer), keys(&layers[0]), "{path}");
        }
        let outermost = at_root(&["inspect", &path, "--json", "--depth", "0"]).json();
        let shown = outermost["layers"].as_array().unwrap();
        assert!(shown.iter().all(|layer| layer["depth"] == 0), "{path}");
        assert_eq!(outermost["totals"], *totals, "{path}");
    }
}

#[test]
fn an_input_on_the_command_line_is_pointed_at() {
    let arguments = ["inspect", "configs/lenet5.toml", "--input", "1,4,4"];
    let outcome = outcome(&mut command_in(&repository(""), &arguments)).code(2);
    assert!(
        outcome.stderr.contains("does not fit the 4x4 input"),
        "{outcome:?}"
    );
    let arguments = ["inspect", "configs/lenet5.toml", "--input", "1,0,8"];
    let faulty = crate::support::outcome(&mut command_in(&repository(""), &arguments)).code(2);
    assert!(faulty.stderr.contains("--> --input:1:1"), "{faulty:?}");
}

#[test]
fn a_batch_beyond_the_machine_is_told_first() {
    let lab = Lab::new();
    lab.write("wide.toml", concat!(
        "[model]\ninput = [3, 512, 512]\nlayers = [\n",
        "  { type = \"conv\", name = \"C1\", filters = 64, kernel_size = 3, padding = \"same\" },\n]\n"
    ));
    let arguments = ["inspect", "wide.toml", "--batch", "1000000"];
    let outcome = lab.cnn(&arguments).ok();
    assert!(outcome.stdout.contains("C1 (conv)"));
    for part in [
        "warning: training with batches of 1000000",
        "--batch-size ",
        "`stride = 2`",
        "16-bit",
    ] {
        assert!(outcome.stderr.contains(part), "{part}: {outcome:?}");
    }
    let quiet = lab
        .cnn(&["inspect", "wide.toml", "--batch", "1000000", "--quiet"])
        .ok();
    assert_eq!(quiet.stderr, "");
    let json: Value = lab.cnn(&["inspect", "wide.toml", "--json"]).ok().json();
    assert_eq!(json["batch"], json!(1));
}
