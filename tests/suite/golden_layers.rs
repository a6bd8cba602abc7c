//! Every layer against PyTorch: forward, input gradient, weight gradients, running statistics.

use std::panic::AssertUnwindSafe;

use burn::tensor::{Device, Gradients, Tensor};
use cnn::model::{Engine, Pass, Value};
use cnn::optimizer;
use serde::Deserialize;

use crate::devices::on_every_device;
use crate::goldens::{self, Array, Goldens, array_of, assert_close};

/// What two correct 32-bit implementations may differ by; sums run in another order.
const TOLERANCE: f32 = 2e-5;

#[derive(Deserialize)]
struct Case {
    name: String,
    input: Vec<usize>,
    layers: String,
}

/// Runs every case of a file on a device; returns how many there were.
fn check_all(name: &str, device: &Device) -> usize {
    let file = Goldens::read(name);
    let cases: Vec<Case> = serde_json::from_str(&file.metadata["cases"]).unwrap();
    let fails = |case: &&Case| {
        let checked = AssertUnwindSafe(|| check(&file, case, device));
        std::panic::catch_unwind(checked).is_err()
    };
    let failed: Vec<&str> = cases
        .iter()
        .filter(fails)
        .map(|case| case.name.as_str())
        .collect();
    assert!(
        failed.is_empty(),
        "{} cases failed: {failed:?}",
        failed.len()
    );
    cases.len()
}

/// Holds each layer by itself to PyTorch.
pub fn each_layer(device: &Device) {
    assert!(check_all("layers.safetensors", device) >= 100);
}

on_every_device!(each_layer);

mod the_whole_language {
    use burn::tensor::Device;

    fn every_setting(device: &Device) {
        assert!(super::check_all("language.safetensors", device) >= 380);
    }

    crate::devices::on_every_device!(every_setting);
}

fn check(file: &Goldens, case: &Case, device: &Device) {
    let name = &case.name;
    let values = file.below(&format!("{name}/"));
    let project = goldens::project(&case.input, &case.layers);
    let initial = values
        .iter()
        .filter(|(key, _)| {
            key.contains('.') && !key.ends_with("_gradient") && !key.ends_with("_after")
        })
        .map(|(key, array)| (key.clone(), array.clone()))
        .collect();
    let close = |what: &str, actual: &Array, key: &str| {
        let expected = values
            .get(key)
            .unwrap_or_else(|| panic!("no golden `{name}/{key}`"));
        assert_close(&format!("{what} of {name}"), actual, expected, TOLERANCE);
    };

    let predicted = &project.plan.output();
    assert_eq!(
        **predicted,
        values["output"].shape[1..],
        "planned shape of {name}"
    );

    // What is the same in training stands there once.
    let evaluated = ["output_evaluation", "output"];
    let evaluated = evaluated.into_iter().find(|key| values.contains_key(*key));
    let evaluated = evaluated.unwrap_or("output");
    let model = goldens::model(&project, &initial, device);
    let output = model.forward(values["input"].to_value(device), Pass::Evaluate);
    close("evaluation output", &array_of(output.clone()), evaluated);
    let engine = Engine::new(&model, &project.plan.input, device).unwrap();
    let compiled = Array {
        shape: output.shape(),
        values: engine.logits(&values["input"].values).unwrap(),
    };
    close("compiled output", &compiled, evaluated);

    let training = device.clone().autodiff();
    let model = goldens::model(&project, &initial, &training);
    let input = require_grad(values["input"].to_value(&training));
    let output = model.forward(input.clone(), Pass::Train { seed: 0, step: 0 });
    close("output", &array_of(output.clone()), "output");
    let mut gradients = weighted_sum(output, &values["output_gradient"], &training).backward();
    close(
        "input gradient",
        &take_gradient(&input, &mut gradients),
        "input_gradient",
    );
    let weight_gradients = optimizer::Gradients::take(gradients, &model);
    let weight_gradients = goldens::gradients(&model, &weight_gradients);
    let expected = values
        .keys()
        .filter(|key| key.contains('.') && key.ends_with("_gradient"));
    assert_eq!(
        weight_gradients.len(),
        expected.count(),
        "gradients of {name}"
    );
    for (weight, gradient) in &weight_gradients {
        close(weight, gradient, &format!("{weight}_gradient"));
    }
    for (weight, after) in goldens::weights(&model) {
        if weight.contains("running") {
            close(&weight, &after, &format!("{weight}_after"));
        }
    }
}

pub fn require_grad(value: Value) -> Value {
    match value {
        Value::Row(tensor) => Value::Row(tensor.require_grad()),
        Value::Signal(tensor) => Value::Signal(tensor.require_grad()),
        Value::Maps(tensor) => Value::Maps(tensor.require_grad()),
        Value::Volume(tensor) => Value::Volume(tensor.require_grad()),
        Value::Packed(_) => unreachable!("models answer in Burn's order"),
    }
}

pub fn weighted_sum(value: Value, weights: &Array, device: &Device) -> Tensor<1> {
    match value {
        Value::Row(tensor) => (tensor * weights.to_tensor(device)).sum(),
        Value::Signal(tensor) => (tensor * weights.to_tensor(device)).sum(),
        Value::Maps(tensor) => (tensor * weights.to_tensor(device)).sum(),
        Value::Volume(tensor) => (tensor * weights.to_tensor(device)).sum(),
        Value::Packed(_) => unreachable!("models answer in Burn's order"),
    }
}

pub fn take_gradient(value: &Value, gradients: &mut Gradients) -> Array {
    match value {
        Value::Row(tensor) => Array::of(tensor.grad_remove(gradients).unwrap()),
        Value::Signal(tensor) => Array::of(tensor.grad_remove(gradients).unwrap()),
        Value::Maps(tensor) => Array::of(tensor.grad_remove(gradients).unwrap()),
        Value::Volume(tensor) => Array::of(tensor.grad_remove(gradients).unwrap()),
        Value::Packed(_) => unreachable!("models answer in Burn's order"),
    }
}
