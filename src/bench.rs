//! Measures how fast a network trains or answers on made-up pictures, and where the time goes.

mod ceiling;
mod layers;

pub(crate) use layers::{LayerTime, Layers};

use std::time::Instant;

use burn::tensor;

use crate::diagnostic::Result;
use crate::load::Project;
use crate::measure::{
    LayerMeasurement, Training, check_trainable, made_up, made_up_values, observe,
};
use crate::memory;
use crate::model::{Device, Engine, Model, Pass};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whole steps of training: forward, loss, backward, optimizer.
    Train,
    /// The forward pass of evaluation, without gradients.
    Infer,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Train, Self::Infer];

    /// Returns its word on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Infer => "infer",
        }
    }
}

/// What to measure, and how.
#[derive(Clone, Debug)]
pub(crate) struct Options<'a> {
    /// The config, and what follows from it.
    pub project: &'a Project,
    /// Where to compute.
    pub device: Device,
    /// What is measured.
    pub mode: Mode,
    /// Pictures in one step.
    pub batch: usize,
    /// Seconds to measure for.
    pub secs: f64,
    /// Whether each layer is measured too.
    pub layers: bool,
    /// When the process began.
    pub begin: Instant,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// Weights that training changes.
    pub parameters: u64,
    /// Steps that were measured, without those before to warm up.
    pub steps: usize,
    /// Seconds of a step: the median.
    pub median_secs: f64,
    /// Seconds from the start of the process to the end of its first step.
    pub first_step_secs: f64,
    /// Largest resident memory of the process, where the system tells it; that of measuring the
    /// layers, which comes after, is not in it.
    pub peak_bytes: Option<u64>,
    /// What each layer took, if asked for.
    pub layers: Option<Layers>,
}

impl Benchmark {
    /// Returns the pictures of one second.
    #[must_use]
    pub fn images_per_second(&self, batch: usize) -> f64 {
        batch as f64 / self.median_secs.max(f64::MIN_POSITIVE)
    }
}

/// Runs steps on one made-up batch for some seconds.
///
/// # Errors
/// When the device cannot be opened or fails, the batch does not fit the free memory, or a network
/// that has nothing to train is to be trained.
pub(crate) fn bench(options: &Options<'_>) -> Result<Benchmark> {
    let Project { config, plan, .. } = options.project;
    if options.mode == Mode::Infer {
        if options.device.is_processor() {
            memory::check_inference(plan, options.batch)?;
        }
        let device = options.device.open()?;
        return bench_inference(options, &device);
    }
    memory::check(&[options.device], &config.model, plan, options.batch)?;
    check_trainable(plan, "measure its answers with `--mode infer`")?;
    let device = options.device.open()?;
    bench_training(options, &device)
}

fn bench_training(options: &Options<'_>, device: &tensor::Device) -> Result<Benchmark> {
    let mut training = Some(Training::new(options.project, device, options.batch));
    let mut benchmark = run(options, || {
        training = training.take().map(Training::step).transpose()?;
        Ok(())
    })?;
    if options.layers
        && let Some(training) = training
    {
        let layers = layers::measure(options, device, || training.observe())?;
        benchmark.layers = Some(layers);
    }
    Ok(benchmark)
}

fn bench_inference(options: &Options<'_>, device: &tensor::Device) -> Result<Benchmark> {
    let settings = &options.project.config.train;
    let plan = options.project.plan.up_to_logits(settings.task());
    let model = Model::new(&plan, settings.seed, device);
    let input = made_up(options.batch, &plan.input, settings.seed, device);
    let engine = Engine::new(&model, &plan.input, device)?;
    let images = made_up_values(
        options.batch * plan.input.iter().product::<usize>(),
        settings.seed,
    );
    let mut benchmark = run(options, || engine.logits(&images).map(drop))?;
    if options.layers {
        let pass = || match engine.stage_secs(&images) {
            Some(stages) => Ok(by_layer(&stages)),
            None => observe(&model, input.clone(), Pass::Evaluate, device),
        };
        benchmark.layers = Some(layers::measure(options, device, pass)?);
    }
    Ok(benchmark)
}

/// Sums up what the stages of each layer took, by the layers' numbers.
fn by_layer(stages: &[(usize, f64)]) -> Vec<Option<LayerMeasurement>> {
    let mut layers: Vec<Option<LayerMeasurement>> = Vec::new();
    for (layer, secs) in stages {
        layers.resize(layers.len().max(layer + 1), None);
        if let Some(slot) = layers.get_mut(*layer) {
            let before = slot.as_ref().map_or(0.0, |measured| measured.secs);
            *slot = Some(LayerMeasurement {
                output_bytes: 0,
                secs: before + secs,
            });
        }
    }
    layers
}

/// Steps that are measured however long they take.
const MIN_STEPS: usize = 5;

fn run(options: &Options<'_>, mut step: impl FnMut() -> Result<()>) -> Result<Benchmark> {
    step()?;
    let first_step_secs = options.begin.elapsed().as_secs_f64();
    // The first step made the state of the optimizer; the second is the first to find it in use.
    step()?;
    let times = repeat(options.secs, MIN_STEPS, || {
        let begin = Instant::now();
        step()?;
        Ok(begin.elapsed().as_secs_f64())
    })?;
    let counts = options.project.plan.counts();
    Ok(Benchmark {
        parameters: counts.map_or(0, |counts| counts.trainable),
        steps: times.len(),
        median_secs: median(times),
        first_step_secs,
        peak_bytes: memory::peak_bytes(),
        layers: None,
    })
}

/// Gathers what `measure` returns until the seconds are over, a number of times at least.
fn repeat<T>(secs: f64, least: usize, mut measure: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    let begin = Instant::now();
    let mut all = Vec::new();
    while all.len() < least || begin.elapsed().as_secs_f64() < secs {
        all.push(measure()?);
    }
    Ok(all)
}

/// Returns the middle of some values, of an even number the greater of the two; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
        assert_eq!(median(vec![4.0, 1.0]).to_bits(), 4.0_f64.to_bits());
        assert_eq!(median(Vec::new()).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn repeats_as_often_as_asked_and_as_long() {
        let times = repeat(0.0, 3, || Ok(1)).unwrap();
        assert_eq!(times.len(), 3);
        let begin = Instant::now();
        let times = repeat(0.02, 1, || Ok(1)).unwrap();
        assert!(times.len() > 1 && begin.elapsed().as_secs_f64() >= 0.02);
    }
}
