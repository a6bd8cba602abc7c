//! `batch_norm` as a config writes it.

use super::super::reader::Reader;
use super::super::value;

/// Batch normalization over each channel, or each unit after `flatten` and `dense`.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// Added to the variance.
    pub epsilon: f64,
    /// Weight of the newest batch in the running statistics (PyTorch's sense).
    pub momentum: f64,
    /// Whether a factor and an offset are learned for each channel.
    pub affine: bool,
}

impl BatchNorm {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let epsilon = value::number("a number above 0", |epsilon| epsilon > 0.0);
        let momentum = value::number("a number from 0 to 1", |momentum| {
            (0.0..=1.0).contains(&momentum)
        });
        Self {
            epsilon: reader.or("epsilon", 1e-5, epsilon).value,
            momentum: reader.or("momentum", 0.1, momentum).value,
            affine: reader.or("affine", true, value::boolean).value,
        }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("epsilon", value::float(self.epsilon)),
            ("momentum", value::float(self.momentum)),
            ("affine", self.affine.to_string()),
        ]
    }
}
