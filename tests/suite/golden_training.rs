//! Loss, gradients, optimizers and schedules against PyTorch.

use std::collections::BTreeMap;

use burn::module::Module as _;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use cnn::config::{Adaptive, Config, Optimizer as Settings};
use cnn::loss::cross_entropy;
use cnn::model::{Pass, Value};
use cnn::optimizer::Optimizer;
use cnn::schedule::Schedule;

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

#[test]
fn logits_loss_and_gradients_of_lenet5() {
    let file = Goldens::read("training.safetensors");
    let device = Device::flex().autodiff();
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
    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    let gradients = goldens::gradients(&model, gradients);
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
fn check_run(run: &str, settings: &Settings, greatest: f32, mean: f32) {
    let file = Goldens::read("training.safetensors");
    let device = Device::flex().autodiff();
    let project = goldens::project(&[1, 32, 32], LENET5);
    let mut model = goldens::model(&project, &file.below("initial/"), &device);
    let mut optimizer = Optimizer::new(settings);
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
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(settings.learning_rate(), model, gradients);
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

fn adaptive(weight_decay: f64) -> Adaptive {
    Adaptive {
        weight_decay,
        ..Adaptive::default()
    }
}

fn sgd(momentum: f64, nesterov: bool, weight_decay: f64) -> Settings {
    Settings::Sgd {
        learning_rate: 0.05,
        momentum,
        nesterov,
        weight_decay,
    }
}

#[test]
fn five_steps_of_adam() {
    check_run("adam", &Settings::Adam(adaptive(0.0)), 5e-5, 5e-7);
}

#[test]
fn five_steps_of_adam_with_weight_decay() {
    check_run(
        "adam_weight_decay",
        &Settings::Adam(adaptive(0.01)),
        5e-5,
        5e-7,
    );
}

#[test]
fn five_steps_of_adamw() {
    check_run("adamw", &Settings::AdamW(adaptive(0.01)), 5e-5, 5e-7);
}

#[test]
fn five_steps_of_sgd() {
    check_run("sgd", &sgd(0.0, false, 0.0), 2e-6, 2e-6);
    check_run("sgd_momentum", &sgd(0.9, false, 0.0), 2e-6, 2e-6);
    check_run("sgd_nesterov", &sgd(0.9, true, 5e-4), 2e-6, 2e-6);
}

#[test]
fn a_restored_optimizer_takes_the_same_next_step() {
    let file = Goldens::read("training.safetensors");
    let device = Device::flex().autodiff();
    let project = goldens::project(&[1, 32, 32], LENET5);
    for settings in [Settings::Adam(adaptive(0.0)), sgd(0.9, true, 5e-4)] {
        let mut model = goldens::model(&project, &file.below("initial/"), &device);
        let mut optimizer = Optimizer::new(&settings);
        let gradients = |model: &cnn::model::Model, step: usize| {
            let (input, labels) = batch(&file, step, &device);
            let logits = model.logits(Value::Maps(input), Pass::Train { seed: 0, step: 0 });
            GradientsParams::from_grads(cross_entropy(logits, &labels).backward(), model)
        };
        for step in 0..2 {
            let step_gradients = gradients(&model, step);
            model = optimizer.step(0.01, model, step_gradients);
        }
        let mut restored = Optimizer::new(&settings);
        let state = optimizer.state(&model);
        assert!(!state.tensors.is_empty());
        assert_eq!(
            restored.restore(&model, state, &Device::flex()),
            Vec::<String>::new()
        );
        let straight = optimizer.step(0.01, model.clone(), gradients(&model, 2));
        let resumed = restored.step(0.01, model.clone(), gradients(&model, 2));
        let resumed = goldens::weights(&resumed);
        for (name, expected) in goldens::weights(&straight) {
            assert_eq!(resumed[&name].values, expected.values, "{name}");
        }
    }
}

#[test]
fn schedules_equal_pytorch() {
    let text = include_str!("../golden/schedules.json");
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let schedules = [
        ("constant", "{ type = \"constant\" }"),
        ("cosine", "{ type = \"cosine\" }"),
        ("step", "{ type = \"step\", every = 2, gamma = 0.1 }"),
        ("cosine_warm_up", "{ type = \"cosine\", warmup_epochs = 1 }"),
    ];
    for (key, toml) in schedules {
        let text = format!(
            "[model]\ninput = [1, 4, 4]\nlayers = [{{ type = \"flatten\" }}]\n\
             [train]\nschedule = {toml}\n"
        );
        let parsed = Config::parse("test.toml", &text, &[]);
        assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
        let schedule = Schedule::new(&parsed.config.unwrap().train.schedule, 0.1, 4, 10);
        let expected: Vec<f64> = serde_json::from_value(file[key].clone()).unwrap();
        assert_eq!(expected.len(), 40);
        for (step, expected) in expected.iter().enumerate() {
            let rate = schedule.rate(step as u64);
            assert!(
                (rate - expected).abs() < 1e-9,
                "{key}, step {step}: {rate}, not {expected}"
            );
        }
    }
}
