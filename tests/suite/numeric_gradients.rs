//! Gradients of every layer against differences of its own output.
//!
//! The slope of the output along one random direction of all inputs and weights together must be
//! what the gradients say of that direction: one number in which every one of them has its part.

use std::collections::BTreeMap;

use burn::module::{Module as _, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use cnn::model::{Model, Pass, Value};
use cnn::optimizer::Gradients;

use crate::devices::on_every_device;
use crate::goldens::{self, Array, array_of};

/// A network of one layer, or of few where the layer needs others.
struct Case {
    input: &'static [usize],
    layers: &'static str,
}

const MAPS: &[usize] = &[4, 6, 7];

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { input: MAPS, layers: r#"[{ type = "conv", filters = 3, kernel_size = 3, stride = 2, padding = "same", dilation = 2 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "conv", filters = 4, kernel_size = [2, 3], groups = 2, padding = [[0, 1], [2, 0]], padding_mode = "reflect" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "conv", filters = 2, kernel_size = 3, connections = [[0, 2], [1, 2, 3]] }]"# },
    Case { input: &[3, 9], layers: r#"[{ type = "conv", filters = 3, kernel_size = 3, padding = "causal", padding_mode = "replicate" }]"# },
    Case { input: &[2, 4, 5, 4], layers: r#"[{ type = "conv", filters = 3, kernel_size = 2, padding = 1, padding_mode = "circular" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "depthwise_conv", multiplier = 2, kernel_size = 3, padding = 1 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "separable_conv", filters = 5, kernel_size = 3, multiplier = 2, activation = "tanh" }]"# },
    Case { input: &[4, 4, 3], layers: r#"[{ type = "conv_transpose", filters = 2, kernel_size = 3, stride = 2, padding = 1, output_padding = 1, groups = 2 }]"# },
    Case { input: &[2, 3, 3, 2], layers: r#"[{ type = "conv_transpose", filters = 2, kernel_size = 2, stride = 2 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "pool", kind = "max", size = 2 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "pool", kind = "min", size = 3, stride = 2, padding = 1 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "pool", kind = "avg", size = 3, stride = 2, padding = 1, count_padding = false, ceil = true }]"# },
    Case { input: MAPS, layers: r#"[{ type = "pool", kind = "sum", size = 2, ceil = true }]"# },
    Case { input: MAPS, layers: r#"[{ type = "pool", kind = "l2", size = 2, padding = 1 }]"# },
    Case { input: &[2, 4, 5, 4], layers: r#"[{ type = "pool", kind = "max", size = 2 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "global_pool" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "global_pool", kind = "l2" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "adaptive_pool", output = [4, 5] }]"# },
    Case { input: MAPS, layers: r#"[{ type = "adaptive_pool", kind = "max", output = 3 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "flatten" }, { type = "dense", units = 5, activation = "prelu" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "linear" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "relu" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "relu6" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "leaky_relu", slope = 0.3 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "prelu" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "elu" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "selu" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "celu" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "gelu" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "silu" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "mish" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "softplus" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "softsign" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "sigmoid" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "hard_sigmoid" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "hard_swish" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "tanh" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "scaled_tanh" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "softmax" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "activation", fn = "log_softmax" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "batch_norm" }]"# },
    Case { input: &[3, 9], layers: r#"[{ type = "layer_norm" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "group_norm", groups = 2 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "instance_norm" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "local_response_norm", size = 3, alpha = 0.5 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "dropout", rate = 0.4 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "spatial_dropout", rate = 0.4 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "noise", std = 0.5 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "reshape", shape = [7, -1, 4] }, { type = "conv", filters = 2, kernel_size = 2 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "pad", amount = [[1, 0], [2, 1], [0, 2]], mode = "circular" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "crop", amount = [[1, 0], [2, 1], [0, 2]] }]"# },
    Case { input: MAPS, layers: r#"[{ type = "upsample", scale = 2 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "upsample", scale = [2, 3], mode = "linear" }]"# },
    Case { input: MAPS, layers: r#"[{ type = "pixel_shuffle", scale = 2 }, { type = "conv", filters = 2, kernel_size = 3 }]"# },
    Case { input: MAPS, layers: r#"[{ type = "scale", initial = 0.5, bias = true }]"# },
    Case { input: MAPS, layers: r#"[{ type = "residual", activation = "tanh", layers = [{ type = "conv", filters = 3, kernel_size = 3, padding = 1 }], shortcut = [{ type = "conv", filters = 3, kernel_size = 1 }] }]"# },
    Case { input: MAPS, layers: r#"[{ type = "branches", merge = "concat", branches = [[], [{ type = "conv", filters = 2, kernel_size = 1 }]] }]"# },
    Case { input: MAPS, layers: r#"[{ type = "branches", merge = "multiply", branches = [[], [{ type = "global_pool" }, { type = "dense", units = 4, activation = "sigmoid" }]] }]"# },
    Case { input: MAPS, layers: r#"[{ type = "conv", name = "a", filters = 2, kernel_size = 1 }, { type = "activation", fn = "tanh" }, { type = "merge", from = "a", with = "multiply" }]"# },
];

/// A spread of numbers in −1 … 1, the same on every run.
pub struct Numbers(pub u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    pub fn array(&mut self, shape: &[usize]) -> Array {
        let values = (0..shape.iter().product()).map(|_| self.next());
        Array {
            shape: shape.to_vec(),
            values: values.collect(),
        }
    }
}

/// Weights that gradients are wanted for, by name.
#[derive(Default)]
struct Trained {
    path: Vec<String>,
    names: Vec<String>,
}

impl ModuleVisitor for Trained {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.names.push(self.path.join("."));
        }
    }
}

fn moved(from: &Array, along: &Array, by: f32) -> Array {
    let values = from.values.iter().zip(&along.values);
    Array {
        shape: from.shape.clone(),
        values: values.map(|(value, slope)| value + by * slope).collect(),
    }
}

fn dot(a: &Array, b: &Array) -> f64 {
    let pairs = a.values.iter().zip(&b.values);
    pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Returns the slope that the gradients tell, and the one that differences do.
fn slopes(case: &Case, device: &Device) -> (f64, f64) {
    const STEP: f32 = 1e-3;
    const PASS: Pass = Pass::Train { seed: 3, step: 1 };
    let mut numbers = Numbers(12);
    let project = goldens::project(case.input, case.layers);
    let training = device.clone().autodiff();
    let fresh = Model::new(&project.plan, 5, &training);
    let mut trained = Trained::default();
    fresh.visit(&mut trained);
    let all = goldens::weights(&fresh);
    let directions: BTreeMap<&String, Array> = trained
        .names
        .iter()
        .map(|name| (name, numbers.array(&all[name].shape)))
        .collect();
    let input = numbers.array(&[&[3], case.input].concat());
    let toward = numbers.array(&input.shape);
    let output_shape = [&[3], project.plan.output()].concat();
    let output_weights = numbers.array(&output_shape);

    let model = goldens::model(&project, &all, &training);
    let value = crate::golden_layers::require_grad(input.to_value(&training));
    let output = model.forward(value.clone(), PASS);
    let sum = crate::golden_layers::weighted_sum(output, &output_weights, &training);
    let mut gradients = sum.backward();
    let mut told = dot(
        &crate::golden_layers::take_gradient(&value, &mut gradients),
        &toward,
    );
    let gradients = goldens::gradients(&model, &Gradients::take(gradients, &model));
    assert_eq!(gradients.len(), directions.len(), "{}", case.layers);
    for (name, gradient) in &gradients {
        told += dot(gradient, &directions[name]);
    }

    let at = |by: f32| {
        let mut weights = all.clone();
        for (name, direction) in &directions {
            weights.insert((*name).clone(), moved(&all[*name], direction, by));
        }
        let model = goldens::model(&project, &weights, device);
        let input: Value = moved(&input, &toward, by).to_value(device);
        dot(&array_of(model.forward(input, PASS)), &output_weights)
    };
    (told, (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP))
}

pub fn check_all(device: &Device) {
    let mut failed = Vec::new();
    for case in CASES {
        let (told, found) = slopes(case, device);
        if (told - found).abs() > 5e-3 * (1.0 + found.abs()) {
            failed.push(format!("{}: {told}, by differences {found}", case.layers));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

on_every_device!(check_all);

#[test]
fn every_layer_of_the_language_is_here() {
    // A block is unfolded before anything is computed.
    let layers = cnn::config::describe().layers.into_iter();
    for name in layers
        .map(|layer| layer.name)
        .filter(|name| *name != "block")
    {
        let own = format!("type = \"{name}\"");
        assert!(
            CASES.iter().any(|case| case.layers.contains(&own)),
            "{name}"
        );
    }
    for word in cnn::config::Function::words() {
        let own = format!("fn = \"{word}\"");
        assert!(
            CASES.iter().any(|case| case.layers.contains(&own)),
            "{word}"
        );
    }
}
