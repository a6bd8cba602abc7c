//! The sums of a convolution: registers of outputs at some positions.

use super::blocks::Block;
use super::convolve::Convolve;
use super::filters::{Tile, widest};
use crate::kernels::geometry::OUTSIDE;
use crate::kernels::lanes::LANES;
use crate::kernels::simd::Simd;

/// Positions of a tile, at most.
pub(super) const LONGEST: usize = 8;

/// Values of some positions, one row of registers each.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) at: *mut f32,
    /// Values from one position to the next.
    pub(super) stride: usize,
}

/// Calls a method with registers of outputs and positions as constants: as many positions as fit, half of
/// them, or one.
macro_rules! with_sizes {
    ($sizes:expr, $call:ident) => {
        match $sizes {
            (1, 8) => $call!(1, 8),
            (1, 4) => $call!(1, 4),
            (1, 1) => $call!(1, 1),
            (2, 8) => $call!(2, 8),
            (2, 6) => $call!(2, 6),
            (2, 4) => $call!(2, 4),
            (2, 3) => $call!(2, 3),
            (2, 1) => $call!(2, 1),
            (3, 8) => $call!(3, 8),
            (3, 4) => $call!(3, 4),
            (3, 1) => $call!(3, 1),
            (4, 6) => $call!(4, 6),
            (4, 3) => $call!(4, 3),
            (4, 1) => $call!(4, 1),
            _ => unreachable!("tiles fit the registers"),
        }
    };
}

pub(super) use with_sizes;

/// Returns how many of the positions left go next where at most `most` go at once: as [`with_sizes`] has them.
#[inline(always)]
pub(super) fn next(left: usize, most: usize) -> usize {
    match left {
        left if left >= most => most,
        left if left >= most / 2 => most / 2,
        _ => 1,
    }
}

/// What sums are made of, and where they go.
#[derive(Clone, Copy)]
pub(super) struct Sums<'a> {
    pub(super) conv: &'a Convolve,
    pub(super) source: &'a [f32],
    /// The sums of the first position.
    pub(super) target: Target,
}

impl Sums<'_> {
    /// Sums up the outputs of a tile at the windows from `begin` to `stop`, counted over images.
    ///
    /// SAFETY: the target has room for all of them, the source holds their images, and the set is enabled.
    #[inline(always)]
    pub(super) unsafe fn tile<S: Simd>(&self, tile: Tile, begin: usize, stop: usize) {
        let most = (S::SUMS / tile.width).min(LONGEST);
        for (index, block) in self.conv.blocks[tile.width - 1].iter().enumerate() {
            let mut item = begin;
            while item < stop {
                let count = next(stop - item, most);
                macro_rules! call {
                    ($width:literal, $count:literal) => {
                        if $width * $count <= S::SUMS && $width <= widest(S::SUMS) {
                            // SAFETY: the caller's; the table's positions lie within the layout.
                            unsafe {
                                let out = self.target.at.add((item - begin) * self.target.stride);
                                self.sum::<S, $width, $count>(tile, item, out, block, index == 0);
                            }
                        }
                    };
                }
                with_sizes!((tile.width, count), call);
                item += count;
            }
        }
    }

    /// Adds up `V` registers of outputs at `P` positions.
    #[inline(always)]
    unsafe fn sum<S: Simd, const V: usize, const P: usize>(
        &self,
        tile: Tile,
        item: usize,
        out: *mut f32,
        block: &Block,
        is_first: bool,
    ) {
        let Convolve { from, filters, .. } = self.conv;
        let stride = self.target.stride;
        let places = self.conv.places.count;
        let mut place = [0; P];
        let mut base = [std::ptr::null(); P];
        let mut origin = [std::ptr::null(); P];
        let mut inside = 0;
        let (mut image, mut at) = (item / places, item % places);
        for p in 0..P {
            place[p] = at;
            base[p] = self
                .source
                .as_ptr()
                .wrapping_add(image * from.values() + tile.input);
            if let Some(begin) = self.conv.places.origins[at] {
                origin[p] = base[p].wrapping_add(begin);
                inside += 1;
            }
            // One division for all of them: each takes as long as many products.
            at += 1;
            if at == places {
                (image, at) = (image + 1, 0);
            }
        }
        let skipped = block.taps.0 * filters.inputs + block.inputs.0;
        for lane in (0..LANES).step_by(S::WIDTH) {
            // SAFETY: every pointer is to values of its layout; `lane` is within `LANES`.
            unsafe {
                let mut sums = [[S::splat(0.0); P]; V];
                for v in 0..V {
                    for p in 0..P {
                        sums[v][p] = if is_first {
                            let bias = filters.bias.values().as_ptr();
                            S::load(bias.add((tile.first + v) * LANES + lane))
                        } else {
                            S::load(out.add(p * stride + v * LANES + lane))
                        };
                    }
                }
                let weights = filters.weights.values().as_ptr().add(tile.at + lane);
                let mut weights = weights.add(skipped * V * LANES);
                if inside == P {
                    for (begin, length) in &block.stretches {
                        let mut at = origin;
                        for p in 0..P {
                            at[p] = at[p].add(*begin);
                        }
                        weights = stretch::<S, V, P>(&mut sums, at, *length, weights);
                    }
                } else {
                    let length = block.inputs.1 - block.inputs.0;
                    for tap in block.taps.0..block.taps.1 {
                        let row = self.conv.places.table().as_ptr().add(tap * places);
                        let mut at = [filters.zeros.as_ptr(); P];
                        for p in 0..P {
                            let position = *row.add(place[p]);
                            if position != OUTSIDE {
                                at[p] =
                                    base[p].add(position as usize * from.stride + block.inputs.0);
                            }
                        }
                        weights = stretch::<S, V, P>(&mut sums, at, length, weights);
                    }
                }
                for v in 0..V {
                    for p in 0..P {
                        S::store(out.add(p * stride + v * LANES + lane), sums[v][p]);
                    }
                }
            }
        }
    }
}

/// Adds up what `length` values side by side give at each position; returns the weights after theirs.
#[inline(always)]
pub(super) unsafe fn stretch<S: Simd, const V: usize, const P: usize>(
    sums: &mut [[S::V; P]; V],
    at: [*const f32; P],
    length: usize,
    mut weights: *const f32,
) -> *const f32 {
    for input in 0..length {
        // SAFETY: the caller's pointers are to as many values, and weights for each.
        unsafe {
            let mut w = [S::splat(0.0); V];
            for v in 0..V {
                w[v] = S::load(weights.add(v * LANES));
            }
            for p in 0..P {
                let x = S::splat(*at[p].add(input));
                for v in 0..V {
                    sums[v][p] = S::fma(x, w[v], sums[v][p]);
                }
            }
            weights = weights.add(V * LANES);
        }
    }
    weights
}
