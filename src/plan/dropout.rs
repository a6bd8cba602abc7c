//! `dropout`: the same shape.

use super::{Context, Operation, Planned};
use crate::config;

/// Dropout with its settings resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout {
    /// Share of the values that become 0 in training.
    pub rate: f64,
}

/// Plans a dropout.
pub(super) fn plan(dropout: &config::Dropout, context: &Context<'_>) -> Planned {
    let rate = dropout.rate;
    Planned::unchanged(Operation::Dropout(Dropout { rate }), context)
}
