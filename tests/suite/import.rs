//! `cnn import`: weights of other programs' files, held to what PyTorch answers.

use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

use crate::support::{CLASSES, IMPORTED, Lab, bar_png, repository};

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(repository("tests/golden/import").join(name)).unwrap()
}

fn lab() -> Lab {
    let lab = Lab::with_bars();
    lab.write("net.toml", IMPORTED);
    for name in ["bars.pth", "old.th", "half.pt", "evil.pth", "wide.pth"] {
        lab.write(name, golden(name));
    }
    // The bar of the goldens.
    lab.write("bar.png", bar_png(0, 2));
    lab
}

/// Returns the probabilities of the golden picture, in the order of the classes.
fn answer(lab: &Lab, run: &str) -> Vec<f64> {
    let arguments = [
        "predict", "bar.png", "--model", run, "--json", "--invert", "false",
    ];
    let said = lab.cnn(&arguments).ok().json();
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

#[track_caller]
fn check_answer(lab: &Lab, run: &str, tolerance: f64) {
    let expected: Value = serde_json::from_slice(&golden("bars.json")).unwrap();
    let expected = expected["answer"].as_array().unwrap();
    for (found, expected) in answer(lab, run).iter().zip(expected) {
        let expected = expected.as_f64().unwrap();
        assert!(
            (found - expected).abs() <= tolerance,
            "{run}: {found}, PyTorch has {expected}"
        );
    }
}

#[test]
fn files_of_pytorch_answer_as_in_pytorch() {
    let lab = lab();
    for (file, tolerance) in [("bars.pth", 1e-6), ("old.th", 1e-6), ("half.pt", 2e-3)] {
        let run = file.replace('.', "-");
        let arguments = ["import", file, "--into", "net.toml", "--as", &run, "--json"];
        let said = lab.cnn(&arguments).ok().json();
        assert_eq!(said["placed"], "by the names of ResNet");
        assert_eq!(said["weights"].as_array().unwrap().len(), 12);
        assert_eq!(said["weights"][0]["weight"], "0.weight");
        check_answer(&lab, &run, tolerance);
        assert_eq!(
            lab.json(format!("runs/{run}/run.json"))["status"],
            "imported"
        );
    }
    let table = lab
        .cnn(&["import", "bars.pth", "--into", "net.toml"])
        .ok()
        .stdout;
    assert!(table.contains("3.layers.1.running_var"), "{table}");
    assert!(
        table.contains("state_dict.module.layer1.0.bn1.running_var"),
        "{table}"
    );
    // It is a run as any other.
    let report = lab
        .cnn(&["eval", "old-th", "--split", "train", "--json"])
        .ok()
        .json();
    assert_eq!(report["samples"], 36);
}

/// Takes the weights of a run, names them anew and writes them as PyTorch's programs do.
fn write_renamed(lab: &Lab, run: &str, file: &str, rename: impl Fn(&str) -> Option<String>) {
    let bytes = lab.read(format!("runs/{run}/model.safetensors"));
    let all = SafeTensors::deserialize(&bytes).unwrap();
    let mut owned = Vec::new();
    for (name, tensor) in all.tensors() {
        let Some(name) = rename(&name) else {
            continue;
        };
        let mut data = tensor.data().to_vec();
        let mut shape = tensor.shape().to_vec();
        if let [inputs, units] = shape[..] {
            shape = vec![units, inputs];
            for (unit, input) in
                (0..units).flat_map(|unit| (0..inputs).map(move |input| (unit, input)))
            {
                let (to, from) = (4 * (unit * inputs + input), 4 * (input * units + unit));
                data[to..to + 4].copy_from_slice(&tensor.data()[from..from + 4]);
            }
        }
        owned.push((name, shape, data));
    }
    let views = owned.iter().map(|(name, shape, data)| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), data).unwrap(),
        )
    });
    lab.write(file, safetensors::serialize(views, None).unwrap());
}

#[test]
fn names_rules_and_shapes_find_the_places() {
    let lab = Lab::with_bars();
    lab.cnn(&["train", "bars.toml", "--quiet"]).ok();
    lab.write("bar.png", bar_png(0, 2));
    let expected = answer(&lab, "bars-1");
    let check = |file: &str, more: &[&str], placed: &str| {
        let all = [&["import", file, "--into", "bars.toml", "--json"], more].concat();
        let said = lab.cnn(&all).ok().json();
        assert_eq!(said["placed"], placed);
        let run = said["run"].as_str().unwrap();
        assert_eq!(answer(&lab, run), expected, "{file}");
        assert_eq!(said["classes"], serde_json::json!(CLASSES));
    };
    write_renamed(&lab, "bars-1", "same.safetensors", |name| {
        Some(name.to_owned())
    });
    check("same.safetensors", &[], "by their names");
    // What it is called tells nothing.
    lab.write("same.bin", lab.read("same.safetensors"));
    check("same.bin", &[], "by their names");
    let rename = |conv: &'static str, dense: &'static str| {
        move |name: &str| Some(name.replace("0.", conv).replace("3.", dense))
    };
    write_renamed(
        &lab,
        "bars-1",
        "vgg.safetensors",
        rename("features.0.", "classifier.6."),
    );
    check("vgg.safetensors", &[], "by the names of VGG, AlexNet");
    write_renamed(&lab, "bars-1", "other.safetensors", rename("z.", "a."));
    check(
        "other.safetensors",
        &[],
        "by the order of names and by shapes",
    );
    lab.write("order.toml", "order = [\"z\", \"a\"]");
    check(
        "other.safetensors",
        &["--map", "order.toml"],
        "by the rules given",
    );
    lab.write("names.toml", "[names]\nz = \"0\"\na = \"3\"");
    check(
        "other.safetensors",
        &["--map", "names.toml"],
        "by the rules given",
    );
}

/// A network such as `DenseNet`, of two stages with three layers.
const DENSE: &str = r#"[model]
name = "dense"
input = [1, 8, 8]
layers = [
  { type = "conv", filters = 4, kernel_size = 3, padding = 1, bias = false },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
  { type = "block", use = "grow", repeat = 2 },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
  { type = "conv", filters = 4, kernel_size = 1, bias = false },
  { type = "pool", kind = "avg", size = 2 },
  { type = "block", use = "grow" },
  { type = "batch_norm" },
  { type = "global_pool", kind = "avg" },
  { type = "dense", units = 3 },
]

[[blocks.grow.layers]]
type = "branches"
merge = "concat"
branches = [[], [
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
  { type = "conv", filters = 4, kernel_size = 1, bias = false },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
  { type = "conv", filters = 2, kernel_size = 3, padding = 1, bias = false },
]]

[data]
source = "bars"

[train]
epochs = 1
"#;

/// Its layers and what torchvision and timm call them.
const DENSE_NAMES: [(&str, &str); 9] = [
    ("0.", "features.conv0."),
    ("1.", "features.norm0."),
    ("3.", "features.denseblock1.denselayer1."),
    ("4.", "features.denseblock1.denselayer2."),
    ("5.", "features.transition1.norm."),
    ("7.", "features.transition1.conv."),
    ("9.", "features.denseblock2.denselayer1."),
    ("10.", "features.norm5."),
    ("12.", "classifier."),
];

/// What they call the layers that grow, and what older files of torchvision do.
const GROWING_NAMES: [(&str, &str, &str); 4] = [
    ("branches.1.0", "norm1", "norm.1"),
    ("branches.1.2", "conv1", "conv.1"),
    ("branches.1.3", "norm2", "norm.2"),
    ("branches.1.5", "conv2", "conv.2"),
];

#[test]
fn a_densenet_finds_its_places() {
    let lab = Lab::with_bars();
    lab.write("dense.toml", DENSE);
    lab.cnn(&["train", "dense.toml", "--quiet"]).ok();
    lab.write("bar.png", bar_png(0, 2));
    let expected = answer(&lab, "dense-1");
    for (is_older, file) in [(false, "new.safetensors"), (true, "old.safetensors")] {
        write_renamed(&lab, "dense-1", file, |name| {
            let known = DENSE_NAMES.iter().find(|(ours, _)| name.starts_with(ours));
            let (ours, theirs) = known.unwrap();
            let outer = name.replacen(ours, theirs, 1);
            let names = GROWING_NAMES.iter();
            Some(names.fold(outer, |name, (ours, new, old)| {
                name.replace(ours, if is_older { old } else { new })
            }))
        });
        let run = file.replace('.', "-");
        let arguments = [
            "import",
            file,
            "--into",
            "dense.toml",
            "--as",
            &run,
            "--json",
        ];
        let said = lab.cnn(&arguments).ok().json();
        assert_eq!(said["placed"], "by the names of DenseNet");
        assert_eq!(answer(&lab, &run), expected);
    }
}

#[test]
fn what_does_not_fit_is_listed_and_nothing_is_made() {
    let lab = lab();
    let refused = |file: &str, more: &[&str], words: &[&str]| {
        let all = [&["import", file, "--into", "net.toml", "--as", "no"], more].concat();
        let said = lab.cnn(&all).code(4).stderr;
        for word in words {
            assert!(said.contains(word), "no `{word}` in {said}");
        }
        assert!(!lab.path("runs/no").exists());
    };
    let wider = ["--set", "model.layers.6.units=4"];
    refused(
        "bars.pth",
        &wider,
        &[
            "`6.weight`, 64x4, is missing",
            "fc.weight`, 64x3, is left over",
            "`--map RULES.toml`",
        ],
    );
    lab.write("half.toml", "order = [\"conv1\", \"bn1\"]");
    refused(
        "bars.pth",
        &["--map", "half.toml"],
        &["of no pattern are `fc`, `layer1.0.bn1`, `layer1.0.conv1`"],
    );
    refused("bar.png", &[], &["failed to read weights from `bar.png`"]);
    lab.write("cut.pth", &golden("bars.pth")[..1_000]);
    refused("cut.pth", &[], &["failed to read weights"]);
    lab.write("cut.th", &golden("old.th")[..700]);
    refused("cut.th", &[], &["failed to read weights"]);
    lab.write("cut.safetensors", b"\x40\0\0\0\0\0\0\0{\"a\":");
    refused("cut.safetensors", &[], &["failed to read weights"]);
    refused("evil.pth", &[], &["evil.pth"]);
    refused("wide.pth", &[], &["many more values than it holds"]);
    refused("/dev/zero", &[], &["is not a regular file"]);
    refused("bars", &[], &["is not a regular file"]);
    assert!(!lab.path("executed").exists(), "a pickle is never executed");
    lab.cnn(&["import", "none.pth", "--into", "net.toml"])
        .code(5);
    lab.cnn(&["import", "bars.pth", "--into", "net.toml", "--as", "once"])
        .ok();
    lab.cnn(&["import", "bars.pth", "--into", "net.toml", "--as", "once"])
        .code(2);
    refused(
        "runs/once/model.safetensors",
        &[],
        &["is a model file of cnn already"],
    );
}

#[test]
fn without_data_classes_are_numbers_and_that_is_said() {
    let lab = lab();
    std::fs::rename(lab.path("bars"), lab.path("elsewhere")).unwrap();
    let said = lab
        .cnn(&["import", "bars.pth", "--into", "net.toml", "--as", "blind"])
        .ok();
    assert!(
        said.stderr.contains("the classes are called 0 to 2"),
        "{}",
        said.stderr
    );
    check_answer(&lab, "blind", 1e-6);
    // Other data names them, in its order.
    let by_name = [
        "import",
        "bars.pth",
        "--into",
        "net.toml",
        "--data",
        "elsewhere",
        "--as",
        "named",
    ];
    lab.cnn(&by_name).ok();
    let measured = |run: &str| {
        lab.cnn(&["eval", run, "--data", "elsewhere", "--json"])
            .ok()
    };
    let (blind, named) = (measured("blind"), measured("named"));
    assert_eq!(blind.json()["accuracy"], named.json()["accuracy"]);
    assert!(blind.stderr.contains("have no names"), "{}", blind.stderr);
    assert!(!named.stderr.contains("have no names"), "{}", named.stderr);
    let by_data = [
        "import",
        "bars.pth",
        "--into",
        "net.toml",
        "--set",
        "data.normalize=\"dataset\"",
    ];
    lab.cnn(&by_data).code(3);
}

#[test]
fn the_real_resnets_find_their_places() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/weights");
    if !shared.is_dir() {
        eprintln!("skipped: no pretrained weights here");
        return;
    }
    let lab = Lab::new();
    let file = shared.join("resnet20-12fca82f.th").display().to_string();
    let config = repository("configs/resnet20-cifar.toml")
        .display()
        .to_string();
    let said = lab
        .cnn(&["import", &file, "--into", &config, "--json"])
        .ok()
        .json();
    assert_eq!(said["placed"], "by the names of ResNet");
    assert_eq!(said["weights"].as_array().unwrap().len(), 97);
}
