//! `dropout`: the computation.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use super::{Pass, Value};
use crate::plan;
use crate::random::{Purpose, Random};

/// Dropout of single values: in training each becomes 0 with probability `rate`, the others
/// grow by `1 / (1 − rate)`.
///
/// The mask is drawn on the host from (seed, step, layer): the same on every device, and after
/// a resume.
///
/// # Reference
/// `torch.nn.Dropout`.
#[derive(Module, Debug)]
pub(super) struct Dropout {
    #[module(skip)]
    rate: f64,
    #[module(skip)]
    layer: u64,
}

impl Dropout {
    pub(super) fn new(plan: &plan::Dropout, index: usize) -> Self {
        Self {
            rate: plan.rate,
            layer: index as u64,
        }
    }

    pub(super) fn forward(&self, value: Value, pass: Pass) -> Value {
        let Pass::Train { seed, step } = pass else {
            return value;
        };
        if self.rate == 0.0 {
            return value;
        }
        let random = Random::new(Purpose::Dropout, &[seed, step, self.layer]);
        match value {
            Value::Maps(maps) => Value::Maps(self.drop(maps, random)),
            Value::Row(row) => Value::Row(self.drop(row, random)),
        }
    }

    fn drop<const D: usize>(&self, tensor: Tensor<D>, mut random: Random) -> Tensor<D> {
        let shape = tensor.dims();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "activations are 32-bit floats"
        )]
        let kept = (1.0 / (1.0 - self.rate)) as f32;
        let mask: Vec<f32> = (0..shape.iter().product())
            .map(|_| if random.unit() < self.rate { 0.0 } else { kept })
            .collect();
        let mask = Tensor::from_data(TensorData::new(mask, shape), &tensor.device());
        tensor * mask
    }
}
