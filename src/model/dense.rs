//! `dense`: the tensors and the computation.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::linear;

use super::activation::Activation;
use super::compile::{Compiler, Wire};
use super::engine::to_host;
use super::initialize::{Builder, Shape};
use super::sequence::Flow;
use super::weight::Weight;
use super::{Packed, Value};
use crate::diagnostic::Result;
use crate::kernels::program::Source;
use crate::kernels::{Function, Geometry, WeightOrder};
use crate::plan;

/// Weights beyond which a product of matrices is faster than the kernels' windows.
const LARGE: usize = 1 << 16;

/// Positions beyond which the table of a window over all of them grows too large.
const WIDE: usize = 1024;

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

    pub(super) fn forward(&self, value: Value, flow: &mut Flow<'_>) -> Value {
        let bias = self.bias.as_ref().map(Param::val);
        let [inputs, units] = self.sizes;
        let positions = match &value {
            Value::Packed(packed) => packed.channels_and_positions()[1],
            _ => 1,
        };
        let value = if inputs * units > LARGE || positions > WIDE {
            value.plain()
        } else {
            match Packed::of(value, flow) {
                Ok(packed) => return self.compute_packed(packed, bias),
                Err(value) => value,
            }
        };
        let row = linear(value.into_row(), self.weight.shaped(self.sizes), bias);
        self.activation.apply(Value::Row(row))
    }

    /// Writes it as a stage of a program.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Result<Option<Wire>> {
        let [inputs, units] = self.sizes;
        let rows = compiler.rows(input);
        // A row without gaps is read as one position, whatever the maps were.
        let joined = rows.joined();
        let input = if joined.is_some() || rows.positions <= WIDE {
            input.clone()
        } else {
            compiler.lined(input.clone())
        };
        let rows = compiler.rows(&input);
        let weight = to_host(self.weight.shaped(self.sizes))?;
        let mut source = Source {
            values: weight,
            bias: self
                .bias
                .as_ref()
                .map(|bias| to_host(bias.val()))
                .transpose()?,
            order: WeightOrder {
                output: 1,
                input: rows.positions * units,
                tap: units,
            },
            counts: [units, rows.channels],
            taps: rows.positions,
            groups: 1,
        };
        let from = joined.unwrap_or(rows);
        if joined.is_some() {
            let (positions, channels) = (rows.positions, rows.channels);
            let moved = (0..positions * channels).flat_map(|row| {
                let row = (row % channels * positions + row / channels) * units;
                source.values[row..row + units].iter().copied()
            });
            source = Source {
                values: moved.collect(),
                order: WeightOrder {
                    output: 1,
                    input: units,
                    tap: inputs * units,
                },
                counts: [units, inputs],
                taps: 1,
                ..source
            };
        }
        let geometry = Geometry::whole(source.taps);
        let output = compiler.convolve((&input, from), geometry, source, &[]);
        Ok(Some(self.activation.compiled(output, compiler)))
    }

    /// Computes it as one window over all positions of the maps.
    fn compute_packed(&self, packed: Packed, bias: Option<Tensor<1>>) -> Value {
        let [inputs, units] = self.sizes;
        let [channels, positions] = packed.channels_and_positions();
        debug_assert_eq!(channels * positions, inputs);
        let geometry = Geometry::whole(positions);
        let order = WeightOrder {
            output: 1,
            input: positions * units,
            tap: units,
        };
        let weights = (self.weight.shaped(self.sizes), bias);
        let function = self.activation.fused();
        let fused = function.unwrap_or(Function::Linear);
        let output = packed.convolve(&geometry, weights, [units, 1], order, fused, &[]);
        let output = Value::Packed(Box::new(output));
        match function {
            Some(_) => output,
            None => self.activation.apply(output),
        }
    }
}
