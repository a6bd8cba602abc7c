//! Kernels for losses, optimizers and windows at one position, against the stock operations.

use burn::module::Module as _;
use burn::tensor::{Device, Tensor};
use cnn::dataset::Targets;
use cnn::loss::Loss;
use cnn::model::{Model, Pass};
use cnn::optimizer::{Gradients, Optimizer};

use crate::golden_layers;
use crate::golden_training::train;
use crate::goldens::{self, Array};
use crate::numeric_gradients::Numbers;

/// Returns the loss and its gradient for the outputs.
fn loss_and_gradient(
    loss: &Loss,
    outputs: &Array,
    targets: &Targets,
    device: &Device,
) -> [Array; 2] {
    let tensor: Tensor<2> = outputs.to_tensor(&device.clone().autodiff());
    let tensor = tensor.require_grad();
    let value = loss.of(tensor.clone(), targets);
    let gradient = tensor.grad(&value.backward()).unwrap();
    [Array::of(value), Array::of(gradient)]
}

#[test]
#[expect(deprecated, reason = "kept while burn has it")]
fn losses_are_as_with_stock_operations() {
    let smoothed = r#"{ type = "cross_entropy", label_smoothing = 0.2 }"#;
    // Classes that fill registers and that do not; more rows than one part has.
    for (samples, classes) in [(1, 1), (7, 10), (5, 16), (600, 33), (3, 1000)] {
        let mut numbers = Numbers(classes as u64);
        let mut outputs = numbers.array(&[samples, classes]);
        for output in &mut outputs.values {
            *output *= 20.0;
        }
        let labels = (0..samples).map(|sample| (sample * 7 % classes) as u32);
        let labels = Targets::Classes(labels.collect());
        let marks = numbers.array(&[samples, classes]).values;
        let marks = Targets::Values {
            width: classes,
            values: marks.iter().map(|mark| mark.abs().min(1.0)).collect(),
        };
        let weights: Vec<f32> = (0..classes).map(|class| 0.5 + class as f32 / 8.0).collect();
        for (settings, weights, targets) in [
            (r#""cross_entropy""#, None, &labels),
            (r#""cross_entropy""#, Some(weights.clone()), &labels),
            (r#""cross_entropy""#, None, &marks),
            (smoothed, Some(weights), &labels),
            (r#""binary_cross_entropy""#, None, &marks),
        ] {
            let loss = Loss::new(&train(&format!("loss = {settings}")).loss, weights);
            let ours = loss_and_gradient(&loss, &outputs, targets, &Device::flex());
            let stock = loss_and_gradient(&loss, &outputs, targets, &Device::ndarray());
            for (ours, stock) in ours.iter().zip(&stock) {
                let what = format!("{settings} of {samples} samples of {classes} classes");
                goldens::assert_close(&what, ours, stock, 1e-5);
            }
        }
    }
}

/// As in PyTorch a row with a logit that is no number, or beyond all, has neither loss nor gradient;
/// other rows keep theirs. A logit of no probability at all counts where its class is asked for.
#[test]
fn logits_that_are_not_finite_show_as_in_pytorch() {
    let loss = Loss::new(&train(r#"loss = "cross_entropy""#).loss, None);
    let results = |first: f32, label: u32| {
        let outputs = Array {
            shape: vec![2, 3],
            values: vec![first, 1.0, -2.0, 0.5, 0.25, 0.0],
        };
        let targets = Targets::Classes(vec![label, 1]);
        loss_and_gradient(&loss, &outputs, &targets, &Device::flex())
    };
    for value in [f32::NAN, f32::INFINITY] {
        let [loss, gradient] = results(value, 1);
        assert!(loss.values[0].is_nan());
        assert!(gradient.values[..3].iter().all(|value| value.is_nan()));
        assert!(gradient.values[3..].iter().all(|value| value.is_finite()));
    }
    let [loss, gradient] = results(f32::NEG_INFINITY, 1);
    assert!(loss.values[0].is_finite() && gradient.values[0].abs() < 1e-30);
    let [loss, gradient] = results(f32::NEG_INFINITY, 0);
    assert_eq!(loss.values[0], f32::INFINITY);
    assert_eq!(gradient.values[0], -0.5);
}

#[test]
#[expect(deprecated, reason = "kept while burn has it")]
fn steps_are_as_with_stock_operations() {
    // 13,000 weights are more than one part has, and fill no register at their end.
    let layers = r#"[{ type = "flatten" }, { type = "dense", units = 101, activation = "tanh" }, { type = "dense", units = 3 }]"#;
    let project = goldens::project(&[129, 1], layers);
    let mut numbers = Numbers(5);
    let samples = numbers.array(&[4, 129, 1]);
    let toward = numbers.array(&[4, 3]);
    for settings in [
        r#"{ type = "sgd", weight_decay = 0.01 }"#,
        r#"{ type = "sgd", momentum = 0.9, dampening = 0.3, weight_decay = 0.01 }"#,
        r#"{ type = "sgd", momentum = 0.9, nesterov = true }"#,
        r#"{ type = "adam", weight_decay = 0.01 }"#,
        r#"{ type = "adam", amsgrad = true }"#,
        r#"{ type = "adamw", weight_decay = 0.1, amsgrad = true }"#,
        r#""adamw""#,
        r#""muon""#,
    ] {
        let settings = train(&format!("optimizer = {settings}")).optimizer;
        let steps = |device: &Device| {
            let weights = goldens::weights(&Model::new(&project.plan, 5, device));
            let device = device.clone().autodiff();
            let mut model = goldens::model(&project, &weights, &device);
            let mut optimizer = Optimizer::new(&settings);
            for step in 0..4 {
                let output =
                    model.forward(samples.to_value(&device), Pass::Train { seed: 3, step });
                let loss = golden_layers::weighted_sum(output, &toward, &device);
                let gradients = Gradients::of(&loss, &model);
                model = optimizer.step(0.01, model, gradients);
            }
            let mut results = goldens::weights(&model.valid());
            let state = optimizer.state(&model).tensors.into_iter();
            results.extend(state.map(|(name, data)| {
                let shape = data.shape().to_vec();
                let values = data.try_to_vec::<f32>().unwrap();
                (name, Array { shape, values })
            }));
            results
        };
        let (ours, stock) = (steps(&Device::flex()), steps(&Device::ndarray()));
        assert_eq!(ours.len(), stock.len());
        for (name, stock) in &stock {
            let what = format!("{name} by {settings:?}");
            goldens::assert_close(&what, &ours[name], stock, 2e-4);
        }
    }
}

/// A step in place changes no weights that others hold.
#[test]
fn a_step_leaves_copies_of_the_weights_alone() {
    let project = goldens::project(
        &[3, 1],
        r#"[{ type = "flatten" }, { type = "dense", units = 2 }]"#,
    );
    let device = Device::flex().autodiff();
    let model = Model::new(&project.plan, 1, &device);
    let before = goldens::weights(&model);
    let mut optimizer = Optimizer::new(&train(r#"optimizer = "adam""#).optimizer);
    let output = model.forward(
        Numbers(1).array(&[2, 3, 1]).to_value(&device),
        Pass::Train { seed: 0, step: 0 },
    );
    let loss = golden_layers::weighted_sum(output, &Numbers(2).array(&[2, 2]), &device);
    let gradients = Gradients::of(&loss, &model);
    let moved = optimizer.step(0.1, model.clone(), gradients);
    for (name, weight) in goldens::weights(&model) {
        assert_eq!(weight.values, before[&name].values, "{name}");
    }
    assert!(goldens::weights(&moved)["1.weight"].values != before["1.weight"].values);
}
