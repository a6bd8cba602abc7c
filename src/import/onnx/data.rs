//! How pictures are prepared, as a section of the config.

use std::fmt::Write as _;

use super::setting::{list, number, pairs};
use crate::dataset::{Invert, Mode, Preprocessing};

/// Returns what is left to do for pictures of a graph that prepares bytes itself: to bring them to its size.
pub(super) fn left_of(own: Preprocessing) -> Preprocessing {
    Preprocessing {
        padding: vec![[0, 0]; own.padding.len()],
        rescale: 1.0,
        mean: Vec::new(),
        std: Vec::new(),
        invert: if own.invert == Invert::Always {
            Invert::Never
        } else {
            own.invert
        },
        ..own
    }
}

/// Writes `[data]`; nothing where nothing is known.
pub(super) fn section(
    preprocessing: Option<&Preprocessing>,
    input: &[usize],
    takes_bytes: bool,
) -> String {
    let mut text = String::new();
    let Some(own) = preprocessing.filter(|own| own.input_shape() == input) else {
        let unknown = if takes_bytes {
            "\n[data]\nrescale = 1.0\n"
        } else {
            ""
        };
        return unknown.to_owned();
    };
    if !own.floats && own.rescale != 1.0 / 255.0 || own.floats && own.rescale != 1.0 {
        // Writing into a string does not fail.
        let _ = writeln!(text, "rescale = {}", number(own.rescale));
    }
    if !own.mean.is_empty() || !own.std.is_empty() {
        let numbers = |values: &[f32], none: f32| {
            let values = if values.is_empty() {
                vec![none]
            } else {
                values.to_vec()
            };
            let numbers: Vec<String> = values.iter().map(|value| number(*value)).collect();
            format!("[{}]", numbers.join(", "))
        };
        let (mean, std) = (numbers(&own.mean, 0.0), numbers(&own.std, 1.0));
        let _ = writeln!(text, "normalize = {{ mean = {mean}, std = {std} }}");
    }
    if own.padding.iter().flatten().any(|side| *side > 0) {
        let _ = writeln!(text, "padding = {}", pairs(&own.padding));
    }
    if let Some(crop) = own.crop {
        let _ = writeln!(text, "crop = {}", list(crop));
    }
    if own.resize {
        let mode = match own.mode {
            Mode::Stretch => "stretch",
            Mode::Letterbox => "letterbox",
            Mode::Crop => "crop",
        };
        let size = list(own.shape.get(1..).unwrap_or_default());
        let _ = writeln!(text, "resize = {{ size = {size}, mode = \"{mode}\" }}");
    }
    match own.invert {
        Invert::Auto => {}
        Invert::Always => text.push_str("invert = true\n"),
        Invert::Never => text.push_str("invert = false\n"),
    }
    if text.is_empty() {
        text
    } else {
        format!("\n[data]\n{text}")
    }
}
