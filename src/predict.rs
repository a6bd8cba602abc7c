//! Prediction: what pictures show, from a model file alone.

mod pixels;
#[cfg(feature = "serve")]
mod queue;

#[cfg(feature = "serve")]
pub(crate) use queue::{Asker, Full, Queue};

use std::path::Path;

use burn::tensor;
use rayon::prelude::*;

use crate::config::Task;
use crate::dataset::{Invert, Preprocessing, input_of, read_picture};
use crate::diagnostic::{Diagnostic, Result};
use crate::model::{Device, Engine};
use crate::model_file::{self, Trained};
use crate::run::MODEL;

/// Pictures that are answered together, at most: more take memory, and no less time each.
const TOGETHER: usize = 64;

/// A picture to look at: a png, jpeg, webp or bmp, of any size and colours; for networks of signals and volumes a wav sound
/// or a npy array.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it is called in the answer.
    pub name: String,
    /// Its file's content, or why it could not be read.
    pub content: std::result::Result<Vec<u8>, String>,
}

impl Picture {
    /// Reads a file; that it cannot be read is told in its [`Prediction`].
    #[must_use]
    pub fn open(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        Self {
            name: path.display().to_string(),
            content: read_picture(path).map_err(|error| error.to_string()),
        }
    }

    /// Takes the bytes of a file.
    #[must_use]
    pub fn of_bytes(name: &str, bytes: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            content: Ok(bytes),
        }
    }

    /// Takes pixels row by row, as the buffers of the `image` crate have them: grey, grey and alpha, red green blue, or
    /// these and alpha, as the number of values says.
    ///
    /// That this is none of them is told in its [`Prediction`].
    #[must_use]
    pub fn of_pixels(name: &str, width: u32, height: u32, values: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            content: pixels::as_png(width, height, values),
        }
    }
}

/// Says why the picture of this name could not be read.
pub(crate) fn unreadable(name: &str, reason: &str) -> Diagnostic {
    Diagnostic::error(format!("failed to read picture `{name}`: {reason}"))
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
    /// What the probability is made of: the network's own output.
    pub logit: f64,
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
///
/// On `cpu` an answer is the same bytes alone and in any batch.
///
/// ```
/// use cnn::train::{Options, Target};
/// use cnn::{Answer, Device, Picture, Predictor, Project};
/// use image::GrayImage;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// // Pictures of two classes, a folder each.
/// for (class, level) in [("light", 220), ("dark", 30)] {
///     std::fs::create_dir_all(folder.join("data").join(class))?;
///     for number in 0..6_u8 {
///         let picture = GrayImage::from_fn(9, 7, |x, _| [level + number + x as u8].into());
///         picture.save(folder.join("data").join(class).join(format!("{number}.png")))?;
///     }
/// }
/// let project: Project = format!(
///     "
///     [model]
///     input  = [1, 4, 4]
///     layers = [{{ type = 'flatten' }}, {{ type = 'dense', units = 2 }}]
///     [data]
///     source = '{}'
///     resize = 4
///     [train]
///     epochs = 20
///     batch_size = 4
///     optimizer = {{ type = 'adam', learning_rate = 0.05 }}
///     ",
///     folder.join("data").display()
/// ).parse()?;
/// let options = Options { target: Target::At(folder.join("run")), ..Options::new(&project) };
/// let end = cnn::train(&options, &mut |_| ())?;
///
/// let predictor = Predictor::load(end.run.join("model.safetensors"), Device::Cpu)?;
/// assert_eq!(predictor.classes(), ["dark", "light"]);
///
/// // One picture, of any size, and a batch; from files, bytes or pixels.
/// let light = Picture::open(folder.join("data/light/0.png"));
/// let colours = image::RgbImage::from_pixel(20, 30, [10, 20, 30].into());
/// let dark = Picture::of_pixels("dark", 20, 30, &colours);
/// let one = predictor.predict(&[light.clone()], 1)?;
/// let both = predictor.predict(&[light.clone(), dark], 2)?;
/// let Ok(Answer::Guesses(guesses)) = &both[1].answer else { panic!("a picture, and classes") };
/// assert_eq!(guesses[0].class, "dark");
/// assert!((guesses[0].probability + guesses[1].probability - 1.0).abs() < 1e-6);
///
/// // From any thread, each with the same answer.
/// std::thread::scope(|scope| {
///     let ask = || predictor.predict(&[light.clone()], 1);
///     let [first, second] = [scope.spawn(ask), scope.spawn(ask)].map(|thread| thread.join());
///     assert_eq!(first.unwrap().unwrap(), one);
///     assert_eq!(second.unwrap().unwrap(), one);
/// });
///
/// // What cannot be read has a reason in place of its answer.
/// let gone = predictor.predict(&[Picture::open("gone.png")], 1)?;
/// assert!(gone[0].answer.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Predictor {
    engine: Engine,
    task: Task,
    classes: Vec<String>,
    preprocessing: Preprocessing,
}

impl Predictor {
    /// Loads a model file, or that of a run folder, as `cnn train` and [`train()`](crate::train()) write them.
    ///
    /// # Errors
    /// When the device cannot be opened, or the file is no model file of `cnn` or a damaged one.
    pub fn load(path: impl AsRef<Path>, device: Device) -> Result<Self> {
        let path = path.as_ref();
        let device = device.open()?;
        let trained = if path.is_dir() {
            model_file::load(&path.join(MODEL), &device)?
        } else {
            model_file::load(path, &device)?
        };
        Self::new(&trained, &device)
    }

    /// Prepares a network that is on a device.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(crate) fn new(trained: &Trained, device: &tensor::Device) -> Result<Self> {
        let preprocessing = trained.header.preprocessing.clone();
        let engine = Engine::new(&trained.model, &preprocessing.input_shape(), device)?;
        Ok(Self {
            engine,
            task: trained.config.train.task(),
            classes: trained.header.classes.clone(),
            preprocessing,
        })
    }

    /// Returns the names of classes or labels, in the order of the network's outputs; of the numbers where it answers with
    /// such.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Says otherwise than the model file whether light and dark are exchanged.
    #[must_use]
    pub(crate) fn inverting(mut self, invert: Invert) -> Self {
        self.preprocessing.invert = invert;
        self
    }

    /// Returns how a picture becomes the network's input.
    pub(crate) fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// Answers any number of pictures, in their order, with the `top` most probable classes each (`usize::MAX` for all);
    /// one that cannot be read does not keep the others from theirs.
    ///
    /// # Errors
    /// When results cannot be read back from the device.
    pub fn predict(&self, pictures: &[Picture], top: usize) -> Result<Vec<Prediction>> {
        let mut predictions = Vec::with_capacity(pictures.len());
        for batch in pictures.chunks(TOGETHER) {
            predictions.extend(self.predict_batch(batch, top)?);
        }
        Ok(predictions)
    }

    /// Answers pictures in one batch, however large.
    ///
    /// # Errors
    /// When results cannot be read back from the device.
    pub(crate) fn predict_batch(
        &self,
        pictures: &[Picture],
        top: usize,
    ) -> Result<Vec<Prediction>> {
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
            Task::Classes | Task::Labels => Answer::Guesses(rank(&row, logits, &self.classes, top)),
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

fn rank(probabilities: &[f32], logits: &[f32], classes: &[String], top: usize) -> Vec<Guess> {
    let mut guesses: Vec<Guess> = probabilities
        .iter()
        .zip(logits)
        .zip(classes)
        .enumerate()
        .map(|(index, ((probability, logit), class))| Guess {
            class: class.clone(),
            index,
            probability: f64::from(*probability),
            logit: f64::from(*logit),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predictor_is_asked_from_any_thread() {
        const fn shared<T: Send + Sync>() {}
        const { shared::<Predictor>() };
    }

    #[test]
    fn pixels_are_what_their_number_says() {
        let decoded = |values: &[u8]| {
            let picture = Picture::of_pixels("it", 2, 1, values);
            let bytes = picture.content?;
            crate::dataset::picture_pixels(&bytes, false).map(|pixels| pixels.values)
        };
        assert_eq!(decoded(&[1, 2]), Ok(vec![1, 2]));
        assert_eq!(
            decoded(&[1, 255, 2, 0]),
            Ok(vec![1, 2]),
            "without its alpha"
        );
        assert_eq!(decoded(&[1, 2, 3, 4, 5, 6]), Ok(vec![1, 4, 2, 5, 3, 6]));
        assert_eq!(
            decoded(&[1, 2, 3, 9, 4, 5, 6, 9]),
            Ok(vec![1, 4, 2, 5, 3, 6])
        );
        let reason = "it has 3 values, expected 1 to 4 for each of 1x2 pixels (height x width)";
        assert_eq!(decoded(&[1, 2, 3]), Err(reason.to_owned()));
        assert!(decoded(&[]).is_err());
        assert!(Picture::of_pixels("none", 0, 0, &[]).content.is_err());
        assert!(
            Picture::of_pixels("large", u32::MAX, u32::MAX, &[1])
                .content
                .is_err()
        );
    }
}
