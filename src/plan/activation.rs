//! `activation`: the same shape.

use super::{Context, Operation, Planned};
use crate::config;

/// Plans an activation.
pub(super) fn plan(activation: &config::Activation, context: &Context<'_>) -> Planned {
    Planned::unchanged(Operation::Activation(activation.function), context)
}
