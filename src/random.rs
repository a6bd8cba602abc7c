//! Random numbers that depend on a key alone, so that no draw depends on the draws before it.

/// Says what a key is for, so that two uses of one seed never share a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The order of the samples in an epoch.
    Order = 1,
    /// The choice of the validation samples.
    Split = 2,
    /// The random changes of one picture.
    Augment = 3,
    /// First values of weights.
    Weights = 4,
    /// Masks of dropout.
    Dropout = 5,
    /// Noise added to values.
    Noise = 6,
    /// The settings of a trial in a sweep.
    Trial = 20,
    /// Values in place of pictures, to measure with.
    MadeUp = 30,
}

/// A counter-based generator: value `n` of a key is `mix(key + (n + 1) · γ)`.
///
/// # Reference
/// Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Random {
    key: u64,
    counter: u64,
}

/// γ of `SplitMix64`: the golden ratio times 2^64, rounded to an odd number.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Creates the generator of a key; the order of the parts matters.
    pub(crate) fn new(purpose: Purpose, parts: &[u64]) -> Self {
        let start = mix((purpose as u64).wrapping_add(GAMMA));
        let key = parts
            .iter()
            .fold(start, |key, part| mix((key ^ part).wrapping_add(GAMMA)));
        Self { key, counter: 0 }
    }

    /// Draws 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        mix(self.key.wrapping_add(self.counter.wrapping_mul(GAMMA)))
    }

    /// Draws an integer below `bound`, each equally likely; 0 if `bound` is 0.
    ///
    /// # Reference
    /// Lemire, "Fast random integer generation in an interval".
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Draws a number in `[0, 1)` with 53 random bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns the 53 random bits of what [`Random::unit`] would draw after `index` other draws, and
    /// draws nothing.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "kernels draw for every value")]
    pub(crate) fn mantissa_at(&self, index: u64) -> u64 {
        let counter = self.counter.wrapping_add(index).wrapping_add(1);
        mix(self.key.wrapping_add(counter.wrapping_mul(GAMMA))) >> 11
    }

    /// Returns below what a mantissa is if its number is below `rate`.
    pub(crate) fn below_rate(rate: f64) -> u64 {
        (rate * (1_u64 << 53) as f64).ceil() as u64
    }

    /// Draws from the normal distribution with mean 0 and deviation 1.
    ///
    /// # Reference
    /// Box & Muller 1958.
    pub(crate) fn normal(&mut self) -> f64 {
        // The logarithm of 0 has no value; 1 − u is never 0.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Shuffles in place (Fisher-Yates), every order equally likely.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "kernels draw for every value")]
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_published_sequence() {
        let mut random = Random { key: 0, counter: 0 };
        let drawn = [random.bits(), random.bits(), random.bits()];
        let published = [
            0xe220_a839_7b1d_cdaf,
            0x6e78_9e6a_a1b9_65f4,
            0x06c4_5d18_8009_454f,
        ];
        assert_eq!(drawn, published);
    }

    #[test]
    fn depends_on_every_part_and_their_order() {
        let first = |purpose, parts: &[u64]| Random::new(purpose, parts).bits();
        let base = first(Purpose::Order, &[1, 2]);
        assert_eq!(base, first(Purpose::Order, &[1, 2]));
        assert_ne!(base, first(Purpose::Order, &[2, 1]));
        assert_ne!(base, first(Purpose::Order, &[1, 3]));
        assert_ne!(base, first(Purpose::Order, &[1, 2, 0]));
        assert_ne!(base, first(Purpose::Split, &[1, 2]));
    }

    #[test]
    fn a_draw_is_known_by_its_number() {
        let nth = |random: &Random, index: u64| {
            let mut random = random.clone();
            (0..index).for_each(|_| {
                random.bits();
            });
            random.unit()
        };
        let random = Random::new(Purpose::Dropout, &[5]);
        let still = Random::new(Purpose::Dropout, &[5]);
        for rate in [0.0, 0.1, 0.5, 1.0 / 3.0, 0.999] {
            for index in 0..500 {
                let below = still.mantissa_at(index) < Random::below_rate(rate);
                assert_eq!(nth(&random, index) < rate, below, "{rate} {index}");
            }
        }
    }

    #[test]
    fn draws_evenly_below_a_bound() {
        let mut random = Random::new(Purpose::Augment, &[7]);
        let mut counts = [0_u32; 5];
        for _ in 0..50_000 {
            counts[random.below(5) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)));
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.unit())));
    }
}
