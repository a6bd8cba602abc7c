//! Loss, gradients, optimizers and schedules against PyTorch.

pub mod everywhere;
mod losses;
mod optimizers;

use std::collections::BTreeMap;

use burn::module::Module as _;
use burn::tensor::{Device, Tensor};
use cnn::config::{self, Config};
use cnn::loss::cross_entropy;
use cnn::model::{Pass, Value};
use cnn::optimizer::{Gradients, Optimizer};

use crate::goldens::{self, Array, Goldens, assert_close};

const LENET5: &str = r#"[
  { type = "conv", filters = 6, kernel_size = 5, activation = "tanh" },
  { type = "pool", kind = "avg", size = 2 },
  { type = "conv", filters = 16, kernel_size = 5, activation = "tanh" },
  { type = "pool", kind = "avg", size = 2 },
  { type = "conv", filters = 120, kernel_size = 5, activation = "tanh" },
  { type = "flatten" },
  { type = "dense", units = 84, activation = "tanh" },
  { type = "dense", units = 10 },
]"#;

#[expect(clippy::cast_sign_loss, reason = "labels are not negative")]
fn batch(file: &Goldens, step: usize, device: &Device) -> (Tensor<4>, Vec<u32>) {
    let inputs = file.get("inputs");
    let [_, count, channels, height, width] = inputs.shape[..] else {
        panic!("inputs of five dimensions")
    };
    let size = count * channels * height * width;
    let input = Array {
        shape: vec![count, channels, height, width],
        values: inputs.values[step * size..(step + 1) * size].to_vec(),
    };
    let labels = &file.get("labels").values[step * count..(step + 1) * count];
    (
        input.to_tensor(device),
        labels.iter().map(|label| *label as u32).collect(),
    )
}

fn logits_loss_and_gradients_of_lenet5(device: &Device) {
    let file = Goldens::read("training.safetensors");
    let device = device.clone().autodiff();
    let project = goldens::project(&[1, 32, 32], LENET5);
    let model = goldens::model(&project, &file.below("initial/"), &device);
    let (input, labels) = batch(&file, 0, &device);
    let logits = model.logits(Value::Maps(input), Pass::Train { seed: 0, step: 0 });
    assert_close(
        "logits",
        &Array::of(logits.clone()),
        file.get("logits"),
        1e-5,
    );
    let loss = cross_entropy(logits, &labels);
    assert_close("loss", &Array::of(loss.clone()), file.get("loss"), 1e-5);
    let gradients = goldens::gradients(&model, &Gradients::of(&loss, &model));
    let expected = file.below("gradients/");
    assert_eq!(gradients.len(), expected.len());
    for (name, gradient) in &gradients {
        assert_close(name, gradient, &expected[name], 1e-5);
    }
}

/// Trains five steps and holds losses and weights to PyTorch's.
///
/// `greatest` and `mean` bound the difference of a final weight; the mean tells optimizers apart
/// that differ by little in five steps.
#[track_caller]
fn check_run(device: &Device, run: &str, settings: &str, [greatest, mean]: [f32; 2]) {
    let file = Goldens::read("training.safetensors");
    let device = device.clone().autodiff();
    let project = goldens::project(&[1, 32, 32], LENET5);
    let mut model = goldens::model(&project, &file.below("initial/"), &device);
    let settings = train(&format!("optimizer = {settings}")).optimizer;
    let mut optimizer = Optimizer::new(&settings);
    let mut losses = Vec::new();
    for step in 0..5 {
        let (input, labels) = batch(&file, step, &device);
        let logits = model.logits(
            Value::Maps(input),
            Pass::Train {
                seed: 0,
                step: step as u64,
            },
        );
        let loss = cross_entropy(logits, &labels);
        losses.extend(Array::of(loss.clone()).values);
        let gradients = Gradients::of(&loss, &model);
        model = optimizer.step(settings.learning_rate, model, gradients);
    }
    let losses = Array {
        shape: vec![5],
        values: losses,
    };
    assert_close("losses", &losses, file.get(&format!("{run}/losses")), 1e-5);
    let expected = file.below(&format!("{run}/final/"));
    assert!(!expected.is_empty());
    let weights: BTreeMap<String, Array> = goldens::weights(&model.valid());
    for (name, expected) in &expected {
        let actual = &weights[name];
        let differences: Vec<f32> = actual
            .values
            .iter()
            .zip(&expected.values)
            .map(|(actual, expected)| (actual - expected).abs())
            .collect();
        let worst = differences.iter().copied().fold(0.0, f32::max);
        let average = differences.iter().sum::<f32>() / differences.len() as f32;
        assert!(worst <= greatest, "{name} of {run} is off by {worst}");
        assert!(
            average <= mean,
            "{name} of {run} is off by {average} in the mean"
        );
    }
}

/// Reads `[train]`.
#[track_caller]
pub(crate) fn train(keys: &str) -> config::Train {
    let text = format!(
        "[model]\ninput = [1, 4, 4]\nlayers = [{{ type = \"flatten\" }}]\n[train]\n{keys}\n"
    );
    let parsed = Config::parse("test.toml", &text, &[]);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    parsed.config.unwrap().train
}

fn five_steps_on_lenet5(device: &Device) {
    check_run(device, "adam", r#""adam""#, [5e-5, 5e-7]);
    let nesterov = r#"{ type = "sgd", learning_rate = 0.05, momentum = 0.9, nesterov = true, weight_decay = 5e-4 }"#;
    check_run(device, "sgd_nesterov", nesterov, [2e-6, 2e-6]);
}

/// What sets these apart `optimizers.rs` checks on every device.
#[test]
fn five_steps_of_others_on_lenet5() {
    let device = Device::flex();
    let decay = r#"{ type = "adam", weight_decay = 0.01 }"#;
    check_run(&device, "adam_weight_decay", decay, [5e-5, 5e-7]);
    check_run(&device, "adamw", r#""adamw""#, [5e-5, 5e-7]);
    let plain = r#"{ type = "sgd", learning_rate = 0.05 }"#;
    check_run(&device, "sgd", plain, [2e-6, 2e-6]);
    let momentum = r#"{ type = "sgd", learning_rate = 0.05, momentum = 0.9 }"#;
    check_run(&device, "sgd_momentum", momentum, [2e-6, 2e-6]);
}
