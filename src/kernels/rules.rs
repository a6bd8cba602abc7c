//! What optimizers do with a register of weights.

use super::simd::Simd;

/// What an update does with a register of weights, their gradients and what is remembered of them.
pub(super) trait Rule<const N: usize> {
    /// Returns the weights and what is to be remembered.
    ///
    /// SAFETY: the caller has enabled the set. Must be `#[inline(always)]`.
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        slots: [S::V; N],
    ) -> (S::V, [S::V; N]);
}

/// A running mean.
#[derive(Clone, Copy)]
pub(super) struct Mean {
    keep: f32,
    fresh: f32,
}

impl Mean {
    pub(super) fn new(keep: f64) -> Self {
        Self {
            keep: keep as f32,
            fresh: (1.0 - keep) as f32,
        }
    }

    /// SAFETY: the caller has enabled the set.
    #[inline(always)]
    unsafe fn with<S: Simd>(self, mean: S::V, value: S::V) -> S::V {
        // SAFETY: only registers are touched.
        unsafe {
            let fresh = S::mul(value, S::splat(self.fresh));
            S::fma(mean, S::splat(self.keep), fresh)
        }
    }
}

/// Returns `w − rate · step`.
///
/// SAFETY: the caller has enabled the set.
#[inline(always)]
unsafe fn along<S: Simd>(weight: S::V, step: S::V, rate: f32) -> S::V {
    // SAFETY: only registers are touched.
    unsafe { S::sub(weight, S::mul(step, S::splat(rate))) }
}

pub(super) struct Plain {
    pub(super) rate: f32,
}

impl Rule<0> for Plain {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        _: [S::V; 0],
    ) -> (S::V, [S::V; 0]) {
        // SAFETY: the caller's.
        unsafe { (along::<S>(weight, gradient, self.rate), []) }
    }
}

pub(super) struct Momentum {
    pub(super) rate: f32,
    pub(super) keep: f32,
    pub(super) fresh: f32,
    pub(super) ahead: Option<f32>,
}

impl Rule<1> for Momentum {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        [buffer]: [S::V; 1],
    ) -> (S::V, [S::V; 1]) {
        // SAFETY: only registers are touched.
        unsafe {
            let fresh = S::mul(gradient, S::splat(self.fresh));
            let buffer = S::fma(buffer, S::splat(self.keep), fresh);
            let step = match self.ahead {
                Some(ahead) => S::fma(buffer, S::splat(ahead), gradient),
                None => buffer,
            };
            (along::<S>(weight, step, self.rate), [buffer])
        }
    }
}

pub(super) struct Adaptive {
    pub(super) size: f32,
    pub(super) root: Option<f32>,
    pub(super) means: [Mean; 2],
    pub(super) epsilon: f32,
    pub(super) ahead: Option<[f32; 2]>,
}

impl<const N: usize> Rule<N> for Adaptive {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        mut slots: [S::V; N],
    ) -> (S::V, [S::V; N]) {
        // SAFETY: only registers are touched.
        unsafe {
            let mean = self.means[0].with::<S>(slots[0], gradient);
            let square = self.means[1].with::<S>(slots[1], S::mul(gradient, gradient));
            [slots[0], slots[1]] = [mean, square];
            let mut spread = square;
            if N > 2 {
                // What is not a number wins.
                spread = S::if_equal(square, square, S::max(square, slots[2]), square);
                slots[2] = spread;
            }
            let mut step = match self.ahead {
                Some([fresh, kept]) => {
                    let fresh = S::mul(gradient, S::splat(fresh));
                    S::fma(mean, S::splat(kept), fresh)
                }
                None => mean,
            };
            if let Some(root) = self.root {
                let root = S::fma(S::sqrt(spread), S::splat(root), S::splat(self.epsilon));
                step = S::div(step, root);
            }
            (along::<S>(weight, step, self.size), slots)
        }
    }
}

pub(super) struct RmsProp {
    pub(super) rate: f32,
    pub(super) mean: Mean,
    pub(super) epsilon: f32,
    pub(super) centered: bool,
    pub(super) momentum: Option<f32>,
}

impl<const N: usize> Rule<N> for RmsProp {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        mut slots: [S::V; N],
    ) -> (S::V, [S::V; N]) {
        // SAFETY: only registers are touched.
        unsafe {
            slots[0] = self.mean.with::<S>(slots[0], S::mul(gradient, gradient));
            let mut spread = slots[0];
            if self.centered {
                slots[1] = self.mean.with::<S>(slots[1], gradient);
                spread = S::sub(spread, S::mul(slots[1], slots[1]));
            }
            let root = S::add(S::sqrt(spread), S::splat(self.epsilon));
            let mut step = S::div(gradient, root);
            if let Some(momentum) = self.momentum {
                step = S::fma(slots[N - 1], S::splat(momentum), step);
                slots[N - 1] = step;
            }
            (along::<S>(weight, step, self.rate), slots)
        }
    }
}

pub(super) struct Adagrad {
    pub(super) rate: f32,
    pub(super) start: f32,
    pub(super) epsilon: f32,
}

impl Rule<1> for Adagrad {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        [sum]: [S::V; 1],
    ) -> (S::V, [S::V; 1]) {
        // SAFETY: only registers are touched.
        unsafe {
            let sum = S::fma(gradient, gradient, S::add(sum, S::splat(self.start)));
            let root = S::add(S::sqrt(sum), S::splat(self.epsilon));
            (along::<S>(weight, S::div(gradient, root), self.rate), [sum])
        }
    }
}

pub(super) struct Adadelta {
    pub(super) rate: f32,
    pub(super) mean: Mean,
    pub(super) epsilon: f32,
}

impl Rule<2> for Adadelta {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        [square, change]: [S::V; 2],
    ) -> (S::V, [S::V; 2]) {
        // SAFETY: only registers are touched.
        unsafe {
            let square = self.mean.with::<S>(square, S::mul(gradient, gradient));
            let [above, below] =
                [change, square].map(|mean| S::sqrt(S::add(mean, S::splat(self.epsilon))));
            let step = S::mul(S::div(above, below), gradient);
            let change = self.mean.with::<S>(change, S::mul(step, step));
            (along::<S>(weight, step, self.rate), [square, change])
        }
    }
}

pub(super) struct Lion {
    pub(super) rate: f32,
    pub(super) means: [Mean; 2],
}

impl Rule<1> for Lion {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        [mean]: [S::V; 1],
    ) -> (S::V, [S::V; 1]) {
        // SAFETY: only registers are touched.
        unsafe {
            let toward = self.means[0].with::<S>(mean, gradient);
            let zero = S::splat(0.0);
            // Zero, and what is not a number, stay so.
            let falling = S::if_greater(zero, toward, S::splat(-1.0), toward);
            let sign = S::if_greater(toward, zero, S::splat(1.0), falling);
            let mean = self.means[1].with::<S>(mean, gradient);
            (along::<S>(weight, sign, self.rate), [mean])
        }
    }
}

pub(super) struct Adan {
    pub(super) means: [Mean; 3],
    pub(super) size: f32,
    pub(super) change: f32,
    pub(super) root: f32,
    pub(super) epsilon: f32,
    pub(super) shrink: f32,
    pub(super) is_first: bool,
}

impl Rule<4> for Adan {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        [before, mean, change, square]: [S::V; 4],
    ) -> (S::V, [S::V; 4]) {
        let before = if self.is_first { gradient } else { before };
        // SAFETY: only registers are touched.
        unsafe {
            let difference = S::sub(gradient, before);
            let ahead = S::fma(difference, S::splat(self.means[1].keep), gradient);
            let mean = self.means[0].with::<S>(mean, gradient);
            let change = self.means[1].with::<S>(change, difference);
            let square = self.means[2].with::<S>(square, S::mul(ahead, ahead));
            let root = S::fma(S::sqrt(square), S::splat(self.root), S::splat(self.epsilon));
            let step = S::fma(
                change,
                S::splat(self.change),
                S::mul(mean, S::splat(self.size)),
            );
            let weight = S::sub(weight, S::div(step, root));
            (
                S::mul(weight, S::splat(self.shrink)),
                [gradient, mean, change, square],
            )
        }
    }
}
