//! How a sample becomes the network's input: padding, normalization, light and dark.

use serde::{Deserialize, Serialize};

use super::canvas::Canvas;
use super::picture::decode_fitted;
use super::sample;
use super::samples::{Samples, Values};

/// How a picture becomes the network's input; stored with the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Channels and extents of a sample, after resize and before padding. Pictures have 1 (grey) or 3 (red, green,
    /// blue) channels, a height and a width; signals have a length, volumes a depth too.
    pub shape: Vec<usize>,
    /// Height and width that are cut out of the middle of each picture, before it is resized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<[usize; 2]>,
    /// Whether pictures of another size are brought to this one; if not, they are an error.
    pub resize: bool,
    /// How they are brought to it.
    #[serde(default)]
    pub mode: Mode,
    /// Zeros before and after the values along each dimension (raw 0, before normalization).
    pub padding: Vec<[usize; 2]>,
    /// Whether the raw values are floats, as those of signals and arrays; if not, they are bytes.
    #[serde(default)]
    pub floats: bool,
    /// Factor on the raw values.
    pub rescale: f32,
    /// Subtracted after `rescale`: one for each channel, or one for all, or none.
    pub mean: Vec<f32>,
    /// Divided by after `mean`: one for each channel, or one for all, or none.
    pub std: Vec<f32>,
    /// Whether light and dark are exchanged.
    pub invert: Invert,
    /// Mean raw value (0 to 255) of the border pixels over the training split; what
    /// [`load`](super::load) returns as [`Dataset::border`](super::Dataset::border).
    pub border: f32,
}

/// How pictures are brought to another size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Height and width each by their own factor.
    #[default]
    Stretch,
    /// By one factor, the whole picture, with bars of zeros beside it.
    Letterbox,
    /// By one factor, the middle of the picture.
    Crop,
}

/// Whether light and dark are exchanged before a picture reaches the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Invert {
    /// At prediction, when the picture's border tells that its background is the opposite of the training data's.
    #[default]
    Auto,
    /// Every picture, of the data set too.
    Always,
    /// No picture.
    Never,
}

/// A mean border below this, of the training split, is a dark background.
const DARK: f32 = 64.0;
/// A mean border above this, of the training split, is a light background.
const LIGHT: f32 = 191.0;
/// Half way between black and white.
const MIDDLE: f32 = 127.5;

/// The normalized value of every raw byte, a table for each channel.
pub(super) type Table = Vec<[f32; 256]>;

impl Preprocessing {
    /// Takes over from samples whether they are bytes or floats; floats are left as they are, unless a factor `is_given`.
    pub fn take_kind(&mut self, samples: &Samples, is_given: bool) {
        self.floats = !samples.are_bytes();
        if self.floats && !is_given {
            self.rescale = 1.0;
        }
    }

    /// Returns the channels of a sample.
    pub fn channels(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Returns `[channels, height, width]` of a picture before padding; nothing where samples are no pictures.
    pub fn picture_shape(&self) -> Option<[usize; 3]> {
        self.shape.as_slice().try_into().ok()
    }

    /// Returns the shape of the network's input: channels, and the extents with their padding.
    pub fn input_shape(&self) -> Vec<usize> {
        padded_shape(&self.shape, &self.padding)
    }

    /// Normalizes one raw value: `(value · rescale − mean) / std`.
    pub(crate) fn normalize(&self, channel: usize, value: f32) -> f32 {
        self.normalizer(channel)(value)
    }

    /// Returns [`normalize`](Self::normalize) for the values of one channel.
    pub(super) fn normalizer(&self, channel: usize) -> impl Fn(f32) -> f32 + use<> {
        let rescale = self.rescale;
        let mean = pick(&self.mean, channel, 0.0);
        let std = pick(&self.std, channel, 1.0);
        move |value| (value * rescale - mean) / std
    }

    /// Tabulates [`normalize`](Self::normalize) for all bytes.
    pub(super) fn table(&self, channels: usize) -> Table {
        let bytes: [u8; 256] = std::array::from_fn(|byte| byte as u8);
        (0..channels)
            .map(|channel| bytes.map(|byte| self.normalize(channel, f32::from(byte))))
            .collect()
    }

    /// Tells whether samples are as picture files have them: grey or in colours, with a height and a width, in bytes.
    pub fn is_picture(&self) -> bool {
        matches!(self.shape[..], [1 | 3, _, _]) && !self.floats
    }

    /// Returns how the border of a picture compares with the middle between black and white, `<` or `>`, where
    /// [`Invert::Auto`] exchanges light and dark; nothing where it never does.
    pub(crate) fn opposite(&self) -> Option<&'static str> {
        match self.invert {
            Invert::Auto if self.border < DARK => Some(">"),
            Invert::Auto if self.border > LIGHT => Some("<"),
            _ => None,
        }
    }

    /// Tells whether the pictures of the training data are dark at their border.
    pub fn has_dark_border(&self) -> bool {
        self.border < MIDDLE
    }

    /// Returns the raw value that stands for the background where a change uncovers it.
    #[expect(clippy::cast_sign_loss, reason = "clamped to a byte")]
    pub(super) fn fill(&self) -> u8 {
        if self.border > LIGHT {
            self.border.round().clamp(0.0, 255.0) as u8
        } else {
            0
        }
    }
}

/// One value for all channels, or one for each; what is not given changes nothing.
fn pick(values: &[f32], channel: usize, none: f32) -> f32 {
    match values {
        [] => none,
        [all] => *all,
        each => each.get(channel).copied().unwrap_or(none),
    }
}

fn padded_shape(shape: &[usize], padding: &[[usize; 2]]) -> Vec<usize> {
    let mut padded = shape.to_vec();
    for (extent, [before, after]) in padded.iter_mut().skip(1).zip(padding) {
        *extent = extent.saturating_add(*before).saturating_add(*after);
    }
    padded
}

/// Prepares the content of one file for prediction: decodes, converts and always stretches a picture to the input's
/// size, exchanges light and dark where asked, pads and normalizes.
///
/// [`Invert::Auto`] exchanges them when the model's `border` is decidedly dark or light and the picture's own
/// border is nearer to the opposite.
///
/// # Errors
/// The reason why the file cannot be read, to be completed with its name.
pub fn input_of(
    bytes: &[u8],
    preprocessing: &Preprocessing,
    invert: Invert,
) -> Result<Vec<f32>, String> {
    let fitting = Preprocessing {
        resize: true,
        ..preprocessing.clone()
    };
    let values = if preprocessing.picture_shape().is_some() && !sample::is_array(bytes) {
        Values::Bytes(picture_of(bytes, &fitting, invert)?.into())
    } else {
        let mut values = sample::decode(bytes, &fitting).map_err(|fault| fault.to_string())?;
        if invert == Invert::Always {
            values.exchange_light_and_dark();
        }
        values
    };
    if matches!(values, Values::Floats(_)) != preprocessing.floats {
        let [has, learnt] = if preprocessing.floats {
            ["bytes", "floats"]
        } else {
            ["floats", "bytes"]
        };
        return Err(format!(
            "it holds {has}, and the network learnt from {learnt}"
        ));
    }
    let canvas = Canvas::new(preprocessing);
    let mut input = vec![0.0; canvas.len()];
    match values {
        Values::Bytes(bytes) => {
            let table = preprocessing.table(preprocessing.channels());
            canvas.normalize(&bytes, &table, &mut input);
        }
        Values::Floats(floats) => canvas.normalize_floats(&floats, preprocessing, &mut input),
    }
    Ok(input)
}

/// Decodes a picture and exchanges its light and dark where asked; the bars of a letterbox stay dark and tell
/// nothing of its background.
fn picture_of(
    bytes: &[u8],
    preprocessing: &Preprocessing,
    invert: Invert,
) -> Result<Vec<u8>, String> {
    let mut fitted = decode_fitted(bytes, preprocessing).map_err(|fault| fault.to_string())?;
    let pixels = &mut fitted.pixels;
    let exchange = match invert {
        Invert::Always => true,
        Invert::Never => false,
        Invert::Auto => {
            let mut border = BorderMean::new(&pixels.shape);
            border.add(&pixels.values);
            is_opposite(preprocessing.border, border.mean())
        }
    };
    if exchange {
        for value in &mut pixels.values {
            *value = !*value;
        }
    }
    Ok(fitted.framed(0))
}

fn is_opposite(model: f32, own: f32) -> bool {
    (model < DARK && own > MIDDLE) || (model > LIGHT && own < MIDDLE)
}

/// The mean of the outermost ring of pixels, over pictures and channels.
pub(super) struct BorderMean {
    extents: [usize; 2],
    sum: u64,
    count: u64,
}

impl BorderMean {
    pub(super) fn new(shape: &[usize]) -> Self {
        let extents = match shape {
            [_, height, width] => [*height, *width],
            // What is no picture has no background.
            _ => [0; 2],
        };
        Self {
            extents,
            sum: 0,
            count: 0,
        }
    }

    pub(super) fn add(&mut self, pixels: &[u8]) {
        let [height, width] = self.extents;
        if height * width == 0 {
            return;
        }
        let mut add = |values: &[u8]| {
            self.sum += values.iter().map(|&value| u64::from(value)).sum::<u64>();
            self.count += values.len() as u64;
        };
        for plane in pixels.chunks_exact(height * width) {
            for (row, line) in plane.chunks_exact(width).enumerate() {
                if row == 0 || row + 1 == height || width <= 2 {
                    add(line);
                } else if let [first, .., last] = line {
                    add(&[*first, *last]);
                }
            }
        }
    }

    /// Returns the mean; 0 if there is no pixel.
    pub(super) fn mean(&self) -> f32 {
        if self.count == 0 {
            return 0.0;
        }
        (self.sum as f64 / self.count as f64) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::picture::tests::{grey_png, preprocessing};

    #[test]
    fn the_table_equals_the_formula() {
        let mut preprocessing = preprocessing(3, 1, 1);
        preprocessing.mean = vec![0.485, 0.456, 0.406];
        preprocessing.std = vec![0.229, 0.224, 0.225];
        let table = preprocessing.table(3);
        for (channel, table) in table.iter().enumerate() {
            for byte in 0..=255_u8 {
                let expected = (f32::from(byte) * preprocessing.rescale
                    - preprocessing.mean[channel])
                    / preprocessing.std[channel];
                let tabulated = table[usize::from(byte)];
                assert_eq!(tabulated.to_bits(), expected.to_bits());
            }
        }
        preprocessing.mean = vec![0.5];
        preprocessing.std = Vec::new();
        let table = preprocessing.table(2);
        assert!(
            table[0]
                .iter()
                .zip(&table[1])
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
        assert!((preprocessing.normalize(1, 255.0) - 0.5).abs() < 1e-6);
    }

    #[track_caller]
    fn check_border(pixels: &[u8], shape: [usize; 3], expected: f32) {
        let mut border = BorderMean::new(&shape);
        border.add(pixels);
        assert!((border.mean() - expected).abs() < 1e-6);
    }

    #[test]
    fn the_border_is_the_outermost_ring() {
        check_border(&[1, 1, 1, 1, 90, 1, 1, 1, 1], [1, 3, 3], 1.0);
        check_border(&[2, 4], [1, 1, 2], 3.0);
        check_border(&[2, 4, 6], [1, 3, 1], 4.0);
        check_border(&[10, 20, 30, 40], [2, 1, 2], 25.0);
        check_border(&[], [1, 3, 3], 0.0);
    }

    #[track_caller]
    fn check_invert(border: f32, invert: Invert, value: u8, expected: u8) {
        let mut preprocessing = preprocessing(1, 2, 2);
        preprocessing.rescale = 1.0;
        preprocessing.border = border;
        let input = input_of(&grey_png(2, 2, &[value; 4]), &preprocessing, invert);
        assert_eq!(input, Ok(vec![f32::from(expected); 4]));
    }

    #[test]
    fn auto_exchanges_only_decided_opposites() {
        check_invert(0.0, Invert::Auto, 250, 5);
        check_invert(0.0, Invert::Auto, 127, 127);
        check_invert(63.0, Invert::Auto, 128, 127);
        check_invert(64.0, Invert::Auto, 250, 250);
        check_invert(191.0, Invert::Auto, 5, 5);
        check_invert(192.0, Invert::Auto, 5, 250);
        check_invert(250.0, Invert::Auto, 200, 200);
        check_invert(0.0, Invert::Never, 250, 250);
        check_invert(0.0, Invert::Always, 5, 250);
    }

    #[test]
    fn prediction_stretches_whatever_the_setting() {
        let mut preprocessing = preprocessing(1, 4, 4);
        preprocessing.rescale = 1.0;
        preprocessing.padding = vec![[1, 1]; 2];
        let input = input_of(&grey_png(9, 3, &[7; 27]), &preprocessing, Invert::Never);
        let input = input.unwrap_or_default();
        assert_eq!(input.len(), 36);
        assert_eq!(
            input.iter().sum::<f32>().to_bits(),
            (16.0_f32 * 7.0).to_bits()
        );
    }

    #[test]
    fn the_fill_is_the_background() {
        let mut preprocessing = preprocessing(1, 1, 1);
        assert_eq!(preprocessing.fill(), 0);
        preprocessing.border = 120.0;
        assert_eq!(preprocessing.fill(), 0);
        preprocessing.border = 254.6;
        assert_eq!(preprocessing.fill(), 255);
    }

    #[test]
    fn is_stored_whole() {
        let original = preprocessing(1, 28, 20);
        let text = toml::to_string(&original).unwrap_or_default();
        assert!(text.contains("invert = \"auto\""), "{text}");
        assert_eq!(toml::from_str::<Preprocessing>(&text).ok(), Some(original));
    }
}
