//! `[augment]`: random changes of training pictures.

use std::fmt::Write as _;

use super::data::one_or_two;
use super::reader::{Mismatch, Reader};
use super::size::COUNT_SIZE;
use super::value::{self, COUNT, Kind as _, Plain};

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

/// `[augment]`: random changes of training pictures, drawn for each anew every epoch.
#[derive(Clone, Debug, Default)]
pub struct Augment {
    /// Largest shift in rows and columns, in pixels each way.
    pub shift: [usize; 2],
    /// Largest rotation about the centre, in degrees each way.
    pub rotate: f64,
}

impl Augment {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let shift = reader.or("shift", [0, 0], &SHIFT);
        let degrees = value::number("degrees from 0 to 180", |degrees| {
            (0.0..=180.0).contains(&degrees)
        });
        let rotate = reader.or("rotate", 0.0, &degrees);
        reader.not_yet(&[
            "flip",
            "crop",
            "scale",
            "shear",
            "brightness",
            "contrast",
            "saturation",
            "erase",
            "noise",
            "elastic",
            "mixup",
            "cutmix",
        ]);
        Self {
            shift: shift.value,
            rotate: rotate.value,
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "\n[augment]\nshift = {}\nrotate = {}",
            value::list(&self.shift),
            value::float(self.rotate)
        );
    }
}
