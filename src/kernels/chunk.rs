//! The steps of Winograd's algorithm on some tiles: transforms, products, transforms back.

use std::sync::atomic::{AtomicBool, Ordering};

use super::function::{Function, value};
use super::lanes::LANES;
use super::parallel::{Shared, ranges};
use super::product::{longest, tiles, widest, with_counts};
use super::simd::{Simd, Work, with_simd_here};
use super::transform::{EVEN, REACH, SIDE, VALUES, of_inputs, to_outputs};
use super::winograd::Convolution;

with_simd_here!();

/// Tiles of a convolution, one after the other, with memory for their transforms.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) whole: Convolution<'a>,
    pub(super) widths: &'a [(usize, usize)],
    pub(super) first: usize,
    pub(super) count: usize,
    /// `[values, tiles of outputs, inputs, outputs of the tile]`, and floats from one value to the next.
    pub(super) kernels: (Shared, usize),
    /// `[values, tiles, channels, lanes]`, and floats from one value to the next.
    pub(super) inputs: (Shared, usize),
    /// The same of outputs.
    pub(super) outputs: (Shared, usize),
    pub(super) is_finite: &'a AtomicBool,
}

impl Chunk<'_> {
    /// Takes the three steps, each shared out among threads unless chunks are.
    pub(super) fn compute(self, is_one_of_many: bool) {
        let share = |count: usize, size: usize, work: &(dyn Fn(usize, usize) + Sync)| {
            if is_one_of_many {
                work(0, count);
            } else {
                ranges(count, size, work);
            }
        };
        let each = |count: usize| (self.count * count).div_ceil(8);
        let channels = self.whole.from.channels;
        share(self.count * channels, each(channels), &|begin, end| {
            with_simd(Inputs(self, (begin, end)));
        });
        share(VALUES, 1, &|begin, end| {
            with_simd(Products(self, (begin, end)));
        });
        let channels = self.whole.to.channels;
        share(self.count * channels, each(channels), &|begin, end| {
            with_simd(Outputs(self, (begin, end)));
        });
    }
}

/// Splits a range of pairs of a tile and a channel by tiles: `work` takes the tile and a range of channels.
#[inline(always)]
fn by_tile((begin, end): (usize, usize), channels: usize, mut work: impl FnMut(usize, [usize; 2])) {
    let mut at = begin;
    while at < end {
        let tile = at / channels;
        let stop = end.min((tile + 1) * channels);
        work(tile, [at - tile * channels, stop - tile * channels]);
        at = stop;
    }
}

/// The transforms of inputs: a range of pairs of a tile and a channel.
struct Inputs<'a>(Chunk<'a>, (usize, usize));

impl Work for Inputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self(chunk, range) = self;
        let Convolution {
            plane,
            source,
            from,
            ..
        } = chunk.whole;
        let zeros = vec![0.0_f32; from.channels * LANES];
        let (to, step) = chunk.inputs;
        by_tile(range, from.channels, |tile, [first, last]| {
            let [block, row, column] = plane.corner(chunk.first + tile);
            let at = plane.reads([row, column]).map(|position| {
                position.map_or(zeros.as_ptr(), |position| {
                    let position = block * from.positions + position;
                    source[position * from.stride * LANES..].as_ptr()
                })
            });
            for channel in first..last {
                for lane in (0..LANES).step_by(S::WIDTH) {
                    let offset = channel * LANES + lane;
                    // SAFETY: each pointer is to all channels of a position, or as many zeros; the memory has a
                    // place for each value, tile and channel.
                    unsafe {
                        let mut d = [[S::splat(0.0); REACH]; REACH];
                        for row in 0..REACH {
                            for column in 0..REACH {
                                d[row][column] = S::load(at[row * REACH + column].add(offset));
                            }
                        }
                        // The next tile begins where this one's outputs end.
                        let ahead = SIDE * from.stride * LANES + offset;
                        for row in 0..REACH {
                            for column in REACH - SIDE..REACH {
                                S::fetch(at[row * REACH + column].wrapping_add(ahead));
                            }
                        }
                        let d = of_inputs::<S>(d);
                        let to = to.at().add(tile * from.channels * LANES + offset);
                        for row in 0..REACH {
                            for column in 0..REACH {
                                S::store(to.add((row * REACH + column) * step), d[row][column]);
                            }
                        }
                    }
                }
            }
        });
    }
}

/// The products of some values.
struct Products<'a>(Chunk<'a>, (usize, usize));

impl Work for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self(chunk, (begin, end)) = self;
        let [inputs, outputs] = [chunk.whole.from.channels, chunk.whole.to.channels];
        let most = longest(
            S::SUMS,
            chunk
                .widths
                .iter()
                .map(|(_, width)| *width)
                .max()
                .unwrap_or(1),
        );
        for value in begin..end {
            // SAFETY: the memory has a place for each value.
            let (kernels, from, to) = unsafe {
                (
                    chunk
                        .kernels
                        .0
                        .at()
                        .add(value * chunk.kernels.1)
                        .cast_const(),
                    chunk.inputs.0.at().add(value * chunk.inputs.1).cast_const(),
                    chunk.outputs.0.at().add(value * chunk.outputs.1),
                )
            };
            for (tile, count) in tiles(chunk.count, most) {
                for (first, width) in chunk.widths.iter().copied() {
                    macro_rules! call {
                        ($width:literal, $count:literal) => {
                            if $width * $count <= S::SUMS && $width <= widest(S::SUMS) {
                                // SAFETY: as above, and for each tile and channel.
                                unsafe {
                                    product::<S, $width, $count>(
                                        kernels.add(first * inputs),
                                        (from.add(tile * inputs * LANES), inputs),
                                        (to.add((tile * outputs + first) * LANES), outputs),
                                    );
                                }
                            }
                        };
                    }
                    with_counts!(width, count, call);
                }
            }
        }
    }
}

/// Sums up `O` outputs for `P` tiles. `from` and `to` are the first tile's, with the channels of each.
#[inline(always)]
unsafe fn product<S: Simd, const O: usize, const P: usize>(
    kernels: *const f32,
    (from, inputs): (*const f32, usize),
    (to, outputs): (*mut f32, usize),
) {
    for lane in (0..LANES).step_by(S::WIDTH) {
        // SAFETY: the caller's; `lane` is within `LANES`.
        unsafe {
            let mut sums = [[S::splat(0.0); P]; O];
            for input in 0..inputs {
                let mut x = [S::splat(0.0); P];
                for p in 0..P {
                    x[p] = S::load(from.add((p * inputs + input) * LANES + lane));
                }
                for o in 0..O {
                    let w = S::splat(*kernels.add(input * O + o));
                    for p in 0..P {
                        sums[o][p] = S::fma(x[p], w, sums[o][p]);
                    }
                }
            }
            for o in 0..O {
                for p in 0..P {
                    S::store(to.add((p * outputs + o) * LANES + lane), sums[o][p]);
                }
            }
        }
    }
}

/// The transforms back: a range of pairs of a tile and a channel.
struct Outputs<'a>(Chunk<'a>, (usize, usize));

impl Work for Outputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        // SAFETY: only registers are touched.
        unsafe {
            match self.0.whole.function {
                Function::Linear => self.put::<S>(|sum| sum),
                Function::Relu => self.put::<S>(|sum| S::max(S::splat(0.0), sum)),
                function => self.put::<S>(|sum| value::<S>(function, sum)),
            }
        }
    }
}

impl Outputs<'_> {
    #[inline(always)]
    unsafe fn put<S: Simd>(self, function: impl Fn(S::V) -> S::V) {
        let Self(chunk, range) = self;
        let Convolution {
            plane,
            target,
            to,
            bias,
            ..
        } = chunk.whole;
        let (sums_of, step) = chunk.outputs;
        // SAFETY: only registers are touched.
        let [zero, mut finite] = unsafe { [S::splat(0.0); 2] };
        by_tile(range, to.channels, |tile, [first, last]| {
            let [block, row, column] = plane.corner(chunk.first + tile);
            let rows = SIDE.min(plane.output[0] - row);
            let columns = SIDE.min(plane.output[1] - column);
            let position = block * to.positions + row * plane.output[1] + column;
            // From one row and one column of outputs to the next.
            let steps = [plane.output[1], 1].map(|positions| positions * to.stride * LANES);
            for channel in first..last {
                for lane in (0..LANES).step_by(S::WIDTH) {
                    // SAFETY: the memory has a place for each value, tile and channel; rows and columns
                    // lie within the plane.
                    unsafe {
                        let from = (tile * to.channels + channel) * LANES + lane;
                        let from = sums_of.at().add(from).cast_const();
                        let mut m = [[zero; REACH]; REACH];
                        for row in 0..REACH {
                            for column in 0..REACH {
                                m[row][column] = S::load(from.add((row * REACH + column) * step));
                            }
                        }
                        if let Some(bias) = bias {
                            let even = &mut m[EVEN / REACH][EVEN % REACH];
                            *even = S::add(*even, S::splat(bias[channel]));
                        }
                        let y = to_outputs::<S>(m);
                        let mut sums = [zero; SIDE];
                        for row in 0..SIDE {
                            let [a, b, c, d] = y[row];
                            sums[row] = S::add(S::add(a, b), S::add(c, d));
                        }
                        let sum = S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]));
                        // 0 times what is not finite is not a number, and stays so.
                        finite = S::fma(sum, zero, finite);
                        let at = (position * to.stride + channel) * LANES + lane;
                        let at = target.at().add(at);
                        for row in 0..SIDE {
                            for column in SIDE..2 * SIDE {
                                S::fetch(at.wrapping_add(row * steps[0] + column * steps[1]));
                            }
                        }
                        if rows == SIDE && columns == SIDE {
                            for row in 0..SIDE {
                                for column in 0..SIDE {
                                    let at = at.add(row * steps[0] + column * steps[1]);
                                    S::store(at, function(y[row][column]));
                                }
                            }
                        } else {
                            for row in 0..rows {
                                for column in 0..columns {
                                    let at = at.add(row * steps[0] + column * steps[1]);
                                    S::store(at, function(y[row][column]));
                                }
                            }
                        }
                    }
                }
            }
        });
        // SAFETY: only registers are touched.
        if unsafe { S::sum(finite) }.is_nan() {
            chunk.is_finite.store(false, Ordering::Relaxed);
        }
    }
}
