//! Steps of optimizers, clipping and moving averages against PyTorch.

use std::collections::BTreeMap;

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use cnn::config;
use cnn::load::Project;
use cnn::model::Model;
use cnn::optimizer::{Average, Gradients, Optimizer};

use super::train;
use crate::goldens::{self, Array, Goldens, assert_close};

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

pub(super) fn ten_steps_of_every_optimizer(device: &Device) {
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

pub(super) fn rates_by_layers_are_pytorchs_groups(device: &Device) {
    let (file, groups) = (
        Goldens::read("optimizers.safetensors"),
        Goldens::read("groups.safetensors"),
    );
    let runs: BTreeMap<String, String> = serde_json::from_str(&groups.metadata["runs"]).unwrap();
    assert_eq!(runs.len(), 3);
    for (run, keys) in &runs {
        let (settings, mut model) = with_rates(&file, keys, device);
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

pub(super) fn a_moving_average_is_pytorchs(device: &Device) {
    let file = Goldens::read("optimizers.safetensors");
    let mut model = two_layers(&file, device);
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
    restored.restore(&model, average.state(&model), device);
    for (name, weight) in goldens::weights(&restored.model(&model)) {
        assert_eq!(weight.values, averaged[&name].values, "{name}");
    }
}

pub(super) fn gradients_are_clipped_as_pytorch_clips_them(device: &Device) {
    let file = Goldens::read("optimizers.safetensors");
    let model = two_layers(&file, device);
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

pub(super) fn a_restored_optimizer_takes_the_same_next_step(device: &Device) {
    let file = Goldens::read("optimizers.safetensors");
    for settings in [
        r#""adam""#,
        r#"{ type = "sgd", momentum = 0.9, nesterov = true }"#,
        r#""nadam""#,
        r#""adan""#,
        r#""muon""#,
        r#"{ type = "adagrad", initial_accumulator = 0.1 }"#,
    ] {
        let settings = train(&format!("optimizer = {settings}")).optimizer;
        let mut model = two_layers(&file, device);
        let mut optimizer = Optimizer::new(&settings);
        let gradients = |model: &Model, step: usize| given_gradients(&file, model, step);
        for step in 0..2 {
            let step_gradients = gradients(&model, step);
            model = optimizer.step(0.01, model, step_gradients);
        }
        let mut restored = Optimizer::new(&settings);
        let state = optimizer.state(&model);
        assert!(!state.tensors.is_empty());
        let missing = restored.restore(&model, state, device);
        assert_eq!(missing, Vec::<String>::new());
        let straight = optimizer.step(0.01, model.clone(), gradients(&model, 2));
        let resumed = restored.step(0.01, model.clone(), gradients(&model, 2));
        let resumed = goldens::weights(&resumed);
        for (name, expected) in goldens::weights(&straight) {
            assert_eq!(resumed[&name].values, expected.values, "{name}");
        }
    }
}
