//! Sums over a whole network, by the textbook's formulas.

use super::{Layer, Plan};
use crate::shape;

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floats.
    F32,
}

impl Dtype {
    /// Returns the bytes of one value.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
        }
    }

    /// Returns the word of the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::F32 => "f32",
        }
    }
}

/// Figures of a whole network for one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Weights that training changes.
    pub trainable: u64,
    /// Running statistics.
    pub buffers: u64,
    /// Multiply-adds for one input.
    pub macs: u64,
    /// Bytes of the weights.
    pub weight_bytes: u64,
    /// Largest sum of two consecutive layers' outputs, in bytes.
    pub inference_bytes: u64,
    /// The two layers of [`Totals::inference_bytes`], by index; the same twice in a network of one.
    pub inference_pair: (usize, usize),
    /// Sum of all layers' outputs, in bytes.
    pub training_bytes: u64,
    /// Receptive field of the last map that a window made.
    pub receptive_field: Vec<u64>,
    /// Weights that the network would have with dense layers in place of convolutions.
    pub dense_equivalent: u64,
    /// Our estimate of what a training process of this batch takes, in bytes.
    pub predicted_training_rss_bytes: u64,
}

impl Layer {
    /// Returns the bytes of the output for a batch.
    #[must_use]
    pub fn output_bytes(&self, dtype: Dtype, batch: usize) -> Option<u64> {
        shape::elements(&self.output)?
            .checked_mul(dtype.bytes())?
            .checked_mul(batch as u64)
    }
}

impl Plan {
    /// Sums up the network for a batch; nothing on overflow.
    #[must_use]
    pub fn totals(&self, dtype: Dtype, batch: usize) -> Option<Totals> {
        let mut trainable = 0_u64;
        let mut buffers = 0_u64;
        let mut macs = 0_u64;
        let mut dense_equivalent = 0_u64;
        let mut outputs = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            trainable = trainable.checked_add(layer.counts.trainable)?;
            buffers = buffers.checked_add(layer.counts.buffers)?;
            macs = macs.checked_add(layer.counts.macs)?;
            dense_equivalent = dense_equivalent.saturating_add(layer.counts.dense_equivalent);
            outputs.push(layer.output_bytes(dtype, batch)?);
        }
        let training_bytes = outputs
            .iter()
            .try_fold(0_u64, |sum, bytes| sum.checked_add(*bytes))?;
        // FLOPs are twice the multiply-adds, so those must fit too.
        macs.checked_mul(2)?;
        let (inference_pair, inference_bytes) = largest_pair(&outputs);
        let weight_bytes = trainable.checked_mul(dtype.bytes())?;
        Some(Totals {
            trainable,
            buffers,
            macs,
            weight_bytes,
            inference_bytes,
            inference_pair,
            training_bytes,
            receptive_field: self.receptive_field(),
            dense_equivalent,
            predicted_training_rss_bytes: predict_training_rss(weight_bytes, training_bytes)?,
        })
    }

    /// Returns the field of the last map that a window made, or of the answer where none did.
    fn receptive_field(&self) -> Vec<u64> {
        let mapped = self
            .layers
            .iter()
            .rev()
            .find(|layer| layer.operation.slides());
        let layer = mapped.or(self.layers.last());
        layer.map_or_else(Vec::new, |layer| layer.field.size.clone())
    }
}

/// Returns the neighbours with the largest sum, and the sum.
fn largest_pair(outputs: &[u64]) -> ((usize, usize), u64) {
    if let [only] = outputs {
        return ((0, 0), *only);
    }
    let mut best = ((0, 0), 0);
    for (index, pair) in outputs.windows(2).enumerate() {
        let sum = pair.iter().sum();
        if sum > best.1 {
            best = ((index, index + 1), sum);
        }
    }
    best
}

/// Estimates the resident memory of a training process, in bytes.
///
/// Weights stand four times (value, gradient, two moments of Adam); outputs are kept for the
/// backward pass and made again as gradients, beside the copies that convolutions make of their
/// input. The constants are fitted to `LeNet-5` with batches of 32 and 64 and `mnist-small` with 64
/// on the `cpu` device, which take 26, 33 and 117 MB.
fn predict_training_rss(weight_bytes: u64, training_bytes: u64) -> Option<u64> {
    const PROCESS: u64 = 22_000_000;
    const COPIES_OF_WEIGHTS: u64 = 4;
    const HALF_COPIES_OF_OUTPUTS: u64 = 7;
    let outputs = training_bytes.checked_mul(HALF_COPIES_OF_OUTPUTS)? / 2;
    weight_bytes
        .checked_mul(COPIES_OF_WEIGHTS)?
        .checked_add(outputs)?
        .checked_add(PROCESS)
}
