//! Loss, gradients, optimizers and schedules against PyTorch.

use std::collections::BTreeMap;

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use cnn::config::{self, Config};
use cnn::dataset::Targets;
use cnn::load::Project;
use cnn::loss::{Loss, cross_entropy};
use cnn::model::{Model, Pass, Value};
use cnn::optimizer::{Average, Gradients, Optimizer};
use cnn::schedule::{Plateau, Schedule};

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
fn check_run(run: &str, settings: &str, greatest: f32, mean: f32) {
    let file = Goldens::read("training.safetensors");
    let device = Device::flex().autodiff();
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

#[test]
fn five_steps_of_adam_on_lenet5() {
    check_run("adam", r#""adam""#, 5e-5, 5e-7);
    let decay = r#"{ type = "adam", weight_decay = 0.01 }"#;
    check_run("adam_weight_decay", decay, 5e-5, 5e-7);
    check_run("adamw", r#""adamw""#, 5e-5, 5e-7);
}

#[test]
fn five_steps_of_sgd_on_lenet5() {
    let plain = r#"{ type = "sgd", learning_rate = 0.05 }"#;
    check_run("sgd", plain, 2e-6, 2e-6);
    let momentum = r#"{ type = "sgd", learning_rate = 0.05, momentum = 0.9 }"#;
    check_run("sgd_momentum", momentum, 2e-6, 2e-6);
    let nesterov = r#"{ type = "sgd", learning_rate = 0.05, momentum = 0.9, nesterov = true, weight_decay = 5e-4 }"#;
    check_run("sgd_nesterov", nesterov, 2e-6, 2e-6);
}

/// Sums weights times the gradients they are to have.
struct WeightedSum<'a> {
    path: Vec<String>,
    gradients: &'a BTreeMap<String, Array>,
    step: usize,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for WeightedSum<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let all = &self.gradients[&self.path.join(".")];
        let shape = all.shape[1..].to_vec();
        let size: usize = shape.iter().product();
        let values = all.values[self.step * size..(self.step + 1) * size].to_vec();
        let weight = param.val();
        let gradient = Array { shape, values }.to_tensor::<D>(&weight.device());
        let product = (weight * gradient).sum();
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + product,
            None => product,
        });
    }
}

const TWO_LAYERS: &str = r#"[
  { type = "conv", filters = 3, kernel_size = 3 }, { type = "flatten" }, { type = "dense", units = 4 }
]"#;

/// Returns the network of `optimizers.safetensors`, and its gradients at a step.
fn two_layers(file: &Goldens, device: &Device) -> Model {
    let project = goldens::project(&[2, 4, 4], TWO_LAYERS);
    goldens::model(
        &project,
        &file.below("initial/"),
        &device.clone().autodiff(),
    )
}

fn given_gradients(file: &Goldens, model: &Model, step: usize) -> Gradients {
    let mut sum = WeightedSum {
        path: Vec::new(),
        gradients: &file.below("gradients/"),
        step,
        sum: None,
    };
    model.visit(&mut sum);
    Gradients::of(&sum.sum.unwrap(), model)
}

#[test]
fn ten_steps_of_every_optimizer_equal_pytorch() {
    ten_steps_of_every_optimizer(&Device::flex());
}

#[test]
#[expect(deprecated, reason = "kept while burn has it")]
fn so_do_those_of_stock_operations() {
    ten_steps_of_every_optimizer(&Device::ndarray());
}

fn ten_steps_of_every_optimizer(device: &Device) {
    let file = Goldens::read("optimizers.safetensors");
    let runs: BTreeMap<String, String> = serde_json::from_str(&file.metadata["runs"]).unwrap();
    let mut words: Vec<&str> = Vec::new();
    for (run, settings) in &runs {
        let settings = train(&format!("optimizer = {settings}")).optimizer;
        words.push(settings.rule.word());
        let mut optimizer = Optimizer::new(&settings);
        let mut model = two_layers(&file, device);
        for step in 0..10 {
            let gradients = given_gradients(&file, &model, step);
            model = optimizer.step(settings.learning_rate, model, gradients);
            for (name, weight) in goldens::weights(&model.valid()) {
                let all = file.get(&format!("{run}/{name}"));
                let size = weight.values.len();
                let expected = Array {
                    shape: weight.shape.clone(),
                    values: all.values[step * size..(step + 1) * size].to_vec(),
                };
                let what = format!("{name} after step {step} of {run}");
                assert_close(&what, &weight, &expected, 2e-6);
            }
        }
    }
    words.dedup();
    assert_eq!(
        words.len(),
        12,
        "an optimizer without a golden run: {words:?}"
    );
}

/// Reads `[train]` with `keys` for the network of `optimizers.safetensors`.
fn with_rates(file: &Goldens, keys: &str, device: &Device) -> (config::Train, Model) {
    let text = format!(
        "[model]\ninput = [2, 4, 4]\nlayers = {TWO_LAYERS}\n[train]\n{keys}\nrate_factors = {{ \"*\" = 2, \"0\" = 0.1 }}\n"
    );
    let project = Project::check("test.toml", &text, &[]).unwrap();
    // The config that a run keeps says the same.
    let kept = project.config.to_toml();
    let project = Project::check("kept.toml", &kept, &[]).unwrap();
    let device = device.clone().autodiff();
    let model = goldens::model(&project, &file.below("initial/"), &device);
    (project.config.train, model)
}

#[test]
#[expect(deprecated, reason = "kept while burn has it")]
fn rates_by_layers_are_pytorchs_groups() {
    let (file, groups) = (
        Goldens::read("optimizers.safetensors"),
        Goldens::read("groups.safetensors"),
    );
    let runs: BTreeMap<String, String> = serde_json::from_str(&groups.metadata["runs"]).unwrap();
    assert_eq!(runs.len(), 3);
    for device in [Device::flex(), Device::ndarray()] {
        for (run, keys) in &runs {
            let (settings, mut model) = with_rates(&file, keys, &device);
            let mut optimizer = Optimizer::new(&settings.optimizer);
            for step in 0..5 {
                let gradients = given_gradients(&file, &model, step);
                model = optimizer.step(settings.optimizer.learning_rate, model, gradients);
                for (name, weight) in goldens::weights(&model.valid()) {
                    let all = groups.get(&format!("{run}/{name}"));
                    let size = weight.values.len();
                    let expected = Array {
                        shape: weight.shape.clone(),
                        values: all.values[step * size..(step + 1) * size].to_vec(),
                    };
                    let what = format!("{name} after step {step} of {run}");
                    assert_close(&what, &weight, &expected, 2e-6);
                }
            }
        }
    }
}

#[test]
fn a_moving_average_is_pytorchs() {
    let file = Goldens::read("optimizers.safetensors");
    let mut model = two_layers(&file, &Device::flex());
    let mut average = Average::new(0.9);
    let settings = train("optimizer = { type = \"sgd\", learning_rate = 0.1 }").optimizer;
    let mut optimizer = Optimizer::new(&settings);
    let mut expected = BTreeMap::new();
    for step in 0..4 {
        let gradients = given_gradients(&file, &model, step);
        model = optimizer.step(0.1, model, gradients);
        average.update(&model);
        for (name, weight) in goldens::weights(&model.valid()) {
            let mean: &mut Array = expected.entry(name).or_insert_with(|| weight.clone());
            let pairs = mean.values.iter_mut().zip(weight.values);
            pairs.for_each(|(mean, value)| *mean = 0.9 * *mean + 0.1 * value);
        }
    }
    let averaged = goldens::weights(&average.model(&model));
    assert_eq!(averaged.len(), expected.len());
    for (name, expected) in &expected {
        assert_close(name, &averaged[name], expected, 1e-6);
    }
    let mut restored = Average::new(0.9);
    restored.restore(&model, average.state(&model), &Device::flex());
    for (name, weight) in goldens::weights(&restored.model(&model)) {
        assert_eq!(weight.values, averaged[&name].values, "{name}");
    }
}

#[test]
fn gradients_are_clipped_as_pytorch_clips_them() {
    let file = Goldens::read("optimizers.safetensors");
    let model = two_layers(&file, &Device::flex());
    let values = |gradients: &Gradients| -> Vec<f64> {
        let arrays = goldens::gradients(&model, gradients).into_values();
        arrays
            .flat_map(|array| array.values)
            .map(f64::from)
            .collect()
    };
    let gradients = given_gradients(&file, &model, 0);
    let before = values(&gradients);
    let norm = before.iter().map(|value| value * value).sum::<f64>().sqrt();
    let norms = gradients.norms().unwrap();
    let total = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
    assert!((total - norm).abs() < 1e-4, "{total} {norm}");
    let clipped = values(&gradients.clone().with_norm(&norms, 1.5));
    for (before, after) in before.iter().zip(clipped) {
        assert!((after - before * 1.5 / norm).abs() < 1e-6);
    }
    let kept = values(&gradients.clone().with_norm(&norms, 1e3));
    assert_eq!(kept, before);
    let cut = values(&gradients.with_values(0.5));
    for (before, after) in before.iter().zip(cut) {
        assert!((after - before.clamp(-0.5, 0.5)).abs() < 1e-7);
    }
}

#[test]
fn a_restored_optimizer_takes_the_same_next_step() {
    let file = Goldens::read("training.safetensors");
    let device = Device::flex().autodiff();
    let project = goldens::project(&[1, 32, 32], LENET5);
    for settings in [
        r#""adam""#,
        r#"{ type = "sgd", momentum = 0.9, nesterov = true }"#,
        r#""nadam""#,
        r#""adan""#,
        r#""muon""#,
        r#"{ type = "adagrad", initial_accumulator = 0.1 }"#,
    ] {
        let settings = train(&format!("optimizer = {settings}")).optimizer;
        let mut model = goldens::model(&project, &file.below("initial/"), &device);
        let mut optimizer = Optimizer::new(&settings);
        let gradients = |model: &Model, step: usize| {
            let (input, labels) = batch(&file, step, &device);
            let logits = model.logits(Value::Maps(input), Pass::Train { seed: 0, step: 0 });
            Gradients::of(&cross_entropy(logits, &labels), model)
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
    let read = |table: &str| -> BTreeMap<String, Vec<f64>> {
        serde_json::from_value(file[table].clone()).unwrap()
    };
    let steps = read("steps");
    assert!(steps.len() > 10);
    for (schedule, expected) in steps {
        let settings = train(&format!("schedule = {schedule}")).schedule;
        let resolved = Schedule::new(&settings, 0.1, 4, 10);
        assert_eq!(expected.len(), 40);
        for (step, expected) in expected.iter().enumerate() {
            let rate = resolved.rate(step as u64);
            assert!(
                (rate - expected).abs() < 1e-9,
                "{schedule}, step {step}: {rate}, not {expected}"
            );
        }
    }
    let figures: Vec<f64> = serde_json::from_value(file["figures"].clone()).unwrap();
    for (schedule, expected) in read("plateaus") {
        let settings = train(&format!("schedule = {schedule}")).schedule;
        let rate = Schedule::new(&settings, 0.1, 20, 10).rate(0);
        let settings = settings.plateau().unwrap();
        let mut plateau = Plateau::default();
        for (figure, expected) in figures.iter().zip(expected) {
            plateau.watch(*figure, settings);
            let rate = plateau.rate(rate, settings);
            assert!(
                (rate - expected).abs() < 1e-9,
                "{schedule} after {figure}: {rate}, not {expected}"
            );
        }
    }
}

#[test]
fn losses_and_their_gradients_equal_pytorch() {
    let file = Goldens::read("losses.safetensors");
    let numbers = |name: &str| Targets::Values {
        width: 4,
        values: file.get(name).values.clone(),
    };
    let labels = file.get("labels").values.iter();
    let labels = Targets::Classes(labels.map(|label| *label as u32).collect());
    let weights = file.get("weights").values.clone();
    let smoothed = r#"{ type = "cross_entropy", label_smoothing = 0.1 }"#;
    let weighted = |weights: &Vec<f32>| Some(weights.clone());
    let half = r#"{ type = "focal", gamma = 0.5 }"#;
    let cases = [
        ("cross_entropy", r#""cross_entropy""#, None, &labels),
        ("cross_entropy_smoothed", smoothed, None, &labels),
        (
            "cross_entropy_weighted",
            r#""cross_entropy""#,
            weighted(&weights),
            &labels,
        ),
        ("cross_entropy_both", smoothed, weighted(&weights), &labels),
        (
            "cross_entropy_shares",
            r#""cross_entropy""#,
            None,
            &numbers("shares"),
        ),
        (
            "cross_entropy_shares_both",
            smoothed,
            weighted(&weights),
            &numbers("shares"),
        ),
        ("focal", r#""focal""#, None, &labels),
        ("focal_weighted", half, weighted(&weights), &labels),
        (
            "binary_cross_entropy",
            r#""binary_cross_entropy""#,
            None,
            &numbers("marks"),
        ),
        ("mse", r#""mse""#, None, &numbers("values")),
        ("mae", r#""mae""#, None, &numbers("values")),
        ("huber", r#""huber""#, None, &numbers("values")),
        (
            "huber_delta",
            r#"{ type = "huber", delta = 0.3 }"#,
            None,
            &numbers("values"),
        ),
    ];
    let outputs = file.get("outputs");
    for (name, settings, class_weights, targets) in cases {
        let settings = train(&format!("loss = {settings}")).loss;
        let loss = Loss::new(&settings, class_weights);
        let tensor: Tensor<2> = outputs.to_tensor(&Device::flex().autodiff());
        let tensor = tensor.require_grad();
        let value = loss.of(tensor.clone(), targets);
        let expected = file.get(&format!("{name}/loss"));
        assert_close(name, &Array::of(value.clone()), expected, 1e-6);
        let gradient = tensor.grad(&value.backward()).unwrap();
        let expected_gradient = file.get(&format!("{name}/gradient"));
        assert_close(name, &Array::of(gradient), expected_gradient, 1e-6);
        let on_host = loss.sum(&outputs.values, 4, targets) / loss.weight(targets);
        let difference = on_host - f64::from(expected.values[0]);
        assert!(
            difference.abs() < 1e-5,
            "{name} on the host is off by {difference}"
        );
    }
}

/// At an output of exactly 0, where its parts have kinks, the slope is sigmoid(0) − target, as in PyTorch.
#[test]
fn the_slope_of_binary_cross_entropy_at_zero() {
    let outputs = Tensor::<2>::zeros([1, 2], &Device::flex().autodiff()).require_grad();
    let targets = Targets::Values {
        width: 2,
        values: vec![0.0, 1.0],
    };
    let loss = Loss::new(&config::Loss::BinaryCrossEntropy, None);
    let gradients = loss.of(outputs.clone(), &targets).backward();
    let slope = outputs.grad(&gradients).unwrap().into_data();
    // A half of each, for the mean over both.
    assert_eq!(slope.try_to_vec::<f32>().unwrap(), [0.25, -0.25]);
}
