//! `batch_norm`: the same shape, a factor and an offset per channel, running statistics.

use super::{Context, Counts, Operation, Planned};
use crate::config;

/// Batch normalization with its settings resolved.
///
/// # Shapes
/// - input and output `[batch, channels, height, width]` or `[batch, channels]`
/// - weight, bias, running mean and variance `[channels]`
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// Channels or units.
    pub channels: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// Weight of the newest batch in the running statistics.
    pub momentum: f64,
    /// Whether there are a factor and an offset.
    pub affine: bool,
}

/// Plans a batch normalization: two weights a channel if affine, two running statistics.
pub(super) fn plan(norm: &config::BatchNorm, context: &mut Context<'_>) -> Option<Planned> {
    let channels = *context.input.first()?;
    let operation = Operation::BatchNorm(BatchNorm {
        channels,
        epsilon: norm.epsilon,
        momentum: norm.momentum,
        affine: norm.affine,
    });
    let mut planned = Planned::unchanged(operation, context);
    let pair = (channels as u64).checked_mul(2)?;
    planned.counts = Counts {
        trainable: if norm.affine { pair } else { 0 },
        buffers: pair,
        ..Counts::default()
    };
    Some(planned)
}
