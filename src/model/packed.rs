//! Values in the order of our own kernels, on the way from one layer to the next.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::Value;
use super::pad::positions_of;
use super::sequence::Flow;
use super::value::any_rank;
use crate::config;
use crate::kernels::{Function, Geometry, Lanes, Normalization, PoolKind, WeightOrder};
use crate::random::Random;

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

/// Returns whether the kernels compute a batch.
pub(super) fn is_packed(input: &Value, least_batch: usize) -> bool {
    let Some(batch) = input.shape().first().copied() else {
        return false;
    };
    let device = any_rank!(input, tensor => tensor.device());
    batch >= least_batch && device.without_autodiff() == Device::flex()
}

impl Packed {
    /// Packs a value, if the kernels compute this forward pass.
    ///
    /// # Errors
    /// Gives the value back if they do not.
    pub(super) fn of(value: Value, flow: &Flow<'_>) -> Result<Self, Value> {
        if let Value::Packed(packed) = value {
            return Ok(*packed);
        }
        let shape = value.shape();
        match shape.as_slice() {
            [batch, channels, rest @ ..] if flow.packs => {
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

    /// Returns the same in Burn's order.
    #[must_use]
    pub fn plain(self) -> Value {
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
        let (one, other) = (self.into_row(), other.into_row());
        let (mut one, other) = match (&one.waiting, &other.waiting) {
            (None, Some(_)) => (other, one),
            _ => (one, other),
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
            lanes: one.lanes.plus(other),
            ..one
        }
    }

    /// Makes values, or whole maps, 0 at random.
    pub(super) fn dropped(self, random: Random, rate: f64, maps: bool) -> Self {
        let settled = self.settled(Function::Linear);
        Self {
            lanes: settled.lanes.dropped(random, rate, maps),
            ..settled
        }
    }

    /// Adds zeros at the ends, `[before, after]` for the channels and each dimension.
    pub(super) fn padded(self, amount: &[[usize; 2]]) -> Self {
        let settled = self.into_row().settled(Function::Linear);
        let sizes = &settled.shape;
        let shape: Vec<usize> = sizes
            .iter()
            .enumerate()
            .map(|(index, size)| size + amount.get(index).map_or(0, |pair| pair[0] + pair[1]))
            .collect();
        let lines = sizes.iter().enumerate().skip(1).map(|(index, size)| {
            let before = amount.get(index).map_or(0, |pair| pair[0]);
            let line = (0..shape[index]).map(|at| at.checked_sub(before).filter(|at| at < size));
            line.collect()
        });
        let lines: Vec<Vec<Option<usize>>> = lines.collect();
        let positions = positions_of(&sizes[1..], &lines);
        let before = amount.first().map_or(0, |pair| pair[0]);
        Self {
            lanes: settled.lanes.moved(positions, before, shape[0]),
            shape,
            waiting: None,
        }
    }

    /// Makes a flattened map the row that it is taken for: one position of many channels.
    pub(super) fn into_row(self) -> Self {
        if self.shape.len() > 1 || self.lanes.positions() == 1 {
            return self;
        }
        let (batch, values) = (self.lanes.batch(), self.shape[0]);
        let plain = self.settled(Function::Linear).lanes.unpack();
        Self {
            lanes: Lanes::pack(plain.reshape([batch, values, 1])),
            shape: vec![values],
            waiting: None,
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
