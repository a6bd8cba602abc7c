//! What all requests share.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::counters::Counters;
use super::inside::Inside;
use super::report::Report;
use crate::config::Task;
use crate::diagnostic::Result;
use crate::look;
use crate::model::{Device, remote};
use crate::model_file::{self, Trained};
use crate::predict::{Picture, Predictor, Queue};
use crate::run;

/// Pictures that may wait for their answers.
const WAITING: usize = 4_096;

/// What a request may ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of one request's body.
    pub body_bytes: usize,
    /// Pixels of one picture.
    pub pixels: u64,
    /// Time from a request's head to its answer.
    pub time: Duration,
    /// Connections at once; others wait to be taken.
    pub connections: usize,
}

impl Limits {
    /// Kibibytes of all bodies that are held at once.
    pub(super) const BODIES_KIB: usize = 256 << 10;
    /// Pictures of one request.
    pub(super) const PICTURES: usize = 1_024;
    /// Pictures of one request, each as large as one may be.
    pub(super) const LARGE_PICTURES: u64 = 4;
    /// Classes that are named in one answer, over all its pictures.
    pub(super) const NAMED: usize = 65_536;
    /// Looks into the network at once; each takes all threads, and memory for gradients.
    const LOOKS: usize = 2;
}

/// A network that is served.
#[derive(Debug)]
pub(crate) struct App {
    pub(super) limits: Limits,
    pub(super) queue: Arc<Queue>,
    pub(super) inside: Arc<Inside>,
    pub(super) counters: Counters,
    /// Looks into the network that may still begin.
    pub(super) looks: Arc<Semaphore>,
    /// Kibibytes that bodies may still take.
    pub(super) bodies: Arc<Semaphore>,
    /// What `GET /model` says.
    pub(super) about: Value,
    /// The name of the run, or of the model file.
    pub(super) name: String,
    /// The page of the run, if there is a run.
    pub(super) report: Option<Arc<Report>>,
    /// How many classes there are.
    pub(super) classes: usize,
}

impl App {
    /// Loads a model file, for answers on a device and for looks inside on the processor.
    ///
    /// # Errors
    /// When it cannot be read, or a thread cannot be started.
    pub(crate) fn load(path: &Path, device: Device, limits: Limits) -> Result<Self> {
        let device = device.open()?;
        let trained = model_file::load(path, &device)?;
        let predictor = Predictor::new(&trained, &device)?;
        let predict =
            move |pictures: &[Picture], top| remote::guarded(|| predictor.predict(pictures, top));
        let queue = Arc::new(Queue::start(predict, WAITING)?);
        let report = Report::beside(path).map(Arc::new);
        let name = run::name_of(path);
        Ok(Self {
            limits,
            counters: Counters::new(Arc::clone(&queue)),
            queue,
            inside: Arc::new(Inside::load(path)?),
            bodies: Arc::new(Semaphore::new(Limits::BODIES_KIB)),
            looks: Arc::new(Semaphore::new(Limits::LOOKS)),
            about: about(&trained, &name, report.is_some()),
            classes: trained.header.classes.len(),
            name,
            report,
        })
    }
}

/// Describes a network to the page, and to programs.
fn about(trained: &Trained, name: &str, has_report: bool) -> Value {
    let preprocessing = &trained.header.preprocessing;
    let task = trained.config.train.task();
    let plan = trained.plan.up_to_logits(task);
    let layers = look::layers(&plan).into_iter().map(|layer| {
        json!({
            "name": look::name_of(layer), "path": layer.path,
            "type": layer.type_name, "output": layer.output,
        })
    });
    let learns = match task {
        Task::Classes => "classes",
        Task::Labels => "labels",
        Task::Values => "values",
    };
    json!({
        "name": name,
        "input": preprocessing.input_shape(),
        "learns": learns,
        "classes": trained.header.classes,
        "parameters": trained.plan.counts().map(|counts| counts.trainable + counts.frozen),
        "layers": layers.collect::<Value>(),
        "methods": look::Method::NAMES,
        "pictures": preprocessing.picture_shape().is_some(),
        "dark": preprocessing.has_dark_border(),
        "report": has_report,
    })
}
