//! Answers sample by sample, where classes are learnt.

use std::sync::Arc;

use burn::tensor;

use super::Settings;
use crate::dataset::{Loader, Preprocessing, Samples};
use crate::diagnostic::Result;
use crate::metrics::{Classes, Ranking};
use crate::model::{Engine, Model};

/// The answers to samples of a split.
#[derive(Clone, Debug)]
pub struct Scores {
    /// Classes.
    pub classes: usize,
    /// Which samples, by their place in the split.
    pub indices: Vec<usize>,
    /// The class of each.
    pub labels: Vec<usize>,
    /// `[samples, classes]`.
    logits: Vec<f32>,
}

/// The answer to one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Its place in the split.
    pub index: usize,
    /// Its class.
    pub label: usize,
    /// The class answered.
    pub predicted: usize,
    /// The probability of the answer.
    pub confidence: f64,
}

impl Scores {
    /// Computes the answers to the first samples of a split.
    ///
    /// # Errors
    /// When a sample cannot be read, or results cannot be read back from the device.
    pub fn of(
        network: &Model,
        samples: &Arc<Samples>,
        preprocessing: &Arc<Preprocessing>,
        device: &tensor::Device,
        settings: &Settings,
    ) -> Result<Self> {
        let first: Vec<usize> = (0..samples.len().min(settings.limit)).collect();
        let batches = first.chunks(settings.batch_size).map(<[usize]>::to_vec);
        let loader = Loader::new(
            Arc::clone(samples),
            batches.collect(),
            Arc::clone(preprocessing),
            None,
            settings.threads,
        );
        let engine = Engine::new(network, &preprocessing.input_shape(), device)?;
        let mut scores = Self {
            classes: settings.outputs,
            indices: Vec::new(),
            labels: Vec::new(),
            logits: Vec::new(),
        };
        for batch in loader {
            let batch = batch?;
            if batch.indices.is_empty() {
                continue;
            }
            scores.logits.extend(engine.logits(&batch.inputs)?);
            let labels = batch.targets.classes().iter();
            scores.labels.extend(labels.map(|label| *label as usize));
            scores.indices.extend(batch.indices);
        }
        Ok(scores)
    }

    /// Returns the figures of all classes.
    #[must_use]
    pub fn figures(&self) -> Classes {
        let mut figures = Classes::new(self.classes);
        for (row, label) in self.rows() {
            figures.add(row, label);
        }
        figures
    }

    /// Returns the answer to each sample.
    #[must_use]
    pub fn answers(&self) -> Vec<Scored> {
        let mut figures = Classes::new(self.classes);
        let rows = self.rows().zip(&self.indices);
        let answers = rows.map(|((row, label), index)| {
            let answer = figures.add(row, label);
            Scored {
                index: *index,
                label,
                predicted: answer.predicted,
                confidence: answer.confidence,
            }
        });
        answers.collect()
    }

    /// Returns how the probability of a class ranks the samples.
    #[must_use]
    pub fn ranking(&self, class: usize) -> Ranking {
        let scored = self.rows().map(|(row, label)| {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let of = |logit: f32| f64::from(logit - largest).exp();
            let sum: f64 = row.iter().copied().map(of).sum();
            let own = row.get(class).copied().map_or(0.0, of);
            (own / sum, label == class)
        });
        Ranking::new(scored.collect())
    }

    fn rows(&self) -> impl Iterator<Item = (&[f32], usize)> {
        let rows = self.logits.chunks_exact(self.classes.max(1));
        rows.zip(self.labels.iter().copied())
    }
}
