//! Mixing a sample with another of its split.

use super::super::samples::Targets;
use super::draw::{Draw, Rectangle, numbers};
use super::frame::Frame;
use crate::config::Augment;
use crate::random::Random;

/// Tells whether samples are mixed.
pub(super) fn mixes(augment: &Augment) -> bool {
    augment.mixup > 0.0 || augment.cutmix > 0.0
}

/// What a sample is mixed with in one epoch, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mix {
    /// The other sample, of the whole split: so a pair does not depend on what else is in the batch.
    pub(super) partner: usize,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// The share of the sample itself.
    Blend(f32),
    /// The part that comes from the other.
    Cut(Rectangle),
}

impl Mix {
    /// Draws what a sample of a split of `samples` is mixed with.
    ///
    /// # Reference
    /// Zhang et al. 2017, "mixup: Beyond empirical risk minimization"; Yun et al. 2019, "`CutMix`: Regularization strategy
    /// to train strong classifiers with localizable features". Both draw a share for a batch; here each sample has its own.
    pub(super) fn draw(augment: &Augment, key: [u64; 3], samples: usize, frame: &Frame) -> Self {
        let blends = augment.mixup > 0.0;
        let cuts = augment.cutmix > 0.0;
        let mut random = numbers(key, Draw::Mix);
        let partner = random.below(samples as u64) as usize;
        let first = random.below(2) == 0;
        let way = if blends && (first || !cuts) {
            Way::Blend(beta(&mut random, augment.mixup) as f32)
        } else {
            let share = beta(&mut random, augment.cutmix);
            Way::Cut(cut(&mut random, 1.0 - share, frame))
        };
        Self { partner, way }
    }

    /// Mixes the other sample's values into those of a sample; returns the share of the sample itself.
    pub(super) fn blend(&self, own: &mut [f32], other: &[f32], frame: &Frame) -> f32 {
        match self.way {
            Way::Blend(share) => {
                for (own, other) in own.iter_mut().zip(other) {
                    *own = share * *own + (1.0 - share) * other;
                }
                share
            }
            Way::Cut(cut) => {
                let width = frame.width.max(1);
                let lines = own.chunks_exact_mut(width).zip(other.chunks_exact(width));
                for (number, (own, other)) in lines.enumerate() {
                    let row = number % frame.height.max(1);
                    if (cut.top..cut.top + cut.height).contains(&row) {
                        let columns = cut.left..cut.left + cut.width;
                        own[columns.clone()].copy_from_slice(&other[columns]);
                    }
                }
                let part = (cut.height * cut.width) as f64 / frame.plane_len().max(1) as f64;
                (1.0 - part) as f32
            }
        }
    }
}

/// Answers of a batch that shares can be taken of.
pub(super) struct Answers {
    width: usize,
    values: Vec<f32>,
}

impl Answers {
    /// Takes numbers as they are, and a class as all of it and nothing of the others.
    pub(super) fn new(targets: Targets, classes: usize) -> Self {
        match targets {
            Targets::Values { width, values } => Self { width, values },
            Targets::Classes(labels) => {
                let mut values = vec![0.0; labels.len() * classes];
                let rows = values.chunks_exact_mut(classes.max(1));
                for (row, label) in rows.zip(labels) {
                    if let Some(value) = row.get_mut(label as usize) {
                        *value = 1.0;
                    }
                }
                Self {
                    width: classes,
                    values,
                }
            }
        }
    }

    /// Leaves `share` of the answer at a place and gives the rest to another sample's.
    pub(super) fn blend(&mut self, place: usize, other: Targets, share: f32) {
        let other = Self::new(other, self.width);
        let own = self.values.chunks_exact_mut(self.width.max(1)).nth(place);
        for (own, other) in own.into_iter().flatten().zip(other.values) {
            *own = share * *own + (1.0 - share) * other;
        }
    }

    pub(super) fn into_targets(self) -> Targets {
        Targets::Values {
            width: self.width,
            values: self.values,
        }
    }
}

/// Draws a rectangle of the picture's form and a share of its area about a place anywhere; what sticks out is cut off.
fn cut(random: &mut Random, share: f64, frame: &Frame) -> Rectangle {
    let sides = [frame.height, frame.width].map(|whole| {
        let part = (whole as f64 * share.max(0.0).sqrt()).round() as usize;
        let end = random.below(whole as u64) as usize + part - part / 2;
        let start = end.saturating_sub(part);
        (start, end.min(whole).saturating_sub(start))
    });
    let [(top, height), (left, width)] = sides;
    Rectangle {
        top,
        left,
        height,
        width,
    }
}

/// Draws from Beta(α, α), as the ratio of two Gamma numbers by their logarithms: those of a small α would be 0.
fn beta(random: &mut Random, alpha: f64) -> f64 {
    let [first, second] = [0, 1].map(|_| ln_gamma(random, alpha));
    1.0 / (1.0 + (second - first).exp())
}

/// Draws the logarithm of a number of Gamma(α, 1).
///
/// # Reference
/// Marsaglia & Tsang 2000, "A simple method for generating gamma variables"; for α below 1 its section 6.
fn ln_gamma(random: &mut Random, alpha: f64) -> f64 {
    let boost = (1.0 - random.unit()).ln() / alpha;
    let (shape, boost) = if alpha < 1.0 {
        (alpha + 1.0, boost)
    } else {
        (alpha, 0.0)
    };
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = random.normal();
        let cube = (1.0 + c * normal).powi(3);
        let uniform = 1.0 - random.unit();
        if cube > 0.0 && uniform.ln() < 0.5 * normal * normal + d - d * cube + d * cube.ln() {
            return (d * cube).ln() + boost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::picture::tests::preprocessing;
    use crate::random::Purpose;

    #[test]
    fn beta_has_its_mean_and_variance() {
        for alpha in [0.1, 0.4, 1.0, 2.0, 8.0] {
            let mut random = Random::new(Purpose::Augment, &[9]);
            let drawn: Vec<f64> = (0..20_000).map(|_| beta(&mut random, alpha)).collect();
            assert!(drawn.iter().all(|share| (0.0..=1.0).contains(share)));
            let mean = drawn.iter().sum::<f64>() / 20_000.0;
            let variance = drawn
                .iter()
                .map(|share| (share - mean).powi(2))
                .sum::<f64>()
                / 20_000.0;
            assert!((mean - 0.5).abs() < 0.01, "{alpha}: {mean}");
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!(
                (variance / expected - 1.0).abs() < 0.05,
                "{alpha}: {variance}"
            );
        }
        let mut random = Random::new(Purpose::Augment, &[9]);
        assert!((0..100).all(|_| (0.0..=1.0).contains(&beta(&mut random, 1e-30))));
    }

    fn frame() -> Frame {
        Frame::new(&preprocessing(2, 8, 6)).unwrap()
    }

    fn drawn(augment: &Augment, sample: u64) -> Mix {
        let frame = frame();
        Mix::draw(augment, [1, 2, sample], 50, &frame)
    }

    #[test]
    fn shares_say_what_became_of_a_sample() {
        let frame = frame();
        let mixup = Augment {
            mixup: 0.4,
            ..Augment::default()
        };
        let cutmix = Augment {
            cutmix: 1.0,
            ..Augment::default()
        };
        let mut partners = Vec::new();
        for augment in [&mixup, &cutmix] {
            let mut shares = Vec::new();
            for sample in 0..200 {
                let mix = drawn(augment, sample);
                assert_eq!(mix, drawn(augment, sample));
                assert!(mix.partner < 50);
                partners.push(mix.partner);
                let mut own = vec![1.0; frame.len()];
                let share = mix.blend(&mut own, &vec![0.0; frame.len()], &frame);
                let mean = own.iter().sum::<f32>() / own.len() as f32;
                assert!((mean - share).abs() < 1e-5);
                shares.push(share);
                let blends = own.iter().any(|value| (0.001..0.999).contains(value));
                assert!(!blends || matches!(mix.way, Way::Blend(_)));
                let mut answers = Answers::new(Targets::Classes(vec![1, 0]), 3);
                answers.blend(1, Targets::Classes(vec![2]), share);
                let values = vec![0.0, 1.0, 0.0, share, 0.0, 1.0 - share];
                let expected = Targets::Values { width: 3, values };
                assert_eq!(answers.into_targets(), expected);
            }
            let within = |least, most| shares.iter().any(|share| (least..most).contains(share));
            assert!(within(0.0, 0.35) && within(0.4, 0.6) && within(0.8, 1.01));
        }
        partners.sort_unstable();
        partners.dedup();
        assert_eq!(partners, (0..50).collect::<Vec<_>>());
        assert!(!mixes(&Augment::default()));
        let both = Augment {
            mixup: 1.0,
            cutmix: 1.0,
            ..Augment::default()
        };
        let blends = |sample: &u64| matches!(drawn(&both, *sample).way, Way::Blend(_));
        let count = (0..400).filter(blends).count();
        assert!((150..250).contains(&count), "{count}");
    }
}
