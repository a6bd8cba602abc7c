//! `dropout`, `spatial_dropout` and `noise`: the computation.
//!
//! What is drawn is drawn on the host from (seed, step, layer): the same on every device, and
//! after a resume.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::sequence::Flow;
use super::value::same_rank;
use super::{Pass, Value};
use crate::config;
use crate::random::{Purpose, Random};

/// Dropout: in training each value, or each map, becomes 0 with probability `rate`; the others
/// grow by `1 / (1 − rate)`.
///
/// # Reference
/// `torch.nn.Dropout`; `torch.nn.Dropout2d` for whole maps (Tompson et al. 2015).
#[derive(Module, Debug)]
pub(super) struct Dropout {
    #[module(skip)]
    settings: config::Dropout,
    #[module(skip)]
    layer: u64,
}

impl Dropout {
    pub(super) fn new(settings: config::Dropout, index: usize) -> Self {
        Self {
            settings,
            layer: index as u64,
        }
    }

    pub(super) fn forward(&self, value: Value, flow: &mut Flow<'_>) -> Value {
        let Pass::Train { seed, step } = flow.pass else {
            return value;
        };
        if self.settings.rate == 0.0 {
            return value;
        }
        let random = Random::new(Purpose::Dropout, &[seed, step, self.layer]);
        match value {
            Value::Packed(packed) => {
                let maps = self.settings.spatial && packed.shape().len() > 2;
                Value::Packed(Box::new(packed.dropped(random, self.settings.rate, maps)))
            }
            value => same_rank!(value, tensor => {
                let mask = self.mask(tensor.dims(), random, &tensor.device());
                tensor * mask
            }),
        }
    }

    /// Draws the factors of all values, or of all maps.
    fn mask<const D: usize>(
        &self,
        mut shape: [usize; D],
        mut random: Random,
        device: &Device,
    ) -> Tensor<D> {
        if self.settings.spatial {
            shape.iter_mut().skip(2).for_each(|size| *size = 1);
        }
        let rate = self.settings.rate;
        let kept = (1.0 / (1.0 - rate)) as f32;
        let mask: Vec<f32> = (0..shape.iter().product())
            .map(|_| if random.unit() < rate { 0.0 } else { kept })
            .collect();
        Tensor::from_data(TensorData::new(mask, shape), device)
    }
}

/// Gaussian noise with mean 0, added in training.
///
/// # Reference
/// `keras.layers.GaussianNoise`.
#[derive(Module, Debug)]
pub(super) struct Noise {
    #[module(skip)]
    settings: config::Noise,
    #[module(skip)]
    layer: u64,
}

impl Noise {
    pub(super) fn new(settings: config::Noise, index: usize) -> Self {
        Self {
            settings,
            layer: index as u64,
        }
    }

    pub(super) fn forward(&self, value: Value, flow: &mut Flow<'_>) -> Value {
        let Pass::Train { seed, step } = flow.pass else {
            return value;
        };
        let random = Random::new(Purpose::Noise, &[seed, step, self.layer]);
        same_rank!(value, tensor => self.add(tensor, random))
    }

    fn add<const D: usize>(&self, tensor: Tensor<D>, mut random: Random) -> Tensor<D> {
        let shape = tensor.dims();
        let noise: Vec<f32> = (0..shape.iter().product())
            .map(|_| (random.normal() * self.settings.std) as f32)
            .collect();
        let noise = Tensor::from_data(TensorData::new(noise, shape), &tensor.device());
        tensor + noise
    }
}
