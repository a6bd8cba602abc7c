//! The pools: the computation.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use super::compile::{Compiler, Wire};
use super::pad::padded;
use super::sequence::Flow;
use super::value::same_rank;
use super::{Packed, Value};
use crate::config::{PaddingMode, PoolKind};
use crate::kernels::program::{self, Reduce, Rows};
use crate::kernels::{self, Axis, Geometry};
use crate::plan;
use crate::shape::Window;

/// Pooling over windows of each map.
///
/// # Shapes
/// - input `[batch, channels, …]`
/// - output `[batch, channels, …]`
///
/// # Reference
/// `torch.nn.MaxPool2d`; `torch.nn.AvgPool2d` with `count_include_pad`; `torch.nn.LPPool2d`.
#[derive(Module, Debug)]
pub(super) struct Pool {
    #[module(skip)]
    plan: plan::Pool,
}

impl Pool {
    pub(super) fn new(plan: &plan::Pool) -> Self {
        Self { plan: plan.clone() }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        let value = match value {
            Value::Packed(packed) => return Value::Packed(Box::new(self.compute_packed(*packed))),
            value => value,
        };
        match self.plan.kind {
            PoolKind::Max | PoolKind::Avg => self.slide(value),
            PoolKind::Min => negated(self.slide(negated(value))),
            PoolKind::Sum => self.sum(value),
            PoolKind::L2 => {
                let squares = same_rank!(value, x => x.clone() * x);
                same_rank!(self.sum(squares), sum => root(sum))
            }
        }
    }

    /// Writes it as a stage of a program.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Wire {
        let (geometry, shares) = self.windows(&input.shape[1..]);
        compile_pool(
            self.plan.kind,
            input,
            geometry,
            shares,
            &self.plan.output,
            compiler,
        )
    }

    /// Lays the windows out over maps of some extents; returns what the sum of each is multiplied
    /// with, too.
    fn windows(&self, extents: &[usize]) -> (Arc<Geometry>, Vec<f32>) {
        let plan = &self.plan;
        let sizes = plan
            .windows
            .iter()
            .zip(&plan.padding)
            .zip(extents)
            .zip(&plan.output);
        let axes = sizes.map(|(((window, [before, _]), input), output)| Axis {
            input: *input,
            output: *output,
            taps: window.size,
            stride: window.stride,
            dilation: window.dilation,
            before: *before,
        });
        let axes: Vec<Axis> = axes.collect();
        let shares = match plan.kind {
            PoolKind::Avg => self.shares(&axes),
            _ => vec![1.0; plan.output.iter().product()],
        };
        (Geometry::of(&axes), shares)
    }

    fn compute_packed(&self, packed: Packed) -> Packed {
        let plan = &self.plan;
        let (geometry, shares) = self.windows(&packed.shape()[2..]);
        pool_packed(plan.kind, packed, &geometry, shares, &plan.output)
    }

    /// Returns what the sum of each window is multiplied with: one over the values that it counts,
    /// of which those beyond the padding are none.
    fn shares(&self, axes: &[Axis]) -> Vec<f32> {
        let mut counts = vec![1_usize];
        for (axis, [_, after]) in axes.iter().zip(&self.plan.padding) {
            let [low, high] = if self.plan.count_padding {
                [0, axis.before + axis.input + after]
            } else {
                [axis.before, axis.before + axis.input]
            };
            let along: Vec<usize> = (0..axis.output)
                .map(|place| {
                    let begin = place * axis.stride;
                    (begin + axis.taps).min(high).saturating_sub(begin.max(low))
                })
                .collect();
            counts = counts
                .iter()
                .flat_map(|count| along.iter().map(move |more| count * more))
                .collect();
        }
        counts.into_iter().map(|count| 1.0 / count as f32).collect()
    }

    /// Sums up windows: the padding and what hangs over are zeros, put there beforehand.
    fn sum(&self, value: Value) -> Value {
        let shape = value.shape();
        let plan = &self.plan;
        let mut amount = vec![[0, 0]];
        for (index, window) in plan.windows.iter().enumerate() {
            let (Some(output), Some([before, _]), Some(size)) = (
                plan.output.get(index),
                plan.padding.get(index),
                shape.get(index + 2),
            ) else {
                continue;
            };
            let needed = (output - 1) * window.stride + window.size;
            amount.push([*before, needed.saturating_sub(size + before)]);
        }
        let whole = Self {
            plan: plan::Pool {
                kind: PoolKind::Avg,
                padding: vec![[0, 0]; plan.windows.len()],
                ceil: false,
                ..plan.clone()
            },
        };
        let taps: usize = plan.windows.iter().map(|window| window.size).product();
        let means = whole.slide(padded(value, &amount, PaddingMode::Zeros));
        same_rank!(means, mean => mean * taps as f64)
    }

    /// Slides over maps of any rank; over volumes plane by plane and then across the planes, which
    /// for a mean, a maximum and a minimum is the same.
    fn slide(&self, value: Value) -> Value {
        match value {
            Value::Signal(signal) => {
                let planes = signal.unsqueeze_dim::<4>(2);
                let along = [None, self.dimension(0)];
                Value::Signal(self.planes(planes, along).squeeze_dim::<3>(2))
            }
            Value::Maps(maps) => {
                Value::Maps(self.planes(maps, [self.dimension(0), self.dimension(1)]))
            }
            Value::Volume(volume) => {
                let [batch, channels, depth, height, width] = volume.dims();
                let planes = volume.reshape([batch, channels * depth, height, width]);
                let planes = self.planes(planes, [self.dimension(1), self.dimension(2)]);
                let [_, _, height, width] = planes.dims();
                let across = planes.reshape([batch, channels, depth, height * width]);
                let across = self.planes(across, [self.dimension(0), None]);
                let depth = across.dims()[2];
                Value::Volume(across.reshape([batch, channels, depth, height, width]))
            }
            Value::Row(_) | Value::Packed(_) => value,
        }
    }

    fn dimension(&self, index: usize) -> Option<(Window, [usize; 2])> {
        let window = self.plan.windows.get(index).copied()?;
        let padding = self.plan.padding.get(index).copied()?;
        Some((window, padding))
    }

    /// Pools planes `[batch, channels, height, width]`, by single values where there is no window.
    fn planes(&self, planes: Tensor<4>, windows: [Option<(Window, [usize; 2])>; 2]) -> Tensor<4> {
        let of = |take: fn(&(Window, [usize; 2])) -> usize, rest: usize| {
            windows.map(|window| window.as_ref().map_or(rest, take))
        };
        let size = of(|(window, _)| window.size, 1);
        let stride = of(|(window, _)| window.stride, 1);
        let padding = windows.map(|window| window.map_or((0, 0), |(_, pair)| (pair[0], pair[1])));
        match self.plan.kind {
            PoolKind::Avg => avg_pool2d(
                planes,
                AvgPoolOptions::new(size)
                    .with_stride(stride)
                    .with_padding_pairs(padding)
                    .with_count_include_pad(self.plan.count_padding)
                    .with_ceil_mode(self.plan.ceil),
            ),
            _ => max_pool2d(
                planes,
                MaxPoolOptions::new(size)
                    .with_stride(stride)
                    .with_padding_pairs(padding)
                    .with_ceil_mode(self.plan.ceil),
            ),
        }
    }
}

/// Pools windows in the order of our own kernels.
fn pool_packed(
    kind: PoolKind,
    packed: Packed,
    geometry: &Arc<Geometry>,
    shares: Vec<f32>,
    extents: &[usize],
) -> Packed {
    let pool = |packed: Packed, kind| packed.pool(kind, geometry, shares, extents);
    match kind {
        PoolKind::Max => pool(packed, kernels::PoolKind::Max),
        PoolKind::Min => pool(packed.map(Tensor::neg), kernels::PoolKind::Max).map(Tensor::neg),
        PoolKind::Avg | PoolKind::Sum => pool(packed, kernels::PoolKind::Mean),
        PoolKind::L2 => {
            let squares = packed.map(|x| x.clone() * x);
            pool(squares, kernels::PoolKind::Mean).map(root)
        }
    }
}

/// Writes a pool as a stage of a program.
fn compile_pool(
    kind: PoolKind,
    input: &Wire,
    geometry: Arc<Geometry>,
    shares: Vec<f32>,
    extents: &[usize],
    compiler: &mut Compiler,
) -> Wire {
    let input = compiler.lined(input.clone());
    let input = compiler.whole(input);
    let from = compiler.rows(&input);
    let to = Rows::new(geometry.output(), from.channels);
    let stage = program::Pool {
        reduce: match kind {
            PoolKind::Max => Reduce::Max,
            PoolKind::Min => Reduce::Min,
            PoolKind::Avg | PoolKind::Sum => Reduce::Sum,
            PoolKind::L2 => Reduce::Norm,
        },
        geometry,
        shares,
        from,
        to,
    };
    let shape = [&[from.channels], extents].concat();
    compiler.pool(stage, &input, shape)
}

fn negated(value: Value) -> Value {
    same_rank!(value, x => -x)
}

/// Takes roots; where there is 0, the gradient is 0 and not infinite.
fn root<const D: usize>(sum: Tensor<D>) -> Tensor<D> {
    let nothing = sum.clone().equal_elem(0.0);
    let safe = sum.mask_fill(nothing.clone(), 1.0).sqrt();
    safe.mask_fill(nothing, 0.0)
}

/// Pooling over the whole of each map.
///
/// # Shapes
/// - input `[batch, channels, …]`
/// - output `[batch, channels]`
///
/// # Reference
/// `keras.layers.GlobalAveragePooling2D`, `GlobalMaxPooling2D`.
#[derive(Module, Debug)]
pub(super) struct GlobalPool {
    #[module(skip)]
    kind: PoolKind,
}

impl GlobalPool {
    pub(super) fn new(kind: PoolKind) -> Self {
        Self { kind }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        let value = match value {
            Value::Packed(packed) => return Value::Packed(Box::new(self.compute_packed(*packed))),
            value => value,
        };
        let maps = value.into_channels();
        let pooled = match self.kind {
            PoolKind::Max => maps.max_dim(2),
            PoolKind::Min => -(-maps).max_dim(2),
            PoolKind::Avg => maps.mean_dim(2),
            PoolKind::Sum => maps.sum_dim(2),
            PoolKind::L2 => root((maps.clone() * maps).sum_dim(2)),
        };
        Value::Row(pooled.squeeze_dim::<2>(2))
    }

    /// Writes it as a stage of a program.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Wire {
        let positions = input.shape.iter().skip(1).product();
        let (geometry, shares) = self.window(positions);
        compile_pool(self.kind, input, geometry, shares, &[], compiler)
    }

    /// Lays one window out over all positions; returns what its sum is multiplied with, too.
    fn window(&self, positions: usize) -> (Arc<Geometry>, Vec<f32>) {
        let share = match self.kind {
            PoolKind::Avg => 1.0 / positions as f32,
            _ => 1.0,
        };
        (Geometry::whole(positions), vec![share])
    }

    fn compute_packed(&self, packed: Packed) -> Packed {
        let positions: usize = packed.shape().iter().skip(2).product();
        let (geometry, shares) = self.window(positions);
        pool_packed(self.kind, packed, &geometry, shares, &[])
    }
}

/// Pooling to an output of a given size.
///
/// # Reference
/// `torch.nn.AdaptiveAvgPool2d`, `AdaptiveMaxPool2d`.
#[derive(Module, Debug)]
pub(super) struct AdaptivePool {
    #[module(skip)]
    plan: plan::AdaptivePool,
}

impl AdaptivePool {
    pub(super) fn new(plan: &plan::AdaptivePool) -> Self {
        Self { plan: plan.clone() }
    }

    /// Windows are boxes, so one dimension is pooled after the other.
    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        let mut value = value;
        for (index, count) in self.plan.output.iter().enumerate() {
            let (shape, dimension) = (value.shape(), index + 2);
            if shape.get(dimension) != Some(count) {
                let lined = self.middle(value.along(dimension), *count);
                value = Value::from_along(lined, shape, dimension);
            }
        }
        value
    }

    fn middle(&self, x: Tensor<3>, count: usize) -> Tensor<3> {
        let [rows, size, columns] = x.dims();
        let pool = |x: Tensor<4>| match self.plan.kind {
            PoolKind::Max => x.max_dim(2),
            _ => x.mean_dim(2),
        };
        if size.is_multiple_of(count) {
            let windows = x.reshape([rows, count, size / count, columns]);
            return pool(windows).squeeze_dim::<3>(2);
        }
        let windows = (0..count).map(|index| {
            let (begin, end) = plan::adaptive_window(index, count, size);
            let window = x.clone().narrow(1, begin, end - begin);
            pool(window.unsqueeze_dim::<4>(1)).squeeze_dim::<3>(2)
        });
        Tensor::cat(windows.collect(), 1)
    }
}
