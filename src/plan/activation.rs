//! The layers that keep the shape: `activation`, `dropout`, `spatial_dropout`, `noise`.

use super::context::{Context, Planned};
use super::{Counts, Operation};
use crate::config;

/// Plans an activation: the same shape, and the weights that the function learns.
pub(super) fn plan(activation: config::Activation, context: &Context<'_, '_>) -> Planned {
    let function = activation.function;
    Planned::unchanged(Operation::Activation(function), context)
        .with_counts(Counts::weights(function.weights(), true))
}

/// Plans a dropout.
pub(super) fn plan_dropout(dropout: config::Dropout, context: &Context<'_, '_>) -> Planned {
    Planned::unchanged(Operation::Dropout(dropout), context)
}

/// Plans noise.
pub(super) fn plan_noise(noise: config::Noise, context: &Context<'_, '_>) -> Planned {
    Planned::unchanged(Operation::Noise(noise), context)
}
