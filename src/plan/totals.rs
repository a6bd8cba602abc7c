//! Sums over a whole network, by the textbook's formulas.

use super::footprint::predict_training_rss;
use super::{Layer, Plan, memory};
use crate::shape;

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// 16-bit floats of IEEE 754.
    F16,
    /// 16-bit floats with the range of 32-bit ones.
    Bf16,
}

impl Dtype {
    /// Returns the bytes of one value.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Returns the dtype of a word of the language.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::F32, Self::F16, Self::Bf16];
        all.into_iter().find(|dtype| dtype.word() == word)
    }

    /// Returns the word of the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

/// Figures of a whole network for one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Weights that training changes.
    pub trainable: u64,
    /// Weights that it does not.
    pub frozen: u64,
    /// Running statistics.
    pub buffers: u64,
    /// Multiply-adds for one input.
    pub macs: u64,
    /// Bytes of the weights.
    pub weight_bytes: u64,
    /// Bytes of the gradients: one for each weight that training changes.
    pub gradient_bytes: u64,
    /// Largest sum of two consecutive layers' outputs and what a branch or skip still needs, in
    /// bytes.
    pub inference_bytes: u64,
    /// The values of [`Totals::inference_bytes`]: what made each, and how many.
    pub inference_parts: Vec<memory::Part>,
    /// Sum of all layers' outputs, in bytes.
    pub training_bytes: u64,
    /// Receptive field of the last map that a window made.
    pub receptive_field: Vec<u64>,
    /// Weights that the network would have with dense layers in place of convolutions.
    pub dense_equivalent: u64,
    /// Our estimate of what a training process of this batch takes, in bytes.
    pub predicted_training_rss_bytes: u64,
}

impl Totals {
    /// Returns all weights, trained or not.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.trainable + self.frozen
    }
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
        let counts = self.counts()?;
        let mut training_bytes = 0_u64;
        for layer in self.every() {
            let bytes = layer.output_bytes(dtype, batch)?;
            training_bytes = training_bytes.checked_add(bytes)?;
        }
        // FLOPs are twice the multiply-adds, so those must fit too.
        counts.macs.checked_mul(2)?;
        let weights = counts.parameters()?;
        let weight_bytes = weights.checked_mul(dtype.bytes())?;
        let gradient_bytes = counts.trainable.checked_mul(dtype.bytes())?;
        let inference_parts = memory::peak(self)?;
        let mut values = inference_parts.iter().map(|part| part.values);
        let values = values.try_fold(0_u64, u64::checked_add)?;
        let inference_bytes = values
            .checked_mul(dtype.bytes())?
            .checked_mul(batch as u64)?;
        Some(Totals {
            trainable: counts.trainable,
            frozen: counts.frozen,
            buffers: counts.buffers,
            macs: counts.macs,
            weight_bytes,
            gradient_bytes,
            inference_bytes,
            inference_parts,
            training_bytes,
            receptive_field: self.receptive_field(),
            dense_equivalent: counts.dense_equivalent,
            predicted_training_rss_bytes: predict_training_rss(self, batch)?,
        })
    }

    /// Returns the field of the last map that a window made, or of the answer where none did.
    fn receptive_field(&self) -> Vec<u64> {
        let slid = self
            .layers
            .iter()
            .rev()
            .find(|layer| layer.operation.slides());
        let layer = slid.or(self.layers.last());
        layer.map_or_else(Vec::new, |layer| layer.field.size())
    }
}
