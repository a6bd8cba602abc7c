//! What holds weights in training: `trainable`, `l1`, `l2`, `constraint`, `kernel`, `connections`.

use std::collections::BTreeMap;

use burn::tensor::Device;
use cnn::config;
use cnn::loss;
use cnn::model::{Model, Pass, Value};
use cnn::optimizer::{Gradients, Optimizer};

use crate::goldens::{self, Array};

const PASS: Pass = Pass::Train { seed: 0, step: 0 };

fn input(device: &Device) -> Value {
    let values = (0..3 * 2 * 5 * 5).map(|index| ((index * 29 % 31) as f32) / 15.0 - 1.0);
    Value::of_inputs(values.collect(), &[2, 5, 5], device)
}

fn network(layer: &str) -> Model {
    let layers = format!("[{layer}, {{ type = \"flatten\" }}, {{ type = \"dense\", units = 3 }}]");
    let project = goldens::project(&[2, 5, 5], &layers);
    Model::new(&project.plan, 4, &Device::flex().autodiff())
}

fn gradients(model: &Model) -> BTreeMap<String, Array> {
    let device = Device::flex().autodiff();
    let logits = model.logits(input(&device), PASS);
    let loss = model.penalized(loss::cross_entropy(logits, &[0, 1, 2]));
    goldens::gradients(model, &Gradients::of(&loss, model))
}

/// Trains some steps with a rate that moves weights far.
fn trained(mut model: Model, steps: usize) -> Model {
    let mut optimizer = Optimizer::new(&config::Optimizer {
        rule: config::Rule::Sgd {
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
        },
        ..config::Optimizer::default()
    });
    let device = Device::flex().autodiff();
    for _ in 0..steps {
        let logits = model.logits(input(&device), PASS);
        let loss = model.penalized(loss::cross_entropy(logits, &[0, 1, 2]));
        let gradients = Gradients::of(&loss, &model);
        model = optimizer.step(0.5, model, gradients).constrained();
    }
    model
}

#[test]
fn frozen_weights_have_no_gradient_and_stay() {
    let layer = r#"{ type = "conv", name = "a", filters = 2, kernel_size = 3, trainable = false }"#;
    let model = network(layer);
    let names: Vec<String> = gradients(&model).into_keys().collect();
    assert_eq!(names, ["2.bias", "2.weight"]);
    let before = goldens::weights(&model);
    let after = goldens::weights(&trained(model, 3));
    assert_eq!(before["a.weight"].values, after["a.weight"].values);
    assert_ne!(before["2.weight"].values, after["2.weight"].values);
}

#[test]
fn the_slope_of_a_frozen_layer_is_frozen_too() {
    let layer = r#"{ type = "conv", name = "a", filters = 2, kernel_size = 3, trainable = false, activation = "prelu" }"#;
    let names: Vec<String> = gradients(&network(layer)).into_keys().collect();
    assert_eq!(names, ["2.bias", "2.weight"]);
}

#[test]
fn hand_made_weights_of_a_transposed_convolution_are_one_entry_a_filter() {
    let layer =
        r#"{ type = "conv_transpose", name = "a", groups = 2, kernel = [[[1, 2]], [[3, 4]]] }"#;
    let weight = goldens::weights(&network(layer))["a.weight"].clone();
    assert_eq!(weight.shape, [2, 1, 1, 2]);
    assert_eq!(weight.values, [1.0, 2.0, 3.0, 4.0]);
    let whole =
        r#"{ type = "conv_transpose", name = "a", groups = 2, kernel = [[[[1, 2]]], [[[3, 4]]]] }"#;
    assert_eq!(
        goldens::weights(&network(whole))["a.weight"].values,
        weight.values
    );
}

#[test]
fn penalties_add_their_slope_to_the_gradient() {
    let layer = |keys: &str| {
        format!(r#"{{ type = "conv", name = "a", filters = 2, kernel_size = 3{keys} }}"#)
    };
    let plain = network(&layer(""));
    let weights = goldens::weights(&plain);
    let without = gradients(&plain);
    let with = gradients(&network(&layer(", l1 = 0.25, l2 = 0.5")));
    for (index, weight) in weights["a.weight"].values.iter().enumerate() {
        let slope = 0.25 * weight.signum() + 2.0 * 0.5 * weight;
        let added = with["a.weight"].values[index] - without["a.weight"].values[index];
        assert!((added - slope).abs() < 1e-5, "{added} for {slope}");
    }
    assert_eq!(with["a.bias"].values, without["a.bias"].values);
    assert_eq!(with["2.weight"].values, without["2.weight"].values);
}

fn norms(weight: &Array) -> Vec<f32> {
    let length = weight.values.len() / weight.shape[0];
    let filters = weight.values.chunks(length);
    filters
        .map(|filter| filter.iter().map(|value| value * value).sum::<f32>().sqrt())
        .collect()
}

#[test]
fn constraints_hold_after_every_step() {
    let layer = |constraint: &str| {
        format!(
            r#"{{ type = "conv", name = "a", filters = 3, kernel_size = 3, constraint = {constraint} }}"#
        )
    };
    let after = |constraint: &str| {
        goldens::weights(&trained(network(&layer(constraint)), 3))["a.weight"].clone()
    };
    let most = after(r#"{ type = "max_norm", value = 0.5 }"#);
    assert!(norms(&most).iter().all(|norm| *norm < 0.5001), "{most:?}");
    let unit = after(r#""unit_norm""#);
    assert!(
        norms(&unit).iter().all(|norm| (norm - 1.0).abs() < 1e-4),
        "{unit:?}"
    );
    let positive = after(r#""non_negative""#);
    assert!(positive.values.iter().all(|value| *value >= 0.0));
    assert!(positive.values.iter().any(|value| *value > 0.0));
}

#[test]
fn the_norm_of_a_dense_unit_is_over_its_inputs() {
    let layers =
        r#"[{ type = "flatten" }, { type = "dense", units = 3, constraint = "unit_norm" }]"#;
    let project = goldens::project(&[2, 5, 5], layers);
    let model = Model::new(&project.plan, 4, &Device::flex().autodiff());
    let weight = &goldens::weights(&trained(model, 1))["1.weight"];
    for unit in 0..3 {
        let inputs = weight.values.iter().skip(unit).step_by(3);
        let norm = inputs.map(|value| value * value).sum::<f32>().sqrt();
        assert!((norm - 1.0).abs() < 1e-4, "{norm}");
    }
}

#[test]
fn hand_made_weights_are_the_first_ones() {
    let weights = goldens::weights(&network(
        r#"{ type = "conv", name = "a", kernel = ["sobel_x", "sobel_y"] }"#,
    ));
    let sobel_x = [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0];
    let sobel_y = [-1.0, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0];
    let expected: Vec<f32> = [sobel_x, sobel_x, sobel_y, sobel_y].concat();
    assert_eq!(weights["a.weight"].shape, [2, 2, 3, 3]);
    assert_eq!(weights["a.weight"].values, expected);
}

#[test]
fn weights_without_a_connection_stay_zero() {
    let layer = r#"{ type = "conv", name = "a", filters = 2, kernel_size = 2, connections = [[0], [0, 1]] }"#;
    let weight = goldens::weights(&trained(network(layer), 3))["a.weight"].clone();
    assert!(
        weight.values[4..8].iter().all(|value| *value == 0.0),
        "{weight:?}"
    );
    let connected = weight.values[..4].iter().chain(&weight.values[8..]);
    assert!(connected.clone().all(|value| *value != 0.0), "{weight:?}");
}
