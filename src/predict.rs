//! Prediction: the classes of pictures, from a model file alone.

use burn::tensor;
use burn::tensor::activation::softmax;

use crate::dataset::{Invert, input_of};
use crate::diagnostic::Result;
use crate::evaluate::to_host;
use crate::model::{Pass, Value};
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

/// The answer to one picture: the most probable classes, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The picture's name.
    pub name: String,
    /// The most probable classes first, or the reason there is no answer.
    pub guesses: std::result::Result<Vec<Guess>, String>,
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
    let preprocessing = &trained.header.preprocessing;
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
        let input = Value::of_inputs(inputs, &preprocessing.input_shape(), device);
        to_host(softmax(trained.model.logits(input, Pass::Evaluate), 1))?
    };
    let classes = &trained.header.classes;
    let mut rows = rows.chunks(classes.len().max(1));
    Ok(prepared
        .into_iter()
        .map(|(name, values)| Prediction {
            name,
            guesses: values.map(|()| rank(rows.next().unwrap_or_default(), classes, top)),
        })
        .collect())
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
