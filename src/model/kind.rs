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
pub(super) enum AnyLayer {
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
            AnyLayer::Conv($layer) => $body,
            AnyLayer::SeparableConv($layer) => $body,
            AnyLayer::TransposedConv($layer) => $body,
            AnyLayer::Pool($layer) => $body,
            AnyLayer::GlobalPool($layer) => $body,
            AnyLayer::AdaptivePool($layer) => $body,
            AnyLayer::Dense($layer) => $body,
            AnyLayer::Activation($layer) => $body,
            AnyLayer::BatchNorm($layer) => $body,
            AnyLayer::GroupNorm($layer) => $body,
            AnyLayer::LocalResponseNorm($layer) => $body,
            AnyLayer::Dropout($layer) => $body,
            AnyLayer::Noise($layer) => $body,
            AnyLayer::Reshape($layer) => $body,
            AnyLayer::Pad($layer) => $body,
            AnyLayer::Crop($layer) => $body,
            AnyLayer::Upsample($layer) => $body,
            AnyLayer::PixelShuffle($layer) => $body,
            AnyLayer::Scale($layer) => $body,
            AnyLayer::Residual($layer) => $body,
            AnyLayer::Branches($layer) => $body,
            AnyLayer::Merge($layer) => $body,
        }
    };
}

/// Turns whichever layer it is into another of the same kind.
macro_rules! each_into {
    ($kind:expr, $layer:ident => $body:expr) => {
        match $kind {
            AnyLayer::Conv($layer) => AnyLayer::Conv($body),
            AnyLayer::SeparableConv($layer) => AnyLayer::SeparableConv($body),
            AnyLayer::TransposedConv($layer) => AnyLayer::TransposedConv($body),
            AnyLayer::Pool($layer) => AnyLayer::Pool($body),
            AnyLayer::GlobalPool($layer) => AnyLayer::GlobalPool($body),
            AnyLayer::AdaptivePool($layer) => AnyLayer::AdaptivePool($body),
            AnyLayer::Dense($layer) => AnyLayer::Dense($body),
            AnyLayer::Activation($layer) => AnyLayer::Activation($body),
            AnyLayer::BatchNorm($layer) => AnyLayer::BatchNorm($body),
            AnyLayer::GroupNorm($layer) => AnyLayer::GroupNorm($body),
            AnyLayer::LocalResponseNorm($layer) => AnyLayer::LocalResponseNorm($body),
            AnyLayer::Dropout($layer) => AnyLayer::Dropout($body),
            AnyLayer::Noise($layer) => AnyLayer::Noise($body),
            AnyLayer::Reshape($layer) => AnyLayer::Reshape($body),
            AnyLayer::Pad($layer) => AnyLayer::Pad($body),
            AnyLayer::Crop($layer) => AnyLayer::Crop($body),
            AnyLayer::Upsample($layer) => AnyLayer::Upsample($body),
            AnyLayer::PixelShuffle($layer) => AnyLayer::PixelShuffle($body),
            AnyLayer::Scale($layer) => AnyLayer::Scale($body),
            AnyLayer::Residual($layer) => AnyLayer::Residual($body),
            AnyLayer::Branches($layer) => AnyLayer::Branches($body),
            AnyLayer::Merge($layer) => AnyLayer::Merge($body),
        }
    };
}

pub(super) use {each, each_into};

impl AnyLayer {
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

impl AnyLayer {
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
pub(super) fn build(index: usize, operation: &Operation, builder: &mut Builder<'_>) -> AnyLayer {
    match operation {
        Operation::Conv(plan) => AnyLayer::Conv(conv::Conv::new(plan, builder)),
        Operation::SeparableConv(plan) => {
            AnyLayer::SeparableConv(conv::SeparableConv::new(plan, builder))
        }
        Operation::TransposedConv(plan) => {
            AnyLayer::TransposedConv(transposed::TransposedConv::new(plan, builder))
        }
        Operation::Pool(plan) => AnyLayer::Pool(pool::Pool::new(plan)),
        Operation::GlobalPool(kind) => AnyLayer::GlobalPool(pool::GlobalPool::new(*kind)),
        Operation::AdaptivePool(plan) => AnyLayer::AdaptivePool(pool::AdaptivePool::new(plan)),
        Operation::Dense(plan) => AnyLayer::Dense(dense::Dense::new(plan, builder)),
        Operation::Activation(function) => {
            AnyLayer::Activation(activation::Activation::new(Some(*function), true, builder))
        }
        Operation::Norm(plan) => match plan.over {
            crate::plan::Over::Batch { momentum } => {
                AnyLayer::BatchNorm(norm::BatchNorm::new(plan, momentum, builder))
            }
            crate::plan::Over::Groups(groups) => {
                AnyLayer::GroupNorm(norm::GroupNorm::new(plan, groups, builder))
            }
        },
        Operation::LocalResponseNorm(settings) => {
            AnyLayer::LocalResponseNorm(norm::LocalResponseNorm::new(*settings))
        }
        Operation::Dropout(settings) => AnyLayer::Dropout(noise::Dropout::new(*settings, index)),
        Operation::Noise(settings) => AnyLayer::Noise(noise::Noise::new(*settings, index)),
        Operation::Flatten => AnyLayer::Reshape(reshape::Reshape::new(None)),
        Operation::Reshape(shape) => AnyLayer::Reshape(reshape::Reshape::new(Some(shape))),
        Operation::Pad(plan) => AnyLayer::Pad(reshape::Pad::new(plan)),
        Operation::Crop(amount) => AnyLayer::Crop(reshape::Crop::new(amount)),
        Operation::Upsample(plan) => AnyLayer::Upsample(reshape::Upsample::new(plan)),
        Operation::PixelShuffle(scale) => {
            AnyLayer::PixelShuffle(shuffle::PixelShuffle::new(*scale))
        }
        Operation::Scale(plan) => AnyLayer::Scale(reshape::Scale::new(plan, builder)),
        Operation::Residual(plan) => AnyLayer::Residual(graph::Residual::new(plan, builder)),
        Operation::Branches(plan) => AnyLayer::Branches(graph::Branches::new(plan, builder)),
        Operation::Merge(plan) => AnyLayer::Merge(graph::Merge::new(plan)),
    }
}
