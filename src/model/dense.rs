//! `dense`: the tensors and the computation.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::linear;

use super::initialize::Builder;
use super::{Pass, Value, activation};
use crate::config::Function;
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
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    activation: Option<Function>,
}

impl Dense {
    pub(super) fn new(plan: &plan::Dense, builder: &mut Builder<'_>) -> Self {
        let weight = builder.glorot_uniform([plan.inputs, plan.units], plan.inputs, plan.units);
        let bias = plan.bias.then(|| builder.constant(plan.units, 0.0));
        Self {
            weight,
            bias,
            activation: plan.activation,
        }
    }

    pub(super) fn forward(&self, value: Value, _: Pass) -> Value {
        let bias = self.bias.as_ref().map(Param::val);
        let row = linear(value.into_row(), self.weight.val(), bias);
        activation::apply_if(self.activation, Value::Row(row))
    }
}
