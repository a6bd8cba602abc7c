//! Prediction: what pictures show, from a model file alone.

use burn::tensor;

use crate::config::Task;
use crate::dataset::{Invert, input_of};
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

/// Answers a batch of pictures; one that cannot be read does not keep the others from theirs.
///
/// # Errors
/// When results cannot be read back from the device.
pub fn predict(
    trained: &Trained,
    pictures: Vec<Picture>,
    invert: Invert,
    top: usize,
    device: &tensor::Device,
) -> Result<Vec<Prediction>> {
    let task = trained.config.train.task();
    let preprocessing = &trained.header.preprocessing;
    let classes = &trained.header.classes;
    let width = classes.len().max(1);
    let mut inputs = Vec::new();
    let mut prepared = Vec::with_capacity(pictures.len());
    for picture in pictures {
        let values = picture
            .content
            .and_then(|bytes| input_of(&bytes, preprocessing, invert));
        prepared.push((picture.name, values.map(|values| inputs.extend(values))));
    }
    let rows = if inputs.is_empty() {
        Vec::new()
    } else {
        let engine = Engine::new(&trained.model, &preprocessing.input_shape(), device)?;
        let mut outputs = engine.logits(&inputs)?;
        outputs.chunks_mut(width).for_each(|row| answer(task, row));
        outputs
    };
    let mut rows = rows.chunks(width);
    Ok(prepared
        .into_iter()
        .map(|(name, values)| Prediction {
            name,
            answer: values.map(|()| {
                let row = rows.next().unwrap_or_default();
                match task {
                    Task::Classes | Task::Labels => Answer::Guesses(rank(row, classes, top)),
                    Task::Values => {
                        let names = classes.iter().cloned();
                        Answer::Values(names.zip(row.iter().copied().map(f64::from)).collect())
                    }
                }
            }),
        })
        .collect())
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
