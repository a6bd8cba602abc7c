//! The memory that a training process takes in this implementation: an estimate, not a formula of the
//! textbooks.
//!
//! Autodiff keeps what backward passes ask for: an output stays if its own backward or its consumer's
//! wants it. On top comes what one layer's backward needs for itself at its worst moment: gradients
//! of its input and output, and, with Burn's own operations, the input written out as columns for a matrix product.
//!
//! The factors for Burn's own operations are fitted to what `cnn inspect --measure` took on the `cpu` device for 19
//! networks of `configs/`. Our kernels write nothing out as columns, and their arena holds what lives at once: all that
//! was kept up to the layer whose backward is under way, and the gradients there; within 18 % for the six networks of
//! `docs/performance.md`, too low where it is not exact.

use super::{Layer, Operation, Plan, WinogradCosts};
use crate::config::{Function, Join, PoolKind};
use crate::shape;

/// Bytes of the program itself.
const PROCESS: f64 = 16e6;
/// Times that a weight stands: value, gradient, two moments of Adam.
const WEIGHTS: f64 = 3.7;
const KEPT: f64 = 1.23;
const GRADIENTS: f64 = 1.8;
const COLUMNS: f64 = 0.6;
/// What is kept in the arena, with its gaps.
const KEPT_IN_ARENA: f64 = 1.12;
/// Gradients in the arena for each value of a layer's input and of its output, which is received and then passed through the
/// activation.
const GRADIENTS_IN_ARENA: [f64; 2] = [1.0, 2.0];

/// Values that a training step holds for one input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Footprint {
    /// From the forward pass to the backward pass.
    kept: f64,
    /// By the backward of the one layer that needs most.
    transient: f64,
    /// In the arena, at the worst moment.
    most: f64,
    /// Whether our own kernels compute.
    is_packed: bool,
    /// Inputs of a step, where our own kernels compute.
    batch: usize,
    /// By the transforms of the layers that need most, for all inputs together.
    transforms: [f64; 3],
}

/// Estimates the resident memory of a training process, in bytes.
pub(super) fn predict_training_rss(plan: &Plan, batch: usize) -> Option<u64> {
    let is_packed = batch >= plan.least_batch();
    // Our kernels take sixteen images at a time.
    let batch = if is_packed {
        batch.checked_next_multiple_of(16)?
    } else {
        batch
    };
    let footprint = Footprint::of(plan, is_packed, batch)?;
    let weights = plan.counts()?.parameters()? as f64;
    let values = if is_packed {
        footprint.most
    } else {
        KEPT * footprint.kept + footprint.transient
    };
    let transforms: f64 = footprint.transforms.iter().sum();
    let bytes = 4.0 * (WEIGHTS * weights + batch as f64 * values + transforms);
    Some((PROCESS + bytes) as u64)
}

impl Footprint {
    fn of(plan: &Plan, is_packed: bool, batch: usize) -> Option<Self> {
        let mut footprint = Self {
            is_packed,
            batch,
            transforms: [0.0; 3],
            kept: shape::elements(&plan.input)? as f64,
            transient: 0.0,
            most: 0.0,
        };
        footprint.list(&plan.layers, true)?;
        Some(footprint)
    }

    /// Adds a list of layers; `wanted` tells whether what comes after it keeps its input.
    fn list(&mut self, layers: &[Layer], wanted: bool) -> Option<()> {
        for (position, layer) in layers.iter().enumerate() {
            let next = layers.get(position + 1);
            let wanted = next.map_or(wanted, |next| keeps_input(&next.operation)) || layer.is_kept;
            self.layer(layer, wanted)?;
        }
        Some(())
    }

    fn layer(&mut self, layer: &Layer, wanted: bool) -> Option<()> {
        let input = shape::elements(&layer.input)? as f64;
        let output = shape::elements(&layer.output)? as f64;
        let activation = activation_of(&layer.operation);
        let (own, extra) = activation.map_or((false, 0.0), kept_by);
        let single = if own || wanted { output } else { 0.0 };
        self.kept += single + extra * output;
        let mut transient = GRADIENTS * (input + output);
        let [of_input, of_output] = GRADIENTS_IN_ARENA;
        let gradients = of_input * input + of_output * output;
        self.most = self.most.max(KEPT_IN_ARENA * self.kept + gradients);
        if let Operation::Conv(conv) = &layer.operation
            && self.is_packed
            && let Some(costs) = WinogradCosts::of(conv, &layer.output, self.batch)
        {
            for (most, own) in self.transforms.iter_mut().zip(costs.kept()) {
                *most = own.max(*most);
            }
        }
        match &layer.operation {
            Operation::Conv(_) | Operation::SeparableConv(_) | Operation::Dropout(_)
                if self.is_packed => {}
            Operation::Conv(conv) => transient += COLUMNS * columns(conv, output),
            Operation::SeparableConv(conv) => {
                let between =
                    conv.pointwise.channels as f64 * output / conv.pointwise.filters as f64;
                self.kept += between;
                transient += COLUMNS * columns(&conv.pointwise, output);
            }
            Operation::TransposedConv(transposed) => {
                transient += COLUMNS * columns(&transposed.conv, output);
            }
            Operation::Pool(pool)
                if matches!(pool.kind, PoolKind::Max | PoolKind::Min) && !self.is_packed =>
            {
                // Where each maximum was, in 64 bits.
                self.kept += 2.0 * output;
            }
            Operation::Norm(norm) if matches!(norm.over, super::Over::Groups(_)) => {
                self.kept += 3.0 * output;
            }
            Operation::LocalResponseNorm(_) => self.kept += 4.0 * output,
            Operation::Dropout(_) => self.kept += output,
            Operation::Residual(residual) => {
                self.list(&residual.layers, false)?;
                self.list(&residual.shortcut, false)?;
            }
            Operation::Branches(branches) => {
                for list in &branches.branches {
                    self.list(list, branches.join == Join::Multiply)?;
                }
            }
            _ => {}
        }
        self.transient = self.transient.max(transient);
        Some(())
    }
}

/// Returns the values of the input written out as columns for a matrix product.
fn columns(conv: &super::Conv, output: f64) -> f64 {
    let taps: usize = conv.windows.iter().map(|window| window.size).product();
    let positions = output / conv.filters as f64;
    taps as f64 * (conv.channels / conv.groups.max(1)) as f64 * positions
}

/// Returns whether the backward of an operation asks for its input.
fn keeps_input(operation: &Operation) -> bool {
    match operation {
        Operation::Conv(_)
        | Operation::SeparableConv(_)
        | Operation::TransposedConv(_)
        | Operation::Dense(_)
        | Operation::Norm(_)
        | Operation::LocalResponseNorm(_)
        | Operation::Pool(_)
        | Operation::Scale(_)
        | Operation::Dropout(_) => true,
        Operation::Residual(residual) => residual
            .layers
            .first()
            .is_some_and(|first| keeps_input(&first.operation)),
        Operation::Branches(branches) => branches.branches.iter().any(|list| {
            list.first()
                .is_some_and(|first| keeps_input(&first.operation))
        }),
        Operation::Merge(merge) => merge.join == Join::Multiply,
        _ => false,
    }
}

fn activation_of(operation: &Operation) -> Option<Function> {
    match operation {
        Operation::Conv(conv) => conv.activation,
        Operation::SeparableConv(conv) => conv.activation,
        Operation::TransposedConv(transposed) => transposed.conv.activation,
        Operation::Dense(dense) => dense.activation,
        Operation::Activation(function) => Some(*function),
        Operation::Residual(residual) => residual.activation,
        _ => None,
    }
}

/// Returns whether a function keeps its output, and how many times its size it keeps besides.
fn kept_by(function: Function) -> (bool, f64) {
    match function {
        Function::Linear => (false, 0.0),
        Function::Relu | Function::Sigmoid | Function::Softmax | Function::LogSoftmax => {
            (true, 0.0)
        }
        Function::Relu6 => (false, 0.25),
        Function::LeakyRelu { .. } | Function::Tanh | Function::ScaledTanh => (false, 1.0),
        Function::Silu | Function::Softsign | Function::HardSigmoid => (false, 2.0),
        Function::Elu
        | Function::Selu
        | Function::Celu
        | Function::Softplus
        | Function::HardSwish => (false, 3.0),
        Function::Gelu | Function::Prelu { .. } => (false, 4.0),
        Function::Mish => (false, 5.0),
    }
}
