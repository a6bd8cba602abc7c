//! The normalizations: the same shape, factors and offsets, running statistics.

use super::context::{Context, Planned};
use super::{Counts, Operation};
use crate::config::{self, NormKind};
use crate::diagnostic::Diagnostic;
use crate::shape;

/// Normalization with its settings resolved.
///
/// # Shapes
/// - input and output `[batch, channels, …]`, or `[batch, values]`
/// - weight and bias `[channels]`; of `layer_norm` the shape of one sample
/// - running mean and variance of `batch_norm` `[channels]`
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// What mean and variance are taken over.
    pub over: Over,
    /// Shape of the factors and offsets.
    pub shape: Vec<usize>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether there are factors and offsets.
    pub affine: bool,
}

/// What a [`Norm`] takes its mean and variance over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Over {
    /// Each channel over the batch; the weight of the newest batch in the running statistics.
    Batch {
        /// PyTorch's sense.
        momentum: f64,
    },
    /// This many groups of channels of each sample.
    Groups(usize),
}

/// Plans a normalization: two weights a channel (`layer_norm`: a value) if affine, and two running
/// statistics a channel for `batch_norm`.
pub(super) fn plan(norm: &config::Norm, context: &mut Context<'_, '_>) -> Option<Planned> {
    let channels = *context.input.first()?;
    let mut shape = vec![channels];
    let mut buffers = 0;
    let over = match &norm.kind {
        NormKind::Batch { momentum } => {
            buffers = (channels as u64).checked_mul(2)?;
            Over::Batch {
                momentum: *momentum,
            }
        }
        NormKind::Layer => {
            shape.clone_from(&context.input);
            Over::Groups(1)
        }
        NormKind::Group { groups } => {
            if !channels.is_multiple_of(groups.value) {
                let fitting = shape::divisors(channels);
                let message = format!(
                    "{} groups do not divide the number of channels, {channels}",
                    groups.value
                );
                context.problem(
                    Diagnostic::error(message)
                        .at(&groups.span, "")
                        .help(format!("`groups` must divide {channels}: {fitting}")),
                );
            }
            Over::Groups(groups.value)
        }
        NormKind::Instance => {
            if context.lacks_maps() {
                return None;
            }
            Over::Groups(channels)
        }
    };
    let pairs = shape::elements(&shape)?.checked_mul(2)?;
    let operation = Operation::Norm(Norm {
        over,
        shape,
        epsilon: norm.epsilon,
        affine: norm.affine,
    });
    let weights = if norm.affine { pairs } else { 0 };
    let counts = Counts {
        buffers,
        ..Counts::weights(weights, true)
    };
    Some(Planned::unchanged(operation, context).with_counts(counts))
}

/// Plans a local response normalization.
pub(super) fn plan_local_response(
    norm: config::LocalResponseNorm,
    context: &mut Context<'_, '_>,
) -> Option<Planned> {
    if context.lacks_maps() {
        return None;
    }
    Some(Planned::unchanged(
        Operation::LocalResponseNorm(norm),
        context,
    ))
}
