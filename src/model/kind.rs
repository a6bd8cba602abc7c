//! The table of layers: what the plan says, and the module that computes it.

use super::compile::{Compiler, Wire};
use super::initialize::Builder;
use super::{activation, conv, dense, graph, noise, norm, pool, reshape, shuffle, transposed};
use crate::diagnostic::Result;
use crate::plan::Operation;

/// A layer of any kind.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a network has thousands of layers at most"
)]
pub(super) enum Kind {
    Conv(conv::Conv),
    SeparableConv(conv::SeparableConv),
    TransposedConv(transposed::TransposedConv),
    Pool(pool::Pool),
    GlobalPool(pool::GlobalPool),
    AdaptivePool(pool::AdaptivePool),
    Dense(dense::Dense),
    Activation(activation::Activation),
    BatchNorm(norm::BatchNorm),
    GroupNorm(norm::GroupNorm),
    LocalResponseNorm(norm::LocalResponseNorm),
    Dropout(noise::Dropout),
    Noise(noise::Noise),
    Reshape(reshape::Reshape),
    Pad(reshape::Pad),
    Crop(reshape::Crop),
    Upsample(reshape::Upsample),
    PixelShuffle(shuffle::PixelShuffle),
    Scale(reshape::Scale),
    Residual(graph::Residual),
    Branches(graph::Branches),
    Merge(graph::Merge),
}

/// Runs one expression on whichever layer it is.
macro_rules! each {
    ($kind:expr, $layer:ident => $body:expr) => {
        match $kind {
            Kind::Conv($layer) => $body,
            Kind::SeparableConv($layer) => $body,
            Kind::TransposedConv($layer) => $body,
            Kind::Pool($layer) => $body,
            Kind::GlobalPool($layer) => $body,
            Kind::AdaptivePool($layer) => $body,
            Kind::Dense($layer) => $body,
            Kind::Activation($layer) => $body,
            Kind::BatchNorm($layer) => $body,
            Kind::GroupNorm($layer) => $body,
            Kind::LocalResponseNorm($layer) => $body,
            Kind::Dropout($layer) => $body,
            Kind::Noise($layer) => $body,
            Kind::Reshape($layer) => $body,
            Kind::Pad($layer) => $body,
            Kind::Crop($layer) => $body,
            Kind::Upsample($layer) => $body,
            Kind::PixelShuffle($layer) => $body,
            Kind::Scale($layer) => $body,
            Kind::Residual($layer) => $body,
            Kind::Branches($layer) => $body,
            Kind::Merge($layer) => $body,
        }
    };
}

/// Turns whichever layer it is into another of the same kind.
macro_rules! each_into {
    ($kind:expr, $layer:ident => $body:expr) => {
        match $kind {
            Kind::Conv($layer) => Kind::Conv($body),
            Kind::SeparableConv($layer) => Kind::SeparableConv($body),
            Kind::TransposedConv($layer) => Kind::TransposedConv($body),
            Kind::Pool($layer) => Kind::Pool($body),
            Kind::GlobalPool($layer) => Kind::GlobalPool($body),
            Kind::AdaptivePool($layer) => Kind::AdaptivePool($body),
            Kind::Dense($layer) => Kind::Dense($body),
            Kind::Activation($layer) => Kind::Activation($body),
            Kind::BatchNorm($layer) => Kind::BatchNorm($body),
            Kind::GroupNorm($layer) => Kind::GroupNorm($body),
            Kind::LocalResponseNorm($layer) => Kind::LocalResponseNorm($body),
            Kind::Dropout($layer) => Kind::Dropout($body),
            Kind::Noise($layer) => Kind::Noise($body),
            Kind::Reshape($layer) => Kind::Reshape($body),
            Kind::Pad($layer) => Kind::Pad($body),
            Kind::Crop($layer) => Kind::Crop($body),
            Kind::Upsample($layer) => Kind::Upsample($body),
            Kind::PixelShuffle($layer) => Kind::PixelShuffle($body),
            Kind::Scale($layer) => Kind::Scale($body),
            Kind::Residual($layer) => Kind::Residual($body),
            Kind::Branches($layer) => Kind::Branches($body),
            Kind::Merge($layer) => Kind::Merge($body),
        }
    };
}

pub(super) use {each, each_into};

impl Kind {
    /// Returns whether the layer takes values in the order of our own kernels.
    pub(super) fn takes_packed(&self) -> bool {
        match self {
            Self::Conv(_)
            | Self::SeparableConv(_)
            | Self::Pool(_)
            | Self::GlobalPool(_)
            | Self::Dense(_)
            | Self::BatchNorm(_)
            | Self::Dropout(_)
            | Self::Residual(_)
            | Self::Branches(_) => true,
            Self::Activation(activation) => activation.takes_packed(),
            Self::Reshape(reshape) => reshape.is_flat(),
            Self::Pad(pad) => pad.takes_packed(),
            _ => false,
        }
    }
}

impl Kind {
    /// Writes the layer as stages of a program; nothing if it has none.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Result<Option<Wire>> {
        match self {
            Self::Conv(conv) => conv.compile(input, compiler),
            Self::SeparableConv(conv) => conv.compile(input, compiler),
            Self::Pool(pool) => Ok(Some(pool.compile(input, compiler))),
            Self::GlobalPool(pool) => Ok(Some(pool.compile(input, compiler))),
            Self::Dense(dense) => dense.compile(input, compiler),
            Self::Activation(activation) => Ok(activation.compile(input, compiler)),
            Self::BatchNorm(norm) => norm.compile(input, compiler).map(Some),
            Self::Dropout(_) | Self::Noise(_) => Ok(Some(input.clone())),
            Self::Reshape(reshape) => Ok(reshape.compile(input)),
            Self::Pad(pad) => Ok(pad.compile(input, compiler)),
            Self::Crop(crop) => Ok(Some(crop.compile(input, compiler))),
            Self::Upsample(upsample) => Ok(upsample.compile(input, compiler)),
            Self::Scale(scale) => scale.compile(input, compiler).map(Some),
            Self::Residual(residual) => residual.compile(input, compiler).map(Some),
            Self::Branches(branches) => branches.compile(input, compiler).map(Some),
            Self::Merge(merge) => Ok(Some(merge.compile(input, compiler))),
            Self::TransposedConv(_)
            | Self::AdaptivePool(_)
            | Self::PixelShuffle(_)
            | Self::GroupNorm(_)
            | Self::LocalResponseNorm(_) => Ok(None),
        }
    }
}

/// Builds a layer; `index` keys what it draws in training.
pub(super) fn build(index: usize, operation: &Operation, builder: &mut Builder<'_>) -> Kind {
    match operation {
        Operation::Conv(plan) => Kind::Conv(conv::Conv::new(plan, builder)),
        Operation::SeparableConv(plan) => {
            Kind::SeparableConv(conv::SeparableConv::new(plan, builder))
        }
        Operation::TransposedConv(plan) => {
            Kind::TransposedConv(transposed::TransposedConv::new(plan, builder))
        }
        Operation::Pool(plan) => Kind::Pool(pool::Pool::new(plan)),
        Operation::GlobalPool(kind) => Kind::GlobalPool(pool::GlobalPool::new(*kind)),
        Operation::AdaptivePool(plan) => Kind::AdaptivePool(pool::AdaptivePool::new(plan)),
        Operation::Dense(plan) => Kind::Dense(dense::Dense::new(plan, builder)),
        Operation::Activation(function) => {
            Kind::Activation(activation::Activation::new(Some(*function), true, builder))
        }
        Operation::Norm(plan) => match plan.over {
            crate::plan::Over::Batch { momentum } => {
                Kind::BatchNorm(norm::BatchNorm::new(plan, momentum, builder))
            }
            crate::plan::Over::Groups(groups) => {
                Kind::GroupNorm(norm::GroupNorm::new(plan, groups, builder))
            }
        },
        Operation::LocalResponseNorm(settings) => {
            Kind::LocalResponseNorm(norm::LocalResponseNorm::new(*settings))
        }
        Operation::Dropout(settings) => Kind::Dropout(noise::Dropout::new(*settings, index)),
        Operation::Noise(settings) => Kind::Noise(noise::Noise::new(*settings, index)),
        Operation::Flatten => Kind::Reshape(reshape::Reshape::new(None)),
        Operation::Reshape(shape) => Kind::Reshape(reshape::Reshape::new(Some(shape))),
        Operation::Pad(plan) => Kind::Pad(reshape::Pad::new(plan)),
        Operation::Crop(amount) => Kind::Crop(reshape::Crop::new(amount)),
        Operation::Upsample(plan) => Kind::Upsample(reshape::Upsample::new(plan)),
        Operation::PixelShuffle(scale) => Kind::PixelShuffle(shuffle::PixelShuffle::new(*scale)),
        Operation::Scale(plan) => Kind::Scale(reshape::Scale::new(plan, builder)),
        Operation::Residual(plan) => Kind::Residual(graph::Residual::new(plan, builder)),
        Operation::Branches(plan) => Kind::Branches(graph::Branches::new(plan, builder)),
        Operation::Merge(plan) => Kind::Merge(graph::Merge::new(plan)),
    }
}
