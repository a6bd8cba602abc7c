//! Sounds in `.wav` files, as signals from -1 to 1.

use std::io::Cursor;

use hound::{SampleFormat, WavReader};

/// Decodes a sound to `[channels, length]` floats from -1 to 1.
///
/// A longer sound loses its end and a shorter one is followed by zeros, as with Keras's
/// `audio_dataset_from_directory`. The sampling rate is not looked at.
///
/// # Errors
/// The reason, to be completed with the file's name: damaged, packed in another way, or of other channels.
pub(super) fn decode(bytes: &[u8], channels: usize, length: usize) -> Result<Vec<f32>, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let reader = WavReader::new(Cursor::new(bytes)).map_err(|error| reason(&error))?;
    let spec = reader.spec();
    let found = usize::from(spec.channels);
    if found != channels {
        return Err(format!(
            "it has {}, the input has {}",
            counted(found),
            counted(channels)
        ));
    }
    let interleaved = match spec.sample_format {
        SampleFormat::Float => frames(reader.into_samples::<f32>(), channels, length, |it| it),
        SampleFormat::Int if (8..=32).contains(&spec.bits_per_sample) => {
            let full = 2.0_f64.powi(i32::from(spec.bits_per_sample) - 1);
            let scale = |it: i32| (f64::from(it) / full) as f32;
            frames(reader.into_samples::<i32>(), channels, length, scale)
        }
        SampleFormat::Int => {
            let bits = spec.bits_per_sample;
            return Err(format!("it has {bits} bits a value, expected 8 to 32"));
        }
    }?;
    if interleaved.is_empty() {
        return Err("it holds no sound".into());
    }
    if interleaved.iter().any(|value| !value.is_finite()) {
        return Err("it holds values that are no finite numbers".into());
    }
    let mut signal = Vec::new();
    for channel in 0..channels {
        signal.extend(interleaved.iter().skip(channel).step_by(channels));
        signal.resize((channel + 1) * length, 0.0);
    }
    Ok(signal)
}

fn counted(channels: usize) -> String {
    match channels {
        1 => "1 channel".into(),
        more => format!("{more} channels"),
    }
}

/// Collects whole frames, `length` at most.
fn frames<T>(
    values: impl Iterator<Item = hound::Result<T>>,
    channels: usize,
    length: usize,
    scale: impl Fn(T) -> f32,
) -> Result<Vec<f32>, String> {
    let values = values.take(channels.saturating_mul(length));
    let mut kept = Vec::new();
    for value in values {
        kept.push(scale(value.map_err(|error| reason(&error))?));
    }
    Ok(kept)
}

fn reason(error: &hound::Error) -> String {
    match error {
        hound::Error::IoError(_) => "it is truncated".into(),
        hound::Error::FormatError(what) => format!("it is not a whole wav file: {what}"),
        hound::Error::Unsupported | hound::Error::InvalidSampleFormat => {
            "its values are packed in a way that is not supported, expected PCM or 32-bit floats"
                .into()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use hound::{WavSpec, WavWriter};

    use super::*;

    /// A file of samples of so many bits; 0 stands for floats.
    pub(crate) fn wav(channels: u16, bits: u16, samples: &[i32]) -> Vec<u8> {
        let spec = WavSpec {
            channels,
            sample_rate: 8000,
            bits_per_sample: if bits == 0 { 32 } else { bits },
            sample_format: if bits == 0 {
                SampleFormat::Float
            } else {
                SampleFormat::Int
            },
        };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        for sample in samples {
            if bits == 0 {
                writer.write_sample(*sample as f32 / 4.0).unwrap();
            } else {
                writer.write_sample(*sample).unwrap();
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[track_caller]
    fn check(bits: u16, samples: &[i32], expected: &[f32]) {
        assert_eq!(
            decode(&wav(1, bits, samples), 1, expected.len()),
            Ok(expected.to_vec())
        );
    }

    #[test]
    fn values_reach_from_minus_one_to_one() {
        check(8, &[-128, 0, 64], &[-1.0, 0.0, 0.5]);
        check(16, &[-32768, 0, 16384], &[-1.0, 0.0, 0.5]);
        check(24, &[-(1 << 23), 0, 1 << 22], &[-1.0, 0.0, 0.5]);
        check(32, &[i32::MIN, 0, 1 << 30], &[-1.0, 0.0, 0.5]);
        check(0, &[-4, 0, 2], &[-1.0, 0.0, 0.5]);
    }

    #[test]
    fn the_end_is_cut_or_filled_with_zeros() {
        check(16, &[16384, -16384, 8192], &[0.5, -0.5]);
        check(16, &[16384], &[0.5, 0.0, 0.0]);
        let stereo = wav(2, 16, &[16384, -16384, 8192, -8192]);
        let expected = vec![0.5, 0.25, 0.0, -0.5, -0.25, 0.0];
        assert_eq!(decode(&stereo, 2, 3), Ok(expected));
    }

    #[track_caller]
    fn check_fault(bytes: &[u8], expected: &str) {
        assert_eq!(decode(bytes, 1, 4), Err(expected.to_owned()));
    }

    #[test]
    fn faults_are_told() {
        check_fault(b"", "the file is empty");
        check_fault(
            b"text of some length",
            "it is not a whole wav file: no RIFF tag found",
        );
        check_fault(
            &wav(2, 16, &[0; 8]),
            "it has 2 channels, the input has 1 channel",
        );
        check_fault(&wav(1, 16, &[]), "it holds no sound");
        check_fault(&wav(1, 16, &[0; 8])[..47], "it is truncated");
        let mut nan = wav(1, 0, &[0; 8]);
        let end = nan.len();
        nan[end - 32..end - 28].copy_from_slice(&f32::NAN.to_le_bytes());
        check_fault(&nan, "it holds values that are no finite numbers");
    }
}
