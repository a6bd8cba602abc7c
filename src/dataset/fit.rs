//! Samples of an array, brought to the shape of the input.

use super::npy::{Numbers, shown_shape};
use super::picture::{Fault, fit_planes, luma, resize_help};
use super::preprocess::Preprocessing;
use super::samples::{Samples, Store, Targets};
use crate::diagnostic::{Diagnostic, Error, Result};

/// Joins samples of `shape` (channels first) and targets. Pictures of bytes are brought to the channels and the
/// size of the input; everything else must have them.
///
/// # Errors
/// A diagnostic with the name of the array: other channels or another size, no finite numbers, more or fewer
/// targets.
pub(super) fn samples(
    name: &str,
    shape: &[usize],
    numbers: Numbers,
    targets: Targets,
    preprocessing: &Preprocessing,
) -> Result<Samples> {
    let sample_len = shape.iter().product::<usize>().max(1);
    let count = match &numbers {
        Numbers::Bytes(bytes) => bytes.len() / sample_len,
        Numbers::Floats(floats) => floats.len() / sample_len,
    };
    let noun = if shape.len() == 3 {
        "pictures"
    } else {
        "samples"
    };
    if count != targets.len() {
        let message = format!(
            "`{name}` holds {count} {noun}, its labels are {}",
            targets.len()
        );
        let help = format!("use {noun} and labels of the same split");
        return Err(Error::data(Diagnostic::error(message).help(help)));
    }
    let store = match (numbers, shape, preprocessing.picture_shape()) {
        (Numbers::Bytes(pixels), &[channels, height, width], Some(_)) => {
            let stored = [channels, height, width];
            Store::Bytes(pictures(name, stored, pixels, preprocessing)?)
        }
        (Numbers::Bytes(bytes), ..) if shape == preprocessing.shape => Store::Bytes(bytes),
        (Numbers::Floats(floats), ..) if shape == preprocessing.shape => {
            if let Some(at) = floats.iter().position(|value| !value.is_finite()) {
                let message = format!(
                    "`{name}` holds {} in sample {}, expected finite numbers",
                    floats[at],
                    at / sample_len
                );
                let help = "leave the sample out, or replace the value: `np.nan_to_num(x)`";
                return Err(Error::data(Diagnostic::error(message).help(help)));
            }
            Store::Floats(floats)
        }
        _ => return Err(another_shape(name, shape, preprocessing)),
    };
    Ok(Samples {
        shape: preprocessing.shape.clone(),
        store,
        targets,
        paths: None,
        origins: None,
    })
}

fn another_shape(name: &str, shape: &[usize], preprocessing: &Preprocessing) -> Error {
    let (found, wanted) = (shown_shape(shape), shown_shape(&preprocessing.shape));
    let message = format!("the samples of `{name}` are {found}, the input takes {wanted}");
    let help = if shape.len() == 3 && preprocessing.shape.len() == 3 {
        "save the pictures as `uint8`, which are converted and resized, or set `input` in `[model]` to their shape"
    } else {
        "set `input` in `[model]` to the shape of a sample, and `padding` in `[data]` if it is larger"
    };
    Error::data(Diagnostic::error(message).help(help))
}

fn pictures(
    name: &str,
    [channels, height, width]: [usize; 3],
    mut pixels: Vec<u8>,
    preprocessing: &Preprocessing,
) -> Result<Vec<u8>> {
    let [wanted_channels, wanted_height, wanted_width] =
        preprocessing.picture_shape().unwrap_or_default();
    if channels != wanted_channels {
        let plane_len = height * width;
        pixels = match (channels, wanted_channels) {
            (1, 3) => repeat_planes(&pixels, plane_len),
            (3, 1) => grey_planes(&pixels, plane_len),
            _ => {
                let message = format!(
                    "the pictures of `{name}` have {channels} channels, the input has {wanted_channels}"
                );
                let help = format!("set the first number of `input` in `[model]` to {channels}");
                return Err(Error::data(Diagnostic::error(message).help(help)));
            }
        };
    }
    let (size, wanted) = ([height, width], [wanted_height, wanted_width]);
    if size == wanted && preprocessing.crop.is_none() {
        return Ok(pixels);
    }
    fit_planes(&pixels, size, preprocessing).map_err(|fault| {
        let Fault::Size {
            found: [height, width],
            ..
        } = fault
        else {
            let message = format!("a picture of `{name}`: {fault}");
            return Error::data(Diagnostic::error(message));
        };
        let message = format!(
            "the pictures of `{name}` are {height}x{width} (height x width), \
             expected {wanted_height}x{wanted_width}"
        );
        Error::data(Diagnostic::error(message).help(resize_help(wanted)))
    })
}

/// Makes red, green and blue of each grey plane.
fn repeat_planes(pixels: &[u8], plane_len: usize) -> Vec<u8> {
    let planes = pixels.chunks_exact(plane_len.max(1));
    planes.flat_map(|plane| plane.repeat(3)).collect()
}

/// Makes a grey plane of each red, green and blue.
fn grey_planes(pixels: &[u8], plane_len: usize) -> Vec<u8> {
    let mut grey = Vec::with_capacity(pixels.len() / 3);
    for picture in pixels.chunks_exact((3 * plane_len).max(1)) {
        let (red, rest) = picture.split_at(plane_len);
        let (green, blue) = rest.split_at(plane_len);
        let colours = red.iter().zip(green).zip(blue);
        grey.extend(colours.map(|((red, green), blue)| luma([*red, *green, *blue])));
    }
    grey
}
