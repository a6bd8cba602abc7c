//! `dense`: the tensors and the computation.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::linear;

use super::Value;
use super::activation::Activation;
use super::initialize::{Builder, Shape};
use super::sequence::Flow;
use super::weight::Weight;
use crate::plan;

/// Fully connected layer: `input · weight + bias`.
///
/// # Shapes
/// - input `[batch, inputs]`
/// - weight `[inputs, units]`, the transpose of PyTorch's
/// - output `[batch, units]`
///
/// # Reference
/// `keras.layers.Dense`.
#[derive(Module, Debug)]
pub(super) struct Dense {
    weight: Weight,
    bias: Option<Param<Tensor<1>>>,
    activation: Activation,
    #[module(skip)]
    sizes: [usize; 2],
}

impl Dense {
    pub(super) fn new(plan: &plan::Dense, builder: &mut Builder<'_>) -> Self {
        let sizes = [plan.inputs, plan.units];
        let shape = Shape {
            sizes: &sizes,
            fans: sizes,
            filters: 1,
            connections: None,
        };
        Self {
            weight: builder.weight(&shape, &plan.weights, None),
            bias: plan.bias.then(|| builder.bias(plan.units, &plan.weights)),
            activation: Activation::new(plan.activation, plan.weights.trainable, builder),
            sizes,
        }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        let bias = self.bias.as_ref().map(Param::val);
        let row = linear(value.into_row(), self.weight.shaped(self.sizes), bias);
        self.activation.apply(Value::Row(row))
    }
}
