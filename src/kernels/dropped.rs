//! Dropout.

use burn::backend::flex::FlexTensor;

use super::buffer::{unset, values};
use super::extension::{Keeps, Kernel, Pass};
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, ranges};
use super::simd::{Simd, Work, with_simd_here};
use crate::random::Random;

with_simd_here!();

/// Values, or whole maps, made 0 at random; the others grow by `1 / (1 − rate)`.
///
/// The draws are made anew on the way back, so that nothing is kept.
///
/// Inputs: values `[blocks, positions, stride, lanes]`.
#[derive(Debug)]
pub(super) struct Drop {
    pub(super) random: Random,
    pub(super) rate: f64,
    /// Whether whole maps are dropped.
    pub(super) maps: bool,
    pub(super) layout: Layout,
}

/// Positions a thread takes at a time.
const AT_ONCE: usize = 64;

impl Kernel for Drop {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        self.apply(values(&inputs[0]))
    }

    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        vec![self.apply(values(pass.gradient))]
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
}

impl Drop {
    fn apply(&self, from: &[f32]) -> FlexTensor {
        let layout = self.layout;
        let kept = (1.0 / (1.0 - self.rate)) as f32;
        let mut output = unset([layout.blocks, layout.positions, layout.stride, LANES]);
        let to = Shared(output.storage_mut::<f32>().as_mut_ptr());
        let row = layout.stride * LANES;
        ranges(layout.blocks * layout.positions, AT_ONCE, |begin, end| {
            for index in begin..end {
                let (block, position) = (index / layout.positions, index % layout.positions);
                // SAFETY: each part has its own positions.
                let to = unsafe { std::slice::from_raw_parts_mut(to.at().add(index * row), row) };
                with_simd(Row {
                    drop: self,
                    kept,
                    block,
                    position,
                    from: &from[index * row..][..row],
                    to,
                });
            }
        });
        output
    }
}

/// The channels of one position.
struct Row<'a> {
    drop: &'a Drop,
    kept: f32,
    block: usize,
    position: usize,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl Work for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Drop { layout, random, .. } = self.drop;
        let below = Random::below_rate(self.drop.rate);
        // Draws from one image to the next.
        let (scale, offset) = if self.drop.maps {
            (1, 0)
        } else {
            (layout.positions, self.position)
        };
        let lanes = self
            .to
            .chunks_exact_mut(LANES)
            .zip(self.from.chunks_exact(LANES));
        for (channel, (to, from)) in lanes.take(layout.channels).enumerate() {
            for lane in 0..LANES {
                let map = (self.block * LANES + lane) * layout.channels + channel;
                let is_dropped = random.mantissa_at((map * scale + offset) as u64) < below;
                to[lane] = from[lane] * if is_dropped { 0.0 } else { self.kept };
            }
        }
    }
}
