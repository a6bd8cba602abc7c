//! What flows between two layers.

use burn::tensor::{Device, Gradients, Tensor, TensorData};

use super::{Packed, to_host};
use crate::diagnostic::Result;
use crate::kernels::Function;

/// A batch of maps or rows.
#[derive(Clone, Debug)]
pub enum Value {
    /// `[batch, values]`.
    Row(Tensor<2>),
    /// `[batch, channels, length]`.
    Signal(Tensor<3>),
    /// `[batch, channels, height, width]`.
    Maps(Tensor<4>),
    /// `[batch, channels, depth, height, width]`.
    Volume(Tensor<5>),
    /// Any of them, in the order of our own kernels.
    Packed(Box<Packed>),
}

/// Runs one expression on the tensor, whatever its rank; the result has the same rank.
macro_rules! same_rank {
    ($value:expr, $tensor:ident => $body:expr) => {
        match $value {
            $crate::model::Value::Row($tensor) => $crate::model::Value::Row($body),
            $crate::model::Value::Signal($tensor) => $crate::model::Value::Signal($body),
            $crate::model::Value::Maps($tensor) => $crate::model::Value::Maps($body),
            $crate::model::Value::Volume($tensor) => $crate::model::Value::Volume($body),
            $crate::model::Value::Packed(_) => unreachable!("layers that need Burn's order get it"),
        }
    };
}

/// Runs one expression on the tensor, whatever its rank.
macro_rules! any_rank {
    ($value:expr, $tensor:ident => $body:expr) => {
        match $value {
            $crate::model::Value::Row($tensor) => $body,
            $crate::model::Value::Signal($tensor) => $body,
            $crate::model::Value::Maps($tensor) => $body,
            $crate::model::Value::Volume($tensor) => $body,
            $crate::model::Value::Packed(_) => unreachable!("layers that need Burn's order get it"),
        }
    };
}

pub(super) use {any_rank, same_rank};

impl Value {
    /// Makes a batch of the values of inputs of one shape.
    #[must_use]
    pub fn of_inputs(values: Vec<f32>, shape: &[usize], device: &Device) -> Self {
        let batch = values.len() / shape.iter().product::<usize>().max(1);
        let shape = [&[batch], shape].concat();
        if shape.len() < 3 {
            let data = TensorData::new(values, [batch, shape.iter().skip(1).product()]);
            return Self::Row(Tensor::from_data(data, device));
        }
        let data = TensorData::new(values, shape.clone());
        match shape.len() {
            3 => Self::Signal(Tensor::from_data(data, device)),
            4 => Self::Maps(Tensor::from_data(data, device)),
            _ => Self::Volume(Tensor::from_data(data, device)),
        }
    }

    /// Makes a batch of a tensor of any rank from 2 to 5.
    pub(super) fn of_batch<const D: usize>(batch: Tensor<D>) -> Self {
        let shape = batch.dims();
        match shape[..] {
            [a, b, c] => Self::Signal(batch.reshape([a, b, c])),
            [a, b, c, d] => Self::Maps(batch.reshape([a, b, c, d])),
            [a, b, c, d, e] => Self::Volume(batch.reshape([a, b, c, d, e])),
            _ => {
                let values = shape.iter().skip(1).product();
                Self::Row(batch.reshape([shape[0], values]))
            }
        }
    }

    /// Returns the shape, the batch in front.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Packed(packed) => packed.shape(),
            value => any_rank!(value, tensor => tensor.dims().to_vec()),
        }
    }

    /// Computes what waits, before several layers take it.
    pub(super) fn settled(self) -> Self {
        match self {
            Self::Packed(packed) => Self::Packed(Box::new(packed.settled(Function::Linear))),
            value => value,
        }
    }

    /// Returns the value in Burn's order.
    #[must_use]
    pub fn plain(self) -> Self {
        match self {
            Self::Packed(packed) => packed.plain(),
            value => value,
        }
    }

    /// Returns the same values in another shape; the batch stays in front.
    pub(super) fn reshaped(self, shape: &[usize]) -> Self {
        let batch = self.shape().first().copied().unwrap_or(0);
        match *shape {
            [a] => Self::Row(any_rank!(self, tensor => tensor.reshape([batch, a]))),
            [a, b] => Self::Signal(any_rank!(self, tensor => tensor.reshape([batch, a, b]))),
            [a, b, c] => Self::Maps(any_rank!(self, tensor => tensor.reshape([batch, a, b, c]))),
            [a, b, c, d] => {
                Self::Volume(any_rank!(self, tensor => tensor.reshape([batch, a, b, c, d])))
            }
            _ => self,
        }
    }

    /// Returns all values in a row.
    pub(crate) fn into_flat(self) -> Tensor<1> {
        let values = self.shape().iter().product::<usize>();
        any_rank!(self, tensor => tensor.reshape([values]))
    }

    /// Asks for the gradient at this value, which is computed from nothing that has one.
    pub(crate) fn tracked(self) -> Self {
        same_rank!(self, tensor => tensor.require_grad())
    }

    /// Forgets what the value was computed from.
    pub(crate) fn detached(self) -> Self {
        same_rank!(self, tensor => tensor.detach())
    }

    /// Returns the gradient at this value; zeros where nothing came from it.
    ///
    /// # Errors
    /// When it cannot be read from the device.
    pub(crate) fn gradient(&self, gradients: &Gradients) -> Result<Vec<f32>> {
        let values = self.shape().iter().product::<usize>();
        any_rank!(self, tensor => match tensor.grad(gradients) {
            Some(gradient) => to_host(gradient),
            None => Ok(vec![0.0; values]),
        })
    }

    /// Returns rows of values; maps are flattened.
    pub(crate) fn into_row(self) -> Tensor<2> {
        match self {
            Self::Row(row) => row,
            other => {
                let shape = other.shape();
                let values = shape.iter().skip(1).product::<usize>();
                any_rank!(other, tensor => tensor.reshape([shape[0], values]))
            }
        }
    }

    /// Returns `[batch, channels, values of a map]`.
    pub(super) fn into_channels(self) -> Tensor<3> {
        let shape = self.shape();
        let map = shape.iter().skip(2).product::<usize>();
        any_rank!(self, tensor => tensor.reshape([shape[0], shape[1], map]))
    }

    /// Looks at one dimension: `[all before it, the dimension, all after it]`.
    pub(super) fn along(self, dimension: usize) -> Tensor<3> {
        let shape = self.shape();
        let before = shape.iter().take(dimension).product::<usize>();
        let after = shape.iter().skip(dimension + 1).product::<usize>();
        any_rank!(self, tensor => tensor.reshape([before, shape[dimension], after]))
    }

    /// Puts what [`Value::along`] gave back into its rank; the dimension may have another size.
    pub(super) fn from_along(tensor: Tensor<3>, mut shape: Vec<usize>, dimension: usize) -> Self {
        shape[dimension] = tensor.dims()[1];
        let rows = Self::Signal(tensor);
        match *shape.as_slice() {
            [a, b] => Self::Row(any_rank!(rows, tensor => tensor.reshape([a, b]))),
            [a, b, c] => Self::Signal(any_rank!(rows, tensor => tensor.reshape([a, b, c]))),
            [a, b, c, d] => Self::Maps(any_rank!(rows, tensor => tensor.reshape([a, b, c, d]))),
            [a, b, c, d, e] => {
                Self::Volume(any_rank!(rows, tensor => tensor.reshape([a, b, c, d, e])))
            }
            _ => rows,
        }
    }
}

/// Returns one number per channel in a shape that meets every rank: `[1, channels, 1, …]`.
pub(super) fn per_channel<const D: usize>(numbers: Tensor<1>) -> Tensor<D> {
    let mut shape = [1; D];
    if let Some(channels) = shape.get_mut(1) {
        *channels = numbers.dims()[0];
    }
    numbers.reshape(shape)
}
