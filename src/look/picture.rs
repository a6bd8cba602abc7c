//! A picture as a network gets it, and as a person sees it.

use crate::dataset::{Invert, Preprocessing, input_of};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::predict;

/// A picture, prepared for a network.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it is called.
    pub name: String,
    /// `[channels, height, width]` of the network's input.
    pub shape: [usize; 3],
    /// The network's input.
    pub input: Vec<f32>,
    /// The same before normalization, in 0 to 255.
    pub shown: Vec<f32>,
    /// The input that is black everywhere.
    pub black: Vec<f32>,
    /// The input that is grey everywhere: the mean of the data, or half way to white.
    pub grey: Vec<f32>,
}

impl Picture {
    /// Prepares what prediction is asked about.
    ///
    /// # Errors
    /// When the network takes no pictures, or the file cannot be read.
    pub fn of_file(file: predict::Picture, preprocessing: &Preprocessing) -> Result<Self> {
        if preprocessing.picture_shape().is_none() {
            let shape = crate::shape::display(&preprocessing.input_shape());
            let message = format!("the network takes inputs of {shape}, which are no pictures");
            let help =
                "pictures are `[channels, height, width]`; `filters` and `embedding` need none";
            return Err(Error::config(Diagnostic::error(message).help(help)));
        }
        let name = file.name;
        let picture = file
            .content
            .and_then(|bytes| Self::new(name.clone(), &bytes, preprocessing, preprocessing.invert));
        picture.map_err(|reason| Error::data(predict::unreadable(&name, &reason)))
    }

    /// Prepares a picture file as prediction does.
    ///
    /// # Errors
    /// The reason why the file cannot be read, to be completed with its name; or that the network takes no pictures.
    pub fn new(
        name: String,
        bytes: &[u8],
        preprocessing: &Preprocessing,
        invert: Invert,
    ) -> std::result::Result<Self, String> {
        let Ok(shape @ [channels, height, width]) =
            <[usize; 3]>::try_from(preprocessing.input_shape())
        else {
            return Err("the network takes no pictures".to_owned());
        };
        let input = input_of(bytes, preprocessing, invert)?;
        let plain = Preprocessing {
            mean: Vec::new(),
            std: Vec::new(),
            rescale: 1.0,
            ..preprocessing.clone()
        };
        let mut shown = input_of(bytes, &plain, invert)?;
        let bounds = shown
            .iter()
            .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| {
                [low.min(*value), high.max(*value)]
            });
        // Floats have a range of their own.
        let middle = if preprocessing.floats {
            f32::midpoint(bounds[0], bounds[1])
        } else {
            127.5
        };
        if preprocessing.floats && bounds[0] < bounds[1] {
            for value in &mut shown {
                *value = (*value - bounds[0]) / (bounds[1] - bounds[0]) * 255.0;
            }
        }
        let area = height * width;
        let filled = |value: f32| {
            let places = 0..channels * area;
            places.map(move |place| preprocessing.normalize(place / area, value))
        };
        let grey = if preprocessing.mean.is_empty() {
            filled(middle).collect()
        } else {
            vec![0.0; channels * area]
        };
        Ok(Self {
            name,
            shape,
            input,
            shown,
            black: filled(0.0).collect(),
            grey,
        })
    }

    /// Returns a pixel as a person sees it; what is no grey or coloured picture shows its first channel.
    #[must_use]
    pub fn pixel(&self, row: usize, column: usize) -> [u8; 3] {
        let [channels, height, width] = self.shape;
        [0, 1, 2].map(|part| {
            let channel = if channels < 3 { 0 } else { part };
            let value = self.shown.get((channel * height + row) * width + column);
            let value = value.copied().unwrap_or_default();
            value.round().clamp(0.0, 255.0) as u8
        })
    }

    /// Returns height and width.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        [self.shape[1], self.shape[2]]
    }
}
