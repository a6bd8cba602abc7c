//! 3x3 convolutions of stride 1 with fewer products: Winograd's algorithm on tiles of 4x4 outputs.
//!
//! Tiles of the input and the kernels are transformed, multiplied value by value, summed up over input
//! channels, and transformed back: 36 products in place of 144 for each pair of channels. For each of the 36
//! values that is a product of matrices: kernels times tiles of sixteen images.
//!
//! # Reference
//! Lavin & Gray 2015, "Fast algorithms for convolutional neural networks", F(4x4, 3x3).

use std::sync::atomic::AtomicBool;

use super::buffer::Scratch;
use super::chunk::Chunk;
use super::function::Function;
use super::geometry::Axis;
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, ranges};
use super::product::{Order, tiles, widest};
use super::simd::{Simd, Work, with_simd_here};
use super::transform::{REACH, SIDE, TOGETHER, VALUES, of_kernels};
use crate::plan::WinogradCosts;

with_simd_here!();

/// Transformed kernels of the layer at work, or their gradients.
pub(super) static KERNELS: Scratch = Scratch::new();
/// Transforms of the chunk at work, one for each thread.
static CHUNKS: Scratch = Scratch::new();

/// A plane of maps, and how far the windows reach over its upper left corner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane {
    pub(super) input: [usize; 2],
    pub(super) output: [usize; 2],
    pub(super) before: [usize; 2],
}

impl Plane {
    /// Returns the plane of a convolution that the algorithm is for: 3x3, neither strided nor dilated.
    pub(super) fn of(axes: &[Axis]) -> Option<Self> {
        let [rows, columns] = axes else {
            return None;
        };
        let is_fit =
            |axis: &Axis| [axis.taps, axis.stride, axis.dilation] == [3, 1, 1] && axis.before <= 2;
        (is_fit(rows) && is_fit(columns)).then_some(Self {
            input: [rows.input, columns.input],
            output: [rows.output, columns.output],
            before: [rows.before, columns.before],
        })
    }

    /// Returns what decides whether the algorithm is taken, for some blocks of images, outputs and inputs; a direct
    /// convolution has so many products for each pair of them.
    pub(super) fn costs(
        &self,
        blocks: usize,
        [outputs, inputs]: [usize; 2],
        products: usize,
    ) -> WinogradCosts {
        let [rows, columns] = self.tiles();
        WinogradCosts {
            tiles: blocks * rows * columns,
            outputs,
            inputs,
            products,
        }
    }

    /// Returns the plane of the way back.
    pub(super) fn turned(self) -> Self {
        Self {
            input: self.output,
            output: self.input,
            before: self.before.map(|before| 2 - before),
        }
    }

    /// Returns block, row and column of the first output of a tile, counted over blocks.
    #[inline(always)]
    pub(super) fn corner(&self, tile: usize) -> [usize; 3] {
        let [rows, columns] = self.tiles();
        let (block, tile) = (tile / (rows * columns), tile % (rows * columns));
        [block, tile / columns * SIDE, tile % columns * SIDE]
    }

    /// Returns the position of the input that each value of a tile is, if it lies inside.
    #[inline(always)]
    pub(super) fn reads(&self, [row, column]: [usize; 2]) -> [Option<usize>; VALUES] {
        std::array::from_fn(|index| {
            let place = [row + index / REACH, column + index % REACH];
            let [y, x] = [0, 1].map(|axis| place[axis].wrapping_sub(self.before[axis]));
            let [rows, columns] = self.input;
            (y < rows && x < columns).then(|| y * columns + x)
        })
    }

    /// Returns the position of each output of a tile, if it lies inside.
    #[inline(always)]
    pub(super) fn writes(&self, [row, column]: [usize; 2]) -> [Option<usize>; SIDE * SIDE] {
        let [rows, columns] = self.output;
        std::array::from_fn(|index| {
            let [y, x] = [row + index / SIDE, column + index % SIDE];
            (y < rows && x < columns).then(|| y * columns + x)
        })
    }

    /// Returns the tiles along each dimension.
    #[inline(always)]
    pub(super) fn tiles(&self) -> [usize; 2] {
        self.output.map(|size| size.div_ceil(SIDE))
    }
}

/// A convolution of some channels.
#[derive(Clone, Copy)]
pub(super) struct Convolution<'a> {
    pub(super) plane: Plane,
    pub(super) weights: &'a [f32],
    pub(super) order: Order,
    /// Whether taps are taken in the opposite order, as the way back does.
    pub(super) is_turned: bool,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) function: Function,
    pub(super) source: &'a [f32],
    pub(super) from: Layout,
    pub(super) target: Shared,
    pub(super) to: Layout,
}

impl Convolution<'_> {
    /// Computes all outputs; returns whether all sums are finite.
    ///
    /// Where one is not, others of its tile may be lost that are finite in truth.
    pub(super) fn compute(self) -> bool {
        let [outputs, inputs] = [self.to.channels, self.from.channels];
        let [rows, columns] = self.plane.tiles();
        let tiles = self.from.blocks * rows * columns;
        let step = step(outputs * inputs);
        KERNELS.with(VALUES * step, |kernels| {
            let kernels = Shared(kernels.as_mut_ptr());
            let widths = with_simd(Widths(outputs));
            ranges(widths.len(), 1, |begin, end| {
                with_simd(Kernels {
                    whole: self,
                    widths: &widths[begin..end],
                    to: kernels,
                    step,
                });
            });
            self.tiles(tiles, (kernels, step), &widths)
        })
    }

    /// Computes the outputs of all tiles with transformed kernels.
    fn tiles(self, tiles: usize, kernels: (Shared, usize), widths: &[(usize, usize)]) -> bool {
        let [outputs, inputs] = [self.to.channels, self.from.channels];
        let is_finite = AtomicBool::new(true);
        let at_once = self
            .plane
            .costs(self.from.blocks, [outputs, inputs], 0)
            .tiles_at_once();
        let chunk = |begin: usize, end: usize, is_one_of_many: bool| {
            let count = end - begin;
            let steps = [inputs, outputs].map(|channels| step(count * channels * LANES));
            CHUNKS.with(VALUES * (steps[0] + steps[1]), |values| {
                let (inputs, outputs) = values.split_at_mut(VALUES * steps[0]);
                Chunk {
                    whole: self,
                    widths,
                    first: begin,
                    count,
                    kernels,
                    inputs: (Shared(inputs.as_mut_ptr()), steps[0]),
                    outputs: (Shared(outputs.as_mut_ptr()), steps[1]),
                    is_finite: &is_finite,
                }
                .compute(is_one_of_many);
            });
        };
        if tiles < 4 * at_once {
            chunk(0, tiles, false);
        } else {
            ranges(tiles, at_once, |begin, end| {
                for first in (begin..end).step_by(at_once) {
                    chunk(first, end.min(first + at_once), true);
                }
            });
        }
        is_finite.into_inner()
    }
}

/// Returns the floats from one value of a transform to the next: not a power of two, as all 36 would share
/// a few sets of the cache.
pub(super) fn step(values: usize) -> usize {
    values.next_multiple_of(LANES) + LANES
}

/// Returns tiles of outputs.
struct Widths(usize);

impl Work for Widths {
    type Output = Vec<(usize, usize)>;

    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<(usize, usize)> {
        tiles(self.0, widest(S::SUMS)).collect()
    }
}

/// Transforms kernels to `[values, tiles of outputs, inputs, outputs of the tile]`.
struct Kernels<'a> {
    whole: Convolution<'a>,
    widths: &'a [(usize, usize)],
    to: Shared,
    step: usize,
}

impl Work for Kernels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Convolution { weights, order, .. } = self.whole;
        let inputs = self.whole.from.channels;
        for (first, width) in self.widths.iter().copied() {
            for input in 0..inputs {
                let from = first * order.output + input * order.input;
                let mut taps = [[0.0; TOGETHER]; 9];
                for output in 0..width {
                    for (tap, taps) in taps.iter_mut().enumerate() {
                        let tap = if self.whole.is_turned { 8 - tap } else { tap };
                        taps[output] = weights[from + output * order.output + tap * order.tap];
                    }
                }
                let to = (first * inputs) + input * width;
                for (value, of) in of_kernels(&taps).iter().enumerate() {
                    // SAFETY: each part has its own outputs, and the memory has a place for each pair.
                    unsafe {
                        let to = self.to.at().add(value * self.step + to);
                        if width == TOGETHER {
                            to.cast::<[f32; TOGETHER]>().write_unaligned(*of);
                        } else {
                            for output in 0..width {
                                *to.add(output) = of[output];
                            }
                        }
                    }
                }
            }
        }
    }
}
