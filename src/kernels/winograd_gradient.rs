//! Gradients of 3x3 kernels by Winograd's algorithm: 36 products in place of 144 for each tile of 4x4 outputs
//! and pair of channels.
//!
//! With `d` a tile of the input and `e` that of the output's gradient, the gradient of the kernel is the sum over
//! tiles of `Gᵀ [(Bᵀ d B) ⊙ (A e Aᵀ)] G`: the transpose of what [`super::winograd`] computes.

use std::sync::Arc;

use super::buffer::Scratch;
use super::convolve::Convolve;
use super::geometry::{Axis, Geometry};
use super::gradient::{Gradient, output_tiles};
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, ranges};
use super::product::Order;
use super::simd::{Simd, Work, with_simd_here};
use super::transform::{REACH, SIDE, VALUES, of_gradients, of_inputs, of_sums};
use super::winograd::{KERNELS, Plane, step};
use crate::plan::WinogradCosts;

with_simd_here!();

/// Tiles that go together: no more than [`Gradient`] sums up in one pass.
const TOGETHER: usize = WinogradCosts::TILES_OF_KERNELS;

/// Transforms of the tiles at work.
static CHUNK: Scratch = Scratch::new();

/// Computes the gradient of a weight of `size` values, where that takes less time so and all of it is finite.
pub(super) fn of_weight(conv: &Convolve, x: &[f32], g: &[f32], size: usize) -> Option<Vec<f32>> {
    let plane = Plane::of(conv.geometry.axes()).filter(|_| conv.groups == 1)?;
    if !conv.costs(&plane).pays_for_kernels() {
        return None;
    }
    let kernels = OfKernels {
        plane,
        inputs: x,
        from: conv.from,
        gradients: g,
        to: conv.to,
        order: conv.order,
    };
    let mut gradient = vec![0.0; size];
    kernels.compute(&mut gradient).then_some(gradient)
}

/// A convolution whose kernels' gradient is wanted.
#[derive(Clone, Copy)]
pub(super) struct OfKernels<'a> {
    pub(super) plane: Plane,
    pub(super) inputs: &'a [f32],
    pub(super) from: Layout,
    pub(super) gradients: &'a [f32],
    pub(super) to: Layout,
    pub(super) order: Order,
}

impl OfKernels<'_> {
    /// Computes the gradient; returns whether all of it is finite.
    ///
    /// Where it is not, values may be lost that are finite in truth.
    pub(super) fn compute(self, gradient: &mut [f32]) -> bool {
        let [outputs, inputs] = [self.to.channels, self.from.channels];
        let [rows, columns] = self.plane.tiles();
        let tiles = self.from.blocks * rows * columns;
        let pairs = outputs * inputs;
        let steps =
            [self.from, self.to].map(|layout| step(tiles.min(TOGETHER) * layout.stride * LANES));
        // Sums of later tiles come to those of the first.
        let apart = step(pairs);
        let later = if tiles > TOGETHER { apart } else { 0 };
        KERNELS.with(VALUES * (apart + later), |values| {
            let (sums, parts) = values.split_at_mut(VALUES * apart);
            CHUNK.with(VALUES * (steps[0] + steps[1]), |values| {
                self.sum_up(tiles, values, steps, sums, parts);
            });
            self.put(sums, gradient);
        });
        gradient.iter().all(|value| value.is_finite())
    }

    /// Sums up what the tiles add to each pair.
    fn sum_up(
        &self,
        tiles: usize,
        values: &mut [f32],
        steps: [usize; 2],
        sums: &mut [f32],
        parts: &mut [f32],
    ) {
        let (of_inputs, of_gradients) = values.split_at_mut(VALUES * steps[0]);
        for first in (0..tiles).step_by(TOGETHER) {
            let chunk = Chunk {
                whole: *self,
                first,
                count: TOGETHER.min(tiles - first),
                inputs: (Shared(of_inputs.as_mut_ptr()), steps[0]),
                gradients: (Shared(of_gradients.as_mut_ptr()), steps[1]),
            };
            ranges(chunk.count, chunk.count.div_ceil(8), |begin, end| {
                with_simd(Transform(chunk, (begin, end)));
            });
            chunk.add(of_inputs, of_gradients, parts, sums);
        }
    }

    /// Makes taps of the sums of each pair.
    fn put(&self, sums: &[f32], gradient: &mut [f32]) {
        let [outputs, inputs] = [self.to.channels, self.from.channels];
        let pairs = outputs * inputs;
        let apart = step(pairs);
        let Order { output, input, tap } = self.order;
        let last = (outputs - 1) * output + (inputs - 1) * input + 8 * tap;
        assert!(last < gradient.len(), "nine taps for each pair");
        let to = Shared(gradient.as_mut_ptr());
        ranges(outputs, (4096 / inputs).max(1), |begin, end| {
            for pair in begin * inputs..end * inputs {
                let values = std::array::from_fn(|value| sums[value * apart + pair]);
                let (output, input) = (pair / inputs, pair % inputs);
                let at = output * self.order.output + input * self.order.input;
                for (tap, value) in of_sums(&values).into_iter().enumerate() {
                    // SAFETY: the order is that of a weight; each pair has taps of its own.
                    unsafe { *to.at().add(at + tap * self.order.tap) = value };
                }
            }
        });
    }
}

/// Tiles one after the other, with memory for their transforms.
#[derive(Clone, Copy)]
struct Chunk<'a> {
    whole: OfKernels<'a>,
    first: usize,
    count: usize,
    /// `[values, tiles, stride, lanes]` with the stride of the input's layout, and floats from one value to the next.
    inputs: (Shared, usize),
    /// The same of the output's gradients.
    gradients: (Shared, usize),
}

impl Chunk<'_> {
    /// Adds the products of all tiles, summed up over lanes, to `sums` `[values, outputs, inputs]`; those of the
    /// first tiles are the sums.
    fn add(&self, of_inputs: &[f32], of_gradients: &[f32], parts: &mut [f32], sums: &mut [f32]) {
        let OfKernels { from, to, .. } = self.whole;
        let pairs = to.channels * from.channels;
        // As a convolution of 1x1, whose positions are tiles.
        let positions: Arc<Geometry> = Geometry::of(&[Axis {
            input: self.count,
            output: self.count,
            taps: 1,
            stride: 1,
            dilation: 1,
            before: 0,
        }]);
        let layout = |of: Layout| Layout {
            blocks: 1,
            positions: self.count,
            ..of
        };
        let [parts, sums] = [parts, sums].map(|values| Shared(values.as_mut_ptr()));
        ranges(VALUES, 1, |begin, end| {
            for value in begin..end {
                // SAFETY: each value has pairs of its own, in `parts` too where there are tiles before.
                let own = |values: Shared| unsafe { values.at().add(value * step(pairs)) };
                let target = if self.first == 0 { sums } else { parts };
                let gradient = Gradient {
                    phase: &positions.forward.phases[0],
                    inputs: &of_inputs[value * self.inputs.1..],
                    from: layout(from),
                    from_channels: (0, from.channels),
                    gradients: &of_gradients[value * self.gradients.1..],
                    to: layout(to),
                    to_channels: (0, to.channels),
                    items: (0, self.count),
                    tiles: (0, output_tiles(to.channels)),
                    taps: (0, 1),
                    weights: Shared(own(target)),
                    order: Order {
                        output: from.channels,
                        input: 1,
                        tap: 1,
                    },
                };
                gradient.sum_up();
                if self.first > 0 {
                    // SAFETY: as above; all pairs are written.
                    let [part, sum] = [parts, sums].map(|values| unsafe {
                        std::slice::from_raw_parts_mut(own(values), pairs)
                    });
                    for (sum, part) in sum.iter_mut().zip(part) {
                        *sum += *part;
                    }
                }
            }
        });
    }
}

/// The transforms of some tiles of inputs and gradients.
struct Transform<'a>(Chunk<'a>, (usize, usize));

impl Work for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self(chunk, (begin, end)) = self;
        let OfKernels {
            plane,
            inputs,
            from,
            gradients,
            to,
            ..
        } = chunk.whole;
        let zeros = vec![0.0_f32; from.channels.max(to.channels) * LANES];
        for tile in begin..end {
            let [block, row, column] = plane.corner(chunk.first + tile);
            // Where a position of a block lies, all its channels; zeros outside.
            let place = |values: &[f32], layout: Layout, position: Option<usize>| match position {
                Some(position) => {
                    let row = block * layout.positions + position;
                    values[row * layout.stride * LANES..].as_ptr()
                }
                None => zeros.as_ptr(),
            };
            let at = plane
                .reads([row, column])
                .map(|position| place(inputs, from, position));
            // SAFETY: each pointer is to all channels of a position, or as many zeros; the memory has a place
            // for each value, tile and channel.
            unsafe {
                let (to_values, step) = chunk.inputs;
                let target = to_values.at().add(tile * from.stride * LANES);
                each::<S, REACH, VALUES>(at, from.channels, (target, step), |d| of_inputs::<S>(d));
            }
            let at = plane
                .writes([row, column])
                .map(|position| place(gradients, to, position));
            // SAFETY: as above.
            unsafe {
                let (to_values, step) = chunk.gradients;
                let target = to_values.at().add(tile * to.stride * LANES);
                each::<S, SIDE, { SIDE * SIDE }>(at, to.channels, (target, step), |e| {
                    of_gradients::<S>(e)
                });
            }
        }
    }
}

/// Transforms the tile of each channel.
#[inline(always)]
unsafe fn each<S: Simd, const N: usize, const PLACES: usize>(
    at: [*const f32; PLACES],
    channels: usize,
    (target, step): (*mut f32, usize),
    transform: impl Fn([[S::V; N]; N]) -> [[S::V; REACH]; REACH],
) {
    for offset in (0..channels * LANES).step_by(S::WIDTH) {
        // SAFETY: the caller's pointers are to as many channels.
        unsafe {
            let mut tile = [[S::splat(0.0); N]; N];
            for row in 0..N {
                for column in 0..N {
                    tile[row][column] = S::load(at[row * N + column].add(offset));
                }
            }
            let values = transform(tile);
            for row in 0..REACH {
                for column in 0..REACH {
                    let value = row * REACH + column;
                    S::store(target.add(value * step + offset), values[row][column]);
                }
            }
        }
    }
}
