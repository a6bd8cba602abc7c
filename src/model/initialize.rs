//! First values of weights, made on the host so that every device starts from the same.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use crate::random::{Purpose, Random};

/// Hands out parameters in order, each with a number of its own.
pub(super) struct Builder<'a> {
    seed: u64,
    device: &'a Device,
    next: u64,
}

impl<'a> Builder<'a> {
    pub(super) fn new(seed: u64, device: &'a Device) -> Self {
        Self {
            seed,
            device,
            next: 0,
        }
    }

    /// Returns the number of the next parameter: the same in every process, so that the state
    /// of an optimizer finds its weights again.
    pub(super) fn id(&mut self) -> ParamId {
        self.next += 1;
        ParamId::from(self.next)
    }

    /// Draws weights from U(−a, a), a = √(6 / (`fan_in` + `fan_out`)).
    ///
    /// # Reference
    /// Glorot & Bengio 2010, eq. 16; the default of Keras.
    pub(super) fn glorot_uniform<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
        fan_out: usize,
    ) -> Param<Tensor<D>> {
        let id = self.id();
        let mut random = Random::new(Purpose::Weights, &[self.seed, id.val()]);
        #[expect(clippy::cast_precision_loss, reason = "fans stay far below 2⁵³")]
        let bound = (6.0 / (fan_in + fan_out).max(1) as f64).sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "weights are 32-bit floats")]
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| ((random.unit() * 2.0 - 1.0) * bound) as f32)
            .collect();
        let tensor = Tensor::from_data(TensorData::new(values, shape), self.device);
        Param::initialized(id, self.trainable(tensor))
    }

    /// Makes a parameter of one value throughout.
    pub(super) fn constant(&mut self, length: usize, value: f32) -> Param<Tensor<1>> {
        let tensor = self.trainable(self.buffer(length, value));
        Param::initialized(self.id(), tensor)
    }

    /// Marks a tensor as one that gradients are wanted for, where the device can tell them.
    fn trainable<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<D> {
        if self.device.is_autodiff() {
            tensor.require_grad()
        } else {
            tensor
        }
    }

    /// Makes a tensor that is not trained.
    pub(super) fn buffer(&self, length: usize, value: f32) -> Tensor<1> {
        Tensor::from_data(TensorData::new(vec![value; length], [length]), self.device)
    }
}
