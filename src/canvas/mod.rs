//! Pictures drawn pixel by pixel.

pub(crate) mod colour;
pub(crate) mod font;

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

use crate::diagnostic::{Diagnostic, Error, Result};

/// A colour: red, green, blue.
pub(crate) type Colour = [u8; 3];

pub(crate) const PAPER: Colour = [255, 255, 255];
pub(crate) const INK: Colour = [0, 0, 0];

/// A picture of more pixels is refused.
const MAX_PIXELS: usize = 1 << 26;

/// A picture to draw on; what lies outside is dropped.
#[derive(Debug)]
pub(crate) struct Canvas(RgbImage);

impl Canvas {
    /// Makes an empty picture of a height and a width; nothing if it would be too large.
    pub(crate) fn new([height, width]: [usize; 2]) -> Option<Self> {
        height
            .checked_mul(width)
            .filter(|size| *size <= MAX_PIXELS)?;
        let [height, width] = [u32::try_from(height).ok()?, u32::try_from(width).ok()?];
        Some(Self(RgbImage::from_pixel(width, height, Rgb(PAPER))))
    }

    /// Colours one pixel.
    pub(crate) fn put(&mut self, [row, column]: [usize; 2], colour: Colour) {
        let place = u32::try_from(column).ok().zip(u32::try_from(row).ok());
        let pixel = place.and_then(|(x, y)| self.0.get_pixel_mut_checked(x, y));
        if let Some(pixel) = pixel {
            *pixel = Rgb(colour);
        }
    }

    /// Draws a picture of a size, each of its pixels as large as `factor`.
    pub(crate) fn picture(
        &mut self,
        [top, left]: [usize; 2],
        [height, width]: [usize; 2],
        factor: usize,
        colour: impl Fn(usize, usize) -> Colour,
    ) {
        for row in 0..height * factor {
            for column in 0..width * factor {
                let colour = colour(row / factor, column / factor);
                self.put([top + row, left + column], colour);
            }
        }
    }

    /// Writes a line of text; what has no room is left out.
    pub(crate) fn text(&mut self, [top, left]: [usize; 2], text: &str, room: usize) {
        for [row, column] in font::pixels(text, room) {
            self.put([top + row, left + column], INK);
        }
    }

    /// Draws the edge of a rectangle, first row and column and one past the last; two pixels wide, inwards.
    pub(crate) fn frame(&mut self, rows: [usize; 2], columns: [usize; 2], colour: Colour) {
        for row in rows[0]..rows[1] {
            for column in columns[0]..columns[1] {
                let near = |at: usize, [first, end]: [usize; 2]| at < first + 2 || at + 2 >= end;
                if near(row, rows) || near(column, columns) {
                    self.put([row, column], colour);
                }
            }
        }
    }

    /// Returns the picture as a PNG.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub(crate) fn png(&self) -> Result<Vec<u8>> {
        let mut bytes = Cursor::new(Vec::new());
        match self.0.write_to(&mut bytes, ImageFormat::Png) {
            Ok(()) => Ok(bytes.into_inner()),
            Err(error) => {
                let message = format!("failed to make a png picture: {error}");
                Err(Error::data(Diagnostic::error(message)))
            }
        }
    }
}
