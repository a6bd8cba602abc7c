//! `batch_norm`: the tensors and the computation.

use burn::module::{Module, Param, RunningState};
use burn::tensor::Tensor;
use burn::tensor::module::{batch_norm, batch_norm_train};

use super::initialize::Builder;
use super::{Pass, Value};
use crate::plan;

/// Batch normalization: `(x − mean) / √(variance + ε) · weight + bias`, per channel.
///
/// In training with the batch's own mean and biased variance; the running statistics move
/// towards the batch's mean and *unbiased* variance by `momentum`.
///
/// # Shapes
/// - input and output `[batch, channels, height, width]` or `[batch, channels]`
///
/// # Reference
/// Ioffe & Szegedy 2015, algorithm 1; `torch.nn.BatchNorm2d`.
#[derive(Module, Debug)]
pub(super) struct BatchNorm {
    weight: Option<Param<Tensor<1>>>,
    bias: Option<Param<Tensor<1>>>,
    running_mean: RunningState<Tensor<1>>,
    running_var: RunningState<Tensor<1>>,
    #[module(skip)]
    plan: plan::BatchNorm,
}

impl BatchNorm {
    pub(super) fn new(plan: &plan::BatchNorm, builder: &mut Builder<'_>) -> Self {
        let channels = plan.channels;
        let weight = plan.affine.then(|| builder.constant(channels, 1.0));
        let bias = plan.affine.then(|| builder.constant(channels, 0.0));
        let (mean_id, variance_id) = (builder.id(), builder.id());
        Self {
            weight,
            bias,
            running_mean: RunningState::with_id(mean_id, builder.buffer(channels, 0.0)),
            running_var: RunningState::with_id(variance_id, builder.buffer(channels, 1.0)),
            plan: plan.clone(),
        }
    }

    pub(super) fn forward(&self, value: Value, pass: Pass) -> Value {
        match value {
            Value::Maps(maps) => Value::Maps(self.normalize(maps, pass)),
            Value::Row(row) => Value::Row(self.normalize(row, pass)),
        }
    }

    fn normalize<const D: usize>(&self, input: Tensor<D>, pass: Pass) -> Tensor<D> {
        let device = input.device();
        let channels = [self.plan.channels];
        let weight = self.weight.as_ref().map(Param::val);
        let weight = weight.unwrap_or_else(|| Tensor::ones(channels, &device));
        let bias = self.bias.as_ref().map(Param::val);
        let bias = bias.unwrap_or_else(|| Tensor::zeros(channels, &device));
        let epsilon = self.plan.epsilon;
        let Pass::Train { .. } = pass else {
            let mean = self.running_mean.value();
            let variance = self.running_var.value();
            return batch_norm(input, weight, bias, mean, variance, epsilon);
        };
        let samples = input.dims().iter().product::<usize>() / self.plan.channels;
        let normalized = batch_norm_train(input, weight, bias, epsilon);
        // One value a channel has no unbiased variance; its biased one (0) is taken.
        #[expect(
            clippy::cast_precision_loss,
            reason = "batches stay far below 2⁵³ values"
        )]
        let unbias = samples as f64 / samples.saturating_sub(1).max(1) as f64;
        self.remember(&self.running_mean, normalized.mean);
        self.remember(&self.running_var, normalized.variance.mul_scalar(unbias));
        normalized.output
    }

    fn remember(&self, running: &RunningState<Tensor<1>>, batch: Tensor<1>) {
        let momentum = self.plan.momentum;
        let kept = running.value().mul_scalar(1.0 - momentum);
        running.update((kept + batch.detach().mul_scalar(momentum)).detach());
        // Takes the update over at once, so that a visit sees it.
        running.value_sync();
    }
}
