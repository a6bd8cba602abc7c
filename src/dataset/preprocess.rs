//! How a picture becomes the network's input: padding, normalization, light and dark.

use serde::{Deserialize, Serialize};

use super::picture;

/// How a picture becomes the network's input; stored with the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Channels of the input; pictures have 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Height after resize, before padding.
    pub height: usize,
    /// Width after resize, before padding.
    pub width: usize,
    /// Whether pictures of another size are stretched; if not, they are an error.
    pub resize: bool,
    /// Zeros around the picture: top, bottom, left, right (raw 0, before normalization).
    pub padding: [usize; 4],
    /// Factor on the raw values, 1/255 by default.
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
    /// Returns `[channels, height, width]` of a picture before padding.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// Returns `[channels, height, width]` of the network's input: the picture with its padding.
    pub fn input_shape(&self) -> [usize; 3] {
        let [top, bottom, left, right] = self.padding;
        [
            self.channels,
            self.height + top + bottom,
            self.width + left + right,
        ]
    }

    /// Normalizes one raw value: `(value · rescale − mean) / std`.
    pub(super) fn normalize(&self, channel: usize, value: f32) -> f32 {
        (value * self.rescale - pick(&self.mean, channel, 0.0)) / pick(&self.std, channel, 1.0)
    }

    /// Tabulates [`normalize`](Self::normalize) for all bytes.
    pub(super) fn table(&self, channels: usize) -> Table {
        let bytes: [u8; 256] = std::array::from_fn(|byte| byte as u8);
        (0..channels)
            .map(|channel| bytes.map(|byte| self.normalize(channel, f32::from(byte))))
            .collect()
    }

    /// Returns the raw value that stands for the background where a change uncovers it.
    #[allow(clippy::cast_sign_loss, reason = "clamped to a byte")]
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

/// The size of a picture once padded, and where the picture lies in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas {
    /// Channels, height and width of the picture.
    pub(super) shape: [usize; 3],
    /// Height with padding.
    pub(super) height: usize,
    /// Width with padding.
    pub(super) width: usize,
    top: usize,
    left: usize,
}

impl Canvas {
    pub(super) fn new(shape: [usize; 3], padding: [usize; 4]) -> Self {
        let [_, height, width] = shape;
        let [top, bottom, left, right] = padding;
        Self {
            shape,
            height: height + top + bottom,
            width: width + left + right,
            top,
            left,
        }
    }

    /// Returns the number of values of one channel.
    pub(super) fn plane_len(&self) -> usize {
        self.height * self.width
    }

    /// Returns the number of values of all channels.
    pub(super) fn len(&self) -> usize {
        self.shape[0] * self.plane_len()
    }

    /// Writes each value of a plane, mapped, where it belongs in the padded plane.
    pub(super) fn place<T>(&self, plane: &[u8], map: impl Fn(u8) -> T, out: &mut [T]) {
        let [_, _, width] = self.shape;
        if width == 0 || out.is_empty() {
            return;
        }
        if self.width == width {
            let start = self.top * width;
            for (target, &value) in out[start..].iter_mut().zip(plane) {
                *target = map(value);
            }
            return;
        }
        let lines = out.chunks_exact_mut(self.width).skip(self.top);
        for (line, source) in lines.zip(plane.chunks_exact(width)) {
            for (target, &value) in line[self.left..].iter_mut().zip(source) {
                *target = map(value);
            }
        }
    }

    /// Pads and normalizes a picture into `out`, which holds [`len`](Self::len) values.
    pub(super) fn normalize(&self, picture: &[u8], table: &Table, out: &mut [f32]) {
        let [_, height, width] = self.shape;
        let planes = picture.chunks_exact((height * width).max(1));
        let targets = out.chunks_exact_mut(self.plane_len().max(1));
        for ((plane, target), table) in planes.zip(targets).zip(table) {
            if self.plane_len() != plane.len() {
                target.fill(table[0]);
            }
            self.place(plane, |value| table[usize::from(value)], target);
        }
    }
}

/// Prepares one picture for prediction: decodes, converts and always stretches it to the input's size, exchanges
/// light and dark where asked, pads and normalizes.
///
/// [`Invert::Auto`] exchanges them when the model's `border` is decidedly dark or light and the picture's own
/// border is nearer to the opposite.
///
/// # Errors
/// The reason why the picture cannot be read, to be completed with its name.
pub fn picture_input(
    bytes: &[u8],
    preprocessing: &Preprocessing,
    invert: Invert,
) -> Result<Vec<f32>, String> {
    let stretching = Preprocessing {
        resize: true,
        ..preprocessing.clone()
    };
    let shape = preprocessing.shape();
    let mut picture = picture::decode(bytes, &stretching)?;
    let exchange = match invert {
        Invert::Always => true,
        Invert::Never => false,
        Invert::Auto => is_opposite(preprocessing.border, border_mean(&picture, shape)),
    };
    if exchange {
        exchange_light_and_dark(&mut picture);
    }
    let canvas = Canvas::new(shape, preprocessing.padding);
    let mut input = vec![0.0; canvas.len()];
    canvas.normalize(&picture, &preprocessing.table(shape[0]), &mut input);
    Ok(input)
}

fn is_opposite(model: f32, own: f32) -> bool {
    (model < DARK && own > MIDDLE) || (model > LIGHT && own < MIDDLE)
}

/// Exchanges light and dark: `255 − v`.
pub(super) fn exchange_light_and_dark(values: &mut [u8]) {
    for value in values {
        *value = !*value;
    }
}

/// Averages the outermost ring of pixels over all pictures and channels; 0 if there is none.
pub(super) fn border_mean(pixels: &[u8], shape: [usize; 3]) -> f32 {
    let [_, height, width] = shape;
    let (mut sum, mut count) = (0_u64, 0_u64);
    let mut add = |values: &[u8]| {
        sum += values.iter().map(|&value| u64::from(value)).sum::<u64>();
        count += values.len() as u64;
    };
    for plane in pixels.chunks_exact((height * width).max(1)) {
        for (row, line) in plane.chunks_exact(width.max(1)).enumerate() {
            if row == 0 || row + 1 == height || width <= 2 {
                add(line);
            } else if let [first, .., last] = line {
                add(&[*first, *last]);
            }
        }
    }
    if count == 0 {
        return 0.0;
    }
    (sum as f64 / count as f64) as f32
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

    #[test]
    fn padding_places_the_picture_and_normalizes_zeros() {
        let canvas = Canvas::new([1, 2, 2], [1, 0, 0, 2]);
        let mut preprocessing = preprocessing(1, 2, 2);
        preprocessing.rescale = 1.0;
        preprocessing.mean = vec![1.0];
        let mut out = vec![0.0; canvas.len()];
        canvas.normalize(&[5, 6, 7, 8], &preprocessing.table(1), &mut out);
        let expected = [
            -1.0, -1.0, -1.0, -1.0, //
            4.0, 5.0, -1.0, -1.0, //
            6.0, 7.0, -1.0, -1.0,
        ];
        assert_eq!(out, expected);
        let canvas = Canvas::new([1, 2, 2], [1, 1, 0, 0]);
        let mut out = vec![0.0; canvas.len()];
        canvas.normalize(&[5, 6, 7, 8], &preprocessing.table(1), &mut out);
        assert_eq!(out, [-1.0, -1.0, 4.0, 5.0, 6.0, 7.0, -1.0, -1.0]);
    }

    #[track_caller]
    fn check_border(pixels: &[u8], shape: [usize; 3], expected: f32) {
        assert!((border_mean(pixels, shape) - expected).abs() < 1e-6);
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
        let input = picture_input(&grey_png(2, 2, &[value; 4]), &preprocessing, invert);
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
        preprocessing.padding = [1, 1, 1, 1];
        let input = picture_input(&grey_png(9, 3, &[7; 27]), &preprocessing, Invert::Never);
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
