//! ONNX files, written and read: `tests/interchange/` holds them to ONNX Runtime, the goldens here to PyTorch.

use cnn::dataset::{Invert, Preprocessing};
use cnn::model::{Device, Engine};
use cnn::model_file;
use safetensors::SafeTensors;

use crate::support::{Golden, Lab, floats, names, prepared, repository, tensors_of, write_model};

/// Answers are compared as numbers, whatever a network is for.
const REST: &str = "\n[train]\nloss = \"mse\"\n";

/// Returns numbers of -1 to 1 in no order.
fn numbers(count: usize) -> Vec<f32> {
    let each = (0..count).map(|index| (index * 7919 + 13) % 1009);
    each.map(|value| value as f32 / 504.5 - 1.0).collect()
}

/// Writes a network whose biases and running statistics are not those of the start; returns the shape of its input.
fn write_network(lab: &Lab, config: &str, preprocessing: Option<&Preprocessing>) -> Vec<usize> {
    let parsed = cnn::config::Config::parse("it", config, &[])
        .config
        .unwrap();
    let plan = cnn::plan::Plan::new(&parsed.model).unwrap();
    let own = prepared(&plan.input, |_| {});
    let outputs: usize = plan.output().iter().product();
    let classes: Vec<String> = (0..outputs).map(|class| format!("class {class}")).collect();
    let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
    let preprocessing = preprocessing.unwrap_or(&own);
    write_model(lab, "net.safetensors", config, &classes, preprocessing);
    let mut bytes = lab.read("net.safetensors");
    let (header, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    for (name, info) in metadata.tensors() {
        let (begin, end) = info.data_offsets;
        let values = &mut bytes[8 + header + begin..8 + header + end];
        let drawn = numbers(values.len() / 4).into_iter();
        let drawn = drawn.map(|value| match name.rsplit('.').next() {
            Some("running_var") => Some(value + 1.5),
            Some("running_mean" | "bias") => Some(value / 4.0),
            _ => None,
        });
        for (bytes, drawn) in values.chunks_exact_mut(4).zip(drawn) {
            if let Some(drawn) = drawn {
                bytes.copy_from_slice(&drawn.to_le_bytes());
            }
        }
    }
    lab.write("net.safetensors", bytes);
    plan.input
}

/// Returns what a model file answers.
fn answers(lab: &Lab, file: &str, inputs: &[f32]) -> Vec<f32> {
    let device = Device::Cpu.open().unwrap();
    let trained = model_file::load(&lab.path(file), &device).unwrap();
    let engine = Engine::new(&trained.model, &trained.plan.input, &device).unwrap();
    engine.logits(inputs).unwrap()
}

#[track_caller]
fn check_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected
        .iter()
        .fold(1.0_f32, |most, value| most.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        let apart = (found - expected).abs();
        assert!(
            apart <= tolerance * largest,
            "{what}: {found}, it is {expected}"
        );
    }
}

/// Writes the network as ONNX, makes a config and a run of that, and returns what this answers.
fn there_and_back(lab: &Lab, options: &[&str], inputs: &[f32]) -> Vec<f32> {
    let export = [
        "export",
        "net.safetensors",
        "--format",
        "onnx",
        "--out",
        "net.onnx",
    ];
    lab.cnn(&[&export, options].concat()).ok();
    let import = [
        "import",
        "net.onnx",
        "--config",
        "back.toml",
        "--as",
        "back",
    ];
    lab.cnn(&import).ok();
    answers(lab, "runs/back/model.safetensors", inputs)
}

#[test]
fn every_layer_comes_back_from_onnx() {
    let folder = repository("tests/interchange/configs");
    let files = names(&folder);
    assert!(files.len() > 50, "{files:?}");
    // Each half on a thread: most of the time a process begins or ends.
    std::thread::scope(|scope| {
        for half in files.chunks(files.len().div_ceil(2)) {
            let folder = &folder;
            scope.spawn(move || {
                for file in half {
                    let lab = Lab::new();
                    let text = std::fs::read_to_string(folder.join(file)).unwrap() + REST;
                    let input = write_network(&lab, &text, None);
                    let inputs = numbers(2 * input.iter().product::<usize>());
                    let expected = answers(&lab, "net.safetensors", &inputs);
                    let found = there_and_back(&lab, &[], &inputs);
                    check_close(file, &found, &expected, 1e-5);
                }
            });
        }
    });
}

/// Normalizations that can be folded, and one that cannot.
const NORMALIZED: &str = r#"[model]
input = [2, 6, 7]
layers = [
  { type = "conv", name = "first", filters = 4, kernel_size = 3, padding = 1, bias = false },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
  { type = "residual", layers = [{ type = "conv", filters = 4, kernel_size = 1 }, { type = "batch_norm" }] },
  { type = "batch_norm" },
  { type = "flatten" },
  { type = "dense", units = 3 },
]
"#;

#[test]
fn options_change_the_file_and_not_the_answers() {
    let config = NORMALIZED.to_owned() + REST;
    let inputs = numbers(2 * 2 * 6 * 7);
    let mut sizes = Vec::new();
    for (options, tolerance, norms) in [
        (&[][..], 1e-5, 3),
        (&["--fold"], 1e-5, 1),
        (&["--dtype", "f16"], 1e-2, 3),
    ] {
        let lab = Lab::new();
        write_network(&lab, &config, None);
        let expected = answers(&lab, "net.safetensors", &inputs);
        let found = there_and_back(&lab, options, &inputs);
        check_close(&format!("{options:?}"), &found, &expected, tolerance);
        let text = lab.text("back.toml");
        assert_eq!(text.matches("batch_norm").count(), norms, "{text}");
        assert!(text.contains("loss = \"mse\""), "{text}");
        sizes.push(lab.read("net.onnx").len());
    }
    // Some 650 weights of two bytes less.
    assert!(sizes[2] + 1000 < sizes[0], "{sizes:?}");
}

#[test]
fn a_graph_may_prepare_pictures_itself() {
    let lab = Lab::new();
    let preprocessing = prepared(&[2, 6, 5], |own| {
        own.padding = vec![[0, 0], [1, 1]];
        own.mean = vec![0.5, 0.25];
        own.std = vec![0.25, 0.5];
        own.invert = Invert::Always;
    });
    write_network(&lab, &(NORMALIZED.to_owned() + REST), Some(&preprocessing));
    // Bytes of light on dark, which are exchanged, put on black and brought to around zero.
    let bytes: Vec<f32> = (0..60).map(|index| (index * 97 % 256) as f32).collect();
    let mut inputs = Vec::new();
    for (channel, (mean, std)) in [(0.5, 0.25), (0.25, 0.5)].into_iter().enumerate() {
        for row in 0..6 {
            for column in 0..7_usize {
                let inner = column.checked_sub(1).filter(|column| *column < 5);
                let byte =
                    inner.map_or(0.0, |column| 255.0 - bytes[channel * 30 + row * 5 + column]);
                inputs.push((byte / 255.0 - mean) / std);
            }
        }
    }
    let expected = answers(&lab, "net.safetensors", &inputs);
    let found = there_and_back(&lab, &["--with-preprocessing"], &bytes);
    check_close("prepared", &found, &expected, 1e-4);
    let text = lab.text("back.toml");
    assert!(text.contains("input = [2, 6, 5]"), "{text}");
    assert!(text.contains("rescale = 1.0"), "{text}");
}

#[test]
fn an_export_is_checked_on_samples() {
    let lab = Lab::with_bars();
    lab.cnn(&[
        "train",
        "bars.toml",
        "--epochs",
        "1",
        "--run",
        "own",
        "--quiet",
    ])
    .ok();
    let export = ["export", "own", "--format", "onnx", "--check", "--force"];
    let said = lab.cnn(&export).ok().stdout;
    let is_said = said.contains("checked on 9 samples") && said.contains("the same class in 9");
    assert!(is_said, "{said}");
    for options in [&["--json"][..], &["--json", "--with-preprocessing"]] {
        let said = lab.cnn(&[&export, options].concat()).ok().json();
        assert_eq!(said["check"]["samples"], 9, "{said}");
        assert_eq!(said["check"]["same_class"], 9, "{said}");
        assert!(
            said["check"]["difference"].as_f64().unwrap() < 1e-5,
            "{said}"
        );
        assert_eq!(said["files"][0], "own.onnx");
    }
    let said = lab.cnn(&["export", "own", "--format", "onnx", "--force", "--json"]);
    assert!(said.ok().json()["check"].is_null());
    for option in ["--check", "--with-preprocessing"] {
        for format in ["torch", "safetensors"] {
            let said = lab
                .cnn(&["export", "own", "--format", format, option])
                .code(2);
            let expected = format!("`{option}` is for `--format onnx`");
            assert!(said.stderr.contains(&expected), "{}", said.stderr);
        }
    }
    // Classes and preparation come back with the network.
    let import = [
        "import",
        "own.onnx",
        "--config",
        "back.toml",
        "--as",
        "back",
    ];
    let said = lab.cnn(&import).ok();
    assert!(!said.stderr.contains("warning"), "{}", said.stderr);
    let device = Device::Cpu.open().unwrap();
    let load = |run: &str| {
        let path = lab.path(format!("runs/{run}/model.safetensors"));
        model_file::load(&path, &device).unwrap().header
    };
    assert_eq!(load("back").classes, load("own").classes);
    assert_eq!(load("back").preprocessing, load("own").preprocessing);
}

/// A file of the goldens: its name, its bytes.
fn goldens() -> (Vec<u8>, Vec<String>) {
    let bytes = std::fs::read(repository("tests/golden/onnx.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let is_file = |name: &&str| !name.ends_with("/input") && !name.ends_with("/output");
    let all = tensors.names();
    let mut files: Vec<String> = all
        .into_iter()
        .filter(is_file)
        .map(ToOwned::to_owned)
        .collect();
    files.sort();
    (bytes, files)
}

#[test]
fn networks_of_pytorch_become_configs_that_answer_alike() {
    let (bytes, files) = goldens();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |name: &str| tensors.tensor(name).unwrap().data().to_vec();
    let lab = Lab::new();
    let mut texts = String::new();
    assert_eq!(files.len(), 22);
    for file in &files {
        let (network, _) = file.split_once('/').unwrap();
        let name = file.replace('/', "-");
        let (onnx, config) = (format!("{name}.onnx"), format!("{name}.toml"));
        lab.write(&onnx, tensor(file));
        let import = [
            "import",
            &onnx,
            "--config",
            &config,
            "--as",
            &name,
            "--set",
            "train.loss=mse",
        ];
        lab.cnn(&import).ok();
        let inputs = floats(&tensor(&format!("{network}/input")));
        let expected = floats(&tensor(&format!("{network}/output")));
        let model = format!("runs/{name}/model.safetensors");
        let found = answers(&lab, &model, &inputs);
        check_close(&name, &found, &expected, 1e-5);
        texts.push_str(&lab.text(&config));
    }
    let mut golden = Golden::new();
    golden.check(&repository("tests/snapshots/import-onnx.toml"), &texts);
    golden.finish();

    // Weights alone, for a config that is there.
    for name in ["residual-kept", "plain-traced"] {
        let (onnx, config) = (format!("{name}.onnx"), format!("{name}.toml"));
        let into = [
            "import",
            &onnx,
            "--into",
            &config,
            "--as",
            "into",
            "--set",
            "train.loss=mse",
        ];
        lab.cnn(&into).ok();
        let own = lab.read(format!("runs/{name}/model.safetensors"));
        let into = lab.read("runs/into/model.safetensors");
        assert!(tensors_of(&into) == tensors_of(&own), "{name}");
        std::fs::remove_dir_all(lab.path("runs/into")).unwrap();
    }
}
