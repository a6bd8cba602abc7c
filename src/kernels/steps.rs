//! Steps of an optimizer: one pass over a weight, its gradient and what is remembered of it.

use burn::backend::flex::{Flex, FlexTensor};
use burn::tensor::Tensor;

use super::buffer::{contiguous, values};
use super::lanes::LANES;
use super::parallel::{Shared, ranges};
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// What a step does with each value of a weight `w`, its gradient `g` and what is remembered of it.
#[derive(Clone, Copy, Debug)]
pub enum Update {
    /// `w −= rate · g`.
    Plain {
        /// The rate.
        rate: f64,
    },
    /// `b = keep · b + fresh · g`, `w −= rate · b`; with `nesterov`, `w −= rate · (g + nesterov · b)`.
    Momentum {
        /// The rate.
        rate: f64,
        /// How much of `b` is kept.
        keep: f64,
        /// How much of the gradient is added.
        fresh: f64,
        /// How far to look ahead, if at all.
        nesterov: Option<f64>,
    },
    /// `m` and `v` are running means of `g` and `g²`, `w −= size · m / (root · √v + epsilon)`.
    Adaptive {
        /// The rate over what `m` lacks.
        size: f64,
        /// One over the root of what `v` lacks.
        root: f64,
        /// How much of both means is kept.
        betas: [f64; 2],
        /// Added to the root.
        epsilon: f64,
        /// Whether the largest `v` so far is taken.
        largest: bool,
    },
}

impl Update {
    /// Returns how many values it remembers of each of a weight.
    #[must_use]
    pub fn slots(self) -> usize {
        match self {
            Self::Plain { .. } => 0,
            Self::Momentum { .. } => 1,
            Self::Adaptive { largest, .. } => 2 + usize::from(largest),
        }
    }
}

/// How a step makes weights smaller.
#[derive(Clone, Copy, Debug)]
pub struct Decay {
    /// What the weight is multiplied with before the step.
    pub shrink: f64,
    /// How much of the weight is added to the gradient.
    pub penalty: f64,
}

/// Moves a weight of the flex device by one step; returns it and what is remembered of it.
///
/// # Panics
/// If the update remembers another number of values, or lengths differ.
#[must_use]
pub fn step<const N: usize>(
    update: Update,
    decay: Decay,
    weight: Tensor<1>,
    gradient: Tensor<1>,
    slots: [Tensor<1>; N],
) -> (Tensor<1>, [Tensor<1>; N]) {
    assert_eq!(N, update.slots(), "as many slots as the update has");
    let mut weight = flat(weight);
    let gradient = flat(gradient);
    let mut slots = slots.map(flat);
    let gradient_values = values(&gradient);
    let length = gradient_values.len();
    // What others hold too is copied here.
    let shared = |tensor: &mut FlexTensor| {
        let values = tensor.storage_mut::<f32>();
        assert_eq!(values.len(), length, "a value for each of the gradient");
        Shared(values.as_mut_ptr())
    };
    let own = shared(&mut weight);
    let mut remembered: Slots = [own; 3];
    for (to, slot) in remembered.iter_mut().zip(&mut slots) {
        *to = shared(slot);
    }
    let pass = Steps {
        update,
        decay,
        weight: own,
        gradient: gradient_values,
        slots: remembered,
        values: (0, length),
    };
    ranges(length.div_ceil(LANES), AT_ONCE / LANES, |begin, end| {
        let mut part = pass;
        part.values = (begin * LANES, (end * LANES).min(length));
        with_simd(part);
    });
    let tensor = |tensor| Tensor::from_primitive::<Flex>(tensor);
    (tensor(weight), slots.map(tensor))
}

/// Values that a thread takes at a time.
const AT_ONCE: usize = 1 << 13;
/// Where a weight's remembered values lie: of each at most three.
type Slots = [Shared; 3];

/// Returns the values of a weight, one after the other.
fn flat(tensor: Tensor<1>) -> FlexTensor {
    match tensor.try_into_primitive::<Flex>() {
        Ok(tensor) => contiguous(tensor),
        Err(error) => unreachable!("weights lie on the flex device: {error:?}"),
    }
}

/// The step of some values.
#[derive(Clone, Copy)]
struct Steps<'a> {
    update: Update,
    decay: Decay,
    weight: Shared,
    gradient: &'a [f32],
    slots: Slots,
    /// First value, and the one after the last.
    values: (usize, usize),
}

impl Work for Steps<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        match self.update {
            Update::Plain { rate } => self.each::<S, _, 0>(&Plain { rate: rate as f32 }),
            Update::Momentum {
                rate,
                keep,
                fresh,
                nesterov,
            } => self.each::<S, _, 1>(&Momentum {
                rate: rate as f32,
                keep: keep as f32,
                fresh: fresh as f32,
                ahead: nesterov.map(|ahead| ahead as f32),
            }),
            Update::Adaptive {
                size,
                root,
                betas,
                epsilon,
                largest,
            } => {
                let rule = Adaptive {
                    size: size as f32,
                    root: root as f32,
                    keep: betas.map(|beta| beta as f32),
                    fresh: betas.map(|beta| (1.0 - beta) as f32),
                    epsilon: epsilon as f32,
                };
                if largest {
                    self.each::<S, _, 3>(&rule);
                } else {
                    self.each::<S, _, 2>(&rule);
                }
            }
        }
    }
}

/// What an update does with a register of weights, their gradients and what is remembered of them.
trait Rule<const N: usize> {
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

struct Plain {
    rate: f32,
}

impl Rule<0> for Plain {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        _: [S::V; 0],
    ) -> (S::V, [S::V; 0]) {
        // SAFETY: only registers are touched.
        unsafe {
            let step = S::mul(gradient, S::splat(self.rate));
            (S::sub(weight, step), [])
        }
    }
}

struct Momentum {
    rate: f32,
    keep: f32,
    fresh: f32,
    ahead: Option<f32>,
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
            (S::sub(weight, S::mul(step, S::splat(self.rate))), [buffer])
        }
    }
}

struct Adaptive {
    size: f32,
    root: f32,
    keep: [f32; 2],
    fresh: [f32; 2],
    epsilon: f32,
}

impl Adaptive {
    /// Brings the running means of the gradient and its square up to date.
    ///
    /// SAFETY: the caller has enabled the set.
    #[inline(always)]
    unsafe fn means<S: Simd>(&self, gradient: S::V, [mean, square]: [S::V; 2]) -> [S::V; 2] {
        let [[keep, keep_square], [fresh, fresh_square]] = [self.keep, self.fresh];
        // SAFETY: only registers are touched.
        unsafe {
            let squared = S::mul(gradient, gradient);
            let fresh = S::mul(gradient, S::splat(fresh));
            let fresh_square = S::mul(squared, S::splat(fresh_square));
            [
                S::fma(mean, S::splat(keep), fresh),
                S::fma(square, S::splat(keep_square), fresh_square),
            ]
        }
    }

    /// Moves weights along the mean of their gradients, over the root of the mean of squares.
    ///
    /// SAFETY: the caller has enabled the set.
    #[inline(always)]
    unsafe fn along<S: Simd>(&self, weight: S::V, mean: S::V, square: S::V) -> S::V {
        // SAFETY: only registers are touched.
        unsafe {
            let root = S::sqrt(square);
            let spread = S::fma(root, S::splat(self.root), S::splat(self.epsilon));
            S::sub(weight, S::mul(S::div(mean, spread), S::splat(self.size)))
        }
    }
}

impl Rule<2> for Adaptive {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        slots: [S::V; 2],
    ) -> (S::V, [S::V; 2]) {
        // SAFETY: the caller's.
        unsafe {
            let [mean, square] = self.means::<S>(gradient, slots);
            (self.along::<S>(weight, mean, square), [mean, square])
        }
    }
}

impl Rule<3> for Adaptive {
    #[inline(always)]
    unsafe fn moved<S: Simd>(
        &self,
        weight: S::V,
        gradient: S::V,
        [mean, square, most]: [S::V; 3],
    ) -> (S::V, [S::V; 3]) {
        // SAFETY: the caller's.
        unsafe {
            let [mean, square] = self.means::<S>(gradient, [mean, square]);
            // What is not a number wins.
            let most = S::if_equal(square, square, S::max(square, most), square);
            (self.along::<S>(weight, mean, most), [mean, square, most])
        }
    }
}

impl Steps<'_> {
    /// Moves each register of the weight.
    #[inline(always)]
    fn each<S: Simd, R: Rule<N>, const N: usize>(&self, rule: &R) {
        let (begin, end) = self.values;
        let whole = begin + (end - begin) / S::WIDTH * S::WIDTH;
        let mut slots = [std::ptr::null_mut(); N];
        for slot in 0..N {
            slots[slot] = self.slots[slot].at().wrapping_add(begin);
        }
        let mut weight = self.weight.at().wrapping_add(begin);
        let mut gradient = self.gradient.as_ptr().wrapping_add(begin);
        for _ in 0..(whole - begin) / S::WIDTH {
            // SAFETY: all have the gradient's length; each part has its own values.
            unsafe { self.registers::<S, R, N>(rule, weight, gradient, slots) };
            weight = weight.wrapping_add(S::WIDTH);
            gradient = gradient.wrapping_add(S::WIDTH);
            for slot in 0..N {
                slots[slot] = slots[slot].wrapping_add(S::WIDTH);
            }
        }
        let count = end - whole;
        if count == 0 {
            return;
        }
        // The last values by way of memory that fills registers.
        let mut rest = [0.0_f32; 5 * LANES];
        let rest = rest.as_mut_ptr();
        // SAFETY: as above; each row of `rest` fills a register.
        unsafe {
            let (own, slope) = (rest, rest.add(LANES));
            std::ptr::copy_nonoverlapping(weight, own, count);
            std::ptr::copy_nonoverlapping(gradient, slope, count);
            let mut held = [rest; N];
            for slot in 0..N {
                held[slot] = rest.add((2 + slot) * LANES);
                std::ptr::copy_nonoverlapping(slots[slot], held[slot], count);
            }
            self.registers::<S, R, N>(rule, own, slope, held);
            std::ptr::copy_nonoverlapping(own, weight, count);
            for slot in 0..N {
                std::ptr::copy_nonoverlapping(held[slot], slots[slot], count);
            }
        }
    }

    /// Moves the weights of a register.
    ///
    /// SAFETY: the caller has enabled the set, and the pointers are to a register's floats.
    #[inline(always)]
    unsafe fn registers<S: Simd, R: Rule<N>, const N: usize>(
        &self,
        rule: &R,
        weight: *mut f32,
        gradient: *const f32,
        slots: [*mut f32; N],
    ) {
        let Decay { shrink, penalty } = self.decay;
        // SAFETY: the caller's.
        unsafe {
            let own = S::load(weight);
            let mut slope = S::load(gradient);
            // Without a penalty a weight beyond all numbers leaves its gradient alone.
            if penalty > 0.0 {
                slope = S::fma(own, S::splat(penalty as f32), slope);
            }
            let own = S::mul(own, S::splat(shrink as f32));
            let mut held = [own; N];
            for slot in 0..N {
                held[slot] = S::load(slots[slot]);
            }
            let (moved, held) = rule.moved::<S>(own, slope, held);
            S::store(weight, moved);
            for slot in 0..N {
                S::store(slots[slot], held[slot]);
            }
        }
    }
}
