//! Measures one forward pass and one training step, to be held against what the plan predicts.

use std::time::Instant;

use crate::config::Task;
use crate::dataset::Targets;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::load::Project;
use crate::loss::Loss;
use crate::memory;
use crate::model::{Device, Model, Pass, Value};
use crate::optimizer::{Gradients, Optimizer};

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
pub fn measure(project: &Project, device: Device, batch: usize) -> Result<Measurement> {
    memory::check(&project.config.model, &project.plan, batch)?;
    let plan = &project.plan;
    let classes: usize = plan.output().iter().product();
    if plan.counts().is_none_or(|counts| counts.trainable == 0) {
        let diagnostic = Diagnostic::error("the network has no weights to train");
        return Err(Error::config(diagnostic.help("leave `--measure` out")));
    }
    let device = device.open()?;
    let (layers, forward_secs) = measure_forward(project, &device, batch);

    memory::forget_peak();
    let training = device.autodiff();
    let settings = &project.config.train;
    let task = settings.task();
    let mut model = Model::new(&plan.up_to_logits(task), settings.seed, &training);
    let loss = Loss::new(&settings.loss, None);
    let mut optimizer = Optimizer::new(&settings.optimizer);
    let targets = match task {
        Task::Classes => Targets::Classes(
            (0..batch)
                .map(|index| (index % classes.max(1)) as u32)
                .collect(),
        ),
        Task::Labels | Task::Values => Targets::Values {
            width: classes,
            values: vec![0.5; batch * classes],
        },
    };
    let mut step_secs = 0.0;
    for step in 0..2 {
        let begin = Instant::now();
        let input = Value::of_inputs(picture(batch, &plan.input), &plan.input, &training);
        let pass = Pass::Train {
            seed: settings.seed,
            step,
        };
        let logits = model.logits(input, pass);
        let loss = model.penalized(loss.of(logits, &targets));
        let gradients = Gradients::of(&loss, &model);
        let rate = settings.optimizer.learning_rate;
        model = optimizer.step(rate, model, gradients).constrained();
        wait(&training)?;
        step_secs = begin.elapsed().as_secs_f64();
    }
    Ok(Measurement {
        layers,
        forward_secs,
        step_secs,
        training_peak_bytes: memory::peak_bytes(),
    })
}

fn measure_forward(
    project: &Project,
    device: &burn::tensor::Device,
    batch: usize,
) -> (Vec<LayerMeasurement>, f64) {
    let plan = &project.plan;
    let model = Model::new(plan, project.config.train.seed, device);
    let mut measured = Vec::new();
    // The first pass warms up: it takes memory and starts threads.
    for _ in 0..2 {
        measured = vec![None; plan.every().len()];
        let input = Value::of_inputs(picture(batch, &plan.input), &plan.input, device);
        let mut last = Instant::now();
        let output = model.forward_observed(input, Pass::Evaluate, &mut |index, value| {
            let values: usize = value.shape().iter().product();
            if let Some(slot) = measured.get_mut(index) {
                *slot = Some(LayerMeasurement {
                    output_bytes: values as u64 * 4,
                    secs: last.elapsed().as_secs_f64(),
                });
            }
            last = Instant::now();
        });
        drop(output);
        let _ = device.sync();
    }
    let layers: Vec<LayerMeasurement> = measured.into_iter().flatten().collect();
    let secs = layers.iter().map(|layer| layer.secs).sum();
    (layers, secs)
}

/// Waits for devices that compute on their own time.
fn wait(device: &burn::tensor::Device) -> Result<()> {
    device
        .sync()
        .map_err(|error| Error::model(Diagnostic::error(format!("the device failed: {error:?}"))))
}

/// Makes values that are no picture, but spread as one that was normalized.
fn picture(batch: usize, shape: &[usize]) -> Vec<f32> {
    let count = batch * shape.iter().product::<usize>();
    let value = |index: usize| (index % 251) as f32 / 125.0 - 1.0;
    (0..count).map(value).collect()
}
