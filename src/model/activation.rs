//! `activation`: the computation, for the layer and for the key of other layers.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::module::Module;
use burn::tensor::{Tensor, activation};

use super::{Pass, Value};
use crate::config::Function;

/// An activation function as a layer of its own.
#[derive(Module, Debug)]
pub(super) struct Activation {
    #[module(skip)]
    function: Function,
}

impl Activation {
    pub(super) fn new(function: Function) -> Self {
        Self { function }
    }

    pub(super) fn forward(&self, value: Value, _: Pass) -> Value {
        apply_if(Some(self.function), value)
    }
}

/// Applies a function, if any.
pub(super) fn apply_if(function: Option<Function>, value: Value) -> Value {
    let Some(function) = function else {
        return value;
    };
    match value {
        Value::Maps(maps) => Value::Maps(apply(function, maps)),
        Value::Row(row) => Value::Row(apply(function, row)),
    }
}

/// Applies a function; softmax runs along the channels or units.
///
/// # Reference
/// The functions of the same names in `torch.nn.functional`; `gelu` is the exact form.
fn apply<const D: usize>(function: Function, tensor: Tensor<D>) -> Tensor<D> {
    match function {
        Function::Relu => activation::relu(tensor),
        Function::Tanh => tanh(tensor),
        Function::Sigmoid => activation::sigmoid(tensor),
        Function::Softmax => activation::softmax(tensor, 1),
        Function::LeakyRelu { slope } => activation::leaky_relu(tensor, slope),
        Function::Gelu => gelu(tensor),
    }
}

/// Computes `2·σ(2x) − 1`, which is tanh.
///
/// Burn's own calls the C library for each value on `cpu`: a third of the time of a step of
/// `LeNet-5`. The absolute error of this form is below 2e-7.
fn tanh<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    activation::sigmoid(tensor * 2.0) * 2.0 - 1.0
}

/// Computes `x · (1 + erf(x / √2)) / 2`.
///
/// Written out because Burn's own has an approximate gradient on some devices: off by 4e-5
/// from PyTorch's on ndarray.
fn gelu<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    let gate = (tensor.clone() * FRAC_1_SQRT_2).erf() + 1.0;
    tensor * gate * 0.5
}
