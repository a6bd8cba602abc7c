//! Results as files: grey levels in a PNG, numbers in CSV or NPY.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};

use super::Planes;
use crate::dataset::begin_npy;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;

/// How values become grey levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// The smallest value is black, the largest white; over all channels.
    Stretch,
    /// 0 is black, 1 is white, as in the picture; what lies beyond is cut.
    Clip,
    /// 0 is black, the value farthest from it is white, whatever its sign.
    Absolute,
}

impl Scale {
    /// Returns the grey levels of values.
    fn levels(self, planes: &Planes) -> Vec<u8> {
        let [least, most, _] = planes.range();
        let farthest = least.abs().max(most.abs());
        let values = planes.values.iter().map(|value| match self {
            Self::Stretch if most > least => (value - least) / (most - least),
            Self::Absolute if farthest > 0.0 => value.abs() / farthest,
            // There is nothing to tell apart; so all is as bright as it is.
            _ => *value,
        });
        values.map(level).collect()
    }
}

#[expect(clippy::cast_sign_loss, reason = "it lies between 0 and 255")]
fn level(value: f64) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Encodes values as a PNG: grey for one channel, colours for three.
///
/// # Errors
/// When the picture is too large for the format.
pub(crate) fn png(planes: &Planes, scale: Scale) -> Result<Vec<u8>> {
    let [channels, rows, columns] = planes.shape;
    let levels = scale.levels(planes);
    let size = u32::try_from(columns).ok().zip(u32::try_from(rows).ok());
    let picture = size.and_then(|(width, height)| {
        if channels == 1 {
            return GrayImage::from_raw(width, height, levels).map(DynamicImage::from);
        }
        let area = rows * columns;
        let value = |place: usize| levels.get(place).copied().unwrap_or_default();
        let colours =
            (0..area).flat_map(|pixel| [0, 1, 2].map(|channel| value(channel * area + pixel)));
        RgbImage::from_raw(width, height, colours.collect()).map(DynamicImage::from)
    });
    let mut bytes = Cursor::new(Vec::new());
    let encoded = picture.map(|picture| picture.write_to(&mut bytes, ImageFormat::Png));
    if let Some(Ok(())) = encoded {
        return Ok(bytes.into_inner());
    }
    let message = format!("a result of {rows}x{columns} cannot be written as a png picture");
    Err(Error::data(Diagnostic::error(message)))
}

/// Writes values as CSV: a line a row, an empty line between channels.
#[must_use]
pub(crate) fn raw_csv(planes: &Planes) -> Vec<u8> {
    let channels: Vec<String> = planes
        .planes()
        .map(|plane| {
            let rows = plane.chunks(planes.shape[2]).map(|row| {
                let numbers: Vec<String> = row.iter().map(ToString::to_string).collect();
                numbers.join(",") + "\n"
            });
            rows.collect()
        })
        .collect();
    channels.join("\n").into_bytes()
}

/// Writes values as `NumPy` does: float64, `[row, column]`, with the channel in front if there are several.
#[must_use]
pub(crate) fn raw_npy(planes: &Planes) -> Vec<u8> {
    let [channels, rows, columns] = planes.shape;
    let mut bytes = if channels == 1 {
        begin_npy("f8", &[rows, columns])
    } else {
        begin_npy("f8", &[channels, rows, columns])
    };
    bytes.extend(planes.values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Writes a file, whole or not at all.
///
/// # Errors
/// When its folder is not there or cannot be written.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    files::write(path, bytes).map_err(|mut error| {
        let without_help = error
            .diagnostics
            .iter_mut()
            .filter(|diagnostic| diagnostic.helps.is_empty());
        for diagnostic in without_help {
            let help = "choose a place that can be written, with `--out`";
            diagnostic.helps.push(help.to_owned());
        }
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64]) -> Planes {
        Planes {
            shape: [1, 1, values.len()],
            values: values.to_vec(),
        }
    }

    #[test]
    fn values_become_grey_levels() {
        let edges = line(&[-1.0, 0.0, 3.0]);
        assert_eq!(Scale::Stretch.levels(&edges), [0, 64, 255]);
        assert_eq!(Scale::Absolute.levels(&edges), [85, 0, 255]);
        let picture = line(&[-1.0, 0.5, 1.0, 2.0]);
        assert_eq!(Scale::Clip.levels(&picture), [0, 128, 255, 255]);
        for scale in [Scale::Stretch, Scale::Clip, Scale::Absolute] {
            assert_eq!(scale.levels(&line(&[0.0, 0.0])), [0, 0]);
        }
        assert_eq!(Scale::Stretch.levels(&line(&[0.2, 0.2])), [51, 51]);
    }

    #[test]
    fn numbers_are_written_to_the_last_digit() {
        let planes = Planes {
            shape: [2, 1, 2],
            values: vec![0.1, -2.0, 1.0 / 3.0, 1e-9],
        };
        let csv = String::from_utf8(raw_csv(&planes)).unwrap();
        assert_eq!(csv, "0.1,-2\n\n0.3333333333333333,0.000000001\n");
        let npy = raw_npy(&planes);
        assert_eq!((npy.len() - 4 * 8) % 64, 0);
        assert!(npy.ends_with(&1e-9_f64.to_le_bytes()));
    }
}
