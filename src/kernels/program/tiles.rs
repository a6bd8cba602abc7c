//! The steps of Winograd's algorithm on some tiles: transforms, products, transforms back.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Rows;
use super::convolve::Convolve;
use super::filters::{Tile, widest};
use super::sums::{LONGEST, next, stretch, with_sizes};
use super::winograd::Winograd;
use crate::kernels::Function;
use crate::kernels::function::value;
use crate::kernels::lanes::LANES;
use crate::kernels::parallel::{Shared, ranges};
use crate::kernels::simd::{Simd, Work, with_simd_here};
use crate::kernels::transform::{EVEN, REACH, SIDE, VALUES, of_inputs, to_outputs};

with_simd_here!();

/// Tiles one after the other, with memory for their transforms.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) whole: &'a Winograd,
    pub(super) source: &'a [f32],
    pub(super) shortcut: Option<&'a [f32]>,
    pub(super) target: Shared,
    /// First tile, counted over images, and how many.
    pub(super) tiles: (usize, usize),
    /// `[values, tiles, channels]`, and floats from one value to the next.
    pub(super) inputs: (Shared, usize),
    /// The same of outputs.
    pub(super) outputs: (Shared, usize),
    pub(super) is_finite: &'a AtomicBool,
}

impl Chunk<'_> {
    /// Takes the three steps, each shared out among threads or not.
    pub(super) fn compute(self, is_shared: bool) {
        let share = |count: usize, work: &(dyn Fn(usize, usize) + Sync)| {
            if is_shared {
                ranges(count, count.div_ceil(4), work);
            } else {
                work(0, count);
            }
        };
        let count = self.tiles.1;
        share(count, &|begin, end| {
            with_simd(OfInputs(self, (begin, end)));
        });
        share(VALUES, &|begin, end| {
            with_simd(Products(self, (begin, end)));
        });
        share(count, &|begin, end| {
            with_simd(ToOutputs(self, (begin, end)));
        });
    }
}

/// The transforms of some tiles of the input.
struct OfInputs<'a>(Chunk<'a>, (usize, usize));

impl Work for OfInputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self(chunk, (begin, end)) = self;
        let Winograd { plane, direct, .. } = chunk.whole;
        let from = direct.from;
        let (to, step) = chunk.inputs;
        for tile in begin..end {
            let [image, row, column] = plane.corner(chunk.tiles.0 + tile);
            let zeros = direct.filters.zeros.as_ptr();
            let at = plane.reads([row, column]).map(|position| {
                position.map_or(zeros, |position| {
                    let position = image * from.positions + position;
                    chunk.source[position * from.stride..].as_ptr()
                })
            });
            for channel in (0..from.stride).step_by(S::WIDTH) {
                // SAFETY: each pointer is to all channels of a position, or as many zeros; the memory has a
                // place for each value, tile and channel.
                unsafe {
                    let mut d = [[S::splat(0.0); REACH]; REACH];
                    for row in 0..REACH {
                        for column in 0..REACH {
                            d[row][column] = S::load(at[row * REACH + column].add(channel));
                        }
                    }
                    let d = of_inputs::<S>(d);
                    let to = to.at().add(tile * from.stride + channel);
                    for row in 0..REACH {
                        for column in 0..REACH {
                            S::store(to.add((row * REACH + column) * step), d[row][column]);
                        }
                    }
                }
            }
        }
    }
}

/// The products of some values.
struct Products<'a>(Chunk<'a>, (usize, usize));

impl Work for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self(chunk, (begin, end)) = self;
        let direct = &chunk.whole.direct;
        let (kernels, kernel_step) = &chunk.whole.kernels;
        for value in begin..end {
            for tile in direct.filters.tiles.iter().copied() {
                let kernels = &kernels.values()[value * kernel_step + tile.at / 9..];
                let most = (S::SUMS / tile.width).min(LONGEST);
                let mut first = 0;
                while first < chunk.tiles.1 {
                    let count = next(chunk.tiles.1 - first, most);
                    macro_rules! call {
                        ($width:literal, $count:literal) => {
                            if $width * $count <= S::SUMS && $width <= widest(S::SUMS) {
                                // SAFETY: values, tiles and channels lie within the transforms.
                                unsafe {
                                    chunk.product::<S, $width, $count>(
                                        value,
                                        tile,
                                        first,
                                        kernels.as_ptr(),
                                    );
                                }
                            }
                        };
                    }
                    with_sizes!((tile.width, count), call);
                    first += count;
                }
            }
        }
    }
}

impl Chunk<'_> {
    /// Sums up `V` registers of outputs for `P` tiles.
    #[inline(always)]
    unsafe fn product<S: Simd, const V: usize, const P: usize>(
        &self,
        value: usize,
        outputs: Tile,
        first: usize,
        kernels: *const f32,
    ) {
        let Convolve {
            from, to, filters, ..
        } = &self.whole.direct;
        // SAFETY: the caller's.
        unsafe {
            let source = self.inputs.0.at().add(value * self.inputs.1);
            let target = self.outputs.0.at().add(value * self.outputs.1);
            for lane in (0..LANES).step_by(S::WIDTH) {
                let mut sums = [[S::splat(0.0); P]; V];
                let mut at = [source.cast_const(); P];
                for p in 0..P {
                    at[p] = at[p].add((first + p) * from.stride);
                }
                stretch::<S, V, P>(&mut sums, at, filters.inputs, kernels.add(lane));
                for v in 0..V {
                    for p in 0..P {
                        let at = (first + p) * to.stride + (outputs.first + v) * LANES + lane;
                        S::store(target.add(at), sums[v][p]);
                    }
                }
            }
        }
    }
}

/// The transforms back to some tiles of the output.
struct ToOutputs<'a>(Chunk<'a>, (usize, usize));

impl Work for ToOutputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        macro_rules! put {
            ($function:expr) => {
                // SAFETY: the set is enabled where `Work` runs.
                unsafe { self.put::<S>(|x| value::<S>($function, x)) }
            };
        }
        match self.0.whole.direct.function {
            Function::Linear => put!(Function::Linear),
            Function::Relu => put!(Function::Relu),
            function => put!(function),
        }
    }
}

impl ToOutputs<'_> {
    #[inline(always)]
    unsafe fn put<S: Simd>(self, function: impl Fn(S::V) -> S::V) {
        let Self(chunk, (begin, end)) = self;
        let Winograd { plane, direct, .. } = chunk.whole;
        let Rows {
            positions, stride, ..
        } = direct.to;
        let bias = direct.filters.bias.values();
        let (sums, step) = chunk.outputs;
        // SAFETY: only registers are touched.
        let [zero, mut finite] = unsafe { [S::splat(0.0); 2] };
        for tile in begin..end {
            let [image, row, column] = plane.corner(chunk.tiles.0 + tile);
            let rows = SIDE.min(plane.output[0] - row);
            let columns = SIDE.min(plane.output[1] - column);
            let position = image * positions + row * plane.output[1] + column;
            for channel in (0..stride).step_by(S::WIDTH) {
                // SAFETY: the memory has a place for each value, tile and channel; rows and columns lie within
                // the plane; biases fill whole registers, and the shortcut has the layout of the output.
                unsafe {
                    let from = sums.at().add(tile * stride + channel).cast_const();
                    let mut m = [[zero; REACH]; REACH];
                    for row in 0..REACH {
                        for column in 0..REACH {
                            m[row][column] = S::load(from.add((row * REACH + column) * step));
                        }
                    }
                    let even = &mut m[EVEN / REACH][EVEN % REACH];
                    *even = S::add(*even, S::load(bias.as_ptr().add(channel)));
                    let y = to_outputs::<S>(m);
                    for row in 0..rows {
                        for column in 0..columns {
                            let mut x = y[row][column];
                            // 0 times what is not finite is not a number, and stays so.
                            finite = S::fma(x, zero, finite);
                            let at = position + row * plane.output[1] + column;
                            let at = at * stride + channel;
                            if let Some(shortcut) = chunk.shortcut {
                                x = S::add(x, S::load(shortcut.as_ptr().add(at)));
                            }
                            S::store(chunk.target.at().add(at), function(x));
                        }
                    }
                }
            }
        }
        // SAFETY: only registers are touched.
        if unsafe { S::sum(finite) }.is_nan() {
            chunk.is_finite.store(false, Ordering::Relaxed);
        }
    }
}
