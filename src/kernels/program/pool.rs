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

/// All of it is called where the set is enabled, of a `self` that is known when it is compiled.
impl Reduce {
    /// Returns what is kept of nothing.
    #[inline(always)]
    pub(super) unsafe fn start<S: Simd>(self) -> S::V {
        let start = match self {
            Self::Max => f32::NEG_INFINITY,
            Self::Min => f32::INFINITY,
            Self::Sum | Self::Norm => 0.0,
        };
        // SAFETY: the caller has enabled the set.
        unsafe { S::splat(start) }
    }

    /// Takes a value in.
    #[inline(always)]
    pub(super) unsafe fn take<S: Simd>(self, kept: S::V, x: S::V) -> S::V {
        // SAFETY: the caller has enabled the set.
        unsafe {
            match self {
                // Not a number wins and stays.
                Self::Max => S::if_equal(kept, kept, S::max(kept, x), kept),
                Self::Min => S::if_equal(kept, kept, S::min(kept, x), kept),
                Self::Sum => S::add(kept, x),
                Self::Norm => S::fma(x, x, kept),
            }
        }
    }

    /// Returns what is kept of a window whose sum is multiplied with `share`.
    #[inline(always)]
    pub(super) unsafe fn end<S: Simd>(self, kept: S::V, share: f32) -> S::V {
        // SAFETY: the caller has enabled the set.
        unsafe {
            match self {
                Self::Sum => S::mul(kept, S::splat(share)),
                Self::Norm => S::sqrt(kept),
                Self::Max | Self::Min => kept,
            }
        }
    }
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
        match self.pool.reduce {
            Reduce::Max => self.each::<S>(Reduce::Max),
            Reduce::Min => self.each::<S>(Reduce::Min),
            Reduce::Sum => self.each::<S>(Reduce::Sum),
            Reduce::Norm => self.each::<S>(Reduce::Norm),
        }
    }
}

impl Slide<'_> {
    #[inline(always)]
    fn each<S: Simd>(&self, reduce: Reduce) {
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
                    let mut kept = reduce.start::<S>();
                    for tap in 0..phase.taps.len() {
                        let position = *phase.table.as_ptr().add(tap * to.positions + place);
                        if position != OUTSIDE {
                            let x = S::load(source.add(position as usize * from.stride));
                            kept = reduce.take::<S>(kept, x);
                        }
                    }
                    let kept = reduce.end::<S>(kept, self.pool.shares[place]);
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
