//! Pictures in files: decoded within limits, converted as Pillow converts, brought to a size where asked.
//!
//! Decoded, fitted, then turned upright: in this order, so that turning takes no second copy.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::preprocess::Preprocessing;
use super::samples::Values;

mod decoder;
mod fault;
mod fit;

pub(super) use fault::{Fault, resize_help};
pub(super) use fit::{Fitted, fit_planes};

use fit::upright;

/// The largest picture file that is read, and the most that one may take when decoded, in bytes: 53 million pixels
/// in colour.
pub const MAX_PICTURE_BYTES: u64 = 160 << 20;

/// The pixels of a picture in its own size and colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Channels, 1 (grey) or 3 (red, green, blue), height and width.
    pub shape: [usize; 3],
    /// A byte a value: `[channel, row, column]`.
    pub values: Vec<u8>,
}

/// Decodes a picture as it is: grey if it is stored so or `grey` is asked for, else in colours.
///
/// # Errors
/// The reason, as that of a picture that cannot be decoded.
pub fn picture_pixels(bytes: &[u8], grey: bool) -> Result<Pixels, String> {
    let stored = decoder::decode_quietly(bytes).map_err(|fault| fault.to_string())?;
    let channels = if grey || stored.channels < 3 { 1 } else { 3 };
    Ok(upright(&stored, channels))
}

/// Returns the pixels that a picture's head speaks of; nothing where it is no picture, or a damaged one.
#[must_use]
pub fn pixels_of(bytes: &[u8]) -> Option<u64> {
    let (width, height) = decoder::size_of(bytes)?;
    Some(u64::from(width) * u64::from(height))
}

/// Reads the bytes of a picture file.
///
/// # Errors
/// When it cannot be read, is no regular file, or is larger than any picture.
pub fn read_picture(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let too_large = || {
        let most = MAX_PICTURE_BYTES >> 20;
        io::Error::other(format!("it is over {most} MiB"))
    };
    if metadata.len() > MAX_PICTURE_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(MAX_PICTURE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if read as u64 > MAX_PICTURE_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Decodes a picture to `[channels, height, width]` bytes.
///
/// The format is told by the content. What is stored beside the colours is dropped or applied as Pillow does:
/// palettes are looked up, transparency is dropped, grey is ITU-R 601-2 luma, the EXIF orientation is applied, of an
/// animation the first picture is taken. 16-bit values keep their upper byte, in grey too, which Pillow clips. Light
/// and dark are not exchanged here.
///
/// # Errors
/// The fault, to be completed with the picture's name: damaged, of another format, over 16,384 pixels a side or
/// 160 MiB decoded, or of another size where `resize` is off.
pub(super) fn decode(
    bytes: &[u8],
    preprocessing: &Preprocessing,
) -> Result<Values<'static>, Fault> {
    let pixels = decode_fitted(bytes, preprocessing)?.framed(fit::bars(preprocessing));
    Ok(Values::Bytes(pixels.into()))
}

/// Decodes a picture and brings it to a size, without the bars beside it.
pub(super) fn decode_fitted(bytes: &[u8], preprocessing: &Preprocessing) -> Result<Fitted, Fault> {
    let Some(shape @ [1 | 3, ..]) = preprocessing.picture_shape() else {
        let shape = crate::shape::display(&preprocessing.shape);
        let reason =
            format!("a picture has 1 or 3 channels, a height and a width, the input {shape}");
        return Err(Fault::Unreadable(reason));
    };
    let stored = decoder::decode_quietly(bytes)?;
    fit::fit(&stored, preprocessing, shape)
}

/// Weighs red, green and blue to a grey value (ITU-R 601-2), rounded as Pillow does.
pub(super) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let weighed = u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471;
    ((weighed + 0x8000) >> 16) as u8
}

#[cfg(test)]
#[path = "../picture_golden_tests.rs"]
mod golden_tests;

#[cfg(test)]
#[path = "../picture_tests.rs"]
pub(super) mod tests;
