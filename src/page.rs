//! What the page of a run shows beside its own files: answers to samples it was not trained on, and its kernels.

use std::path::Path;
use std::sync::Arc;

use crate::config::Task;
use crate::dataset::Samples;
use crate::diagnostic::Result;
use crate::evaluate::{Scores, Settings, Split};
use crate::look::{self, Kernels};
use crate::loss::Loss;
use crate::model::Device;
use crate::model_file;
use crate::run::MODEL;

/// Samples that are answered at most.
const MOST: usize = 10_000;

/// Samples to answer, and of which split they are.
pub(crate) type Asked = (Split, Arc<Samples>);

/// What there is to show of a run with weights.
#[derive(Debug)]
pub struct Page {
    /// Names of classes, labels or numbers.
    pub classes: Vec<String>,
    /// The split that was answered, its samples and the answers; where classes are learnt and samples are at hand.
    pub answers: Option<(Split, Arc<Samples>, Scores)>,
    /// The kernels of the first convolution.
    pub kernels: Option<Kernels>,
}

impl Page {
    /// Gathers it from the best weights of a run; nothing if it has none yet.
    ///
    /// # Errors
    /// When the model file or a sample cannot be read.
    pub fn of(run: &Path, asked: Option<Asked>, threads: usize) -> Result<Option<Self>> {
        let path = run.join(MODEL);
        if !path.is_file() {
            return Ok(None);
        }
        let device = Device::Cpu.open()?;
        let trained = model_file::load(&path, &device)?;
        let classes = trained.header.classes.clone();
        let settings = Settings {
            loss: Loss::of_measurement(&trained.config.train.loss),
            outputs: classes.len(),
            batch_size: 64,
            threads,
            limit: MOST,
        };
        let preprocessing = Arc::new(trained.header.preprocessing.clone());
        let learns_classes = trained.config.train.task() == Task::Classes;
        let asked = asked.filter(|(_, samples)| learns_classes && !samples.is_empty());
        let answers = asked.map(|(split, samples)| {
            let scores = Scores::of(&trained.model, &samples, &preprocessing, &device, &settings)?;
            Ok((split, samples, scores))
        });
        // A network without convolutions has nothing to draw.
        let kernels = look::filters(&trained, None).ok();
        Ok(Some(Self {
            classes,
            answers: answers.transpose()?,
            kernels: kernels.and_then(|kernels| kernels.into_iter().next()),
        }))
    }
}
