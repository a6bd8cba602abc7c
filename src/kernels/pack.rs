//! Between Burn's order of values and that of the kernels.

use burn::backend::flex::FlexTensor;

use super::buffer::{unset, values};
use super::extension::{Keeps, Kernel, Pass};
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, ranges};

/// `[batch, channels, positions]` to `[blocks, positions, stride, lanes]`; images that a block lacks are zeros.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) batch: usize,
    pub(super) layout: Layout,
}

/// The other way.
#[derive(Debug)]
pub(super) struct Unpack {
    pub(super) batch: usize,
    pub(super) layout: Layout,
}

impl Kernel for Pack {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        pack(values(&inputs[0]), self.batch, self.layout)
    }

    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        vec![unpack(values(pass.gradient), self.batch, self.layout)]
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
}

impl Kernel for Unpack {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        unpack(values(&inputs[0]), self.batch, self.layout)
    }

    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        vec![pack(values(pass.gradient), self.batch, self.layout)]
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
}

/// Values that one thread turns at a time.
const AT_ONCE: usize = 1 << 13;

fn pack(from: &[f32], batch: usize, layout: Layout) -> FlexTensor {
    let mut packed = unset([layout.blocks, layout.positions, layout.stride, LANES]);
    let to = packed.storage_mut::<f32>();
    let row = layout.stride * LANES;
    let shared = Shared(to.as_mut_ptr());
    let rows = layout.blocks * layout.positions;
    ranges(rows, AT_ONCE / layout.channels.max(1), |begin, end| {
        for index in begin..end {
            let (block, position) = (index / layout.positions, index % layout.positions);
            let images = batch.saturating_sub(block * LANES).min(LANES);
            // SAFETY: each part writes its own rows of the tensor.
            let to = unsafe { std::slice::from_raw_parts_mut(shared.at().add(index * row), row) };
            for (channel, lanes) in to.chunks_exact_mut(LANES).enumerate() {
                if channel >= layout.channels {
                    lanes.fill(0.0);
                    continue;
                }
                for (lane, value) in lanes.iter_mut().enumerate() {
                    let at = ((block * LANES + lane) * layout.channels + channel)
                        * layout.positions
                        + position;
                    *value = if lane < images { from[at] } else { 0.0 };
                }
            }
        }
    });
    packed
}

fn unpack(from: &[f32], batch: usize, layout: Layout) -> FlexTensor {
    let mut plain = unset([batch, layout.channels, layout.positions]);
    let to = Shared(plain.storage_mut::<f32>().as_mut_ptr());
    let sample = layout.channels * layout.positions;
    ranges(
        batch * layout.channels,
        AT_ONCE / layout.positions.max(1),
        |begin, end| {
            for index in begin..end {
                let (image, channel) = (index / layout.channels, index % layout.channels);
                let (block, lane) = (image / LANES, image % LANES);
                let begin = image * sample + channel * layout.positions;
                // SAFETY: each part writes its own channels of its own images.
                let to =
                    unsafe { std::slice::from_raw_parts_mut(to.at().add(begin), layout.positions) };
                for (position, value) in to.iter_mut().enumerate() {
                    let row = (block * layout.positions + position) * layout.stride + channel;
                    *value = from[row * LANES + lane];
                }
            }
        },
    );
    plain
}
