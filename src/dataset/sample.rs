//! The file of one sample, told by its content: a picture, a sound, or an array.

use super::axes;
use super::npy::{self, Numbers};
use super::picture::{self, Fault};
use super::preprocess::Preprocessing;
use super::samples::Values;
use super::wav;

/// Tells whether the content of a file is an array.
pub(super) fn is_array(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x93NUMPY")
}

/// Decodes a file to `[channels, …]`.
///
/// # Errors
/// The fault, to be completed with the file's name.
pub(super) fn decode(
    bytes: &[u8],
    preprocessing: &Preprocessing,
) -> Result<Values<'static>, Fault> {
    match (bytes, &preprocessing.shape[..]) {
        (_, shape) if is_array(bytes) => array(bytes, shape),
        (_, [_, _, _]) => picture::decode(bytes, preprocessing),
        ([b'R', b'I', b'F', b'F', ..] | [], &[channels, length]) => {
            let signal = wav::decode(bytes, channels, length).map_err(|reason| Fault::Other {
                help: sound_help(&reason, channels),
                reason,
            })?;
            Ok(Values::Floats(signal.into()))
        }
        (_, shape) => Err(Fault::Other {
            reason: if shape.len() == 2 {
                "its content is neither a wav sound nor a npy array".into()
            } else {
                "its content is not a npy array".into()
            },
            help: "remove the file, replace it with a whole one, or pass over such with `on_bad_image = \"skip\"` in `[data]`".into(),
        }),
    }
}

fn sound_help(reason: &str, channels: usize) -> String {
    if reason.contains("channel") {
        format!(
            "set the first number of `input` in `[model]` to its channels, or convert it: \
             `ffmpeg -i IN.wav -ac {channels} OUT.wav`"
        )
    } else {
        "remove the file, or make it again: `ffmpeg -i IN -c:a pcm_s16le OUT.wav`".into()
    }
}

fn array(bytes: &[u8], wanted: &[usize]) -> Result<Values<'static>, Fault> {
    let other = |reason: String, help: &str| Fault::Other {
        reason,
        help: help.to_owned(),
    };
    let array = npy::read("it", &mut &bytes[..], bytes.len() as u64).map_err(|error| {
        let help = error.diagnostics.iter().flat_map(|one| &one.helps).next();
        other(error.to_string(), help.map_or("", String::as_str))
    })?;
    let axes = axes::arrange(&array.shape, wanted)
        .map_err(|misfit| other(format!("it {}", misfit.what), &misfit.help))?;
    if axes.shape != wanted {
        let reason = format!(
            "it has samples of {}, the input takes {}",
            npy::shown_shape(&axes.shape),
            npy::shown_shape(wanted)
        );
        return Err(other(
            reason,
            "save every array in the shape of `input` in `[model]`",
        ));
    }
    let is_picture = wanted.len() == 3;
    match axes.channels_first(array.into_numbers(is_picture)) {
        Numbers::Bytes(bytes) => Ok(Values::Bytes(bytes.into())),
        Numbers::Floats(floats) if floats.iter().all(|value| value.is_finite()) => {
            Ok(Values::Floats(floats.into()))
        }
        Numbers::Floats(_) => Err(other(
            "it holds values that are no finite numbers".into(),
            "replace them: `np.nan_to_num(x)`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::npy::tests::npy;
    use crate::dataset::picture::tests::preprocessing;
    use crate::dataset::wav::tests::wav;

    fn decode_for(shape: &[usize], bytes: &[u8]) -> Result<Values<'static>, String> {
        let mut preprocessing = preprocessing(1, 1, 1);
        preprocessing.shape = shape.into();
        preprocessing.padding = vec![[0; 2]; shape.len() - 1];
        decode(bytes, &preprocessing).map_err(|fault| fault.to_string())
    }

    #[test]
    fn the_content_tells_what_it_is() {
        let sound = decode_for(&[1, 3], &wav(1, 16, &[16384]));
        assert_eq!(sound, Ok(Values::Floats(vec![0.5, 0.0, 0.0].into())));
        let volume = npy("|u1", false, &[2, 1, 2], &[1, 2, 3, 4]);
        let bytes = Ok(Values::Bytes(vec![1, 2, 3, 4].into()));
        assert_eq!(decode_for(&[1, 2, 1, 2], &volume), bytes);
        let marks = npy("|b1", false, &[1, 2, 2], &[1, 0, 0, 1]);
        let white = Ok(Values::Bytes(vec![255, 0, 0, 255].into()));
        assert_eq!(decode_for(&[1, 2, 2], &marks), white);
        let marks = npy("|b1", false, &[1, 2, 1, 2], &[1, 0, 0, 1]);
        let marked = Ok(Values::Bytes(vec![1, 0, 0, 1].into()));
        assert_eq!(decode_for(&[1, 2, 1, 2], &marks), marked, "no picture");
        let last = npy("|u1", false, &[1, 2, 2], &[1, 3, 2, 4]);
        assert_eq!(decode_for(&[2, 1, 2], &last), bytes);
    }

    #[track_caller]
    fn check_fault(shape: &[usize], bytes: &[u8], expected: &str) {
        assert_eq!(decode_for(shape, bytes), Err(expected.to_owned()));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let volume = npy("|u1", false, &[2, 2], &[1, 2, 3, 4]);
        check_fault(
            &[1, 3],
            &volume,
            "it has samples of 2x2, the input takes 1x3",
        );
        check_fault(
            &[1, 2, 3],
            &volume,
            "it has samples of 1x2x2, the input takes 1x2x3",
        );
        let nan = npy("<f4", false, &[1], &f32::NAN.to_le_bytes());
        check_fault(&[1, 1], &nan, "it holds values that are no finite numbers");
        check_fault(
            &[1, 1],
            b"text",
            "its content is neither a wav sound nor a npy array",
        );
        check_fault(
            &[1, 1, 1, 1],
            &wav(1, 16, &[1]),
            "its content is not a npy array",
        );
        check_fault(
            &[1, 1],
            &volume[..60],
            "it is truncated: its header is not whole",
        );
    }
}
