//! Every layer against PyTorch: forward, input gradient, weight gradients, running statistics.

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use cnn::model::{Pass, Value};
use serde::Deserialize;

use crate::goldens::{self, Array, Goldens, array_of, assert_close};

/// What two correct 32-bit implementations may differ by; sums run in another order.
const TOLERANCE: f32 = 2e-5;

#[derive(Deserialize)]
struct Case {
    name: String,
    input: Vec<usize>,
    layers: String,
}

/// Runs every case on a device; returns how many there were.
fn check_all(device: &Device) -> usize {
    let file = Goldens::read("layers.safetensors");
    let cases: Vec<Case> = serde_json::from_str(&file.metadata["cases"]).unwrap();
    for case in &cases {
        check(&file, case, device);
    }
    cases.len()
}

#[test]
fn on_cpu() {
    assert!(check_all(&Device::flex()) >= 100);
}

#[test]
#[expect(deprecated, reason = "kept while burn has it")]
fn on_ndarray() {
    assert!(check_all(&Device::ndarray()) >= 100);
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

    if values.contains_key("output_evaluation") {
        let model = goldens::model(&project, &initial, device);
        let output = model.forward(values["input"].to_tensor(device), Pass::Evaluate);
        close("evaluation output", &array_of(output), "output_evaluation");
    }

    let training = device.clone().autodiff();
    let model = goldens::model(&project, &initial, &training);
    let input = values["input"].to_tensor::<4>(&training).require_grad();
    let output = model.forward(input.clone(), Pass::Train { seed: 0, step: 0 });
    close("output", &array_of(output.clone()), "output");
    let weighted: Tensor<1> = match output {
        Value::Maps(maps) => (maps * values["output_gradient"].to_tensor(&training)).sum(),
        Value::Row(row) => (row * values["output_gradient"].to_tensor(&training)).sum(),
    };
    let mut gradients = weighted.backward();
    let input_gradient = input.grad_remove(&mut gradients).unwrap();
    close(
        "input gradient",
        &Array::of(input_gradient),
        "input_gradient",
    );
    let weight_gradients = GradientsParams::from_grads(gradients, &model);
    let weight_gradients = goldens::gradients(&model, weight_gradients);
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
