//! `dense`: output shape, weights and multiply-adds.

use super::context::{Context, Planned};
use super::{Counts, Operation};
use crate::config::{self, Function, Weights};
use crate::diagnostic::Diagnostic;
use crate::shape;

/// Fully connected layer with every size resolved.
///
/// # Shapes
/// - input `[batch, inputs]`
/// - weight `[inputs, units]`
/// - output `[batch, units]`
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// Values of the input.
    pub inputs: usize,
    /// Values of the output.
    pub units: usize,
    /// Whether there is a bias.
    pub bias: bool,
    /// Activation of the output.
    pub activation: Option<Function>,
    /// First values, penalties and constraints.
    pub weights: Weights,
}

/// Plans a dense layer: `inputs · units` weights, as many multiply-adds, and one bias a unit.
pub(super) fn plan(dense: &config::Dense, context: &mut Context<'_, '_>) -> Option<Planned> {
    let units = dense.units.value;
    if context.input.len() > 1 {
        let received = shape::display(&context.input);
        let flat = shape::elements(&context.input).unwrap_or(u64::MAX);
        let span = context.layer.span.clone();
        context.problem(
            Diagnostic::error(format!(
                "`dense` needs a row of values, received {received} maps"
            ))
            .at(&span, "")
            .help(format!(
                "put `{{ type = \"flatten\" }}` before it: {received} becomes {flat}"
            )),
        );
    }
    let inputs = usize::try_from(shape::elements(&context.input)?).ok()?;
    let counts = count(dense, inputs as u64);
    let counts = context.checked(counts)?;
    let field = context.field.of_whole_map();
    let field = context.checked(field)?;
    Some(Planned {
        operation: Operation::Dense(Dense {
            inputs,
            units,
            bias: dense.bias,
            activation: dense.activation,
            weights: dense.weights.clone(),
        }),
        output: vec![units],
        counts,
        field,
        padding: Vec::new(),
        ignored: Vec::new(),
    })
}

fn count(dense: &config::Dense, inputs: u64) -> Option<Counts> {
    let units = dense.units.value as u64;
    let macs = inputs.checked_mul(units)?;
    let bias = if dense.bias { units } else { 0 };
    let parameters = macs.checked_add(bias)?;
    let learned = dense.activation.map_or(0, Function::weights);
    Some(Counts {
        macs,
        dense_equivalent: parameters,
        ..Counts::weights(parameters.checked_add(learned)?, dense.weights.trainable)
    })
}
