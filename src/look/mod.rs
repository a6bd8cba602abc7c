//! Looking into a trained network: what its filters are, what its layers make of a picture, why it answers so.
//!
//! A tap (`Model::forward_tapped`) is handed every layer's output and may put another in its place: a leaf of its own gives the
//! gradient at any layer. `report/look/` draws what is found.

mod attribution;
mod cam;
mod embedding;
mod features;
mod field;
mod filters;
mod gradients;
mod occlusion;
mod picture;

pub use embedding::{Embedding, embed, principal_components};
pub use features::{Maps, features, layers};
pub use field::{Seen, receptive_field};
pub use filters::{Kernels, filters};
pub use picture::Picture;

use burn::module::Module as _;
use burn::tensor;

use crate::diagnostic::{Diagnostic, Error, Result, in_backticks};
use crate::model::{Engine, Value, to_host};
use crate::model_file::Trained;
use crate::plan::{Layer, Plan};
use crate::predict;

/// How an answer is explained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// Maps of a layer, weighted by the mean gradients of the class's logit.
    ///
    /// # Reference
    /// Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization", eq. 1 and 2.
    GradCam,
    /// The same with weights that favour maps whose positions each raise the logit.
    ///
    /// # Reference
    /// Chattopadhay et al. 2018, "Grad-CAM++: generalized gradient-based visual explanations", eq. 19.
    GradCamPlusPlus,
    /// The size of the logit's gradient at each pixel, the largest over channels.
    ///
    /// # Reference
    /// Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks", section 3.1.
    Saliency,
    /// The same of the mean gradient over pictures with noise.
    ///
    /// # Reference
    /// Smilkov et al. 2017, "`SmoothGrad`: removing noise by adding noise".
    SmoothGrad {
        /// Pictures with noise.
        samples: usize,
        /// Standard deviation of the noise, as a share of the range of the input's values.
        noise: f64,
        /// Seed of the noise.
        seed: u64,
    },
    /// Each value's share in the logit's difference from that of a black picture; summed over channels.
    ///
    /// # Reference
    /// Sundararajan, Taly & Yan 2017, "Axiomatic attribution for deep networks", eq. 3; midpoints of equal steps.
    IntegratedGradients {
        /// Steps from the black picture to this one.
        steps: usize,
    },
    /// What the probability loses when a patch is covered in grey, averaged over the patches that cover a pixel.
    ///
    /// # Reference
    /// Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2.
    Occlusion {
        /// Height and width of the patch in pixels.
        patch: usize,
        /// Pixels from one patch to the next.
        stride: usize,
    },
}

/// Pictures with noise, or steps, where no number is given.
const SAMPLES: usize = 50;
/// The noise of `SmoothGrad` where none is given.
const NOISE: f64 = 0.15;

impl Method {
    /// What methods are called.
    pub const NAMES: [&'static str; 6] = [
        "grad-cam",
        "grad-cam++",
        "saliency",
        "smooth-grad",
        "integrated-gradients",
        "occlusion",
    ];

    /// Returns the method of a name for pictures of a height and width, with the settings it has where none are given.
    #[must_use]
    pub fn named(name: &str, size: [usize; 2], seed: u64) -> Option<Self> {
        Some(match name {
            "grad-cam" => Self::GradCam,
            "grad-cam++" => Self::GradCamPlusPlus,
            "saliency" => Self::Saliency,
            "smooth-grad" => Self::SmoothGrad {
                samples: SAMPLES,
                noise: NOISE,
                seed,
            },
            "integrated-gradients" => Self::IntegratedGradients { steps: SAMPLES },
            "occlusion" => Self::occlusion(None, None, size),
            _ => return None,
        })
    }

    /// Covers patches: of a quarter of the picture, each a quarter of itself from the last, where nothing else is given.
    #[must_use]
    pub fn occlusion(patch: Option<usize>, stride: Option<usize>, size: [usize; 2]) -> Self {
        let [height, width] = size;
        let patch = patch.unwrap_or(height.min(width) / 4);
        let patch = patch.clamp(1, height.max(width).max(1));
        Self::Occlusion {
            patch,
            stride: stride.unwrap_or(patch / 4).max(1),
        }
    }
}

/// Why a network answers so.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The class that is asked about.
    pub class: usize,
    /// The network's answer for it: a probability; the number itself where numbers are learnt.
    pub answer: f64,
    /// The layer whose maps were looked at, where the method looks at one.
    pub layer: Option<String>,
    /// Height and width of the map.
    pub size: [usize; 2],
    /// How much each place of the map speaks for the class; against it where negative.
    pub map: Vec<f64>,
    /// The logit's difference from that of a black picture, which integrated gradients sum up to but for the steps.
    pub difference: Option<f64>,
}

/// A network and one picture, ready to be looked at.
#[derive(Debug)]
pub struct Subject<'a> {
    trained: &'a Trained,
    plan: Plan,
    device: tensor::Device,
    picture: &'a Picture,
    engine: Engine,
}

impl<'a> Subject<'a> {
    /// Puts a network, loaded on a device with gradients, and a picture together.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub fn new(
        trained: &'a Trained,
        device: &tensor::Device,
        picture: &'a Picture,
    ) -> Result<Self> {
        let plan = trained.plan.up_to_logits(trained.config.train.task());
        let plain = device.clone().without_autodiff();
        Ok(Self {
            engine: Engine::new(&trained.model.valid(), &plan.input, &plain)?,
            trained,
            plan,
            device: device.clone(),
            picture,
        })
    }

    /// Returns the network's answer to its picture: a probability for each class or label, or numbers.
    ///
    /// # Errors
    /// When results cannot be read back from the device.
    pub fn answers(&self) -> Result<Vec<f64>> {
        let logits = self.logits(&self.picture.input)?;
        Ok(self.answer(&logits))
    }

    /// Makes an answer of one row of logits.
    fn answer(&self, logits: &[f32]) -> Vec<f64> {
        let mut row = logits.to_vec();
        predict::answer(self.trained.config.train.task(), &mut row);
        row.into_iter().map(f64::from).collect()
    }

    /// Returns the pixels of a map of the picture's size.
    fn area(&self) -> usize {
        self.picture.size().iter().product()
    }

    /// Explains the answer for a class; the most probable one where none is named.
    ///
    /// # Errors
    /// When there is no such layer, or results cannot be read back from the device.
    pub fn explain(
        &self,
        method: Method,
        class: Option<usize>,
        layer: Option<&str>,
    ) -> Result<Explanation> {
        let answers = self.answers()?;
        let most = answers
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        let class = class.or(most.map(|(class, _)| class)).unwrap_or(0);
        let answer = answers.get(class).copied().unwrap_or(0.0);
        let [height, width] = self.picture.size();
        let mut explanation = Explanation {
            class,
            answer,
            layer: None,
            size: [height, width],
            map: Vec::new(),
            difference: None,
        };
        match method {
            Method::GradCam | Method::GradCamPlusPlus => {
                let layer = self.map_layer(layer)?;
                let [_, rows, columns] = layer.output[..] else {
                    return Err(no_maps(layer));
                };
                let plus = method == Method::GradCamPlusPlus;
                explanation.map = cam::of(self, class, layer, plus)?;
                explanation.size = [rows, columns];
                explanation.layer = Some(name_of(layer));
            }
            Method::Saliency => explanation.map = attribution::saliency(self, class)?,
            Method::SmoothGrad {
                samples,
                noise,
                seed,
            } => {
                explanation.map = attribution::smooth_grad(self, class, samples, noise, seed)?;
            }
            Method::IntegratedGradients { steps } => {
                let (map, difference) = attribution::integrated(self, class, steps)?;
                explanation.map = map;
                explanation.difference = Some(difference);
            }
            Method::Occlusion { patch, stride } => {
                explanation.map = occlusion::of(self, class, patch, stride)?;
            }
        }
        Ok(explanation)
    }

    /// Finds a layer by its path, name or number.
    fn layer(&self, word: &str) -> Result<&Layer> {
        find_layer(&self.plan, word)
    }

    /// Finds the layer whose maps are looked at: the last one that still has several positions, if none is named.
    fn map_layer(&self, word: Option<&str>) -> Result<&Layer> {
        if let Some(word) = word {
            let layer = self.layer(word)?;
            return if layer.output.len() == 3 {
                Ok(layer)
            } else {
                Err(no_maps(layer))
            };
        }
        let has_maps =
            |layer: &&Layer| matches!(layer.output[..], [_, height, width] if height * width > 1);
        let last = self.plan.layers.iter().rev().find(has_maps);
        last.ok_or_else(|| {
            let message = "no layer of the network has maps of several positions";
            let help = "`--method saliency`, `integrated-gradients` and `occlusion` need none";
            Error::config(Diagnostic::error(message).help(help))
        })
    }

    /// Computes logits, one row an input.
    fn logits(&self, inputs: &[f32]) -> Result<Vec<f32>> {
        self.engine.logits(inputs)
    }

    /// Makes a batch of inputs, on the device with gradients.
    fn batch(&self, inputs: Vec<f32>) -> Value {
        Value::of_inputs(inputs, &self.plan.input, &self.device)
    }
}

/// Finds a layer by its path, name or number.
///
/// # Errors
/// When there is none; the message lists what there is.
fn find_layer<'a>(plan: &'a Plan, word: &str) -> Result<&'a Layer> {
    let found = plan.find(word).map(|(layer, _)| layer);
    found.ok_or_else(|| {
        let names: Vec<String> = layers(plan).into_iter().map(name_of).collect();
        let diagnostic = Diagnostic::error(format!("the network has no layer `{word}`"));
        Error::config(diagnostic.note(format!("it has {}", in_backticks(names.iter().take(40)))))
    })
}

/// Returns what a layer is called: its name, else its path.
#[must_use]
pub fn name_of(layer: &Layer) -> String {
    layer.name.clone().unwrap_or_else(|| layer.path.clone())
}

fn no_maps(layer: &Layer) -> Error {
    let shape = crate::shape::display(&layer.output);
    let name = name_of(layer);
    let message = format!("layer `{name}` gives {shape}, no maps of a picture");
    Error::config(Diagnostic::error(message).help("name a layer before `flatten`"))
}

/// Says that the network was computed without a layer that its plan has.
fn not_passed(layer: &Layer) -> Error {
    let message = format!("layer `{}` was not passed", name_of(layer));
    Error::model(Diagnostic::error(message))
}

/// Reads a value of any rank back from the device.
fn read(value: Value) -> Result<Vec<f32>> {
    to_host(value.plain().into_flat())
}
