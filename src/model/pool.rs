//! `pool`: the computation.

use burn::module::Module;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use super::{Pass, Value};
use crate::config::PoolKind;
use crate::plan;

/// Pooling over windows of each map.
///
/// # Shapes
/// - input `[batch, channels, height, width]`
/// - output `[batch, channels, out_height, out_width]`
///
/// # Reference
/// `torch.nn.MaxPool2d`; `torch.nn.AvgPool2d` with `count_include_pad`.
#[derive(Module, Debug)]
pub(super) struct Pool {
    #[module(skip)]
    plan: plan::Pool,
}

impl Pool {
    pub(super) fn new(plan: &plan::Pool) -> Self {
        Self { plan: plan.clone() }
    }

    pub(super) fn forward(&self, value: Value, _: Pass) -> Value {
        let maps = value.into_maps();
        let size = super::pair(&self.plan.windows, |window| window.size);
        let stride = super::pair(&self.plan.windows, |window| window.stride);
        let padding = super::pair(&self.plan.padding, |[before, after]| (*before, *after));
        let ceil = self.plan.ceil;
        Value::Maps(match self.plan.kind {
            PoolKind::Max => max_pool2d(
                maps,
                MaxPoolOptions::new(size)
                    .with_stride(stride)
                    .with_padding_pairs(padding)
                    .with_ceil_mode(ceil),
            ),
            PoolKind::Avg => avg_pool2d(
                maps,
                AvgPoolOptions::new(size)
                    .with_stride(stride)
                    .with_padding_pairs(padding)
                    .with_count_include_pad(true)
                    .with_ceil_mode(ceil),
            ),
        })
    }
}
