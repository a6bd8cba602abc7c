//! What one place of a map sees of the picture: in theory, and in effect.

use super::{Subject, name_of, no_maps};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::model::{Pass, Value};

/// Pixels count for the effective field whose gradient is at least this share of the largest: the threshold of Luo et al.
const FELT: f64 = 1.0 - 0.9545;

/// The receptive field of one place of a map.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The layer's name, else its path.
    pub layer: String,
    /// Row and column on its maps.
    pub at: [usize; 2],
    /// Rows and columns of its maps.
    pub map: [usize; 2],
    /// The size of the theoretical field, beyond the picture's edges too.
    pub field: Vec<u64>,
    /// The rows and columns of the picture in it, first and one past the last.
    pub part: [[usize; 2]; 2],
    /// The gradient's size at each pixel, summed over channels, as a share of the largest.
    pub effect: Vec<f64>,
    /// Pixels that are felt.
    pub felt: usize,
}

/// Finds what a place of a layer's maps sees of the picture.
///
/// The effective field is the gradient of the sum of all maps at that place.
///
/// # Errors
/// When there is no such layer or place.
///
/// # Reference
/// Luo, Li, Urtasun & Zemel 2016, "Understanding the effective receptive field in deep convolutional neural networks",
/// sections 2 and 3; the effective size is the root of the pixels felt.
pub fn receptive_field(subject: &Subject<'_>, layer: &str, at: Option<[usize; 2]>) -> Result<Seen> {
    let layer = subject.layer(layer)?;
    let [_, rows, columns] = layer.output[..] else {
        return Err(no_maps(layer));
    };
    let at = at.unwrap_or([rows / 2, columns / 2]);
    if at[0] >= rows || at[1] >= columns {
        let name = name_of(layer);
        let message = format!(
            "there is no place {},{} on the maps of `{name}`",
            at[0], at[1]
        );
        let note = format!(
            "they have rows 0 to {} and columns 0 to {}",
            rows - 1,
            columns - 1
        );
        return Err(Error::config(Diagnostic::error(message).note(note)));
    }
    let input = subject.batch(subject.picture.input.clone()).tracked();
    let mut output = None;
    let _ =
        subject
            .trained
            .model
            .forward_tapped(input.clone(), Pass::Evaluate, &mut |index, value| {
                if index == layer.index {
                    output = Some(value.clone().plain());
                }
                value
            });
    let Some(Value::Maps(maps)) = output else {
        return Err(no_maps(layer));
    };
    let sum = maps.narrow(2, at[0], 1).narrow(3, at[1], 1).sum();
    let gradient = input.gradient(&sum.backward())?;
    let area = subject.area();
    let mut effect = vec![0.0_f64; area];
    for (place, value) in gradient.iter().enumerate() {
        effect[place % area] += f64::from(value.abs());
    }
    let largest = effect.iter().copied().fold(0.0, f64::max);
    if largest > 0.0 {
        for value in &mut effect {
            *value /= largest;
        }
    }
    let part = subject.plan.seen(layer.index, &at).unwrap_or_default();
    Ok(Seen {
        layer: name_of(layer),
        at,
        map: [rows, columns],
        field: layer.field.size(),
        part: [0, 1].map(|side| part.get(side).copied().unwrap_or_default()),
        felt: effect.iter().filter(|value| **value >= FELT).count(),
        effect,
    })
}
