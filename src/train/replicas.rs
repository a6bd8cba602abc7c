//! Several devices: each computes a share of every batch, by the step of Burn's `ExecutionStrategy::MultiDevice`.
//!
//! Burn copies the network to every device, lets each compute the gradients of its share on a thread of its own,
//! brings them to the first device and adds them up there (`MultiDeviceOptim::OptimMainDevice`). Of Burn's learner
//! nothing else is taken: our own loop resumes in the middle of an epoch and keys its random numbers.

use std::fmt;
use std::ops::Range;
use std::panic;
use std::sync::Arc;

use burn::data::dataloader::{DataLoaderIterator, Progress};
use burn::data::dataset::DatasetError;
use burn::module::{Module, ModuleMapper, ModuleVisitor};
use burn::optim::GradientsAccumulator;
use burn::tensor;
use burn::train::train::{MultiDeviceStepError, MultiDevicesTrainStep};
use burn::train::{InferenceStep, ItemLazy, TrainOutput, TrainStep};
use burn_std::ExecutionError;

use super::Options;
use crate::dataset::{Batch, Targets};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::loss::Loss;
use crate::model::{Device, Model, Pass, Value, remote, to_host};
use crate::optimizer::Gradients;

/// The devices of a run, a thread for each.
pub(super) struct Replicas {
    step: MultiDevicesTrainStep<Replica>,
    /// Holds the weights; all are with automatic differentiation.
    first: tensor::Device,
    others: Vec<tensor::Device>,
}

impl Replicas {
    /// Opens the devices beside the first; returns nothing where there is none.
    ///
    /// # Errors
    /// When a device is named twice or cannot be opened.
    pub(super) fn open(options: &Options<'_>, first: &tensor::Device) -> Result<Option<Self>> {
        if options.others.is_empty() {
            return Ok(None);
        }
        let mut named = vec![options.device];
        let mut others = Vec::new();
        for device in options.others {
            if named.contains(device) {
                return Err(named_twice(*device));
            }
            named.push(*device);
            others.push(device.open()?.autodiff());
        }
        let first = first.clone().autodiff();
        let devices = [std::slice::from_ref(&first), &others].concat();
        Ok(Some(Self {
            step: MultiDevicesTrainStep::new(&devices),
            first,
            others,
        }))
    }

    /// Computes the outputs of a batch, and the gradients of its mean loss on the first device.
    ///
    /// # Errors
    /// When a device fails.
    pub(super) fn learn(
        &self,
        model: &Model,
        loss: &Loss,
        batch: &Batch,
        shape: &[usize],
        (seed, step): (u64, u64),
    ) -> Result<(Vec<f32>, Gradients)> {
        let whole = loss.weight(&batch.targets);
        let count = 1 + self.others.len();
        let share = |number: usize, device: &tensor::Device| {
            let samples = range(batch.indices.len(), number, count);
            let targets = batch.targets.of(&samples.clone().collect::<Vec<_>>());
            let size: usize = shape.iter().product();
            let inputs = batch.inputs.get(samples.start * size..samples.end * size);
            Ok(Share {
                number,
                device: device.clone(),
                inputs: inputs.ok_or_else(|| incomplete(batch))?.to_vec(),
                shape: shape.to_vec(),
                fraction: loss.weight(&targets) / whole,
                targets,
                // Each device drops out other values.
                pass: Pass::Train {
                    seed,
                    step: step * count as u64 + number as u64,
                },
            })
        };
        let mut shares: Vec<Box<dyn DataLoaderIterator<Share>>> = Vec::new();
        let devices = std::iter::once(&self.first).chain(&self.others);
        for (number, device) in devices.enumerate() {
            let share = Some(share(number, device)?).filter(Share::has_samples);
            shares.push(Box::new(Once(share)));
        }
        let replica = Replica {
            model: model.clone(),
            loss: Arc::new(loss.clone()),
            first: self.first.clone(),
        };
        let (outputs, _) = self.step.step(&mut shares, &replica).map_err(failed)?;
        let mut outputs: Vec<_> = outputs.into_iter().map(|output| output.output).collect();
        // They come as they are ready; sums depend on the order.
        outputs.sort_by_key(|output| output.item.number);
        let first = self.first.clone().without_autodiff();
        let mut sum = GradientsAccumulator::new();
        let mut values = Vec::new();
        for output in outputs {
            let gradients = output.grads.to_device(&first, model);
            sum.accumulate(model, gradients);
            values.extend(output.item.values?);
        }
        Ok((values, Gradients::of_params(sum.grads(), model)))
    }
}

/// Returns which samples of a batch a device takes: as many as the others, the first ones one more.
fn range(samples: usize, number: usize, count: usize) -> Range<usize> {
    let (each, rest) = (samples / count, samples % count);
    let start = |number: usize| number * each + number.min(rest);
    start(number)..start(number + 1)
}

fn named_twice(device: Device) -> Error {
    let message = format!("`{device}` is named twice in `--devices`");
    let help = "a device computes no faster for being named twice: name each once";
    Error::config(Diagnostic::error(message).help(help))
}

fn incomplete(batch: &Batch) -> Error {
    let (samples, values) = (batch.indices.len(), batch.inputs.len());
    let message = format!("a batch of {samples} samples has {values} values, too few for them");
    Error::model(Diagnostic::error(message))
}

/// Makes an error of devices that are gone; a panic for which they are no reason goes on.
fn failed(error: MultiDeviceStepError) -> Error {
    let said = match error {
        MultiDeviceStepError::Workers(failures) => {
            let said = failures.into_iter().map(|failure| failure.message);
            said.collect::<Vec<_>>().join("; ")
        }
        MultiDeviceStepError::Dataset(_) => error.to_string(),
    };
    remote::lost(&said).unwrap_or_else(|| panic::resume_unwind(Box::new(said)))
}

/// What one device computes of a batch.
struct Share {
    number: usize,
    device: tensor::Device,
    inputs: Vec<f32>,
    shape: Vec<usize>,
    targets: Targets,
    pass: Pass,
    /// Of the whole batch, by the weight of its samples.
    fraction: f64,
}

impl Share {
    fn has_samples(&self) -> bool {
        !self.targets.is_empty()
    }

    fn outputs(&self, model: &Model, pass: Pass) -> tensor::Tensor<2> {
        model.logits(
            Value::of_inputs(self.inputs.clone(), &self.shape, &self.device),
            pass,
        )
    }
}

/// The network's outputs for a share.
struct Outputs {
    number: usize,
    values: Result<Vec<f32>>,
}

impl ItemLazy for Outputs {
    fn sync(self) -> std::result::Result<Self, ExecutionError> {
        Ok(self)
    }
}

/// One share, as Burn's step asks for it.
struct Once(Option<Share>);

impl Iterator for Once {
    type Item = std::result::Result<Share, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl DataLoaderIterator<Share> for Once {
    fn progress(&self) -> Progress {
        Progress::new(1, 1, None)
    }
}

/// A copy of the network for one device.
#[derive(Clone, Debug)]
struct Replica {
    model: Model,
    loss: Arc<Loss>,
    first: tensor::Device,
}

impl Replica {
    fn with(&self, model: Model) -> Self {
        Self {
            model,
            loss: Arc::clone(&self.loss),
            first: self.first.clone(),
        }
    }
}

impl TrainStep for Replica {
    type Input = Share;
    type Output = Outputs;

    fn step(&self, share: Share) -> TrainOutput<Outputs> {
        let outputs = share.outputs(&self.model, share.pass);
        let loss = self.loss.of(outputs.clone(), &share.targets);
        // So the sum over the devices is the mean over the batch.
        let loss = self.model.penalized(loss) * share.fraction;
        let item = Outputs {
            number: share.number,
            values: to_host(outputs.inner()),
        };
        TrainOutput::new(&self.model, loss.backward(), item)
    }
}

impl InferenceStep for Replica {
    type Input = Share;
    type Output = Outputs;

    fn step(&self, share: Share) -> Outputs {
        Outputs {
            number: share.number,
            values: to_host(share.outputs(&self.model, Pass::Evaluate).inner()),
        }
    }
}

impl fmt::Display for Replica {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "a network of {} weights",
            self.model.num_params()
        )
    }
}

// Written out for `fork`.
impl Module for Replica {
    fn fork(self, device: &tensor::Device) -> Self {
        // Running statistics are shared by all copies, and moved in place: only the first device, where they
        // are, keeps its part in them.
        let own = if *device == self.first {
            self.model.clone()
        } else {
            Module::train(self.model.valid())
        };
        self.with(own.fork(device))
    }

    fn collect_devices(&self, devices: Vec<tensor::Device>) -> Vec<tensor::Device> {
        self.model.collect_devices(devices)
    }

    fn to_device(self, device: &tensor::Device) -> Self {
        self.with(self.model.clone().to_device(device))
    }

    fn train(self) -> Self {
        self.with(self.model.clone().train())
    }

    fn valid(&self) -> Self {
        self.with(self.model.valid())
    }

    fn materialize(self) -> Self {
        self.with(self.model.clone().materialize())
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        self.model.visit(visitor);
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        self.with(self.model.clone().map(mapper))
    }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn every_sample_is_in_one_share() {
        let shares = |samples, count| -> Vec<usize> {
            let shares = (0..count).map(|number| range(samples, number, count).len());
            shares.collect()
        };
        assert_eq!(shares(64, 2), [32, 32]);
        assert_eq!(shares(10, 4), [3, 3, 2, 2]);
        assert_eq!(shares(2, 3), [1, 1, 0]);
        assert_eq!(range(10, 1, 4), 3..6);
    }
}
