//! The normalizations: the tensors and the computation.

use burn::module::{Module, Param, RunningState};
use burn::tensor::module::{batch_norm, batch_norm_train};
use burn::tensor::{Device, Tensor};

use super::compile::{Compiler, Wire};
use super::engine::to_host;
use super::initialize::Builder;
use super::sequence::Flow;
use super::value::same_rank;
use super::weight::Weight;
use super::{Packed, Pass, Value};
use crate::config;
use crate::diagnostic::Result;
use crate::kernels::program::Fold;
use crate::kernels::{Function, Normalization};
use crate::plan;

/// Batch normalization: `(x − mean) / √(variance + ε) · weight + bias`, per channel.
///
/// In training with the batch's own mean and biased variance; the running statistics move
/// towards the batch's mean and *unbiased* variance by `momentum`.
///
/// # Shapes
/// - input and output `[batch, channels, …]`
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
    channels: usize,
    #[module(skip)]
    epsilon: f64,
    #[module(skip)]
    momentum: f64,
}

impl BatchNorm {
    pub(super) fn new(plan: &plan::Norm, momentum: f64, builder: &mut Builder<'_>) -> Self {
        let channels = plan.shape.first().copied().unwrap_or(1);
        let weight = plan.affine.then(|| builder.constant(channels, 1.0, true));
        let bias = plan.affine.then(|| builder.constant(channels, 0.0, true));
        let (mean_id, variance_id) = (builder.id(), builder.id());
        Self {
            weight,
            bias,
            running_mean: RunningState::with_id(mean_id, builder.buffer(channels, 0.0)),
            running_var: RunningState::with_id(variance_id, builder.buffer(channels, 1.0)),
            channels,
            epsilon: plan.epsilon,
            momentum,
        }
    }

    pub(super) fn forward(&self, value: Value, flow: &mut Flow<'_>) -> Value {
        match Packed::of(value, flow) {
            Ok(packed) => Value::Packed(Box::new(self.normalize_packed(packed, flow.pass))),
            Err(value) => same_rank!(value, tensor => self.normalize(tensor, flow.pass)),
        }
    }

    fn normalize_packed(&self, packed: Packed, pass: Pass) -> Packed {
        let packed = packed.settled(Function::Linear).into_row();
        let shape = packed.shape();
        let is_of_batch = matches!(pass, Pass::Train { .. });
        let moments = if is_of_batch {
            let moments = packed.moments();
            let [mean, variance] = [0, 1].map(|row| {
                let row = moments.clone().narrow(0, row, 1);
                row.reshape([self.channels])
            });
            let samples = shape.iter().product::<usize>() / self.channels;
            self.follow(mean, variance, samples);
            moments
        } else {
            let statistics = [&self.running_mean, &self.running_var];
            let rows = statistics.map(|running| running.value().reshape([1, self.channels]));
            Tensor::cat(rows.to_vec(), 0)
        };
        let (weight, bias) = self.affine(&moments.device());
        packed.normalized(Normalization {
            moments,
            weight,
            bias,
            epsilon: self.epsilon,
            is_of_batch,
        })
    }

    /// Writes it as a stage of a program, or as a part of the convolution before.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Result<Wire> {
        let mean = self.running_mean.value();
        let (weight, bias) = self.affine(&mean.device());
        let [weight, bias] = [to_host(weight)?, to_host(bias)?];
        let [mean, variance] = [to_host(mean)?, to_host(self.running_var.value())?];
        let factors = weight.iter().zip(&variance).map(|(weight, variance)| {
            f64::from(*weight) / (f64::from(*variance) + self.epsilon).sqrt()
        });
        let factors: Vec<f64> = factors.collect();
        let offsets = factors.iter().zip(&mean).zip(&bias);
        let offsets =
            offsets.map(|((factor, mean), bias)| f64::from(*bias) - f64::from(*mean) * factor);
        let fold = Fold {
            shift: offsets.map(|offset| offset as f32).collect(),
            scale: factors.iter().map(|factor| *factor as f32).collect(),
        };
        Ok(compiler.scale(input.clone(), &fold))
    }

    fn affine(&self, device: &Device) -> (Tensor<1>, Tensor<1>) {
        let channels = [self.channels];
        let weight = self.weight.as_ref().map(Param::val);
        let bias = self.bias.as_ref().map(Param::val);
        (
            weight.unwrap_or_else(|| Tensor::ones(channels, device)),
            bias.unwrap_or_else(|| Tensor::zeros(channels, device)),
        )
    }

    /// Moves the running statistics towards those of a batch.
    fn follow(&self, mean: Tensor<1>, variance: Tensor<1>, samples: usize) {
        // One value a channel has no unbiased variance; its biased one (0) is taken.
        let unbias = samples as f64 / samples.saturating_sub(1).max(1) as f64;
        self.remember(&self.running_mean, mean);
        self.remember(&self.running_var, variance.mul_scalar(unbias));
    }

    fn normalize<const D: usize>(&self, input: Tensor<D>, pass: Pass) -> Tensor<D> {
        let (weight, bias) = self.affine(&input.device());
        let Pass::Train { .. } = pass else {
            let mean = self.running_mean.value();
            let variance = self.running_var.value();
            return batch_norm(input, weight, bias, mean, variance, self.epsilon);
        };
        let samples = input.dims().iter().product::<usize>() / self.channels;
        let normalized = batch_norm_train(input, weight, bias, self.epsilon);
        self.follow(normalized.mean, normalized.variance, samples);
        normalized.output
    }

    fn remember(&self, running: &RunningState<Tensor<1>>, batch: Tensor<1>) {
        let kept = running.value().mul_scalar(1.0 - self.momentum);
        running.update((kept + batch.detach().mul_scalar(self.momentum)).detach());
        // Takes the update over at once, so that a visit sees it.
        running.value_sync();
    }
}

/// Normalization over groups of channels of each sample; `layer_norm` has one group and a factor
/// and an offset for each value, `instance_norm` a group for each channel.
///
/// # Shapes
/// - input and output `[batch, channels, …]` or `[batch, values]`
///
/// # Reference
/// Wu & He 2018, `torch.nn.GroupNorm`; Ba et al. 2016, `torch.nn.LayerNorm`; Ulyanov et al. 2016,
/// `torch.nn.InstanceNorm2d`.
#[derive(Module, Debug)]
pub(super) struct GroupNorm {
    weight: Option<Weight>,
    bias: Option<Weight>,
    #[module(skip)]
    groups: usize,
    #[module(skip)]
    epsilon: f64,
}

impl GroupNorm {
    pub(super) fn new(plan: &plan::Norm, groups: usize, builder: &mut Builder<'_>) -> Self {
        let weight = plan
            .affine
            .then(|| builder.constant_weight(&plan.shape, 1.0));
        let bias = plan
            .affine
            .then(|| builder.constant_weight(&plan.shape, 0.0));
        Self {
            weight,
            bias,
            groups,
            epsilon: plan.epsilon,
        }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        same_rank!(value, tensor => self.normalize(tensor))
    }

    fn normalize<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        let shape = input.dims();
        let values = shape.iter().skip(1).product::<usize>();
        let grouped = input.reshape([shape[0], self.groups, values / self.groups]);
        let centred = grouped.clone() - grouped.mean_dim(2);
        let variance = (centred.clone() * centred.clone()).mean_dim(2);
        let normalized = (centred / (variance + self.epsilon).sqrt()).reshape(shape);
        let scaled = match &self.weight {
            Some(weight) => normalized * fitted(weight, shape),
            None => normalized,
        };
        match &self.bias {
            Some(bias) => scaled + fitted(bias, shape),
            None => scaled,
        }
    }
}

/// Brings factors, one a channel or one a value, to the rank of what they meet.
fn fitted<const D: usize>(weight: &Weight, shape: [usize; D]) -> Tensor<D> {
    let mut sizes = weight.shape();
    sizes.resize(D - 1, 1);
    let mut fitted = shape;
    fitted[0] = 1;
    fitted
        .iter_mut()
        .skip(1)
        .zip(sizes)
        .for_each(|(to, from)| *to = from);
    weight.shaped(fitted)
}

/// Local response normalization: `x / (k + α/size · Σ x²)^β`, the sum over `size` neighbouring
/// channels.
///
/// # Reference
/// `torch.nn.LocalResponseNorm`. Krizhevsky et al. 2012, section 3.3, where α is not divided by
/// `size`.
#[derive(Module, Debug)]
pub(super) struct LocalResponseNorm {
    #[module(skip)]
    settings: config::LocalResponseNorm,
}

impl LocalResponseNorm {
    pub(super) fn new(settings: config::LocalResponseNorm) -> Self {
        Self { settings }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        let shape = value.shape();
        let x = value.into_channels();
        let [batch, channels, map] = x.dims();
        let settings = &self.settings;
        let squares = x.clone() * x.clone();
        // Beyond the channels there is nothing to sum up.
        let before = (settings.size / 2).min(channels);
        let after = ((settings.size - 1) / 2).min(channels);
        let zeros = |length| Tensor::zeros([batch, length, map], &x.device());
        let padded = Tensor::cat(vec![zeros(before), squares, zeros(after)], 1);
        let sum = (1..=before + after).fold(padded.clone().narrow(1, 0, channels), |sum, start| {
            sum + padded.clone().narrow(1, start, channels)
        });
        let divisor = sum * (settings.alpha / settings.size as f64) + settings.k;
        let output = x / divisor.powf_scalar(settings.beta);
        Value::Signal(output).reshaped(shape.get(1..).unwrap_or_default())
    }
}
