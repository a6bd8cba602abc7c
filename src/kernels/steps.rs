//! Steps of an optimizer: one pass over a weight, its gradient and what is remembered of it.

use burn::backend::flex::{Flex, FlexTensor};
use burn::tensor::Tensor;

use super::buffer::{contiguous, values};
use super::lanes::LANES;
use super::parallel::{Shared, ranges};
use super::rules::{Adadelta, Adagrad, Adan, Adaptive, Lion, Mean, Momentum, Plain, RmsProp, Rule};
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
        /// One over the root of what `v` lacks; nothing where `v` is not divided by.
        root: Option<f64>,
        /// How much of both means is kept.
        betas: [f64; 2],
        /// Added to the root.
        epsilon: f64,
        /// Factors of `g` and `m`, whose sum takes the place of `m`.
        ahead: Option<[f64; 2]>,
        /// Whether the largest `v` so far is taken.
        largest: bool,
    },
    /// `v` is a running mean of `g²`, `w −= rate · g / (√v + epsilon)`.
    RmsProp {
        /// The rate.
        rate: f64,
        /// How much of the means is kept.
        keep: f64,
        /// Added to the root.
        epsilon: f64,
        /// Whether the square of the mean of `g` is taken from `v`: its mean is remembered too.
        centered: bool,
        /// How much of the last step is kept: it is remembered too.
        momentum: Option<f64>,
    },
    /// `s += start + g²`, `w −= rate · g / (√s + epsilon)`.
    Adagrad {
        /// The rate.
        rate: f64,
        /// Added to the sum in this step.
        start: f64,
        /// Added to the root.
        epsilon: f64,
    },
    /// `v` and `d` are running means of `g²` and of the squares of `x = √(d + epsilon) / √(v + epsilon) · g`, `w −= rate · x`.
    Adadelta {
        /// The rate.
        rate: f64,
        /// How much of both means is kept.
        keep: f64,
        /// Added under the roots.
        epsilon: f64,
    },
    /// `w −= rate · sign(m · keep + g · (1 − keep))` with the first share, then `m` is brought up to date with the second.
    Lion {
        /// The rate.
        rate: f64,
        /// How much of `m` is kept.
        keep: [f64; 2],
    },
    /// `m`, `d` and `v` are running means of `g`, of its change since the last step, and of `(g + keep · change)²`;
    /// `w = shrink · (w − (size · m + change · d) / (root · √v + epsilon))`.
    Adan {
        /// How much of the means is kept.
        keep: [f64; 3],
        /// Factor of `m`.
        size: f64,
        /// Factor of `d`.
        change: f64,
        /// One over the root of what `v` lacks.
        root: f64,
        /// Added to the root.
        epsilon: f64,
        /// What the weight is multiplied with after the step.
        shrink: f64,
        /// Whether there was no step before: nothing has changed then.
        is_first: bool,
    },
}

impl Update {
    /// Returns how many values it remembers of each of a weight.
    #[must_use]
    pub fn slots(self) -> usize {
        match self {
            Self::Plain { .. } => 0,
            Self::Momentum { .. } | Self::Adagrad { .. } | Self::Lion { .. } => 1,
            Self::Adaptive { largest, .. } => 2 + usize::from(largest),
            Self::RmsProp {
                centered, momentum, ..
            } => 1 + usize::from(centered) + usize::from(momentum.is_some()),
            Self::Adadelta { .. } => 2,
            Self::Adan { .. } => 4,
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

impl Decay {
    /// Leaves weights as they are.
    pub const NONE: Self = Self {
        shrink: 1.0,
        penalty: 0.0,
    };
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
    let mut remembered: Slots = [own; SLOTS];
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
/// What is remembered of a value, at most.
const SLOTS: usize = 4;
/// Where a weight's remembered values lie.
type Slots = [Shared; SLOTS];

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
                ahead,
                largest,
            } => {
                let rule = Adaptive {
                    size: size as f32,
                    root: root.map(|root| root as f32),
                    means: betas.map(Mean::new),
                    epsilon: epsilon as f32,
                    ahead: ahead.map(|factors| factors.map(|factor| factor as f32)),
                };
                if largest {
                    self.each::<S, _, 3>(&rule);
                } else {
                    self.each::<S, _, 2>(&rule);
                }
            }
            Update::RmsProp {
                rate,
                keep,
                epsilon,
                centered,
                momentum,
            } => {
                let rule = RmsProp {
                    rate: rate as f32,
                    mean: Mean::new(keep),
                    epsilon: epsilon as f32,
                    centered,
                    momentum: momentum.map(|momentum| momentum as f32),
                };
                match self.update.slots() {
                    1 => self.each::<S, _, 1>(&rule),
                    2 => self.each::<S, _, 2>(&rule),
                    _ => self.each::<S, _, 3>(&rule),
                }
            }
            Update::Adagrad {
                rate,
                start,
                epsilon,
            } => self.each::<S, _, 1>(&Adagrad {
                rate: rate as f32,
                start: start as f32,
                epsilon: epsilon as f32,
            }),
            Update::Adadelta {
                rate,
                keep,
                epsilon,
            } => self.each::<S, _, 2>(&Adadelta {
                rate: rate as f32,
                mean: Mean::new(keep),
                epsilon: epsilon as f32,
            }),
            Update::Lion { rate, keep } => self.each::<S, _, 1>(&Lion {
                rate: rate as f32,
                means: keep.map(Mean::new),
            }),
            Update::Adan {
                keep,
                size,
                change,
                root,
                epsilon,
                shrink,
                is_first,
            } => self.each::<S, _, 4>(&Adan {
                means: keep.map(Mean::new),
                size: size as f32,
                change: change as f32,
                root: root as f32,
                epsilon: epsilon as f32,
                shrink: shrink as f32,
                is_first,
            }),
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
        let mut rest = [0.0_f32; (2 + SLOTS) * LANES];
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
