//! `cnn export`: what is written for PyTorch. That PyTorch answers alike is held by `tests/interchange/`.

use cnn::config::Config;
use cnn::model::{Device, Model};
use cnn::plan::Plan;
use safetensors::tensor::{Dtype, SafeTensors};
use serde_json::Value;

use crate::support::{Golden, Lab, bar_png, names, prepared, repository, tensors_of, write_model};

/// Layers of many kinds, with names of their own.
const NETWORK: &str = r#"[model]
name = "bars"
input = [1, 8, 8]
layers = [
  { type = "conv", name = "train", filters = 4, kernel_size = 3, padding = 1, bias = false },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
  { type = "residual", activation = "prelu", layers = [
    { type = "separable_conv", filters = 4, kernel_size = 2, padding = "same", activation = "prelu" },
    { type = "batch_norm", affine = false },
  ] },
  { type = "pool", kind = "max", size = 2 },
  { type = "flatten" },
  { type = "dense", name = "F-1", units = 5, activation = "tanh" },
  { type = "batch_norm" },
  { type = "dense", units = 3, activation = "softmax" },
]

[data]
source = "bars"
"#;

#[test]
fn programs_read_as_they_should() {
    let lab = Lab::new();
    let bars = Config::parse("it", NETWORK, &[]).config.unwrap();
    let classes = ["across", "down \"\\ up", "schräg"];
    let dark = prepared(&bars.model.input.value, |own| {
        own.mean = vec![0.25];
        own.std = vec![0.5];
    });
    write_model(&lab, "bars.safetensors", NETWORK, &classes, &dark);
    let merge = std::fs::read_to_string(repository("tests/interchange/configs/merge-within.toml"));
    let light = prepared(&[3, 6, 7], |own| {
        own.border = 250.0;
        own.mode = cnn::dataset::Mode::Letterbox;
        own.crop = Some([30, 40]);
        own.padding = vec![[1, 1], [1, 0]];
        own.mean = vec![0.5, 0.4, 0.3];
        own.std = vec![0.2, 0.2, 0.1];
    });
    let merge = merge.unwrap().replace("[2, 8, 8]", "[3, 8, 8]");
    let labels = merge + "[train]\nloss = \"binary_cross_entropy\"\n";
    let names: Vec<String> = (0..22).map(|number| format!("label {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    write_model(&lab, "labels.safetensors", &labels, &names, &light);
    let signal = r#"[model]
input = [2, 16]
layers = [
  { type = "conv", filters = 3, kernel_size = 3, padding = "causal", connections = [[0], [1], [0, 1]] },
  { type = "noise", std = 0.5 },
  { type = "global_pool", kind = "min" },
]

[train]
loss = "mse"
"#;
    let floats = prepared(&[2, 16], |own| {
        own.floats = true;
        own.rescale = 1.0;
    });
    write_model(
        &lab,
        "signal.safetensors",
        signal,
        &["x", "y", "z"],
        &floats,
    );
    let mut golden = Golden::new();
    for name in ["bars", "labels", "signal"] {
        let file = format!("{name}.safetensors");
        lab.cnn(&["export", &file, "--format", "torch"]).ok();
        let text = lab.text(format!("{name}/model.py"));
        let path = repository("tests/snapshots").join(format!("export-{name}.py"));
        golden.check(&path, &text);
    }
    golden.finish();
}

#[test]
fn weights_have_the_names_and_the_layout_of_pytorch() {
    let lab = Lab::new();
    let preprocessing = prepared(&[1, 8, 8], |_| {});
    write_model(
        &lab,
        "bars.safetensors",
        NETWORK,
        &["a", "b", "c"],
        &preprocessing,
    );
    let said = lab.cnn(&["export", "bars.safetensors", "--format", "torch", "--json"]);
    let files = said.ok().json()["files"].clone();
    assert_eq!(
        files,
        serde_json::json!(["bars/model.safetensors", "bars/model.py"])
    );
    let alone = [
        "export",
        "bars.safetensors",
        "--format",
        "safetensors",
        "--out",
        "alone",
    ];
    lab.cnn(&alone).ok();
    let bytes = lab.read("bars/model.safetensors");
    assert_eq!(lab.read("alone"), bytes, "the same each time");
    let theirs = tensors_of(&bytes);
    let shapes: Vec<(&str, &[usize])> = (theirs.iter())
        .map(|(name, (_, shape, _))| (name.as_str(), shape.as_slice()))
        .collect();
    let expected: Vec<(&str, &[usize])> = vec![
        ("1.bias", &[4]),
        ("1.num_batches_tracked", &[]),
        ("1.running_mean", &[4]),
        ("1.running_var", &[4]),
        ("1.weight", &[4]),
        ("3.activation.weight", &[1]),
        ("3.layers.0.depthwise.weight", &[4, 1, 2, 2]),
        ("3.layers.0.pointwise.bias", &[4]),
        ("3.layers.0.pointwise.weight", &[4, 4, 1, 1]),
        ("3.layers.0_activation.weight", &[1]),
        ("3.layers.1.num_batches_tracked", &[]),
        ("3.layers.1.running_mean", &[4]),
        ("3.layers.1.running_var", &[4]),
        ("7.bias", &[5]),
        ("7.num_batches_tracked", &[]),
        ("7.running_mean", &[5]),
        ("7.running_var", &[5]),
        ("7.weight", &[5]),
        ("8.bias", &[3]),
        ("8.weight", &[3, 5]),
        ("F-1.bias", &[5]),
        ("F-1.weight", &[5, 64]),
        ("train_.weight", &[4, 1, 3, 3]),
    ];
    assert_eq!(shapes, expected);
    let ours = tensors_of(&lab.read("bars.safetensors"));
    assert_eq!(theirs["train_.weight"], ours["train.weight"]);
    assert_eq!(theirs["7.num_batches_tracked"].0, Dtype::I64);
    let value = |data: &[u8], at: usize| data[4 * at..4 * at + 4].to_vec();
    for (unit, input) in (0..5).flat_map(|unit| (0..64).map(move |input| (unit, input))) {
        let (here, there) = (&ours["F-1.weight"].2, &theirs["F-1.weight"].2);
        assert_eq!(
            value(there, unit * 64 + input),
            value(here, input * 5 + unit)
        );
    }
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let about = metadata.metadata().as_ref().unwrap();
    assert_eq!(about["format"], "pt");
    assert_eq!(about["classes"], r#"["a","b","c"]"#);
    assert!(about["config"].contains("separable_conv"));
    let preprocessing: Value = serde_json::from_str(&about["preprocessing"]).unwrap();
    assert_eq!(preprocessing["shape"], serde_json::json!([1, 8, 8]));
}

/// Returns a config whose weights are called as in PyTorch.
fn plain() -> String {
    NETWORK
        .replace("name = \"train\", ", "")
        .replace(", activation = \"prelu\" }", " }")
}

fn probabilities(lab: &Lab, run: &str) -> Vec<f64> {
    let said = lab
        .cnn(&["predict", "bar.png", "--model", run, "--json"])
        .ok()
        .json();
    let mut guesses: Vec<(u64, f64)> = (said["predictions"].as_array().unwrap().iter())
        .map(|one| {
            (
                one["index"].as_u64().unwrap(),
                one["probability"].as_f64().unwrap(),
            )
        })
        .collect();
    guesses.sort_by_key(|(index, _)| *index);
    guesses
        .into_iter()
        .map(|(_, probability)| probability)
        .collect()
}

#[test]
fn what_is_exported_can_be_imported_again() {
    let lab = Lab::with_bars();
    lab.write("net.toml", plain());
    lab.write("bar.png", bar_png(0, 2));
    lab.cnn(&[
        "train", "net.toml", "--epochs", "2", "--run", "own", "--quiet",
    ])
    .ok();
    let import = |file: &str, config: &str, run: &str| {
        let said = lab.cnn(&["import", file, "--into", config, "--as", run, "--json"]);
        said.ok().json()["placed"].clone()
    };
    lab.cnn(&["export", "own", "--format", "safetensors"]).ok();
    assert_eq!(
        import("own.safetensors", "net.toml", "back"),
        "by their names"
    );
    let model = |run: &str| tensors_of(&lab.read(format!("runs/{run}/model.safetensors")));
    assert_eq!(model("back"), model("own"));
    let expected = probabilities(&lab, "own");
    let check = |run: &str, tolerance: f64| {
        let found = probabilities(&lab, run);
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < tolerance,
                "{run}: {found}, {expected}"
            );
        }
    };

    let half = [
        "export",
        "latest",
        "--format",
        "safetensors",
        "--dtype",
        "f16",
        "--out",
        "half.safetensors",
    ];
    lab.cnn(&half).ok();
    let halves = tensors_of(&lab.read("half.safetensors"));
    assert!(halves["8.weight"].0 == Dtype::F16 && halves["8.weight"].2.len() == 2 * 15);
    import("half.safetensors", "net.toml", "half");
    check("half", 2e-3);

    // Where a normalization was is nothing any more.
    lab.cnn(&[
        "export",
        "own",
        "--format",
        "safetensors",
        "--fold",
        "--out",
        "folded.safetensors",
    ])
    .ok();
    let folded = plain().replace("\"batch_norm\", affine = false", "\"batch_norm\"");
    let folded = folded.replacen("\"batch_norm\"", "\"activation\", fn = \"linear\"", 2);
    let folded = folded.replace("bias = false", "bias = true");
    lab.write("folded.toml", folded);
    import("folded.safetensors", "folded.toml", "folded");
    check("folded", 1e-6);
    let has = tensors_of(&lab.read("folded.safetensors"));
    assert!(
        has.contains_key("7.running_var"),
        "an activation stands before it"
    );
    assert!(!has.contains_key("1.running_var") && has.contains_key("0.bias"));
}

#[test]
fn files_that_are_there_stay() {
    let lab = Lab::new();
    let preprocessing = prepared(&[1, 8, 8], |_| {});
    write_model(
        &lab,
        "bars.safetensors",
        NETWORK,
        &["a", "b", "c"],
        &preprocessing,
    );
    let own = lab.read("bars.safetensors");
    let say = |arguments: &[&str]| {
        lab.cnn(&[&["export", "bars.safetensors", "--format"], arguments].concat())
    };
    // Its own name is that of the model.
    for more in [&["safetensors"][..], &["safetensors", "--force"]] {
        let said = say(more).code(2).stderr;
        assert!(
            said.contains("`bars.safetensors` is the model that is exported"),
            "{said}"
        );
    }
    assert_eq!(lab.read("bars.safetensors"), own);
    lab.write("net/model.py", "mine");
    lab.write("net/notes", "mine");
    let said = say(&["torch", "--out", "net"]).code(2).stderr;
    assert!(said.contains("`net/model.py` exists"), "{said}");
    assert_eq!(names(&lab.path("net")), ["model.py", "notes"]);
    say(&["torch", "--out", "net", "--force"]).ok();
    assert_eq!(
        names(&lab.path("net")),
        ["model.py", "model.safetensors", "notes"]
    );
    assert!(lab.text("net/model.py").contains("class Net"));
    say(&["torch", "--out", "none/net"]).code(5);
    say(&["safetensors", "--out", "net"]).code(5);
    assert!(!lab.path("none").exists());
}

#[test]
fn what_16_bits_do_not_hold_is_refused() {
    let lab = Lab::new();
    let config = NETWORK.replace(
        "{ type = \"flatten\" }",
        "{ type = \"scale\", initial = 1e6 }, { type = \"flatten\" }",
    );
    let preprocessing = prepared(&[1, 8, 8], |_| {});
    write_model(
        &lab,
        "large.safetensors",
        &config,
        &["a", "b", "c"],
        &preprocessing,
    );
    let arguments = [
        "export",
        "large.safetensors",
        "--format",
        "torch",
        "--dtype",
        "f16",
    ];
    let said = lab.cnn(&arguments).code(4).stderr;
    assert!(said.contains("`5.weight` holds 1000000"), "{said}");
    assert!(!lab.path("large").exists());
}

#[test]
fn plans_know_the_weights_of_their_models() {
    let mut seen = 0;
    let folder = repository("tests/interchange/configs");
    let device = Device::Cpu.open().unwrap();
    for file in names(&folder) {
        let text = std::fs::read_to_string(folder.join(&file)).unwrap();
        let config = Config::parse(&file, &text, &[]).config.unwrap();
        let plan = Plan::new(&config.model).unwrap();
        let built = Model::new(&plan, 0, &device).weights().unwrap();
        let mut built: Vec<_> = built.into_iter().map(|one| (one.name, one.shape)).collect();
        let mut planned = plan.weights();
        built.sort();
        planned.sort();
        assert_eq!(planned, built, "{file}");
        seen += built.len();
    }
    assert!(seen > 200, "{seen}");
}
