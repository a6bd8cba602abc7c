//! Devices of other machines, and several at once: two servers at the loopback address.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use cnn::model::{Device as Choice, Model};

use crate::goldens::{Array, assert_close};
use crate::support::{BARS, Lab, Outcome, finished, signal, wait_until};

/// A device that is served; killed when it goes.
pub struct Served {
    child: Child,
    /// Its name for `--device`.
    pub name: String,
}

impl Served {
    /// Serves the processor.
    pub fn start(lab: &Lab) -> Self {
        Self::with_token(lab, None)
    }

    fn with_token(lab: &Lab, token: Option<&str>) -> Self {
        let mut command = lab.command(&["serve-device", "--port", "0", "--quiet"]);
        if let Some(token) = token {
            command.env("CNN_DEVICE_TOKEN", token);
        }
        // What it says of sessions that broke off is its own.
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert!(line.starts_with("remote:127.0.0.1:"), "`{line}`");
        let name = line.trim().to_owned();
        Self { child, name }
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A laboratory with two servers, and their names as `--devices` takes them.
fn two_servers() -> (Lab, [Served; 2], String) {
    let lab = Lab::with_bars();
    let served = [Served::start(&lab), Served::start(&lab)];
    let names = format!("{},{}", served[0].name, served[1].name);
    (lab, served, names)
}

fn trained(lab: &Lab, run: &str, config: &str, options: &[&str]) -> Outcome {
    lab.write("own.toml", config);
    let all = [&["train", "own.toml", "--run", run, "--json"], options].concat();
    lab.cnn(&all)
}

/// Weights of a run's last checkpoint by name, running statistics among them.
fn weights(lab: &Lab, run: &str) -> Vec<(String, Array)> {
    let checkpoints = lab.names(format!("runs/{run}/checkpoints"));
    let last = format!("runs/{run}/checkpoints/{}", checkpoints.last().unwrap());
    let file = lab.path(last).join("model.safetensors");
    let model = Model::load(file, Choice::Cpu).unwrap();
    let weights = model.weights().unwrap().into_iter();
    let named = weights.map(|weight| {
        let array = Array {
            shape: weight.shape,
            values: weight.values,
        };
        (weight.name, array)
    });
    named.collect()
}

fn losses(outcome: &Outcome) -> Array {
    let events = outcome.json_lines().into_iter();
    let losses = events.filter_map(|event| event["train_loss"].as_f64());
    let values: Vec<f32> = losses.map(|loss| loss as f32).collect();
    Array {
        shape: vec![values.len()],
        values,
    }
}

/// The batches of 8 leave 3 at the end of an epoch, so shares differ; classes weigh differently, and weights are
/// penalized and clipped.
const UNEVEN: &str = r#"[model]
input = [1, 8, 8]
layers = [
  { type = "conv", filters = 4, kernel_size = 3, activation = "tanh" },
  { type = "pool", kind = "avg", size = 2 },
  { type = "conv", filters = 6, kernel_size = 3, activation = "relu", trainable = false },
  { type = "flatten" },
  { type = "dense", units = 3 },
]
[data]
source = "bars"
validation = 0.25
[train]
epochs = 4
batch_size = 8
seed = 3
l2 = 1e-3
clip_norm = 0.5
loss = { type = "cross_entropy", label_smoothing = 0.1, class_weights = { across = 2, slant = 0.5 } }
optimizer = { type = "sgd", learning_rate = 0.1, momentum = 0.9 }
"#;

#[test]
fn two_servers_learn_what_one_processor_does() {
    let (lab, _served, names) = two_servers();
    let one = trained(&lab, "one", UNEVEN, &[]).ok();
    let two = trained(&lab, "two", UNEVEN, &["--devices", &names]).ok();
    assert_eq!(lab.json("runs/two/run.json")["device"], names);
    assert_eq!(losses(&one).shape, [4]);
    assert_close("losses", &losses(&two), &losses(&one), 1e-5);
    let (expected, actual) = (weights(&lab, "one"), weights(&lab, "two"));
    assert_eq!(expected.len(), 6);
    for ((name, expected), (_, actual)) in expected.iter().zip(&actual) {
        assert_close(name, actual, expected, 1e-5);
    }
    // A share is another computation than the whole, so this would not be so by chance.
    let mut pairs = expected.iter().zip(&actual);
    assert!(pairs.any(|((_, one), (_, two))| one.values != two.values));
}

#[test]
fn accumulated_batches_are_shared_too() {
    let (lab, _served, names) = two_servers();
    let config = UNEVEN.replace("batch_size = 8", "batch_size = 3\naccumulate = 3");
    trained(&lab, "one", &config, &[]).ok();
    trained(&lab, "two", &config, &["--devices", &names]).ok();
    let (expected, actual) = (weights(&lab, "one"), weights(&lab, "two"));
    for ((name, expected), (_, actual)) in expected.iter().zip(&actual) {
        assert_close(name, actual, expected, 1e-5);
    }
}

#[test]
fn the_processor_and_a_server_learn_together() {
    let lab = Lab::with_bars();
    let served = Served::start(&lab);
    trained(&lab, "one", UNEVEN, &[]).ok();
    let expected = weights(&lab, "one");
    for (run, names) in [
        ("first", format!("cpu,{}", served.name)),
        ("second", format!("{},cpu", served.name)),
    ] {
        // With one thread too, which the processor's share must get.
        let options = ["--devices", &names, "--threads", "1"];
        trained(&lab, run, UNEVEN, &options).ok();
        for ((name, expected), (_, actual)) in expected.iter().zip(weights(&lab, run)) {
            assert_close(name, &actual, expected, 1e-5);
        }
    }
}

/// As PyTorch's `DistributedDataParallel` keeps them.
#[test]
fn running_statistics_are_those_of_the_first_device() {
    let (lab, _served, names) = two_servers();
    // One step over all 36 pictures, of which the first device sees 18, in the order of the seed.
    let config = |batch: usize| {
        format!(
            r#"[model]
input = [1, 8, 8]
layers = [{{ type = "batch_norm", name = "norm", momentum = 1 }}, {{ type = "flatten" }}, {{ type = "dense", units = 3 }}]
[data]
source = "bars"
[train]
epochs = 1
seed = 1
batch_size = {batch}
checkpoint = {{ every = "1 steps", keep = 9 }}
"#
        )
    };
    trained(&lab, "two", &config(36), &["--devices", &names]).ok();
    trained(&lab, "half", &config(18), &[]).ok();
    let of = |run: &str, at: usize| {
        let checkpoints = lab.names(format!("runs/{run}/checkpoints"));
        let folder = format!("runs/{run}/checkpoints/{}", checkpoints[at]);
        let file = lab.path(folder).join("model.safetensors");
        let weights = Model::load(file, Choice::Cpu).unwrap().weights().unwrap();
        let found = weights
            .into_iter()
            .filter(|one| one.name.contains("running"));
        let values: Vec<f32> = found.flat_map(|one| one.values).collect();
        Array {
            shape: vec![values.len()],
            values,
        }
    };
    let (two, half) = (of("two", 0), of("half", 0));
    assert_eq!(two.shape, [2]);
    assert_close("running statistics", &two, &half, 1e-5);
    // The other half has others.
    assert!(of("half", 1).values != half.values);
}

#[test]
fn a_server_that_dies_ends_the_run_and_keeps_its_checkpoint() {
    for dead in [0, 1] {
        let (lab, mut served, names) = two_servers();
        lab.write("own.toml", BARS.replace("epochs = 3", "epochs = 100000"));
        let options = [
            "train",
            "own.toml",
            "--run",
            "long",
            "--devices",
            &names,
            "--quiet",
        ];
        let mut run = lab.start(&options);
        let checkpoints = lab.path("runs/long/checkpoints");
        wait_until("checkpoint", || {
            checkpoints.is_dir() && !crate::support::names(&checkpoints).is_empty()
        });
        served[dead].kill();
        wait_until("end", || run.try_wait().unwrap().is_some());
        let outcome = finished(run).code(5);
        let said = outcome.stderr.contains("no answer from");
        assert!(
            said && outcome.stderr.contains(&served[dead].name),
            "{outcome:#?}"
        );
        let way_on = "help: `cnn train --resume runs/long` goes on";
        assert!(outcome.stderr.contains(way_on), "{outcome:#?}");
        assert_eq!(lab.json("runs/long/run.json")["status"], "failed");
        // It goes on where it was, wherever that is.
        let epochs = lab.json("runs/long/run.json")["epochs"].as_u64().unwrap();
        let more = (epochs + 1).to_string();
        lab.cnn(&["train", "--resume", "long", "--epochs", &more])
            .ok();
    }
}

#[test]
fn one_device_of_another_machine_trains_measures_and_answers() {
    let lab = Lab::with_bars();
    let mut served = Served::start(&lab);
    let device = served.name.clone();
    lab.cnn(&["train", "bars.toml", "--run", "far", "--device", &device])
        .ok();
    let far = lab.cnn(&[
        "eval",
        "far",
        "--device",
        &device,
        "--split",
        "validation",
        "--json",
    ]);
    let near = lab.cnn(&["eval", "far", "--split", "validation", "--json"]);
    let loss = |outcome: Outcome| outcome.ok().json()["loss"].as_f64().unwrap();
    let (far, near) = (loss(far), loss(near));
    assert!((far - near).abs() < 1e-5, "{far}, not {near}");
    // What is asked of a server is answered while it runs, and refused in time when it does not.
    served.kill();
    let outcome = lab.cnn(&["eval", "far", "--device", &device]).code(5);
    assert!(outcome.stderr.contains("failed to connect"), "{outcome:#?}");
    assert!(outcome.stderr.contains("serve-device"), "{outcome:#?}");
}

#[test]
fn a_server_with_a_token_serves_those_who_have_it() {
    let lab = Lab::with_bars();
    let served = Served::with_token(&lab, Some("open sesame"));
    let train = [
        "train",
        "bars.toml",
        "--epochs",
        "1",
        "--device",
        &served.name,
    ];
    let outcome = lab.cnn(&train).code(5);
    assert!(outcome.stderr.contains("CNN_DEVICE_TOKEN"), "{outcome:#?}");
    let mut command = lab.command(&train);
    crate::support::outcome(command.env("CNN_DEVICE_TOKEN", "open sesame")).ok();
}

#[test]
#[cfg(unix)]
fn a_token_that_is_no_text_is_refused_at_both_ends() {
    use std::os::unix::ffi::OsStrExt as _;

    let lab = Lab::with_bars();
    let token = std::ffi::OsStr::from_bytes(b"open \xff sesame");
    for arguments in [
        &["serve-device", "--port", "0"][..],
        &["train", "bars.toml", "--device", "remote:127.0.0.1:1"],
    ] {
        let mut command = lab.command(arguments);
        let outcome = crate::support::outcome(command.env("CNN_DEVICE_TOKEN", token)).code(2);
        let said = "the token in `CNN_DEVICE_TOKEN` is no text";
        assert!(outcome.stderr.contains(said), "{outcome:#?}");
    }
    assert!(!lab.path("runs").exists());
}

#[test]
fn what_cannot_be_served_or_shared_is_refused() {
    let lab = Lab::with_bars();
    let outcome = lab.cnn(&["serve-device", "--host", "0.0.0.0"]).code(2);
    assert!(outcome.stderr.contains("CNN_DEVICE_TOKEN"), "{outcome:#?}");
    lab.cnn(&["serve-device", "--device", "remote:127.0.0.1:7000"])
        .code(2);
    let outcome = lab
        .cnn(&["train", "bars.toml", "--devices", "cpu,cpu"])
        .code(2);
    assert!(outcome.stderr.contains("named twice"), "{outcome:#?}");
    let names = "cpu,remote:127.0.0.1:7000";
    let outcome = lab.cnn(&["train", "bars.toml", "--deterministic", "--devices", names]);
    assert!(outcome.code(2).stderr.contains("remote:127.0.0.1:7000"));
}

#[test]
fn a_server_ends_at_a_signal() {
    let lab = Lab::new();
    let mut served = Served::start(&lab);
    signal(&served.child, "TERM");
    assert_eq!(served.child.wait().unwrap().code(), Some(143));
}

/// Opens a device that is served in another process.
fn opened(lab: &Lab) -> (Served, burn::tensor::Device) {
    let served = Served::start(lab);
    let choice: Choice = served.name.parse().unwrap();
    let device = choice.open().unwrap();
    (served, device)
}

#[test]
fn goldens_of_training() {
    let lab = Lab::new();
    let (_served, device) = opened(&lab);
    crate::golden_training::everywhere::check_all(&device);
}

#[test]
fn goldens_of_layers() {
    let lab = Lab::new();
    let (_served, device) = opened(&lab);
    crate::golden_layers::each_layer(&device);
}

#[test]
fn gradients_of_layers() {
    let lab = Lab::new();
    let (_served, device) = opened(&lab);
    crate::numeric_gradients::check_all(&device);
}
