//! Measures one forward pass and one training step, to be held against what the plan predicts.

use std::time::Instant;

use burn::tensor::{self, Tensor, TensorData};

use crate::config::{self, Task};
use crate::dataset::Targets;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::kernels;
use crate::load::Project;
use crate::loss::Loss;
use crate::memory;
use crate::model::{Device, Model, Pass, Value, remote};
use crate::optimizer::{Gradients, Optimizer};
use crate::plan::Plan;
use crate::random::{Purpose, Random};

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// One entry a layer, in the order of [`crate::plan::Plan::every`].
    pub layers: Vec<LayerMeasurement>,
    /// Seconds of the forward pass.
    pub forward_secs: f64,
    /// Seconds of the training step: forward, backward, optimizer.
    pub step_secs: f64,
    /// Largest resident memory of the process in training, where the system tells it.
    pub training_peak_bytes: Option<u64>,
}

/// What was measured of one layer in the forward pass.
#[derive(Clone, Debug)]
pub struct LayerMeasurement {
    /// Bytes of its output for the batch.
    pub output_bytes: u64,
    /// Seconds from the end of the layer before to its end; of a layer that holds others, the
    /// time of what joins them.
    pub secs: f64,
}

/// Runs one forward pass without gradients and two training steps, the first of which makes the
/// state of the optimizer; the second is the one that is timed.
///
/// # Errors
/// When the device cannot be opened, the batch does not fit the free memory, or the network has
/// nothing to train.
pub(crate) fn measure(project: &Project, device: Device, batch: usize) -> Result<Measurement> {
    memory::check(&[device], &project.config.model, &project.plan, batch)?;
    check_trainable(&project.plan, "leave `--measure` out")?;
    let device = device.open()?;
    let (layers, forward_secs) = measure_forward(project, &device, batch)?;

    memory::forget_peak();
    let mut training = Training::new(project, &device, batch);
    let mut step_secs = 0.0;
    for _ in 0..2 {
        let begin = Instant::now();
        training = training.step()?;
        step_secs = begin.elapsed().as_secs_f64();
    }
    Ok(Measurement {
        layers,
        forward_secs,
        step_secs,
        training_peak_bytes: memory::peak_bytes(),
    })
}

/// Refuses a network that has nothing to train.
pub(crate) fn check_trainable(plan: &Plan, help: &str) -> Result<()> {
    if plan.counts().is_some_and(|counts| counts.trainable > 0) {
        return Ok(());
    }
    let diagnostic = Diagnostic::error("the network has no weights to train");
    Err(Error::config(diagnostic.help(help)))
}

/// The training of a config on one made-up batch, step after step.
///
/// A step is that of `cnn train` without what surrounds it: the loading of pictures, the figures of
/// an epoch, accumulation and clipping.
pub(crate) struct Training<'a> {
    settings: &'a config::Train,
    model: Model,
    loss: Loss,
    optimizer: Optimizer,
    input: Value,
    targets: Targets,
    device: tensor::Device,
    steps: u64,
}

impl<'a> Training<'a> {
    /// Makes the network with fresh weights, and the batch.
    pub(crate) fn new(project: &'a Project, device: &tensor::Device, batch: usize) -> Self {
        let settings = &project.config.train;
        let plan = project.plan.up_to_logits(settings.task());
        let device = device.clone().autodiff();
        Self {
            settings,
            model: Model::new(&plan, settings.seed, &device),
            loss: Loss::new(&settings.loss, None),
            optimizer: Optimizer::new(&settings.optimizer),
            input: made_up(batch, &plan.input, settings.seed, &device),
            targets: targets(settings.task(), batch, plan.output().iter().product()),
            device,
            steps: 0,
        }
    }

    /// Makes one step: forward, loss, backward, optimizer.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn step(self) -> Result<Self> {
        kernels::together(|| self.step_here())
    }

    fn step_here(mut self) -> Result<Self> {
        let logits = self.model.logits(self.input.clone(), self.pass());
        let loss = self.model.penalized(self.loss.of(logits, &self.targets));
        let gradients = Gradients::of(&loss, &self.model);
        let rate = self.settings.optimizer.learning_rate;
        let model = self.optimizer.step(rate, self.model, gradients);
        self.model = model.constrained();
        self.steps += 1;
        wait(&self.device)?;
        Ok(self)
    }

    /// Runs the forward pass of a step and measures each layer.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn observe(&self) -> Result<Vec<Option<LayerMeasurement>>> {
        observe(&self.model, self.input.clone(), self.pass(), &self.device)
    }

    fn pass(&self) -> Pass {
        Pass::Train {
            seed: self.settings.seed,
            step: self.steps,
        }
    }
}

fn targets(task: Task, batch: usize, outputs: usize) -> Targets {
    match task {
        Task::Classes => Targets::Classes(
            (0..batch)
                .map(|index| (index % outputs.max(1)) as u32)
                .collect(),
        ),
        Task::Labels | Task::Values => Targets::Values {
            width: outputs,
            values: vec![0.5; batch * outputs],
        },
    }
}

fn measure_forward(
    project: &Project,
    device: &tensor::Device,
    batch: usize,
) -> Result<(Vec<LayerMeasurement>, f64)> {
    let (plan, seed) = (&project.plan, project.config.train.seed);
    let model = Model::new(plan, seed, device);
    let input = made_up(batch, &plan.input, seed, device);
    // The first pass warms up: it takes memory and starts threads.
    observe(&model, input.clone(), Pass::Evaluate, device)?;
    let measured = observe(&model, input, Pass::Evaluate, device)?;
    let layers: Vec<LayerMeasurement> = measured.into_iter().flatten().collect();
    let secs = layers.iter().map(|layer| layer.secs).sum();
    Ok((layers, secs))
}

/// Runs one forward pass and measures each layer, by [`crate::plan::Layer::index`].
///
/// # Errors
/// When the device fails.
pub(crate) fn observe(
    model: &Model,
    input: Value,
    pass: Pass,
    device: &tensor::Device,
) -> Result<Vec<Option<LayerMeasurement>>> {
    let mut measured = Vec::new();
    let mut failed = None;
    let mut last = Instant::now();
    let output = model.forward_observed(input, pass, &mut |index, value| {
        failed = wait(device).err().or(failed.take());
        let values: usize = value.shape().iter().product();
        if measured.len() <= index {
            measured.resize(index + 1, None);
        }
        if let Some(slot) = measured.get_mut(index) {
            *slot = Some(LayerMeasurement {
                output_bytes: values as u64 * 4,
                secs: last.elapsed().as_secs_f64(),
            });
        }
        last = Instant::now();
    });
    drop(output);
    failed.map_or(Ok(measured), Err)
}

/// Waits for devices that compute on their own time.
pub(crate) fn wait(device: &tensor::Device) -> Result<()> {
    device
        .sync()
        .map_err(|error| Error::model(Diagnostic::error(format!("the device failed: {error:?}"))))
        .map_err(remote::or_lost)
}

/// Makes a batch of inputs of one shape out of [`made_up_values`].
pub(crate) fn made_up(batch: usize, shape: &[usize], seed: u64, device: &tensor::Device) -> Value {
    let count = batch * shape.iter().product::<usize>();
    let values = made_up_values(count, seed);
    if let [length] = *shape {
        let data = TensorData::new(values, [batch, length]);
        return Value::Row(Tensor::from_data(data, device));
    }
    Value::of_inputs(values, shape, device)
}

/// Makes values that are no pictures, but spread as those that were normalized: evenly, with a mean
/// of 0 and a deviation of 1.
pub(crate) fn made_up_values(count: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(Purpose::MadeUp, &[seed]);
    let most = 3_f64.sqrt();
    let value = |_| ((2.0 * random.unit() - 1.0) * most) as f32;
    (0..count).map(value).collect()
}
