//! The figures of the whole network, each with its formula and its numbers.

use std::fmt::Write as _;

use super::super::number::{bytes, thousands};
use super::{Inspection, sizes};
use crate::plan::Totals;
use crate::shape;

/// Columns of a label.
const LABEL: usize = 19;

/// Lines longer than this are broken.
const LONGEST: usize = 100;

/// Writes the totals and what the words of the table mean.
pub(super) fn write(shown: &Inspection<'_>, totals: &Totals, text: &mut String) {
    let (batch, dtype) = (shown.batch, shown.dtype);
    let each = dtype.bytes();
    text.push('\n');
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<LABEL$}{value}");
    };
    let parameters = thousands(totals.parameters());
    if totals.frozen == 0 {
        line("parameters", parameters.clone());
    } else {
        let (trainable, frozen) = (thousands(totals.trainable), thousands(totals.frozen));
        let split = format!("{parameters}: {trainable} trainable, {frozen} frozen");
        line("parameters", split);
    }
    if totals.buffers > 0 {
        let buffers = thousands(totals.buffers);
        line("buffers", format!("{buffers} (running statistics)"));
    }
    line(
        "MACs",
        format!(
            "{} for one input; FLOPs = 2 · MACs = {}",
            thousands(totals.macs),
            thousands(totals.macs * 2)
        ),
    );
    let field = sizes(&totals.receptive_field);
    let places = shape::places(totals.receptive_field.len());
    line(
        "receptive field",
        format!("{field} input {places} at the last map, over the longest path"),
    );
    let weight_bytes = bytes(totals.weight_bytes);
    line(
        "weights",
        format!("{parameters} · {each} bytes = {weight_bytes}"),
    );
    let trainable = thousands(totals.trainable);
    line(
        "gradients",
        format!(
            "{trainable} · {each} bytes = {}",
            bytes(totals.gradient_bytes)
        ),
    );
    let kept = shown.optimizer.values_per_weight();
    let word = shown.optimizer.rule.word();
    line(
        "optimizer state",
        if kept == 0 {
            format!("0 B ({word} keeps nothing)")
        } else {
            format!(
                "{kept} · {trainable} · {each} bytes = {} ({word})",
                bytes(totals.gradient_bytes.saturating_mul(kept))
            )
        },
    );
    line("inference memory", inference(shown, totals));
    let values = totals.training_bytes / each / (batch as u64).max(1);
    line(
        "training memory",
        format!(
            "{} · {each} bytes · {batch} = {} (outputs of all layers)",
            thousands(values),
            bytes(totals.training_bytes)
        ),
    );
    line(
        "training process",
        format!(
            "about {} resident, by our own estimate",
            bytes(totals.predicted_training_rss_bytes)
        ),
    );
    line(
        "dense equivalent",
        format!(
            "{} parameters if every conv were dense",
            thousands(totals.dense_equivalent)
        ),
    );
    text.push_str(&format!(
        "\nOne MAC is one multiply-add with a conv or dense weight; bias, norm, activation and pool\n\
         are not counted. \"sees\" is the receptive field of one output value in input {places}.\n",
    ));
}

/// More parts than this are not named one by one.
const NAMED: usize = 8;

fn inference(shown: &Inspection<'_>, totals: &Totals) -> String {
    let parts = &totals.inference_parts;
    let values = parts.iter().take(NAMED).map(|part| thousands(part.values));
    let mut values: Vec<String> = values.collect();
    let places = parts.iter().take(NAMED);
    let places = places.map(|part| part.path.as_deref().unwrap_or("input"));
    let mut places: Vec<&str> = places.collect();
    let more = parts.len().saturating_sub(NAMED);
    let rest = format!("{more} more");
    if more > 0 {
        values.push("…".to_owned());
        places.push(&rest);
    }
    let places = match places.as_slice() {
        [one] => format!("layer {one}"),
        [one, other] => format!("layers {one} and {other}, the largest two in a row"),
        all => format!(
            "layers {}: the largest two in a row and what is still needed",
            all.join(", ")
        ),
    };
    let sum = format!(
        "({}) · {} bytes · {} = {}",
        values.join(" + "),
        shown.dtype.bytes(),
        shown.batch,
        bytes(totals.inference_bytes)
    );
    let on_one_line = LABEL + sum.chars().count() + places.chars().count() + 3 <= LONGEST;
    let between = if on_one_line {
        " ".to_owned()
    } else {
        format!("\n{:LABEL$}", "")
    };
    format!("{sum}{between}({places})")
}
