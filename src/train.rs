//! Training: epochs of steps, checkpoints at intervals, the best weights kept.
//!
//! [`train()`] is asked with [`Options`], tells what happens as [`Event`]s, and returns what came of it, an [`End`].

mod class_weights;
mod divergence;
mod epoch;
mod history;
mod patience;
#[cfg_attr(not(feature = "remote"), path = "train/replicas_absent.rs")]
mod replicas;
mod resume;
mod save;
mod session;
mod step;

pub use history::{Row, read_rows};

#[doc(inline)]
pub use crate::checkpoint::Best;
#[doc(inline)]
pub use crate::run::{FirstWeights, TestFigures};

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use crate::checkpoint::Progress;
use crate::dataset::Samples;
use crate::diagnostic::{Diagnostic, Result};
use crate::evaluate::Split;
use crate::load::Project;
use crate::model::{Device, remote};
use session::Session;

/// What a training run is to do.
#[derive(Debug)]
pub struct Options<'a> {
    /// The checked config.
    pub project: &'a Project,
    /// Where to compute.
    pub device: Device,
    /// Devices that compute a share of every batch beside it.
    pub others: &'a [Device],
    /// Where to put the results.
    pub target: Target,
    /// Threads that prepare batches.
    pub threads: usize,
    /// Asks the run to save and stop.
    pub stop: &'a Stop,
    /// Epochs after which the run pauses, where they are fewer than the config's.
    pub until: Option<usize>,
    /// Whether the best weights are measured on the test split at the end.
    pub test: bool,
}

impl<'a> Options<'a> {
    /// Asks for what `cnn train` does without options: to train all epochs on the processor, into a new folder below `runs/`.
    #[must_use]
    pub fn new(project: &'a Project) -> Self {
        static NEVER: LazyLock<Stop> = LazyLock::new(Stop::default);
        Self {
            project,
            device: Device::default(),
            others: &[],
            target: Target::New,
            threads: crate::machine::threads(),
            stop: &NEVER,
            until: None,
            test: true,
        }
    }
}

impl Options<'_> {
    fn names_of_devices(&self) -> String {
        let others = self.others.iter().map(|device| format!(",{device}"));
        format!("{}{}", self.device, others.collect::<String>())
    }
}

/// The run folder of a training.
#[derive(Clone, Debug)]
pub enum Target {
    /// A new one below `runs/`, named after the network.
    New,
    /// A new one below `runs/` with this name.
    Named(String),
    /// A new one at this path, below a folder that is there.
    At(PathBuf),
    /// One that exists, to go on with.
    Resume(PathBuf),
}

/// A request to stop, which a signal handler may set.
#[derive(Debug, Default)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Returns what to set to the exit code the stop is to end with.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }

    /// Returns the exit code of the stop asked for, if any.
    #[must_use]
    pub fn asked(&self) -> Option<u8> {
        let code = u8::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(u8::MAX);
        (code != 0).then_some(code)
    }
}

/// What happens in a training run.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something the user should know.
    Warning(Diagnostic),
    /// Training begins.
    Start(Start),
    /// A step is done.
    Step(Step),
    /// An epoch is done.
    Epoch(Row),
    /// A checkpoint is on disk.
    Checkpoint(PathBuf),
    /// Training diverged and goes back.
    Back(Back),
    /// The run is over.
    End(End),
}

/// The facts of a run that begins.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its folder.
    pub run: PathBuf,
    /// Name of the network.
    pub model: String,
    /// Device by name.
    pub device: String,
    /// Weights that are trained.
    pub parameters: u64,
    /// Data source.
    pub data: String,
    /// Pictures to train on, to validate on, and to test on.
    pub samples: [usize; 3],
    /// Classes.
    pub classes: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Epochs done before this start.
    pub done: usize,
    /// Steps of an epoch.
    pub steps_per_epoch: usize,
    /// Seed.
    pub seed: u64,
    /// Where its first weights came from, if they had been trained before.
    pub first_weights: Option<Box<FirstWeights>>,
    /// The figures of the epochs done before this start.
    pub rows: Vec<Row>,
}

/// Where a run goes back to.
#[derive(Clone, Debug)]
pub struct Back {
    /// What happened, for the user.
    pub warning: Diagnostic,
    /// Epochs that are still done.
    pub epochs: usize,
    /// Steps that are still done, over all epochs.
    pub step: u64,
    /// Rate of the next step.
    pub learning_rate: f64,
    /// How often training has gone back.
    pub setbacks: i32,
    /// The figures of the epochs that are still done.
    pub rows: Vec<Row>,
}

/// A step that is done.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Steps done in it.
    pub step: usize,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Accuracy of the epoch so far; nothing where numbers are learnt.
    pub accuracy: Option<f64>,
    /// Pictures a second in the epoch so far.
    pub images_per_second: f64,
}

impl Step {
    fn of(progress: &Progress) -> Self {
        let partial = &progress.partial;
        let samples = (partial.samples as f64).max(1.0);
        Self {
            epoch: progress.epoch + 1,
            step: progress.step_in_epoch,
            loss: partial.mean_loss(),
            accuracy: partial.accuracy(),
            images_per_second: samples / partial.secs.max(f64::EPSILON),
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct End {
    /// Its folder.
    pub run: PathBuf,
    /// `finished`, `stopped`, or why it ended early.
    pub reason: Reason,
    /// Epochs done.
    pub epochs: usize,
    /// The best epoch.
    pub best: Option<Best>,
    /// Figures of the best weights on the test split.
    pub test: Option<TestFigures>,
    /// Seconds of training, over all starts.
    pub train_secs: f64,
    /// The figures of every epoch, of earlier starts too.
    pub rows: Vec<Row>,
    /// Samples that the network was not trained on: of the test split, else of the validation split.
    #[doc(hidden)]
    pub unseen: Option<(Split, Arc<Samples>)>,
}

/// Why a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// All epochs are done.
    Finished,
    /// Early stopping.
    NoBetter,
    /// As many epochs as were asked for are done, and the config has more.
    Paused,
    /// The minutes that were given are over.
    OutOfTime,
    /// A signal; the exit code that belongs to it.
    Stopped(u8),
}

/// Trains a network; what happens is told to `emit`.
///
/// ```
/// use cnn::train::{Event, Options, Target};
/// use cnn::Project;
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// // A table of 2x2 pictures, light or dark.
/// let data = folder.join("squares.csv");
/// let mut table = "label,0,1,2,3\n".to_owned();
/// for level in 0..10 {
///     table += &format!("light,250,24{level},255,245\ndark,5,{level},15,10\n");
/// }
/// std::fs::write(&data, table)?;
///
/// let project: Project = format!(
///     "
///     [model]
///     input  = [1, 2, 2]
///     layers = [{{ type = 'flatten' }}, {{ type = 'dense', units = 2 }}]
///     [data]
///     source     = '{}'
///     validation = 0.2
///     [train]
///     epochs     = 3
///     batch_size = 4
///     ",
///     data.display()
/// ).parse()?;
///
/// let options = Options {
///     target: Target::At(folder.join("squares")),
///     ..Options::new(&project)
/// };
/// let mut losses = Vec::new();
/// let end = cnn::train(&options, &mut |event| {
///     if let Event::Epoch(row) = event {
///         losses.push(row.train_loss);
///     }
/// })?;
/// assert_eq!((end.epochs, losses.len()), (3, 3));
/// assert!(end.run.join("model.safetensors").is_file());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Faults of the data, the device, the disk, the checkpoint; a loss that is not finite; settings out of their bounds, where
/// they were changed after the config was read.
pub fn train(options: &Options<'_>, emit: &mut dyn FnMut(Event)) -> Result<End> {
    options.project.check_again()?;
    let mut session = remote::guarded(|| Session::start(options, emit))?;
    let outcome = remote::guarded(|| session.run(options, emit));
    match outcome {
        Ok(end) => {
            emit(Event::End(end.clone()));
            Ok(end)
        }
        Err(error) => {
            session.note_failure();
            Err(error)
        }
    }
}
