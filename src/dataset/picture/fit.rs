//! Crops pictures, brings them to a size and turns them upright.

use std::borrow::Cow;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;

use super::super::preprocess::{Invert, Mode, Preprocessing};
use super::decoder::Stored;
use super::{Fault, Pixels, luma};

/// Rows and columns of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

/// A picture at the size that it has in the input, and where in it.
#[derive(Clone, Debug)]
pub(in super::super) struct Fitted {
    /// Its pixels.
    pub(in super::super) pixels: Pixels,
    /// Height and width of the whole.
    size: [usize; 2],
    part: Part,
}

impl Fitted {
    /// Returns the whole: the picture with bars of a value beside it.
    pub(in super::super) fn framed(self, bars: u8) -> Vec<u8> {
        let [height, width] = self.size;
        let Part { top, left, .. } = self.part;
        if [self.part.height, self.part.width] == self.size {
            return self.pixels.values;
        }
        let [channels, rows, columns] = self.pixels.shape;
        let mut whole = vec![bars; channels * height * width];
        let planes = self.pixels.values.chunks_exact((rows * columns).max(1));
        for (plane, target) in planes.zip(whole.chunks_exact_mut((height * width).max(1))) {
            let lines = target.chunks_exact_mut(width.max(1)).skip(top);
            for (source, line) in plane.chunks_exact(columns.max(1)).zip(lines) {
                for (target, value) in line.iter_mut().skip(left).zip(source) {
                    *target = *value;
                }
            }
        }
        whole
    }
}

/// A rectangle of a picture that may begin and end within pixels.
#[derive(Clone, Copy, Debug)]
struct Region {
    top: f64,
    left: f64,
    height: f64,
    width: f64,
}

/// How stored rows and columns become upright ones.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// Rows become columns.
    transposed: bool,
    /// Stored rows, and stored columns, count from the end.
    flipped: [bool; 2],
}

impl Turn {
    fn new(orientation: Orientation) -> Self {
        let (transposed, flipped) = match orientation {
            Orientation::NoTransforms => (false, [false, false]),
            Orientation::FlipHorizontal => (false, [false, true]),
            Orientation::FlipVertical => (false, [true, false]),
            Orientation::Rotate180 => (false, [true, true]),
            Orientation::Rotate90FlipH => (true, [false, false]),
            Orientation::Rotate90 => (true, [true, false]),
            Orientation::Rotate270 => (true, [false, true]),
            Orientation::Rotate270FlipH => (true, [true, true]),
        };
        Self {
            transposed,
            flipped,
        }
    }

    /// Exchanges two figures where rows become columns.
    fn swapped<T>(self, [rows, columns]: [T; 2]) -> [T; 2] {
        if self.transposed {
            [columns, rows]
        } else {
            [rows, columns]
        }
    }

    /// Finds a region of the upright picture in the stored one, of a height and width.
    fn stored(self, region: Region, size: [usize; 2]) -> Region {
        let [top, left] = self.swapped([region.top, region.left]);
        let [height, width] = self.swapped([region.height, region.width]);
        let start = |flipped, start: f64, extent: f64, whole: usize| {
            if flipped {
                whole as f64 - (start + extent)
            } else {
                start
            }
        };
        Region {
            top: start(self.flipped[0], top, height, size[0]),
            left: start(self.flipped[1], left, width, size[1]),
            height,
            width,
        }
    }
}

/// Crops, resizes and turns a picture as the preprocessing says, to 1 or 3 channels, a height and a width.
pub(super) fn fit(
    stored: &Stored,
    preprocessing: &Preprocessing,
    [channels, height, width]: [usize; 3],
) -> Result<Fitted, Fault> {
    let turn = Turn::new(stored.orientation);
    let stored_size = [stored.height, stored.width];
    let whole = turn.swapped(stored_size);
    let wanted = [height, width];
    let cropped = match preprocessing.crop {
        Some(crop) => [crop[0].min(whole[0]), crop[1].min(whole[1])],
        None => whole,
    };
    if cropped != wanted && !preprocessing.resize {
        return Err(Fault::Size {
            found: cropped,
            wanted,
        });
    }
    let (part, region) = place(centred(whole, cropped), wanted, preprocessing.mode);
    let size = [part.height, part.width];
    let region = turn.stored(region, stored_size);
    let resized = if cropped == whole && whole == wanted {
        Cow::Borrowed(&*stored.values)
    } else {
        let resized = resize(stored, region, turn.swapped(size));
        Cow::Owned(resized.ok_or_else(|| {
            Fault::Unreadable(format!("it cannot be brought to {height}x{width}"))
        })?)
    };
    Ok(Fitted {
        pixels: turned(&resized, stored.channels, size, channels, turn),
        size: wanted,
        part,
    })
}

/// Turns a whole picture upright, to 1 or 3 channels.
pub(super) fn upright(stored: &Stored, channels: usize) -> Pixels {
    let turn = Turn::new(stored.orientation);
    let size = turn.swapped([stored.height, stored.width]);
    turned(&stored.values, stored.channels, size, channels, turn)
}

/// Brings decoded planes, `[channel, row, column]`, to the size that the preprocessing asks for, as a picture file
/// is brought to it.
///
/// # Errors
/// If they have another size and `resize` is off.
pub(in super::super) fn fit_planes(
    planes: &[u8],
    size: [usize; 2],
    preprocessing: &Preprocessing,
) -> Result<Vec<u8>, Fault> {
    let wanted = match preprocessing.picture_shape() {
        Some([_, height, width]) => [height, width],
        None => size,
    };
    let mut fitted = Vec::with_capacity(wanted[0] * wanted[1]);
    for plane in planes.chunks_exact((size[0] * size[1]).max(1)) {
        let stored = Stored {
            height: size[0],
            width: size[1],
            channels: 1,
            values: plane.into(),
            orientation: Orientation::NoTransforms,
        };
        let plane = fit(&stored, preprocessing, [1, wanted[0], wanted[1]])?;
        fitted.extend(plane.framed(bars(preprocessing)));
    }
    Ok(fitted)
}

/// Returns the value of the bars beside letterboxed pictures of a data set: 0 in the end, and so light where light and
/// dark are yet to be exchanged.
pub(super) fn bars(preprocessing: &Preprocessing) -> u8 {
    if preprocessing.invert == Invert::Always {
        255
    } else {
        0
    }
}

/// Places a size in the middle of another; of an odd difference the half is rounded to even, as torchvision does.
fn centred(whole: [usize; 2], size: [usize; 2]) -> Region {
    let start = |at: usize| ((whole[at].saturating_sub(size[at])) as f64 / 2.0).round_ties_even();
    Region {
        top: start(0),
        left: start(1),
        height: size[0] as f64,
        width: size[1] as f64,
    }
}

/// Decides which region is brought to which part of the wanted size.
///
/// # Reference
/// `PIL.ImageOps.pad` for a letterbox, `PIL.ImageOps.fit` for a crop.
fn place(region: Region, wanted: [usize; 2], mode: Mode) -> (Part, Region) {
    let [height, width] = wanted;
    let whole = Part {
        top: 0,
        left: 0,
        height,
        width,
    };
    let own = region.width / region.height;
    let ratio = width as f64 / height as f64;
    match mode {
        Mode::Stretch => (whole, region),
        Mode::Letterbox => {
            let mut size = wanted;
            if own > ratio {
                size[0] = (region.height / region.width * width as f64).round_ties_even() as usize;
            } else if own < ratio {
                size[1] = (region.width / region.height * height as f64).round_ties_even() as usize;
            }
            let size = [size[0].clamp(1, height), size[1].clamp(1, width)];
            let place = centred(wanted, size);
            let part = Part {
                top: place.top as usize,
                left: place.left as usize,
                height: size[0],
                width: size[1],
            };
            (part, region)
        }
        Mode::Crop => {
            let mut window = region;
            if own > ratio {
                window.width = ratio * region.height;
            } else {
                window.height = region.width / ratio;
            }
            window.top += (region.height - window.height) / 2.0;
            window.left += (region.width - window.width) / 2.0;
            (whole, window)
        }
    }
}

/// Brings a region of a picture to a size, bilinear over the area that each new pixel covers, as Pillow does;
/// nothing where the size is too large.
///
/// Each channel is resized as a grey picture: the resizer is compiled for every type of pixel that it is asked for, and
/// four of them take 2 MB more than one.
fn resize(stored: &Stored, region: Region, [height, width]: [usize; 2]) -> Option<Vec<u8>> {
    let sides = [stored.height, stored.width, height, width].map(|side| u32::try_from(side).ok());
    let [
        Some(from_height),
        Some(from_width),
        Some(to_height),
        Some(to_width),
    ] = sides
    else {
        return None;
    };
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .crop(region.left, region.top, region.width, region.height)
        .use_alpha(false);
    let mut resizer = Resizer::new();
    let mut resize_plane = |plane: &[u8]| {
        let source = ImageRef::new(from_width, from_height, plane, PixelType::U8).ok()?;
        let mut target = Image::new(to_width, to_height, PixelType::U8);
        resizer
            .resize_typed::<U8>(
                &source.typed_image()?,
                &mut target.typed_image_mut()?,
                &options,
            )
            .ok()?;
        Some(target.into_vec())
    };
    let channels = stored.channels;
    // Of transparency nothing is read later.
    let read = if channels < 3 { 1 } else { 3 };
    if channels == 1 {
        return resize_plane(&stored.values);
    }
    let mut values = vec![0; height * width * channels];
    for channel in 0..read {
        let plane = stored.values.iter().skip(channel).step_by(channels);
        let plane = resize_plane(&plane.copied().collect::<Vec<u8>>())?;
        let own = values.iter_mut().skip(channel).step_by(channels);
        own.zip(plane).for_each(|(to, value)| *to = value);
    }
    Some(values)
}

/// Turns pixels, `[row, column, channel]`, upright and takes their colours apart: `size` is that of the upright picture.
fn turned(
    values: &[u8],
    stored_channels: usize,
    [height, width]: [usize; 2],
    channels: usize,
    turn: Turn,
) -> Pixels {
    let [stored_height, stored_width] = turn.swapped([height, width]);
    // The stored place of the upright pixel at the start, and the steps for the next row and column.
    let places = [(stored_height, stored_width), (stored_width, 1)];
    let [(first_row, row_step), (first_column, column_step)] = [0, 1].map(|at| {
        let (count, stride) = places[at];
        if turn.flipped[at] {
            ((count - 1) * stride, -(stride.cast_signed()))
        } else {
            (0, stride.cast_signed())
        }
    });
    let [down, right] = turn.swapped([row_step, column_step]);
    let start = (first_row + first_column).cast_signed();
    let pixels = || {
        (0..height.cast_signed()).flat_map(move |row| {
            (0..width.cast_signed()).map(move |column| {
                let place = (start + row * down + column * right).cast_unsigned();
                &values[place * stored_channels..(place + 1) * stored_channels]
            })
        })
    };
    let grey = |pixel: &[u8]| match pixel {
        [red, green, blue, ..] => luma([*red, *green, *blue]),
        other => other[0],
    };
    let mut planes = Vec::with_capacity(channels * height * width);
    for channel in 0..channels {
        if channels == 1 {
            planes.extend(pixels().map(grey));
        } else {
            let at = if stored_channels < 3 { 0 } else { channel };
            planes.extend(pixels().map(|pixel| pixel[at]));
        }
    }
    Pixels {
        shape: [channels, height, width],
        values: planes,
    }
}
