//! The activation functions: the computation, for the layer and for the key of other layers.

use std::f32::consts::FRAC_1_SQRT_2;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};

use super::Value;
use super::compile::{Compiler, Wire};
use super::initialize::Builder;
use super::kind::AnyLayer;
use super::packed::function_of;
use super::sequence::Flow;
use super::value::same_rank;
use crate::config::Function;
use crate::kernels;

/// An activation function, with the slope that `prelu` learns.
#[derive(Module, Debug)]
pub(super) struct Activation {
    weight: Option<Param<Tensor<1>>>,
    #[module(skip)]
    function: Function,
}

impl Activation {
    /// Creates the function, or the identity where there is none.
    pub(super) fn new(
        function: Option<Function>,
        trained: bool,
        builder: &mut Builder<'_>,
    ) -> Self {
        let function = function.unwrap_or(Function::Linear);
        let weight = match function {
            Function::Prelu { slope } => Some(builder.constant(1, slope, trained)),
            _ => None,
        };
        Self { weight, function }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        self.apply(value)
    }

    pub(super) fn apply(&self, value: Value) -> Value {
        if self.function == Function::Linear {
            return value;
        }
        let value = match value {
            Value::Packed(packed) if self.takes_packed() => {
                return Value::Packed(Box::new(match function_of(self.function) {
                    Some(function) => packed.settled(function),
                    None => packed.map(|tensor| self.compute(tensor)),
                }));
            }
            value => value.plain(),
        };
        same_rank!(value, tensor => self.compute(tensor))
    }

    /// Returns whether it takes values in the order of our own kernels: all that look at single values do,
    /// but for the one whose slope is learnt, which would sum up unused channels too.
    pub(super) fn takes_packed(&self) -> bool {
        !matches!(
            self.function,
            Function::Softmax | Function::LogSoftmax | Function::Prelu { .. }
        )
    }

    /// Writes it as a stage of a program, if it has one.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Option<Wire> {
        let function = self.fused()?;
        Some(compiler.activate(input.clone(), function))
    }

    /// Writes it behind another layer, as Burn's operations if it must be.
    pub(super) fn compiled(&self, input: Wire, compiler: &mut Compiler) -> Wire {
        self.compile(&input, compiler).unwrap_or_else(|| {
            let shape = input.shape.clone();
            compiler.other(input, &AnyLayer::Activation(self.clone()), &shape)
        })
    }

    /// Returns the function as our kernels compute it, if they do.
    pub(super) fn fused(&self) -> Option<kernels::Function> {
        function_of(self.function)
    }

    /// Softmax runs along the channels or units.
    ///
    /// # Reference
    /// The functions of the same names in `torch.nn.functional`; `gelu` is the exact form.
    fn compute<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match self.function {
            Function::Linear => x,
            Function::Relu => activation::relu(x),
            Function::Relu6 => x.clamp(0.0, 6.0),
            Function::LeakyRelu { slope } => activation::leaky_relu(x, slope),
            Function::Prelu { slope } => match &self.weight {
                Some(weight) => {
                    let slope = weight.val().reshape([1; D]);
                    activation::relu(x.clone()) - activation::relu(-x) * slope
                }
                None => activation::leaky_relu(x, slope),
            },
            Function::Elu | Function::Celu => elu(x),
            Function::Selu => selu(x),
            Function::Gelu => gelu(x),
            Function::Silu => x.clone() * activation::sigmoid(x),
            Function::Mish => x.clone() * tanh(softplus(x)),
            Function::Softplus => softplus(x),
            Function::Softsign => x.clone() / (x.abs() + 1.0),
            Function::Sigmoid => activation::sigmoid(x),
            Function::HardSigmoid => hard_sigmoid(x),
            Function::HardSwish => x.clone() * hard_sigmoid(x),
            Function::Tanh => tanh(x),
            Function::ScaledTanh => tanh(x * (2.0 / 3.0)) * 1.7159,
            Function::Softmax => activation::softmax(x, 1),
            Function::LogSoftmax => activation::log_softmax(x, 1),
        }
    }
}

/// Computes `2·σ(2x) − 1`, which is tanh.
///
/// Burn's own calls the C library for each value on `cpu`: a third of the time of a step of
/// `LeNet-5`. The absolute error of this form is below 2e-7.
fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::sigmoid(x * 2.0) * 2.0 - 1.0
}

/// Computes `x · (1 + erf(x / √2)) / 2`.
///
/// Written out because Burn's own has an approximate gradient on some devices: off by 4e-5
/// from PyTorch's on ndarray.
fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let gate = (x.clone() * FRAC_1_SQRT_2).erf() + 1.0;
    x * gate * 0.5
}

/// Computes `max(0, x) + min(0, eˣ − 1)`; the exponent is cut at 0, so that it never overflows.
fn elu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let left = x.clone().clamp_max(0.0).exp() - 1.0;
    activation::relu(x) + left
}

/// # Reference
/// Klambauer et al. 2017, "Self-normalizing neural networks", eq. 2.
fn selu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const SCALE: f64 = 1.050_700_987_355_480_5;
    let left = (x.clone().clamp_max(0.0).exp() - 1.0) * ALPHA;
    (activation::relu(x) + left) * SCALE
}

/// Computes `max(0, x) + ln(1 + e^−|x|)`, which never overflows.
fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let tail = (-x.clone().abs()).exp().log1p();
    activation::relu(x) + tail
}

fn hard_sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    (x / 6.0 + 0.5).clamp(0.0, 1.0)
}
