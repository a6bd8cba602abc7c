//! `flatten`, `reshape`, `pad`, `crop`, `upsample` and `scale`: the computation.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};

use super::Value;
use super::initialize::Builder;
use super::pad::{cropped, padded};
use super::sequence::Flow;
use super::value::{per_channel, same_rank};
use crate::config::{PaddingMode, UpsampleMode};
use crate::plan;

/// The same values in another shape; a row where none is given.
#[derive(Module, Debug)]
pub(super) struct Reshape {
    #[module(skip)]
    shape: Option<Vec<usize>>,
}

impl Reshape {
    pub(super) fn new(shape: Option<&[usize]>) -> Self {
        Self {
            shape: shape.map(<[usize]>::to_vec),
        }
    }

    /// Returns whether it makes a row.
    pub(super) fn is_flat(&self) -> bool {
        self.shape.is_none()
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        match (&self.shape, value) {
            (None, Value::Packed(packed)) => Value::Packed(Box::new(packed.flat())),
            (None, value) => Value::Row(value.into_row()),
            (Some(shape), value) => value.reshaped(shape),
        }
    }
}

/// Values added at the ends.
#[derive(Module, Debug)]
pub(super) struct Pad {
    #[module(skip)]
    plan: plan::Pad,
}

impl Pad {
    pub(super) fn new(plan: &plan::Pad) -> Self {
        Self { plan: plan.clone() }
    }

    /// Returns whether it adds zeros, as the kernels can.
    pub(super) fn takes_packed(&self) -> bool {
        self.plan.mode == PaddingMode::Zeros
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        if let Value::Packed(packed) = value {
            return Value::Packed(Box::new(packed.padded(&self.plan.amount)));
        }
        padded(value, &self.plan.amount, self.plan.mode)
    }
}

/// Values taken away at the ends.
#[derive(Module, Debug)]
pub(super) struct Crop {
    #[module(skip)]
    amount: Vec<[usize; 2]>,
}

impl Crop {
    pub(super) fn new(amount: &[[usize; 2]]) -> Self {
        Self {
            amount: amount.to_vec(),
        }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        cropped(value, &self.amount)
    }
}

/// Maps made larger.
///
/// # Reference
/// `torch.nn.Upsample` with `align_corners=False`.
#[derive(Module, Debug)]
pub(super) struct Upsample {
    #[module(skip)]
    plan: plan::Upsample,
}

impl Upsample {
    pub(super) fn new(plan: &plan::Upsample) -> Self {
        Self { plan: plan.clone() }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        let mut value = value;
        for (index, scale) in self.plan.scale.iter().enumerate() {
            if *scale > 1 {
                // Behind the batch and the channels.
                let (shape, dimension) = (value.shape(), index + 2);
                let lined = value.along(dimension);
                let lined = match self.plan.mode {
                    UpsampleMode::Nearest => repeat(lined, *scale),
                    UpsampleMode::Linear => interpolate(lined, *scale),
                };
                value = Value::from_along(lined, shape, dimension);
            }
        }
        value
    }
}

fn repeat(x: Tensor<3>, scale: usize) -> Tensor<3> {
    let [rows, size, columns] = x.dims();
    let repeated = x.reshape([rows, size, 1, columns]).repeat_dim(2, scale);
    repeated.reshape([rows, size * scale, columns])
}

/// Each output lies between two inputs: a matrix with two weights a row.
fn interpolate(x: Tensor<3>, scale: usize) -> Tensor<3> {
    let [_, size, _] = x.dims();
    let mut matrix = vec![0.0_f32; size * scale * size];
    for (output, row) in matrix.chunks_mut(size).enumerate() {
        let at = ((output as f64 + 0.5) / scale as f64 - 0.5).max(0.0);
        let low = at.floor() as usize;
        let high = (low + 1).min(size - 1);
        row[low] += (1.0 - at.fract()) as f32;
        row[high] += at.fract() as f32;
    }
    let matrix = TensorData::new(matrix, [1, size * scale, size]);
    Tensor::<3>::from_data(matrix, &x.device()).matmul(x)
}

/// A learned factor and offset per channel.
///
/// # Reference
/// `LeCun` et al. 1998, section II.B: the coefficient and bias of a sub-sampling layer.
#[derive(Module, Debug)]
pub(super) struct Scale {
    weight: Param<Tensor<1>>,
    bias: Option<Param<Tensor<1>>>,
}

impl Scale {
    pub(super) fn new(plan: &plan::Scale, builder: &mut Builder<'_>) -> Self {
        Self {
            weight: builder.constant(plan.channels, plan.initial, true),
            bias: plan
                .bias
                .then(|| builder.constant(plan.channels, 0.0, true)),
        }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        let scaled = same_rank!(value, tensor => tensor * per_channel(self.weight.val()));
        match &self.bias {
            Some(bias) => same_rank!(scaled, tensor => tensor + per_channel(bias.val())),
            None => scaled,
        }
    }
}
