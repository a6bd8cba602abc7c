//! `[augment]`: random changes of training pictures.

use std::fmt::Write as _;

use super::data::one_or_two;
use super::reader::{Mismatch, Reader};
use super::size::COUNT_SIZE;
use super::value::{self, COUNT, Kind as _, Plain, word_of};

mod parts;

pub use parts::{Elastic, Erase, EraseFill, RandomCrop};
use parts::{Range, amount, range, read_crop, read_elastic, read_erase};

/// `[augment]`: random changes of training pictures, drawn for each anew every epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Augment {
    /// Mirroring.
    pub flip: Option<Flip>,
    /// A window of the picture in place of the whole.
    pub crop: Option<RandomCrop>,
    /// Largest shift in rows and columns, in pixels each way.
    pub shift: [usize; 2],
    /// Largest rotation about the centre, in degrees each way.
    pub rotate: f64,
    /// Least and largest factor of the size.
    pub scale: [f64; 2],
    /// Largest factor by which one direction is stretched while the other is compressed.
    pub squeeze: f64,
    /// Largest angle by which columns lean, in degrees each way.
    pub shear: f64,
    /// Largest change of the factor of all values.
    pub brightness: f64,
    /// Largest change of the factor of the distance from the mean grey.
    pub contrast: f64,
    /// Largest change of the factor of the distance from grey.
    pub saturation: f64,
    /// A rectangle that is blotted out.
    pub erase: Option<Erase>,
    /// Deviation of Gaussian noise, as a share of the range from black to white.
    pub noise: f64,
    /// A smooth random displacement of each pixel.
    pub elastic: Option<Elastic>,
    /// α of the share by which another sample is blended in; 0 is off.
    pub mixup: f64,
    /// α of the share of the area that comes from another sample; 0 is off.
    pub cutmix: f64,
}

/// Directions in which pictures are mirrored, each with probability 1/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// Left and right are exchanged.
    Horizontal,
    /// Top and bottom are exchanged.
    Vertical,
    /// Each of the two, independently.
    Both,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            flip: None,
            crop: None,
            shift: [0, 0],
            rotate: 0.0,
            scale: [1.0, 1.0],
            squeeze: 1.0,
            shear: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            erase: None,
            noise: 0.0,
            elastic: None,
            mixup: 0.0,
            cutmix: 0.0,
        }
    }
}

const FLIPS: &[(&str, Flip)] = &[
    ("horizontal", Flip::Horizontal),
    ("vertical", Flip::Vertical),
    ("both", Flip::Both),
];

/// Rows and columns.
const SHIFT: Plain<[usize; 2]> = Plain {
    parse: |node| {
        let expected = "a number of pixels, or `[rows, columns]`";
        COUNT_SIZE
            .parse(node)
            .ok()
            .and_then(|size| size.resolve(2))
            .and_then(|sizes| <[usize; 2]>::try_from(sizes).ok())
            .ok_or_else(|| Mismatch::new(expected, node))
    },
    form: || one_or_two(COUNT.form()),
};

impl Augment {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let degrees = value::number("degrees from 0 to 180", |degrees| {
            (0.0..=180.0).contains(&degrees)
        });
        let lean = value::number("degrees from 0 to below 90", |degrees| {
            (0.0..90.0).contains(&degrees)
        });
        let sizes = Range::new("`[least, largest]`, two factors from 0.1 to 10", |factor| {
            (0.1..=10.0).contains(&factor)
        });
        let range_of_factor = value::number("a number from 0 to 100", |range| {
            (0.0..=100.0).contains(&range)
        });
        let stretch = value::number("a factor from 1 to 100", |factor| {
            (1.0..=100.0).contains(&factor)
        });
        Self {
            flip: reader
                .optional("flip", &value::word(FLIPS))
                .map(|flip| flip.value),
            crop: read_crop(reader),
            shift: reader.or("shift", [0, 0], &SHIFT).value,
            rotate: reader.or("rotate", 0.0, &degrees).value,
            scale: reader.or("scale", [1.0, 1.0], &sizes).value,
            squeeze: reader.or("squeeze", 1.0, &stretch).value,
            shear: reader.or("shear", 0.0, &lean).value,
            brightness: reader.or("brightness", 0.0, &range_of_factor).value,
            contrast: reader.or("contrast", 0.0, &range_of_factor).value,
            saturation: reader.or("saturation", 0.0, &range_of_factor).value,
            erase: read_erase(reader),
            noise: reader.or("noise", 0.0, &amount()).value,
            elastic: read_elastic(reader),
            mixup: reader.or("mixup", 0.0, &amount()).value,
            cutmix: reader.or("cutmix", 0.0, &amount()).value,
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        text.push_str("\n[augment]\n");
        let mut line = |key: &str, value: String| {
            let _ = writeln!(text, "{key} = {value}");
        };
        if let Some(flip) = &self.flip {
            line("flip", value::quoted(word_of(FLIPS, flip)));
        }
        if let Some(crop) = self.crop {
            line("crop", crop.to_toml());
        }
        line("shift", value::list(&self.shift));
        line("rotate", value::float(self.rotate));
        line("scale", range(&self.scale));
        line("squeeze", value::float(self.squeeze));
        line("shear", value::float(self.shear));
        line("brightness", value::float(self.brightness));
        line("contrast", value::float(self.contrast));
        line("saturation", value::float(self.saturation));
        if let Some(erase) = &self.erase {
            line("erase", erase.to_toml());
        }
        line("noise", value::float(self.noise));
        if let Some(elastic) = self.elastic {
            line("elastic", elastic.to_toml());
        }
        line("mixup", value::float(self.mixup));
        line("cutmix", value::float(self.cutmix));
    }
}
