//! Pools: what is kept of each window.

use std::sync::Arc;

use super::{Inputs, Rows, Stage};
use crate::kernels::geometry::{Geometry, OUTSIDE};
use crate::kernels::parallel::{Shared, ranges};
use crate::kernels::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// What is kept of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduce {
    /// The largest value; not a number if there is one.
    Max,
    /// The smallest value; not a number if there is one.
    Min,
    /// The sum, times a share.
    Sum,
    /// The root of the sum of squares.
    Norm,
}

/// Pools windows.
#[derive(Debug)]
pub(crate) struct Pool {
    /// What is kept.
    pub(crate) reduce: Reduce,
    /// The windows.
    pub(crate) geometry: Arc<Geometry>,
    /// What the sum of each window is multiplied with.
    pub(crate) shares: Vec<f32>,
    /// How the input lies.
    pub(crate) from: Rows,
    /// How the output lies.
    pub(crate) to: Rows,
}

/// Positions a thread computes at a time.
const AT_ONCE: usize = 128;

impl Stage for Pool {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        self.from.check(images, inputs.get(0));
        self.to.check(images, output);
        assert_eq!(self.from.stride, self.to.stride, "channels stay");
        let target = Shared(output.as_mut_ptr());
        ranges(images * self.to.positions, AT_ONCE, |begin, end| {
            with_simd(Slide {
                pool: self,
                source: inputs.get(0),
                target,
                items: (begin, end),
            });
        });
    }
}

struct Slide<'a> {
    pool: &'a Pool,
    source: &'a [f32],
    target: Shared,
    items: (usize, usize),
}

impl Work for Slide<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        // SAFETY: the set is enabled where `Work` runs.
        unsafe {
            match self.pool.reduce {
                // Not a number wins and stays.
                Reduce::Max => self.each::<S>(f32::NEG_INFINITY, |kept, x| {
                    S::if_equal(kept, kept, S::max(kept, x), kept)
                }),
                Reduce::Min => self.each::<S>(f32::INFINITY, |kept, x| {
                    S::if_equal(kept, kept, S::min(kept, x), kept)
                }),
                Reduce::Sum => self.each::<S>(0.0, |sum, x| S::add(sum, x)),
                Reduce::Norm => self.each::<S>(0.0, |sum, x| S::fma(x, x, sum)),
            }
        }
    }
}

impl Slide<'_> {
    #[inline(always)]
    unsafe fn each<S: Simd>(&self, start: f32, take: impl Fn(S::V, S::V) -> S::V) {
        let Pool { from, to, .. } = self.pool;
        let phase = &self.pool.geometry.forward.phases[0];
        let mut image = self.items.0 / to.positions;
        let mut next = self.items.0 % to.positions;
        for item in self.items.0..self.items.1 {
            let place = next;
            for at in (0..to.stride).step_by(S::WIDTH) {
                // SAFETY: the table names positions of the input; `at` is within a row of whole registers.
                unsafe {
                    let source = self.source.as_ptr().add(image * from.values() + at);
                    let mut kept = S::splat(start);
                    for tap in 0..phase.taps.len() {
                        let position = *phase.table.as_ptr().add(tap * to.positions + place);
                        if position != OUTSIDE {
                            let x = S::load(source.add(position as usize * from.stride));
                            kept = take(kept, x);
                        }
                    }
                    let kept = match self.pool.reduce {
                        Reduce::Sum => S::mul(kept, S::splat(self.pool.shares[place])),
                        Reduce::Norm => S::sqrt(kept),
                        Reduce::Max | Reduce::Min => kept,
                    };
                    S::store(self.target.at().add(item * to.stride + at), kept);
                }
            }
            next += 1;
            if next == to.positions {
                (image, next) = (image + 1, 0);
            }
        }
    }
}
