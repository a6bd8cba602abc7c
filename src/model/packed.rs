//! Values in the order of our own kernels, on the way from one layer to the next.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::Value;
use super::value::any_rank;
use crate::config;
use crate::kernels::{self, Function, Geometry, Lanes, Normalization, PoolKind, WeightOrder};

/// A batch of maps or rows that the kernels compute with.
///
/// A normalization waits for what comes after it: the sum with a shortcut and the activation are computed
/// in the same pass.
#[derive(Clone, Debug)]
pub struct Packed {
    lanes: Lanes,
    /// The shape of a sample, channels in front.
    shape: Vec<usize>,
    waiting: Option<Box<Waiting>>,
}

#[derive(Clone, Debug)]
struct Waiting {
    norm: Normalization,
    shortcut: Option<Lanes>,
}

/// Returns whether our kernels compute on a device.
fn are_at_home(device: &Device) -> bool {
    let plain = device.clone().without_autodiff();
    plain == Device::flex()
}

impl Packed {
    /// Packs a value, if the kernels are for its device and its batch.
    ///
    /// # Errors
    /// Gives the value back if they are not.
    pub(super) fn of(value: Value) -> Result<Self, Value> {
        if let Value::Packed(packed) = value {
            return Ok(*packed);
        }
        let shape = value.shape();
        let device = any_rank!(&value, tensor => tensor.device());
        match shape.as_slice() {
            [batch, channels, rest @ ..]
                if *batch >= kernels::least_batch() && are_at_home(&device) =>
            {
                let positions = rest.iter().product();
                let plain: Tensor<3> =
                    any_rank!(value, tensor => tensor.reshape([*batch, *channels, positions]));
                Ok(Self {
                    lanes: Lanes::pack(plain),
                    shape: shape[1..].to_vec(),
                    waiting: None,
                })
            }
            _ => Err(value),
        }
    }

    /// Returns the shape, the batch in front.
    pub(super) fn shape(&self) -> Vec<usize> {
        [vec![self.lanes.batch()], self.shape.clone()].concat()
    }

    pub(super) fn device(&self) -> Device {
        self.lanes.device()
    }

    /// Returns the same in Burn's order.
    pub(super) fn plain(self) -> Value {
        let shape = self.shape.clone();
        let lanes = self.settled(Function::Linear).lanes;
        Value::Signal(lanes.unpack()).reshaped(&shape)
    }

    /// Computes what waits, through a function.
    pub(super) fn settled(self, function: Function) -> Self {
        let lanes = match self.waiting {
            Some(waiting) => self
                .lanes
                .normalize(waiting.norm, waiting.shortcut, function),
            None if function == Function::Linear => self.lanes,
            None => self.lanes.activate(function),
        };
        Self {
            lanes,
            shape: self.shape,
            waiting: None,
        }
    }

    /// Computes something of each value for itself.
    pub(super) fn map(self, of: impl FnOnce(Tensor<4>) -> Tensor<4>) -> Self {
        let settled = self.settled(Function::Linear);
        Self {
            lanes: settled.lanes.map(of),
            ..settled
        }
    }

    /// Adds a value of the same shape.
    pub(super) fn add(self, other: Self) -> Self {
        let (mut one, other) = match (&self.waiting, &other.waiting) {
            (None, Some(_)) => (other, self),
            _ => (self, other),
        };
        let other = other.settled(Function::Linear).lanes;
        if let Some(waiting) = &mut one.waiting
            && waiting.shortcut.is_none()
        {
            waiting.shortcut = Some(other);
            return one;
        }
        let one = one.settled(Function::Linear);
        Self {
            lanes: one.lanes.add(other),
            ..one
        }
    }

    /// Multiplies with a value of the same shape, packed too.
    pub(super) fn multiply(self, other: Value) -> Value {
        match Self::of(other) {
            Ok(other) => {
                let other = other.lanes;
                Value::Packed(Box::new(self.map(|tensor| tensor * other.into_tensor())))
            }
            Err(_) => unreachable!("both have the device and the batch"),
        }
    }

    /// Takes the maps as a row.
    pub(super) fn flat(self) -> Self {
        let values = self.shape.iter().product();
        // One position already is a row; with more, the row is in the order of the maps' positions.
        let settled = self.settled(Function::Linear);
        Self {
            shape: vec![values],
            ..settled
        }
    }

    /// Computes windows times weights, plus a bias, through a function.
    pub(super) fn convolve<const D: usize>(
        self,
        geometry: &Arc<Geometry>,
        weights: (Tensor<D>, Option<Tensor<1>>),
        counts: [usize; 2],
        order: WeightOrder,
        function: Function,
        extents: &[usize],
    ) -> Self {
        let settled = self.settled(Function::Linear);
        Self {
            lanes: settled
                .lanes
                .convolve(geometry, weights, counts, order, function),
            shape: [&counts[..1], extents].concat(),
            waiting: None,
        }
    }

    /// Pools windows.
    pub(super) fn pool(
        self,
        kind: PoolKind,
        geometry: &Arc<Geometry>,
        shares: Vec<f32>,
        extents: &[usize],
    ) -> Self {
        let settled = self.settled(Function::Linear);
        let channels = settled.lanes.channels();
        Self {
            lanes: settled.lanes.pool(kind, geometry, shares),
            shape: [&[channels], extents].concat(),
            waiting: None,
        }
    }

    /// Returns the channels as the kernels hold them, and the positions of a map.
    pub(super) fn channels_and_positions(&self) -> [usize; 2] {
        [self.lanes.channels(), self.lanes.positions()]
    }

    /// Returns mean and biased variance of each channel.
    pub(super) fn moments(&self) -> Tensor<2> {
        self.lanes.moments()
    }

    /// Lets a normalization wait for what comes after it.
    pub(super) fn normalized(self, norm: Normalization) -> Self {
        let settled = self.settled(Function::Linear);
        Self {
            waiting: Some(Box::new(Waiting {
                norm,
                shortcut: None,
            })),
            ..settled
        }
    }
}

/// Returns the function as the kernels compute it, if they do.
pub(super) fn function_of(function: config::Function) -> Option<Function> {
    Some(match function {
        config::Function::Linear => Function::Linear,
        config::Function::Relu => Function::Relu,
        config::Function::Relu6 => Function::Relu6,
        config::Function::LeakyRelu { slope } if slope >= 0.0 => Function::Leaky(slope as f32),
        config::Function::Tanh => Function::Tanh,
        config::Function::Sigmoid => Function::Sigmoid,
        _ => return None,
    })
}
