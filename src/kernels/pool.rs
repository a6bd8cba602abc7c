//! Pooling over windows, forward and back.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;

use super::buffer::{unset, values, zeros};
use super::extension::{Keeps, Kernel, Pass};
use super::geometry::{Geometry, OUTSIDE};
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, ranges};
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// What a pool makes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value; the first of several takes the gradient.
    Max,
    /// The sum, divided by a number for each window.
    Mean,
}

/// Inputs: values `[blocks, positions, stride, lanes]`.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) kind: PoolKind,
    pub(super) geometry: Arc<Geometry>,
    /// What the sum of each window is multiplied with.
    pub(super) shares: Vec<f32>,
    pub(super) from: Layout,
    pub(super) to: Layout,
}

/// Positions a thread computes at a time.
const AT_ONCE: usize = 128;

impl Kernel for Pool {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        let mut output = unset([self.to.blocks, self.to.positions, self.to.stride, LANES]);
        let to = Shared(output.storage_mut::<f32>().as_mut_ptr());
        let x = values(&inputs[0]);
        ranges(self.to.blocks * self.to.positions, AT_ONCE, |begin, end| {
            with_simd(Forward {
                pool: self,
                x,
                to,
                items: (begin, end),
            });
        });
        output
    }

    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        let shape = [
            self.from.blocks,
            self.from.positions,
            self.from.stride,
            LANES,
        ];
        let is_set = self.geometry.is_disjoint && self.geometry.is_covering;
        let mut output = if is_set { unset(shape) } else { zeros(shape) };
        let to = Shared(output.storage_mut::<f32>().as_mut_ptr());
        let (x, y) = match pass.kept {
            [x, y] => (values(x), values(y)),
            _ => (&[][..], &[][..]),
        };
        let parts = self.from.channels.div_ceil(CHANNELS);
        ranges(self.from.blocks * parts, 1, |begin, end| {
            for index in begin..end {
                let channel = index % parts * CHANNELS;
                with_simd(Backward {
                    pool: self,
                    x,
                    y,
                    gradient: values(pass.gradient),
                    to,
                    block: index / parts,
                    channels: (channel, (channel + CHANNELS).min(self.from.channels)),
                });
            }
        });
        vec![output]
    }

    fn keeps(&self) -> Keeps {
        let keep = self.kind == PoolKind::Max;
        Keeps {
            inputs: keep,
            output: keep,
        }
    }
}

/// Channels that one thread takes at a time on the way back.
const CHANNELS: usize = 16;

struct Forward<'a> {
    pool: &'a Pool,
    x: &'a [f32],
    to: Shared,
    items: (usize, usize),
}

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Pool { from, to, .. } = *self.pool;
        let phase = &self.pool.geometry.forward.phases[0];
        for item in self.items.0..self.items.1 {
            let (block, place) = (item / to.positions, item % to.positions);
            let share = self.pool.shares[place];
            for at in (0..to.channels * LANES).step_by(S::WIDTH) {
                // SAFETY: the table names positions of the input; `at` is within their channels.
                unsafe {
                    let start = match self.pool.kind {
                        PoolKind::Max => f32::NEG_INFINITY,
                        PoolKind::Mean => 0.0,
                    };
                    let mut pooled = S::splat(start);
                    for tap in 0..phase.taps.len() {
                        let position = *phase.table.as_ptr().add(tap * to.positions + place);
                        if position == OUTSIDE {
                            continue;
                        }
                        let read = block * from.positions + position as usize;
                        let x = S::load(self.x.as_ptr().add(read * from.stride * LANES + at));
                        pooled = match self.pool.kind {
                            // Not a number wins and stays.
                            PoolKind::Max => S::if_equal(pooled, pooled, S::max(pooled, x), pooled),
                            PoolKind::Mean => S::add(pooled, x),
                        };
                    }
                    if self.pool.kind == PoolKind::Mean {
                        pooled = S::mul(pooled, S::splat(share));
                    }
                    S::store(self.to.at().add(item * to.stride * LANES + at), pooled);
                }
            }
        }
    }
}

struct Backward<'a> {
    pool: &'a Pool,
    x: &'a [f32],
    y: &'a [f32],
    gradient: &'a [f32],
    to: Shared,
    block: usize,
    channels: (usize, usize),
}

impl Work for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Pool { from, to, kind, .. } = *self.pool;
        let phase = &self.pool.geometry.forward.phases[0];
        let is_disjoint = self.pool.geometry.is_disjoint;
        for place in 0..to.positions {
            let written = (self.block * to.positions + place) * to.stride * LANES;
            for at in (self.channels.0 * LANES..self.channels.1 * LANES).step_by(S::WIDTH) {
                // SAFETY: the table names positions of the input; each part has its own block and channels.
                unsafe {
                    let zero = S::splat(0.0);
                    let mut open = S::load(self.gradient.as_ptr().add(written + at));
                    let y = match kind {
                        PoolKind::Max => S::load(self.y.as_ptr().add(written + at)),
                        PoolKind::Mean => {
                            open = S::mul(open, S::splat(self.pool.shares[place]));
                            zero
                        }
                    };
                    for tap in 0..phase.taps.len() {
                        let position = *phase.table.as_ptr().add(tap * to.positions + place);
                        if position == OUTSIDE {
                            continue;
                        }
                        let read = self.block * from.positions + position as usize;
                        let read = read * from.stride * LANES + at;
                        let sum = self.to.at().add(read);
                        let share = match kind {
                            PoolKind::Max => {
                                let x = S::load(self.x.as_ptr().add(read));
                                // Where the largest is not a number, the first that is none.
                                let number = S::if_equal(x, x, zero, open);
                                let share = S::if_equal(x, y, open, number);
                                let left = S::if_equal(x, x, open, zero);
                                open = S::if_equal(x, y, zero, left);
                                share
                            }
                            PoolKind::Mean => open,
                        };
                        if is_disjoint {
                            S::store(sum, share);
                        } else {
                            S::store(sum, S::add(S::load(sum), share));
                        }
                    }
                }
            }
        }
    }
}
