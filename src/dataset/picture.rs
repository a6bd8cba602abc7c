//! Pictures in files: decoded within limits, converted as Pillow converts, stretched where asked.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{
    DynamicImage, GrayImage, ImageBuffer, ImageDecoder, ImageError, ImageFormat, ImageReader,
    Limits, Pixel, RgbImage,
};

use super::preprocess::Preprocessing;
use super::samples::Values;
use crate::diagnostic::Diagnostic;

/// Longest side of a picture.
const MAX_SIDE: u32 = 16_384;
/// The largest picture file that is read, in bytes.
pub const MAX_PICTURE_BYTES: u64 = 256 << 20;
const FORMATS: [ImageFormat; 4] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
];

/// Why a picture cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It cannot be decoded, for this reason.
    Unreadable(String),
    /// It has another size, height then width, than the one wanted.
    Size {
        found: [usize; 2],
        wanted: [usize; 2],
    },
    /// It is no picture and cannot be used as what it is.
    Other { reason: String, help: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) | Self::Other { reason, .. } => formatter.write_str(reason),
            Self::Size {
                found: [height, width],
                wanted: [wanted_height, wanted_width],
            } => write!(
                formatter,
                "it is {height}x{width} (height x width), expected {wanted_height}x{wanted_width}"
            ),
        }
    }
}

impl Fault {
    /// Says what is wrong with the picture of a path, without the help.
    pub(super) fn diagnostic(&self, path: &Path) -> Diagnostic {
        let what = match self {
            Self::Other { .. } => "",
            Self::Unreadable(_) | Self::Size { .. } => "picture ",
        };
        Diagnostic::error(format!("failed to read {what}`{}`: {self}", path.display()))
    }

    /// Proposes an edit.
    pub(super) fn help(&self) -> String {
        match self {
            Self::Unreadable(_) => {
                "remove the file, or replace it with a whole png, jpeg, webp or bmp picture".into()
            }
            Self::Size { wanted, .. } => resize_help(*wanted),
            Self::Other { help, .. } => help.clone(),
        }
    }
}

/// Proposes to stretch pictures to `[height, width]`.
pub(super) fn resize_help([height, width]: [usize; 2]) -> String {
    let value = if height == width {
        height.to_string()
    } else {
        format!("[{height}, {width}]")
    };
    format!("set `resize = {value}` in `[data]` to stretch every picture to {height}x{width}")
}

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
    let picture = decode_quietly(bytes).map_err(|fault| fault.to_string())?;
    let [height, width] = [picture.height() as usize, picture.width() as usize];
    if height == 0 || width == 0 {
        return Err("it has no pixels".into());
    }
    if grey || !picture.color().has_color() {
        let values = to_grey(picture).into_raw();
        let shape = [1, height, width];
        return Ok(Pixels { shape, values });
    }
    let shape = [3, height, width];
    let values = planes(&picture.into_rgb8());
    Ok(Pixels { shape, values })
}

/// Takes colours apart: all of red, then green, then blue.
fn planes(colours: &RgbImage) -> Vec<u8> {
    let plane = |channel| colours.iter().skip(channel).step_by(3).copied();
    plane(0).chain(plane(1)).chain(plane(2)).collect()
}

/// Reads the bytes of a picture file.
///
/// # Errors
/// When it cannot be read, is no regular file, or is larger than any picture.
pub fn read_picture(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(MAX_PICTURE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if read as u64 > MAX_PICTURE_BYTES {
        return Err(io::Error::other("it is over 256 MiB"));
    }
    Ok(bytes)
}

/// Decodes a picture to `[channels, height, width]` bytes.
///
/// The format is told by the content. What is stored beside the colours is dropped or applied as Pillow does:
/// palettes are looked up, transparency is dropped, grey is ITU-R 601-2 luma, the EXIF orientation is applied,
/// 16-bit values keep their upper byte. Light and dark are not exchanged here.
///
/// # Errors
/// The fault, to be completed with the picture's name: damaged, of another format, over 16,384 pixels a side or
/// 256 MiB decoded, or of another size where `resize` is off.
pub(super) fn decode(
    bytes: &[u8],
    preprocessing: &Preprocessing,
) -> Result<Values<'static>, Fault> {
    let pixels = decode_pixels(bytes, preprocessing)?;
    Ok(Values::Bytes(pixels.into()))
}

fn decode_pixels(bytes: &[u8], preprocessing: &Preprocessing) -> Result<Vec<u8>, Fault> {
    let wanted = preprocessing.picture_shape();
    let Some([channels @ (1 | 3), height, width]) = wanted else {
        let shape = crate::shape::display(&preprocessing.shape);
        let reason =
            format!("a picture has 1 or 3 channels, a height and a width, the input {shape}");
        return Err(Fault::Unreadable(reason));
    };
    let picture = decode_quietly(bytes)?;
    let found = [picture.height() as usize, picture.width() as usize];
    let wanted = [height, width];
    if found != wanted && !preprocessing.resize {
        return Err(Fault::Size { found, wanted });
    }
    if channels == 1 {
        return stretch(to_grey(picture), wanted).map(ImageBuffer::into_raw);
    }
    stretch(picture.into_rgb8(), wanted).map(|colours| planes(&colours))
}

/// Decodes; a decoder's panic becomes a reason, and does not reach the terminal.
fn decode_quietly(bytes: &[u8]) -> Result<DynamicImage, Fault> {
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
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| decode_image(bytes)));
    DECODING.set(false);
    outcome
        .unwrap_or_else(|_| Err("the decoder gave up on it; it is likely damaged".into()))
        .map_err(Fault::Unreadable)
}

fn decode_image(bytes: &[u8]) -> Result<DynamicImage, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let format = image::guess_format(bytes).ok();
    let Some(format) = format.filter(|format| FORMATS.contains(format)) else {
        return Err("its content is not a png, jpeg, webp or bmp picture".into());
    };
    if format == ImageFormat::Jpeg && is_cut_off(bytes) {
        return Err("it is truncated: the end of the jpeg picture is missing".into());
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
    limits
        .check_dimensions(width, height)
        .and_then(|()| limits.reserve(decoder.total_bytes()))
        .and_then(|()| decoder.set_limits(limits))
        .map_err(|error| match error {
            ImageError::Limits(_) => format!(
                "it is {height}x{width} (height x width), \
                 expected at most {MAX_SIDE} a side and 256 MiB decoded"
            ),
            other => reason(&other),
        })?;
    // Pillow ignores an unreadable orientation too.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| reason(&error))?;
    picture.apply_orientation(orientation);
    narrowed(picture).ok_or_else(|| "its size does not match its content".into())
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

/// Tells whether the end-of-image marker is missing: the decoder would fill the rest with grey.
fn is_cut_off(jpeg: &[u8]) -> bool {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    loop {
        rest = match rest {
            [0xff, 0xff, ..] => &rest[1..],
            // Only here do the pixels begin; before, a thumbnail may hold markers of its own.
            [0xff, 0xda, scan @ ..] => {
                return !scan.windows(2).rev().any(|pair| pair == [0xff, 0xd9]);
            }
            [0xff, 0x01 | 0xd0..=0xd8, tail @ ..] => tail,
            [0xff, _, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                rest.get(2 + length..).unwrap_or_default()
            }
            // The decoder knows better what is wrong.
            _ => return rest.is_empty(),
        }
    }
}

/// Keeps the upper byte of 16-bit values.
fn narrowed(picture: DynamicImage) -> Option<DynamicImage> {
    fn upper<P, Q>(wide: ImageBuffer<P, Vec<u16>>) -> Option<ImageBuffer<Q, Vec<u8>>>
    where
        P: Pixel<Subpixel = u16>,
        Q: Pixel<Subpixel = u8>,
    {
        let (width, height) = wide.dimensions();
        let values = wide.into_raw().into_iter();
        let bytes = values.map(|value| (value >> 8) as u8).collect();
        ImageBuffer::from_raw(width, height, bytes)
    }
    Some(match picture {
        DynamicImage::ImageLuma16(wide) => DynamicImage::ImageLuma8(upper(wide)?),
        DynamicImage::ImageLumaA16(wide) => DynamicImage::ImageLumaA8(upper(wide)?),
        DynamicImage::ImageRgb16(wide) => DynamicImage::ImageRgb8(upper(wide)?),
        DynamicImage::ImageRgba16(wide) => DynamicImage::ImageRgba8(upper(wide)?),
        other => other,
    })
}

fn to_grey(picture: DynamicImage) -> GrayImage {
    match picture {
        DynamicImage::ImageLuma8(grey) => grey,
        DynamicImage::ImageLumaA8(_) => picture.into_luma8(),
        colours => grey_of(&colours.into_rgb8()),
    }
}

fn grey_of(colours: &RgbImage) -> GrayImage {
    let (width, height) = colours.dimensions();
    let mut grey = GrayImage::new(width, height);
    for (target, source) in grey.pixels_mut().zip(colours.pixels()) {
        target.0 = [luma(source.0)];
    }
    grey
}

/// Weighs red, green and blue to a grey value (ITU-R 601-2), rounded as Pillow does.
pub(super) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    let weighed = u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471;
    ((weighed + 0x8000) >> 16) as u8
}

/// Stretches to `[height, width]`, bilinear over the area each new pixel covers.
fn stretch<P>(
    picture: ImageBuffer<P, Vec<u8>>,
    [height, width]: [usize; 2],
) -> Result<ImageBuffer<P, Vec<u8>>, Fault>
where
    P: Pixel<Subpixel = u8> + 'static,
{
    let too_large = || Fault::Unreadable(format!("it cannot be stretched to {height}x{width}"));
    let height_pixels = u32::try_from(height).map_err(|_| too_large())?;
    let width_pixels = u32::try_from(width).map_err(|_| too_large())?;
    if picture.dimensions() == (width_pixels, height_pixels) {
        return Ok(picture);
    }
    Ok(imageops::resize(
        &picture,
        width_pixels,
        height_pixels,
        FilterType::Triangle,
    ))
}

/// Stretches one plane of bytes from `[height, width]` to another size.
pub(super) fn stretch_plane(
    plane: &[u8],
    [height, width]: [usize; 2],
    wanted: [usize; 2],
) -> Result<Vec<u8>, Fault> {
    let size = u32::try_from(width).ok().zip(u32::try_from(height).ok());
    let picture = size.and_then(|(width, height)| GrayImage::from_raw(width, height, plane.into()));
    let unfit = || Fault::Unreadable(format!("its {height}x{width} pixels cannot be stretched"));
    stretch(picture.ok_or_else(unfit)?, wanted).map(ImageBuffer::into_raw)
}

#[cfg(test)]
#[path = "picture_tests.rs"]
pub(super) mod tests;
