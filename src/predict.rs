//! Prediction: what pictures show, from a model file alone.

mod queue;

pub use queue::{Asker, Full, Queue, Tally};

use burn::tensor;
use rayon::prelude::*;

use crate::config::Task;
use crate::dataset::{Invert, Preprocessing, input_of};
use crate::diagnostic::Result;
use crate::model::Engine;
use crate::model_file::Trained;

/// A picture to look at.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it is called in the answer.
    pub name: String,
    /// Its file's content, or why it could not be read.
    pub content: std::result::Result<Vec<u8>, String>,
}

/// A class and its probability.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// The class's name.
    pub class: String,
    /// Its place among the classes.
    pub index: usize,
    /// Its probability.
    pub probability: f64,
}

/// What a network says of one picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Classes or labels, the most probable first.
    Guesses(Vec<Guess>),
    /// Numbers with their names.
    Values(Vec<(String, f64)>),
}

/// The answer to one picture, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The picture's name.
    pub name: String,
    /// The answer, or the reason there is none.
    pub answer: std::result::Result<Answer, String>,
}

/// A network that answers: loaded once, asked from any thread.
#[derive(Debug)]
pub struct Predictor {
    engine: Engine,
    task: Task,
    classes: Vec<String>,
    preprocessing: Preprocessing,
}

impl Predictor {
    /// Prepares a network that is on a device.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub fn new(trained: &Trained, device: &tensor::Device) -> Result<Self> {
        let preprocessing = trained.header.preprocessing.clone();
        let engine = Engine::new(&trained.model, &preprocessing.input_shape(), device)?;
        Ok(Self {
            engine,
            task: trained.config.train.task(),
            classes: trained.header.classes.clone(),
            preprocessing,
        })
    }

    /// Says otherwise than the model file whether light and dark are exchanged.
    #[must_use]
    pub fn inverting(mut self, invert: Invert) -> Self {
        self.preprocessing.invert = invert;
        self
    }

    /// Returns how a picture becomes the network's input.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// Answers a batch of pictures with the `top` most probable classes each; one that cannot be read does not keep the
    /// others from theirs.
    ///
    /// # Errors
    /// When results cannot be read back from the device.
    pub fn predict(&self, pictures: &[Picture], top: usize) -> Result<Vec<Prediction>> {
        let input = |picture: &Picture| {
            let bytes = picture.content.as_deref().map_err(String::clone)?;
            input_of(bytes, &self.preprocessing, self.preprocessing.invert)
        };
        let inputs: Vec<_> = match pictures {
            // Waking another thread would take longer than it saves.
            [picture] => vec![input(picture)],
            _ => pictures.par_iter().map(input).collect(),
        };
        let values: Vec<f32> = inputs.iter().flatten().flatten().copied().collect();
        let outputs = if values.is_empty() {
            Vec::new()
        } else {
            self.engine.logits(&values)?
        };
        let mut rows = outputs.chunks(self.classes.len().max(1));
        let predictions = pictures.iter().zip(inputs).map(|(picture, input)| {
            let answer = input.map(|_| self.answer(rows.next().unwrap_or_default(), top));
            Prediction {
                name: picture.name.clone(),
                answer,
            }
        });
        Ok(predictions.collect())
    }

    fn answer(&self, logits: &[f32], top: usize) -> Answer {
        let mut row = logits.to_vec();
        answer(self.task, &mut row);
        match self.task {
            Task::Classes | Task::Labels => Answer::Guesses(rank(&row, &self.classes, top)),
            Task::Values => {
                let names = self.classes.iter().cloned();
                Answer::Values(names.zip(row.into_iter().map(f64::from)).collect())
            }
        }
    }
}

/// Makes an answer of a network's output: probabilities of logits; numbers are left as they are.
pub(crate) fn answer(task: Task, row: &mut [f32]) {
    match task {
        Task::Classes => softmax(row),
        Task::Labels => (row.iter_mut()).for_each(|x| *x = 1.0 / (1.0 + (-*x).exp())),
        Task::Values => {}
    }
}

/// Makes probabilities of logits.
fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for x in row.iter_mut() {
        *x = (*x - largest).exp();
    }
    let sum: f32 = row.iter().sum();
    for x in row {
        *x /= sum;
    }
}

fn rank(probabilities: &[f32], classes: &[String], top: usize) -> Vec<Guess> {
    let mut guesses: Vec<Guess> = probabilities
        .iter()
        .zip(classes)
        .enumerate()
        .map(|(index, (probability, class))| Guess {
            class: class.clone(),
            index,
            probability: f64::from(*probability),
        })
        .collect();
    guesses.sort_by(|a, b| {
        b.probability
            .total_cmp(&a.probability)
            .then(a.index.cmp(&b.index))
    });
    guesses.truncate(top);
    guesses
}
