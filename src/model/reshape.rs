//! `flatten`, `reshape`, `pad`, `crop`, `upsample` and `scale`: the computation.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};

use super::Value;
use super::compile::{Compiler, Wire};
use super::engine::to_host;
use super::initialize::Builder;
use super::pad::{compile_padding, cropped, padded, positions_of};
use super::sequence::Flow;
use super::value::{per_channel, same_rank};
use crate::config::{PaddingMode, UpsampleMode};
use crate::diagnostic::Result;
use crate::kernels::program::Fold;
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

    /// Writes it into a program, if it makes a row.
    pub(super) fn compile(&self, input: &Wire) -> Option<Wire> {
        self.is_flat().then(|| input.flat())
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

    /// Writes it as a stage of a program, if it has one.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Option<Wire> {
        let (channels, maps) = self.plan.amount.split_first()?;
        if *channels == [0, 0] {
            return Some(compile_padding(input, maps, self.plan.mode, compiler));
        }
        let adds_maps =
            self.plan.mode == PaddingMode::Zeros && maps.iter().all(|pair| *pair == [0, 0]);
        adds_maps.then(|| {
            let mut shape = input.shape.clone();
            shape[0] += channels[0] + channels[1];
            let positions = shape.iter().skip(1).product();
            let positions = (0..positions).map(Some).collect();
            compiler.moved(input.clone(), positions, (0, channels[0]), shape)
        })
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

    /// Writes it as a stage of a program.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Wire {
        let amount = |index: usize| self.amount.get(index).copied().unwrap_or([0, 0]);
        let sizes = input.shape.iter().enumerate();
        let shape: Vec<usize> = sizes
            .map(|(index, size)| size - amount(index)[0] - amount(index)[1])
            .collect();
        let lines = shape.iter().enumerate().skip(1);
        let lines: Vec<Vec<Option<usize>>> = lines
            .map(|(index, size)| (0..*size).map(|at| Some(at + amount(index)[0])).collect())
            .collect();
        let positions = positions_of(&input.shape[1..], &lines);
        compiler.moved(input.clone(), positions, (amount(0)[0], 0), shape)
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

impl Upsample {
    /// Writes it as a stage of a program, if it repeats values.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Option<Wire> {
        if self.plan.mode != UpsampleMode::Nearest {
            return None;
        }
        let mut shape = input.shape.clone();
        let mut lines: Vec<Vec<Option<usize>>> = Vec::new();
        for (size, scale) in shape.iter_mut().skip(1).zip(&self.plan.scale) {
            *size *= scale;
            lines.push((0..*size).map(|at| Some(at / scale)).collect());
        }
        let positions = positions_of(&input.shape[1..], &lines);
        Some(compiler.moved(input.clone(), positions, (0, 0), shape))
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

    /// Writes it as a stage of a program, or as a part of the convolution before.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Result<Wire> {
        let scale = to_host(self.weight.val())?;
        let shift = match &self.bias {
            Some(bias) => to_host(bias.val())?,
            None => vec![0.0; scale.len()],
        };
        Ok(compiler.scale(input.clone(), &Fold { scale, shift }))
    }
}
