//! The memory that a training step takes in this implementation: an estimate, not a formula of the
//! textbooks.
//!
//! Autodiff keeps what backward passes ask for: an output stays if its own backward or its consumer's
//! wants it. On top comes what one layer's backward needs for itself at its worst moment.

use super::{Layer, Operation, Plan};
use crate::config::{Function, Join, PoolKind};
use crate::shape;

/// Values that a training step holds for one input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Footprint {
    /// Kept from the forward pass to the backward pass.
    pub(super) kept: f64,
    /// Needed by the backward of the one layer that needs most.
    pub(super) transient: f64,
}

impl Footprint {
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let mut footprint = Self {
            kept: shape::elements(&plan.input)? as f64,
            transient: 0.0,
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
        let mut transient = input + 2.0 * output;
        match &layer.operation {
            Operation::Conv(conv) => transient += columns(conv, output),
            Operation::SeparableConv(conv) => {
                let between = conv.pointwise.channels as f64 * output / conv.pointwise.filters as f64;
                self.kept += between;
                transient += between + columns(&conv.pointwise, output);
            }
            Operation::TransposedConv(transposed) => transient += columns(&transposed.conv, output),
            Operation::Pool(pool) if matches!(pool.kind, PoolKind::Max | PoolKind::Min) => {
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
        Operation::Residual(residual) => residual.layers.first().is_some_and(|first| keeps_input(&first.operation)),
        Operation::Branches(branches) => branches
            .branches
            .iter()
            .any(|list| list.first().is_some_and(|first| keeps_input(&first.operation))),
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
        Function::Relu | Function::Sigmoid | Function::Softmax | Function::LogSoftmax => (true, 0.0),
        Function::Relu6 => (false, 0.25),
        Function::LeakyRelu { .. } | Function::Tanh | Function::ScaledTanh => (false, 1.0),
        Function::Silu | Function::Softsign | Function::HardSigmoid => (false, 2.0),
        Function::Elu | Function::Selu | Function::Celu | Function::Softplus | Function::HardSwish => (false, 3.0),
        Function::Gelu | Function::Prelu { .. } => (false, 4.0),
        Function::Mish => (false, 5.0),
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    #[ignore]
    fn print_features() {
        for entry in std::fs::read_dir("configs").unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "toml") { continue; }
            let text = std::fs::read_to_string(&path).unwrap();
            let config = crate::config::Config::parse("x", &text, &[]).config.unwrap();
            let plan = Plan::new(&config.model).unwrap();
            let f = Footprint::of(&plan).unwrap();
            let t = plan.totals(super::super::Dtype::F32, 1).unwrap();
            let mut io = 0.0_f64; let mut col = 0.0_f64; let mut norm = 0.0;
            for l in plan.every() { let i = shape::elements(&l.input).unwrap() as f64; let o = shape::elements(&l.output).unwrap() as f64; io = io.max(i + o); if let Operation::Conv(c) = &l.operation { col = col.max(columns(c, o)); } if matches!(l.operation, Operation::Norm(_)) { norm += o; } }
            println!("FEAT {} {} {} {} {} {} {} {}", path.file_stem().unwrap().to_string_lossy(), f.kept*4.0, f.transient*4.0, t.weight_bytes, t.training_bytes, io*4.0, col*4.0, norm*4.0);
        }
    }
}
