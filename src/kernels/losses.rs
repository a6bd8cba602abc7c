//! Losses of classes and labels, forward and back in one pass over the logits each.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;
use burn::tensor::{Tensor, TensorData};

use super::buffer::{unset, values};
use super::extension::{Kernel, Pass, apply};
use super::function::exp;
use super::lanes::LANES;
use super::parallel::{Shared, map_ranges, ranges};
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// How much the logarithm of each probability counts in a cross-entropy.
#[derive(Clone, Debug)]
pub enum Shares {
    /// One class of each sample counts, and so much.
    Own(Vec<(usize, f32)>),
    /// `[batch, classes]`.
    Each(Vec<f32>),
}

/// Computes the cross-entropy of `logits` `[batch, classes]` on the flex device:
/// `−Σ share · log softmax(logits)`.
///
/// # Panics
/// If there are shares of another batch.
///
/// # Reference
/// `torch.nn.functional.cross_entropy`.
#[must_use]
pub fn cross_entropy(logits: Tensor<2>, shares: Shares) -> Tensor<1> {
    let [samples, classes] = logits.dims();
    match &shares {
        Shares::Own(own) => assert_eq!(own.len(), samples, "a share for each sample"),
        Shares::Each(each) => assert_eq!(each.len(), samples * classes, "a share for each logit"),
    }
    let kernel = CrossEntropy { shares, classes };
    apply(Arc::new(kernel), vec![logits.into()])
}

/// Computes the mean binary cross-entropy of the sigmoid of `logits` with `targets`, on the flex device.
///
/// # Panics
/// If there are not as many targets as logits.
///
/// # Reference
/// `torch.nn.functional.binary_cross_entropy_with_logits`.
#[must_use]
pub fn binary_cross_entropy(logits: Tensor<2>, targets: Vec<f32>) -> Tensor<1> {
    let [samples, labels] = logits.dims();
    assert_eq!(targets.len(), samples * labels, "a target for each logit");
    apply(
        Arc::new(BinaryCrossEntropy { targets }),
        vec![logits.into()],
    )
}

/// Values that a thread takes at a time.
const AT_ONCE: usize = 1 << 13;

/// Inputs: logits `[batch, classes]`.
#[derive(Debug)]
struct CrossEntropy {
    shares: Shares,
    classes: usize,
}

impl CrossEntropy {
    fn rows(&self) -> usize {
        match &self.shares {
            Shares::Own(own) => own.len(),
            Shares::Each(each) => each.len() / self.classes.max(1),
        }
    }

    fn rows_at_once(&self) -> usize {
        AT_ONCE / self.classes.max(1)
    }
}

impl Kernel for CrossEntropy {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        let logits = values(&inputs[0]);
        let parts = map_ranges(self.rows(), self.rows_at_once(), |begin, end| {
            let mut grown = Grown::new(self.classes);
            let mut sum = 0.0;
            for row in begin..end {
                let logits = &logits[row * self.classes..][..self.classes];
                let (largest, total) = grown.of(logits);
                let shift = total.ln();
                let log = |logit: f32| f64::from(logit - largest) - shift;
                sum -= match &self.shares {
                    Shares::Own(own) => {
                        let (class, share) = own[row];
                        let logit = logits.get(class).copied();
                        logit.map_or(0.0, |logit| f64::from(share) * log(logit))
                    }
                    Shares::Each(each) => {
                        let shares = &each[row * self.classes..][..self.classes];
                        let pairs = logits.iter().zip(shares);
                        pairs
                            .map(|(logit, share)| f64::from(*share) * log(*logit))
                            .sum()
                    }
                };
            }
            sum
        });
        scalar(parts.into_iter().sum())
    }

    /// # Reference
    /// The softmax times the sum of the shares, less the shares.
    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        let logits = values(&pass.kept[0]);
        let gradient = values(pass.gradient)[0];
        let mut output = unset([self.rows(), self.classes]);
        let to = Shared(output.storage_mut::<f32>().as_mut_ptr());
        ranges(self.rows(), self.rows_at_once(), |begin, end| {
            let mut grown = Grown::new(self.classes);
            for row in begin..end {
                let begin = row * self.classes;
                // SAFETY: each part has its own rows.
                let to =
                    unsafe { std::slice::from_raw_parts_mut(to.at().add(begin), self.classes) };
                let (_, total) = grown.of(&logits[begin..][..self.classes]);
                let whole = match &self.shares {
                    Shares::Own(own) => own[row].1,
                    Shares::Each(each) => each[begin..][..self.classes].iter().sum(),
                };
                let factor = gradient * whole / total as f32;
                for (to, grown) in to.iter_mut().zip(&grown.values) {
                    *to = factor * grown;
                }
                match &self.shares {
                    Shares::Own(own) => {
                        let (class, share) = own[row];
                        if let Some(to) = to.get_mut(class) {
                            *to -= gradient * share;
                        }
                    }
                    Shares::Each(each) => {
                        for (to, share) in to.iter_mut().zip(&each[begin..]) {
                            *to -= gradient * share;
                        }
                    }
                }
            }
        });
        vec![output]
    }
}

/// Exponentials of the logits of a sample, of which the largest is 1.
struct Grown {
    /// In whole registers.
    values: Vec<f32>,
    classes: usize,
}

impl Grown {
    fn new(classes: usize) -> Self {
        Self {
            values: vec![0.0; classes.next_multiple_of(LANES)],
            classes,
        }
    }

    /// Computes them; returns the largest logit and their sum.
    fn of(&mut self, logits: &[f32]) -> (f32, f64) {
        // What is not a number makes the sum none, wherever it stands.
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for (value, logit) in self.values.iter_mut().zip(logits) {
            *value = logit - largest;
        }
        with_simd(Grow(&mut self.values));
        let grown = self.values[..self.classes].iter();
        (largest, grown.map(|value| f64::from(*value)).sum())
    }
}

/// Puts exponentials in the place of values, in whole registers.
struct Grow<'a>(&'a mut [f32]);

impl Work for Grow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for values in self.0.chunks_exact_mut(S::WIDTH) {
            // SAFETY: a chunk is a register's floats.
            unsafe { S::store(values.as_mut_ptr(), exp::<S>(S::load(values.as_ptr()))) };
        }
    }
}

/// Inputs: logits `[batch, labels]`.
#[derive(Debug)]
struct BinaryCrossEntropy {
    targets: Vec<f32>,
}

impl Kernel for BinaryCrossEntropy {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        let logits = values(&inputs[0]);
        let parts = map_ranges(logits.len(), AT_ONCE, |begin, end| {
            let pairs = logits[begin..end].iter().zip(&self.targets[begin..end]);
            let losses = pairs.map(|(logit, target)| {
                // Not `max`, which would hide what is not a number.
                let above = if *logit < 0.0 { 0.0 } else { *logit };
                above - logit * target + (-logit.abs()).exp().ln_1p()
            });
            losses.map(f64::from).sum::<f64>()
        });
        scalar(parts.into_iter().sum::<f64>() / logits.len() as f64)
    }

    /// # Reference
    /// The sigmoid less the target.
    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        let logits = values(&pass.kept[0]);
        let factor = values(pass.gradient)[0] / logits.len() as f32;
        let gradients = logits.iter().zip(&self.targets);
        let gradients: Vec<f32> = gradients
            .map(|(logit, target)| (1.0 / (1.0 + (-logit).exp()) - target) * factor)
            .collect();
        let shape = pass.kept[0].layout().shape().clone();
        vec![FlexTensor::from_data(TensorData::new(gradients, shape))]
    }
}

fn scalar(value: f64) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(vec![value as f32], [1]))
}
