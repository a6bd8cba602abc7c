//! Our own kernels for the processor: convolutions, dense layers, pools, batch normalization, activations,
//! dropout and padding, forward and back, as operations of Burn's flex device.
//!
//! Sixteen images lie side by side, one in each lane of a register: so every layer fills
//! registers, whatever its channels, stride or dilation. Results do not depend on the number of threads: each
//! value is summed up by one thread, or in parts that the shapes alone decide.
//!
//! A kernel is written once over `Simd` and compiled for AVX-512, AVX2 and plain loops; all that it calls is
//! `#[inline(always)]`. A `Kernel` computes an output and gradients from tensors, `extension.rs` makes it an operation of Burn
//! with autodiff, `Lanes` is what `model/` sees, and `arena.rs` is where its tensors lie. Lanes without an image may hold
//! anything forward; their gradients are zeros.
//!
//! `losses.rs`, `squares.rs` and `steps.rs` (with `rules.rs`, what each optimizer does with a register) compute losses, norms of
//! gradients and optimizers' steps on plain tensors; `loss.rs` and `optimizer.rs` ask `compute_on` and otherwise take Burn's
//! operations. `together` runs a whole step, from forward to optimizer, on one of the threads: nothing within may wait for
//! the loader.
//!
//! Winograd's algorithm stands twice, once for each order of values: here `winograd.rs` shares out, `chunk.rs` computes some
//! tiles, `winograd_gradient.rs` the gradients of kernels, where the rule of `plan/winograd.rs` says that it pays;
//! `program/winograd.rs` and `program/tiles.rs` do so for answers; `transform.rs` holds the transforms of both. A layer (for
//! answers: an image) with a sum that is not finite is computed once more directly.

#![expect(
    unsafe_code,
    reason = "vector instructions, and parts of a tensor for each thread"
)]
#![expect(
    clippy::inline_always,
    clippy::needless_range_loop,
    reason = "kernels must be inlined where their instructions are enabled, with loops that unroll"
)]

mod arena;
mod buffer;
mod chunk;
mod convolve;
mod depthwise;
mod dropped;
mod extension;
mod function;
mod geometry;
mod gradient;
mod isa;
mod lanes;
mod losses;
mod moments;
mod moved;
mod norm;
mod pack;
mod parallel;
mod pool;
mod product;
pub(crate) mod program;
mod rules;
mod simd;
mod single;
mod squares;
mod steps;
mod sums;
mod transform;
mod winograd;
mod winograd_gradient;
#[cfg(test)]
mod winograd_tests;

pub use function::Function;
pub use geometry::{Axis, Geometry};
pub use isa::{Isa, NAMES as ISA_NAMES, UnknownIsa};
pub use losses::{Shares, binary_cross_entropy, cross_entropy};
pub use parallel::together;
pub use pool::PoolKind;
pub use product::Order as WeightOrder;
pub use squares::sum_of_squares;
pub use steps::{Decay, Update, step};

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use extension::apply;
use lanes::{LANES, Layout};

use crate::random::Random;

/// Returns whether the kernels compute what lies on a device.
#[must_use]
pub fn compute_on(device: &Device) -> bool {
    device.clone().without_autodiff() == Device::flex()
}

/// A batch of maps as the kernels hold it: `[blocks, positions, stride, lanes]`.
#[derive(Clone, Debug)]
pub struct Lanes {
    tensor: Tensor<4>,
    batch: usize,
    positions: usize,
    channels: usize,
}

impl Lanes {
    /// Packs `[batch, channels, positions]`.
    #[must_use]
    pub fn pack(plain: Tensor<3>) -> Self {
        let [batch, channels, positions] = plain.dims();
        let layout = Layout::new(batch.div_ceil(LANES), positions, channels);
        Self {
            tensor: apply(Arc::new(pack::Pack { batch, layout }), vec![plain.into()]),
            batch,
            positions,
            channels,
        }
    }

    /// Unpacks to `[batch, channels, positions]`.
    #[must_use]
    pub fn unpack(self) -> Tensor<3> {
        let (batch, layout) = (self.batch, self.layout());
        apply(
            Arc::new(pack::Unpack { batch, layout }),
            vec![self.tensor.into()],
        )
    }

    /// Returns the images of the batch.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Returns the channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Returns the positions of a map.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Computes something of each value for itself.
    #[must_use]
    pub fn map(self, of: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Self {
        Self {
            tensor: of(self.tensor.clone()),
            ..self
        }
    }

    /// Adds values of the same shape.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.map(|tensor| tensor + other.tensor)
    }

    /// Puts every value through a function.
    #[must_use]
    pub fn activate(self, function: Function) -> Self {
        self.map(|tensor| {
            apply(
                Arc::new(function::Activation(function)),
                vec![tensor.into()],
            )
        })
    }

    /// Computes windows times weights, plus a bias, through a function; a dense layer is one window
    /// over the whole map.
    ///
    /// # Shapes
    /// - weight: any, with the values at `order`; of a group after the other
    /// - bias `[filters]`
    ///
    /// # Panics
    /// If the geometry is of other maps.
    ///
    /// # Reference
    /// `torch.nn.functional.conv1d`, `conv2d`, `conv3d`, `linear`.
    #[must_use]
    pub fn convolve<const D: usize>(
        self,
        geometry: &Arc<Geometry>,
        (weight, bias): (Tensor<D>, Option<Tensor<1>>),
        [filters, groups]: [usize; 2],
        order: WeightOrder,
        function: Function,
    ) -> Self {
        assert_eq!(geometry.input, self.positions, "windows are of these maps");
        let from = self.layout();
        let to = Layout::new(from.blocks, geometry.output, filters);
        let kernel = convolve::Convolve {
            geometry: Arc::clone(geometry),
            groups,
            from,
            to,
            order,
            function,
        };
        let inputs = [self.tensor.into(), weight.into()];
        let inputs = inputs.into_iter().chain(bias.map(Into::into)).collect();
        Self {
            tensor: apply(Arc::new(kernel), inputs),
            batch: self.batch,
            positions: to.positions,
            channels: filters,
        }
    }

    /// Moves positions and channels, with zeros where nothing comes.
    ///
    /// `positions` says for each position of the output which one it was, if any, none twice; channels
    /// move up by `before`.
    #[must_use]
    pub(crate) fn moved(
        self,
        positions: Vec<Option<usize>>,
        before: usize,
        channels: usize,
    ) -> Self {
        let from = self.layout();
        let to = Layout::new(from.blocks, positions.len(), channels);
        let kernel = moved::Move {
            positions,
            before,
            from,
            to,
        };
        Self {
            tensor: apply(Arc::new(kernel), vec![self.tensor.into()]),
            batch: self.batch,
            positions: to.positions,
            channels,
        }
    }

    /// Makes values, or whole maps, 0 with probability `rate`, and others larger by `1 / (1 − rate)`.
    ///
    /// What is drawn for a value depends on its place in `[batch, channels, positions]`.
    #[must_use]
    pub(crate) fn dropped(self, random: Random, rate: f64, maps: bool) -> Self {
        let kernel = dropped::Drop {
            random,
            rate,
            maps,
            layout: self.layout(),
        };
        Self {
            tensor: apply(Arc::new(kernel), vec![self.tensor.into()]),
            ..self
        }
    }

    /// Pools windows; `shares` multiply the sums of [`PoolKind::Mean`], one for each window.
    ///
    /// # Panics
    /// If the geometry is of other maps.
    ///
    /// # Reference
    /// `torch.nn.functional.max_pool2d`, `avg_pool2d`.
    #[must_use]
    pub fn pool(self, kind: PoolKind, geometry: &Arc<Geometry>, shares: Vec<f32>) -> Self {
        assert_eq!(geometry.input, self.positions, "windows are of these maps");
        let from = self.layout();
        let to = Layout::new(from.blocks, geometry.output, from.channels);
        let kernel = pool::Pool {
            kind,
            geometry: Arc::clone(geometry),
            shares,
            from,
            to,
        };
        Self {
            tensor: apply(Arc::new(kernel), vec![self.tensor.into()]),
            positions: to.positions,
            ..self
        }
    }

    /// Returns mean and biased variance of each channel, `[2, channels]`, without a gradient.
    #[must_use]
    pub fn moments(&self) -> Tensor<2> {
        let kernel = moments::Moments {
            batch: self.batch,
            layout: self.layout(),
        };
        apply(Arc::new(kernel), vec![self.tensor.clone().detach().into()])
    }

    /// Normalizes with moments `[2, channels]`, adds a shortcut and applies a function.
    ///
    /// # Panics
    /// If the shortcut has another shape.
    ///
    /// # Reference
    /// `torch.nn.functional.batch_norm`.
    #[must_use]
    pub fn normalize(
        self,
        norm: Normalization,
        shortcut: Option<Self>,
        function: Function,
    ) -> Self {
        if let Some(shortcut) = &shortcut {
            assert_eq!(
                shortcut.layout(),
                self.layout(),
                "a shortcut has the shape of the sum"
            );
        }
        let kernel = norm::Normalize {
            batch: self.batch,
            layout: self.layout(),
            epsilon: norm.epsilon,
            function,
            is_of_batch: norm.is_of_batch,
            has_shortcut: shortcut.is_some(),
        };
        let inputs = [
            self.tensor.into(),
            norm.moments.into(),
            norm.weight.into(),
            norm.bias.into(),
        ];
        let shortcut = shortcut.map(|shortcut| shortcut.tensor.into());
        let inputs = inputs.into_iter().chain(shortcut).collect();
        Self {
            tensor: apply(Arc::new(kernel), inputs),
            ..self
        }
    }

    fn layout(&self) -> Layout {
        Layout::new(self.batch.div_ceil(LANES), self.positions, self.channels)
    }
}

/// What a batch normalization does with each channel.
#[derive(Clone, Debug)]
pub struct Normalization {
    /// Mean and variance, `[2, channels]`.
    pub moments: Tensor<2>,
    /// Factors, `[channels]`.
    pub weight: Tensor<1>,
    /// Offsets, `[channels]`.
    pub bias: Tensor<1>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether the moments are those of the batch itself, so that gradients flow through them.
    pub is_of_batch: bool,
}
