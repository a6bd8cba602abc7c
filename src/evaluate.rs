//! Evaluation: how well a trained network does on a split.

mod scores;

pub use scores::{Scored, Scores};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use burn::tensor;

use crate::dataset::{self, Loader, Preprocessing, Request, Samples, Targets, are_numbers};
use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::loss::Loss;
use crate::metrics::{Answer, Metrics};
use crate::model::{Engine, Model};
use crate::model_file::Trained;

/// Settings of a measurement.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the loss is.
    pub loss: Loss,
    /// Values of the network's answer.
    pub outputs: usize,
    /// Pictures in one pass.
    pub batch_size: usize,
    /// Threads that prepare batches.
    pub threads: usize,
    /// Samples from the first on; all of them if that is more than there are.
    pub limit: usize,
}

/// A sample that was taken for another class.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// Its place in the split.
    pub index: usize,
    /// Its file, where it has one.
    pub path: Option<PathBuf>,
    /// Its class.
    pub label: usize,
    /// The class answered.
    pub predicted: usize,
    /// The probability of the answer.
    pub confidence: f64,
}

/// What an evaluation found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Figures over all samples.
    pub metrics: Metrics,
    /// Wrong answers, the most confident first.
    pub mistakes: Vec<Mistake>,
    /// Seconds it took.
    pub elapsed_secs: f64,
}

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// What networks learn from.
    Train,
    /// What decides which weights are kept.
    Validation,
    /// What neither has seen.
    Test,
}

impl Split {
    /// Returns the field's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// The samples to measure on.
#[derive(Debug)]
pub struct Measured {
    /// Which they are.
    pub split: Split,
    /// The samples; labels are numbered as the network's classes are, whatever other classes the data lacks.
    pub samples: Arc<Samples>,
    /// What came up: files that were skipped.
    pub warnings: Vec<Diagnostic>,
    /// BLAKE3 of all pictures and labels of all splits.
    pub fingerprint: String,
}

/// Loads the split to measure on: the one asked for, else test, else validation.
///
/// # Errors
/// When the data has no such split, or a class that the network does not know.
pub fn load_split(
    trained: &Trained,
    source: Option<&str>,
    split: Option<Split>,
) -> Result<Measured> {
    let request = request_of(trained, source);
    if request.source.is_empty() {
        let message = "the network names no data, as it was imported without";
        return Err(Error::config(
            Diagnostic::error(message).help("give `--data`"),
        ));
    }
    let dataset = dataset::load(&request).map_err(|mut error| {
        // It may lie elsewhere by now.
        let is_gone = source.is_none() && !Path::new(&request.source).exists();
        if let (true, Some(last)) = (is_gone, error.diagnostics.last_mut()) {
            let note = format!("the network was trained on `{}`", request.source);
            last.notes.push(note);
            let help = "where it lies elsewhere by now, `--data` names the place";
            last.helps.push(help.to_owned());
        }
        error
    })?;
    if dataset.train.are_bytes() == request.preprocessing.floats {
        let [has, learnt] = if request.preprocessing.floats {
            ["bytes", "floats"]
        } else {
            ["floats", "bytes"]
        };
        let message = format!(
            "`{}` holds {has}, and the network learnt from {learnt}",
            request.source
        );
        let help = "save the samples as those that it was trained on";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    let undivided = dataset.test.is_none() && dataset.validation.is_none();
    let has_validation = dataset.validation.is_some();
    let (split, samples) = match split {
        Some(Split::Train) => (Split::Train, Some(dataset.train)),
        Some(Split::Test) => (Split::Test, dataset.test),
        None if dataset.test.is_some() => (Split::Test, dataset.test),
        // Other data that nobody divided is measured whole.
        None if source.is_some() && undivided => (Split::Train, Some(dataset.train)),
        Some(Split::Validation) | None => (Split::Validation, dataset.validation),
    };
    let Some(mut samples) = samples else {
        let message = format!("`{}` has no {} split", request.source, split.word());
        let help = if has_validation {
            "name another with `--split train` or `--split validation`"
        } else {
            "measure on `--split train`, or put pictures aside: `validation = 0.2` in `[data]`, or a folder `test`"
        };
        return Err(Error::data(Diagnostic::error(message).help(help)));
    };
    let mut warnings = dataset.warnings;
    let own = &trained.header.classes;
    if are_unnamed(own, &dataset.classes) {
        let message =
            "the network's classes have no names: they are taken in the order of the data's";
        warnings.push(Diagnostic::warning(message));
    } else {
        renumber(&mut samples, &dataset.classes, own)?;
    }
    Ok(Measured {
        split,
        samples: Arc::new(samples),
        warnings,
        fingerprint: dataset.fingerprint,
    })
}

/// Returns what to load for a network: its own data as it was trained on them, or other data.
fn request_of(trained: &Trained, source: Option<&str>) -> Request {
    let (data, train) = (&trained.config.data, &trained.config.train);
    let own = data.source.as_ref().map(|source| source.value.clone());
    let mut preprocessing = trained.header.preprocessing.clone();
    if source.is_some() {
        // Other pictures are brought to the network's size, as in prediction.
        preprocessing.resize = true;
    }
    // Other data was never split: all of it is new to the network.
    let is_own = source.is_none();
    Request {
        source: source.map(str::to_owned).or(own).unwrap_or_default(),
        preprocessing,
        validation: data.validation.filter(|_| is_own),
        validation_source: data.validation_source.clone().filter(|_| is_own),
        test_source: data.test.clone().filter(|_| is_own),
        targets: data.target.clone(),
        outputs: Some(trained.header.classes.len()),
        seed: train.seed,
        task: train.task(),
        cache_bytes: data.cache,
        on_bad_image: data.on_bad_image,
    }
}

/// Tells whether classes are numbers alone, as of weights that came without data, and others as many names.
fn are_unnamed(own: &[String], others: &[String]) -> bool {
    are_numbers(own) && own.len() == others.len() && !others.iter().any(|other| own.contains(other))
}

/// Turns labels that index `from` into labels that index `to`, by the classes' names.
fn renumber(samples: &mut Samples, from: &[String], to: &[String]) -> Result<()> {
    let position = |name: &String| to.iter().position(|class| class == name);
    let Targets::Classes(labels) = &mut samples.targets else {
        if from == to {
            return Ok(());
        }
        let message = format!(
            "the data has {}, the network answers with others",
            in_backticks(from)
        );
        return Err(Error::data(
            Diagnostic::error(message).note(format!("it answers with {}", in_backticks(to))),
        ));
    };
    for label in labels {
        let name = from.get(*label as usize);
        let Some(index) = name
            .and_then(position)
            .and_then(|index| u32::try_from(index).ok())
        else {
            let name = name.map_or("", String::as_str);
            let message = format!("class `{name}` of the data is not one the network knows");
            let known = in_backticks(to.iter().take(12));
            let diagnostic = Diagnostic::error(message);
            return Err(Error::data(diagnostic.note(format!("it knows {known}"))));
        };
        *label = index;
    }
    Ok(())
}

/// Measures a network on a split and gathers its mistakes.
///
/// # Errors
/// When results cannot be read back from the device.
pub fn evaluate(
    network: &Model,
    samples: &Arc<Samples>,
    preprocessing: &Arc<Preprocessing>,
    device: &tensor::Device,
    settings: &Settings,
) -> Result<Report> {
    let begin = Instant::now();
    let mut mistakes = Vec::new();
    let metrics = measure(
        network,
        samples,
        preprocessing,
        device,
        settings,
        |index, answer| {
            let label = samples
                .labels()
                .get(index)
                .map_or(0, |label| *label as usize);
            if answer.predicted != label {
                mistakes.push(Mistake {
                    index,
                    path: samples.path(index).map(Path::to_path_buf),
                    label,
                    predicted: answer.predicted,
                    confidence: answer.confidence,
                });
            }
        },
    )?;
    mistakes.sort_by(|a, b| {
        b.confidence
            .total_cmp(&a.confidence)
            .then(a.index.cmp(&b.index))
    });
    Ok(Report {
        metrics,
        mistakes,
        elapsed_secs: begin.elapsed().as_secs_f64(),
    })
}

/// Measures a network on a split; `answered` hears of each answer where classes are learnt.
///
/// # Errors
/// When results cannot be read back from the device.
pub fn measure(
    network: &Model,
    samples: &Arc<Samples>,
    preprocessing: &Arc<Preprocessing>,
    device: &tensor::Device,
    settings: &Settings,
    mut answered: impl FnMut(usize, Answer),
) -> Result<Metrics> {
    let loss = &settings.loss;
    let mut metrics = Metrics::new(loss.task(), settings.outputs);
    let indices: Vec<usize> = (0..samples.len().min(settings.limit)).collect();
    let batches = indices
        .chunks(settings.batch_size)
        .map(<[usize]>::to_vec)
        .collect();
    let loader = Loader::new(
        Arc::clone(samples),
        batches,
        Arc::clone(preprocessing),
        None,
        settings.threads,
    );
    let engine = Engine::new(network, &preprocessing.input_shape(), device)?;
    for batch in loader {
        let batch = batch?;
        if batch.indices.is_empty() {
            continue;
        }
        let outputs = engine.logits(&batch.inputs)?;
        let answers = metrics.add(loss, &outputs, settings.outputs, &batch.targets);
        for (index, answer) in batch.indices.iter().zip(answers) {
            answered(*index, answer);
        }
    }
    Ok(metrics)
}
