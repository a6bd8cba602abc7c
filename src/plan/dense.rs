//! `dense`: output shape, weights and multiply-adds.

use super::{Context, Counts, Operation, Planned};
use crate::config::{self, Function};
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
}

/// Plans a dense layer: `inputs · units` weights, as many multiply-adds, and one bias a unit.
pub(super) fn plan(dense: &config::Dense, context: &mut Context<'_>) -> Option<Planned> {
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
    let counts = (inputs as u64)
        .checked_mul(units as u64)
        .and_then(|weights| {
            let bias = if dense.bias { units as u64 } else { 0 };
            let parameters = weights.checked_add(bias)?;
            Some(Counts {
                trainable: parameters,
                buffers: 0,
                macs: weights,
                dense_equivalent: parameters,
            })
        });
    let (Some(counts), Some(field)) = (counts, context.field.of_whole_map()) else {
        context.overflow();
        return None;
    };
    Some(Planned {
        operation: Operation::Dense(Dense {
            inputs,
            units,
            bias: dense.bias,
            activation: dense.activation,
        }),
        output: vec![units],
        counts,
        field,
        padding: Vec::new(),
        ignored: Vec::new(),
    })
}
