//! Decoding within limits of size and memory.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::Cursor;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::{Fault, MAX_PICTURE_BYTES};

/// Longest side of a picture.
const MAX_SIDE: u32 = 16_384;
const FORMATS: [ImageFormat; 4] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
];

/// Pixels as they are stored, not yet turned upright.
pub(super) struct Stored {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Values of a pixel: grey; grey and alpha; red, green and blue; or these and alpha.
    pub(super) channels: usize,
    /// A byte a value: `[row, column, channel]`.
    pub(super) values: Vec<u8>,
    /// How to turn it upright.
    pub(super) orientation: Orientation,
}

/// Decodes; a decoder's panic becomes a reason, and does not reach the terminal.
pub(super) fn decode_quietly(bytes: &[u8]) -> Result<Stored, Fault> {
    quietly(|| decode_image(bytes))
        .unwrap_or_else(|| Err("the decoder gave up on it; it is likely damaged".into()))
        .map_err(Fault::Unreadable)
}

/// The first bytes of a PNG.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Returns the width and height that a picture's head speaks of.
pub(super) fn size_of(bytes: &[u8]) -> Option<(u32, u32)> {
    // Its decoder would unpack all that stands before the pixels.
    if bytes.starts_with(PNG) {
        let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        return Some((number(16)?, number(20)?));
    }
    let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    quietly(|| reader().ok()?.into_dimensions().ok()).flatten()
}

/// Does what a decoder does; nothing where it panics, which does not reach the terminal.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    thread_local!(static DECODING: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !DECODING.get() {
                report(panic);
            }
        }));
    });
    DECODING.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    DECODING.set(false);
    outcome.ok()
}

fn decode_image(bytes: &[u8]) -> Result<Stored, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let format = image::guess_format(bytes).ok();
    let Some(format) = format.filter(|format| FORMATS.contains(format)) else {
        return Err("its content is not a png, jpeg, webp or bmp picture".into());
    };
    let stripped;
    let mut bytes = bytes;
    if format == ImageFormat::Png {
        stripped = without_profiles(bytes);
        bytes = &stripped;
    }
    let mut progressive = false;
    if format == ImageFormat::Jpeg {
        // Its decoder copies what it reads.
        if bytes.len() as u64 > MAX_PICTURE_BYTES / 2 {
            let most = MAX_PICTURE_BYTES >> 21;
            return Err(format!("it is a jpeg picture of over {most} MiB"));
        }
        let markers = markers(bytes);
        if markers.cut_off {
            return Err("it is truncated: the end of the jpeg picture is missing".into());
        }
        progressive = markers.progressive;
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PICTURE_BYTES);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(|error| reason(&error))?;
    // The reader would refuse the size too, but not say it; and it leaves the size in memory to its caller.
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    let (width, height) = decoder.dimensions();
    let decoded = decoder.total_bytes();
    let besides = match decoder.color_type() {
        // All its coefficients are kept until the last scan.
        _ if progressive => decoded,
        // They are narrowed to bytes.
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => decoded / 2,
        _ => 0,
    };
    limits
        .check_dimensions(width, height)
        .and_then(|()| limits.clone().reserve(decoded.saturating_add(besides)))
        .and_then(|()| limits.reserve(decoded))
        .and_then(|()| decoder.set_limits(limits))
        .map_err(|error| match error {
            ImageError::Limits(_) => format!(
                "it is {height}x{width} (height x width), \
                 expected at most {MAX_SIDE} a side and {} MiB decoded",
                MAX_PICTURE_BYTES >> 20
            ),
            other => reason(&other),
        })?;
    // Pillow ignores an unreadable orientation too.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| reason(&error))?;
    stored(picture, orientation)
}

/// Leaves what is packed beside the pixels of a PNG out: colour profiles and texts, which are not asked for and may
/// unpack to gigabytes.
fn without_profiles(png: &[u8]) -> Cow<'_, [u8]> {
    let mut kept = PNG.to_vec();
    let mut rest = png.get(PNG.len()..).unwrap_or_default();
    let mut has_any = false;
    while let Some((head, _)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        // Length, kind, content, checksum; the decoder says what is wrong with one that is not whole.
        let end = length.saturating_add(12).min(rest.len());
        let (chunk, after) = rest.split_at(end);
        if matches!(&kind, b"iCCP" | b"zTXt" | b"iTXt") {
            has_any = true;
        } else {
            kept.extend_from_slice(chunk);
        }
        rest = after;
        if &kind == b"IDAT" {
            break;
        }
    }
    if !has_any {
        return Cow::Borrowed(png);
    }
    kept.extend_from_slice(rest);
    Cow::Owned(kept)
}

fn reason(error: &ImageError) -> String {
    match error {
        ImageError::Limits(_) => {
            format!(
                "decoding it would take over {} MiB",
                MAX_PICTURE_BYTES >> 20
            )
        }
        // Some decoders put the cause on lines of its own.
        other => other.to_string().replace(['\n', '\r'], " "),
    }
}

/// What the markers of a JPEG tell.
struct Markers {
    progressive: bool,
    /// The end-of-image marker is missing: the decoder would fill the rest with grey.
    cut_off: bool,
}

fn markers(jpeg: &[u8]) -> Markers {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    let mut progressive = false;
    loop {
        rest = match rest {
            [0xff, 0xff, ..] => &rest[1..],
            // Only here do the pixels begin; before, a thumbnail may hold markers of its own.
            [0xff, 0xda, scan @ ..] => {
                let cut_off = !scan.windows(2).rev().any(|pair| pair == [0xff, 0xd9]);
                return Markers {
                    progressive,
                    cut_off,
                };
            }
            [0xff, 0x01 | 0xd0..=0xd8, tail @ ..] => tail,
            [0xff, marker, high, low, ..] => {
                progressive |= *marker == 0xc2;
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                rest.get(2 + length..).unwrap_or_default()
            }
            // The decoder knows better what is wrong.
            _ => {
                let cut_off = rest.is_empty();
                return Markers {
                    progressive,
                    cut_off,
                };
            }
        }
    }
}

/// Takes the bytes of a picture; of 16-bit values the upper one.
fn stored(picture: DynamicImage, orientation: Orientation) -> Result<Stored, String> {
    fn upper(wide: &[u16]) -> Vec<u8> {
        wide.iter().map(|value| (value >> 8) as u8).collect()
    }
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if width == 0 || height == 0 {
        return Err("it has no pixels".into());
    }
    let (channels, values) = match picture {
        DynamicImage::ImageLuma8(picture) => (1, picture.into_raw()),
        DynamicImage::ImageLumaA8(picture) => (2, picture.into_raw()),
        DynamicImage::ImageRgb8(picture) => (3, picture.into_raw()),
        DynamicImage::ImageRgba8(picture) => (4, picture.into_raw()),
        DynamicImage::ImageLuma16(picture) => (1, upper(&picture)),
        DynamicImage::ImageLumaA16(picture) => (2, upper(&picture)),
        DynamicImage::ImageRgb16(picture) => (3, upper(&picture)),
        DynamicImage::ImageRgba16(picture) => (4, upper(&picture)),
        other => (3, other.into_rgb8().into_raw()),
    };
    if values.len() != width * height * channels {
        return Err("its size does not match its content".into());
    }
    Ok(Stored {
        width,
        height,
        channels,
        values,
        orientation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::picture::tests::grey_png;

    #[test]
    fn what_is_packed_beside_the_pixels_of_a_png_is_left_out() {
        let plain = grey_png(2, 1, &[3, 9]);
        let mut packed = plain[..33].to_vec();
        // A profile of a length that is a lie, and a text; their checksums are not looked at.
        for (kind, length) in [(b"iCCP", 5_u32), (b"zTXt", 3)] {
            packed.extend(length.to_be_bytes());
            packed.extend(kind);
            packed.extend(vec![7; length as usize + 4]);
        }
        packed.extend(&plain[33..]);
        let pixels = decode_quietly(&packed).map(|stored| stored.values);
        assert_eq!(pixels, Ok(vec![3, 9]));
        assert_eq!(size_of(&packed), Some((1, 2)));
        assert_eq!(size_of(&packed[..20]), None);
    }
}
