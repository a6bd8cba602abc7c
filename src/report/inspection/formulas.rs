//! What each kind of layer computes its figures by, with the numbers put in.

use super::super::number::thousands;
use super::explain::{Lines, dimensions};
use super::{decimal, sizes};
use super::{graphs, sliding};
use crate::config::Function;
use crate::plan::{Field, Layer, Norm, Operation, Over, Plan};
use crate::shape;

/// Adds the output size, the parameters and the multiply-adds.
pub(super) fn write(layer: &Layer, plan: &Plan, lines: &mut Lines) {
    match &layer.operation {
        Operation::Conv(conv) => {
            sliding::windows(layer, &conv.windows, "kernel", false, lines);
            sliding::weights(conv, lines);
            sliding::conv_macs(conv, &layer.output, lines);
            activation(conv.activation, conv.weights.trainable, lines);
        }
        Operation::SeparableConv(conv) => sliding::separable(conv, layer, lines),
        Operation::TransposedConv(conv) => sliding::transposed(conv, layer, lines),
        Operation::Pool(_) | Operation::GlobalPool(_) | Operation::AdaptivePool(_) => {
            sliding::pool(layer, lines);
        }
        Operation::Dense(dense) => {
            let (inputs, units) = (dense.inputs, dense.units);
            lines.add("output size", format!("units = {units}"));
            let product = inputs as u64 * units as u64;
            let (bias, sum) = bias(dense.bias, units, product);
            let (slope, sum) = slope(dense.activation, sum);
            let words = format!("inputs · units{}", if dense.bias { " + units" } else { "" });
            lines.add("parameters", words);
            lines.add(
                "",
                format!("{inputs} · {units}{bias}{slope} = {}", thousands(sum)),
            );
            lines.add("MACs", "inputs · units");
            lines.add("", format!("{inputs} · {units} = {}", thousands(product)));
            activation(dense.activation, dense.weights.trainable, lines);
        }
        Operation::Norm(norm) => norm_layer(norm, layer, lines),
        Operation::Activation(_)
        | Operation::LocalResponseNorm(_)
        | Operation::Dropout(_)
        | Operation::Noise(_)
        | Operation::Scale(_) => one_by_one(layer, lines),
        Operation::Flatten
        | Operation::Reshape(_)
        | Operation::Pad(_)
        | Operation::Crop(_)
        | Operation::Upsample(_)
        | Operation::PixelShuffle(_) => moved(layer, lines),
        Operation::Residual(_) | Operation::Branches(_) | Operation::Merge(_) => {
            graphs::write(layer, plan, lines);
        }
    }
}

/// Adds the figures of layers that compute value by value.
fn one_by_one(layer: &Layer, lines: &mut Lines) {
    match &layer.operation {
        Operation::Activation(function) => {
            same_size(lines);
            lines.add("computes", format!("{}, value by value", function.word()));
            if function.weights() > 0 {
                lines.add("parameters", "1, the slope left of zero");
                lines.add("MACs", "0");
            } else {
                nothing(lines);
            }
        }
        Operation::LocalResponseNorm(norm) => {
            same_size(lines);
            let (k, alpha, size, beta) = (norm.k, norm.alpha, norm.size, norm.beta);
            lines.add(
                "computes",
                format!("x / ({k} + {alpha}/{size} · Σ x²)^{beta} over {size} neighbouring maps"),
            );
            nothing(lines);
        }
        Operation::Dropout(dropout) => {
            same_size(lines);
            let what = if dropout.spatial { "map" } else { "value" };
            let rate = dropout.rate;
            lines.add(
                "computes",
                format!("in training each {what} is 0 with probability {rate}, else divided by 1 − {rate}"),
            );
            nothing(lines);
        }
        Operation::Noise(noise) => {
            same_size(lines);
            let std = noise.std;
            let what = format!("in training x + noise of standard deviation {std}");
            lines.add("computes", what);
            nothing(lines);
        }
        Operation::Scale(scale) => {
            same_size(lines);
            let channels = scale.channels;
            lines.add("computes", "factor · x + offset, one of each a channel");
            let (bias, sum) = bias(scale.bias, channels, channels as u64);
            lines.add(
                "parameters",
                format!("{channels}{bias} = {}", thousands(sum)),
            );
            lines.add(
                "MACs",
                "0: they are counted for conv and dense weights alone",
            );
        }
        _ => {}
    }
}

/// Adds the figures of layers that move values about.
fn moved(layer: &Layer, lines: &mut Lines) {
    let (input, output) = (&layer.input, &layer.output);
    match &layer.operation {
        Operation::Flatten => {
            let values = thousands(values(input));
            lines.add("output size", format!("{} = {values}", product(input)));
            nothing(lines);
        }
        Operation::Reshape(_) => {
            let (from, to) = (product(input), product(output));
            let count = thousands(values(input));
            lines.add(
                "output size",
                format!("{from} = {to} = {count}: the same values"),
            );
            nothing(lines);
        }
        Operation::Pad(pad) => {
            ends(input, &pad.amount, output, '+', lines);
            nothing(lines);
        }
        Operation::Crop(amount) => {
            ends(input, amount, output, '−', lines);
            nothing(lines);
        }
        Operation::Upsample(upsample) => {
            lines.add("output size", "in · scale");
            for (index, name) in dimensions(upsample.scale.len()).iter().enumerate() {
                let (from, scale, to) =
                    (input[index + 1], upsample.scale[index], output[index + 1]);
                lines.add("", format!("{name} {from} · {scale} = {to}"));
            }
            nothing(lines);
        }
        Operation::PixelShuffle(scale) => {
            lines.add("output size", "channels / scale², in · scale");
            let (channels, maps) = (input[0], output[0]);
            lines.add("", format!("channels {channels} / {scale}² = {maps}"));
            for (index, name) in dimensions(2).iter().enumerate() {
                let (from, to) = (input[index + 1], output[index + 1]);
                lines.add("", format!("{name} {from} · {scale} = {to}"));
            }
            nothing(lines);
        }
        _ => {}
    }
}

/// Adds what a dense layer in place of a convolution would take.
pub(super) fn dense_equivalent(layer: &Layer, lines: &mut Lines) {
    match &layer.operation {
        Operation::Conv(conv) => sliding::dense(layer, conv.bias, lines),
        // The depthwise half has no bias.
        Operation::SeparableConv(_) => sliding::dense(layer, false, lines),
        Operation::TransposedConv(transposed) => {
            sliding::dense(layer, transposed.conv.bias, lines);
        }
        _ => {}
    }
}

/// Adds how the receptive field grew.
pub(super) fn field(layer: &Layer, arriving: &Field, lines: &mut Lines) {
    let own = sizes(&layer.field.size());
    let places = shape::places(arriving.jump().len());
    let sliding = match &layer.operation {
        Operation::Conv(conv) => Some(&conv.windows),
        Operation::SeparableConv(conv) => Some(&conv.depthwise.windows),
        Operation::Pool(pool) => Some(&pool.windows),
        _ => None,
    };
    if let Some(windows) = sliding {
        lines.add("sees", "field before + dilation·(kernel − 1) · jump before");
        let steps = windows.iter().zip(dimensions(windows.len()));
        for (index, (window, name)) in steps.enumerate() {
            let at = |values: &[f64]| decimal(values.get(index).copied().unwrap_or(1.0));
            let (before, jump) = (at(arriving.exact_size()), at(arriving.jump()));
            let after = at(layer.field.exact_size());
            let (dilation, size) = (window.dilation, window.size);
            let line = format!(
                "{name} {before} + {dilation}·({size} − 1) · {jump} = {after} input {places}"
            );
            lines.add("", line);
        }
    } else if layer.field.exact_size() == arriving.exact_size() {
        lines.add("sees", format!("{own} input {places}, as what arrives"));
    } else if matches!(
        layer.operation,
        Operation::Residual(_) | Operation::Branches(_) | Operation::Merge(_)
    ) {
        lines.add(
            "sees",
            format!("{own} input {places} over the longest path"),
        );
    } else {
        let before = sizes(&arriving.size());
        lines.add(
            "sees",
            format!("{own} input {places}, where what arrives sees {before}"),
        );
    }
}

fn same_size(lines: &mut Lines) {
    same_as("the input", lines);
}

pub(super) fn same_as(what: &str, lines: &mut Lines) {
    lines.add("output size", format!("that of {what}"));
}

pub(super) fn nothing(lines: &mut Lines) {
    lines.add("parameters", "0: it learns nothing");
    lines.add(
        "MACs",
        "0: they are counted for conv and dense weights alone",
    );
}

fn product(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    sizes.join(" · ")
}

pub(super) fn values(sizes: &[usize]) -> u64 {
    shape::elements(sizes).unwrap_or(u64::MAX)
}

/// Returns ` + biases` and the sum with them.
pub(super) fn bias(has_bias: bool, number: usize, weights: u64) -> (String, u64) {
    if has_bias {
        (
            format!(" + {number}"),
            weights.saturating_add(number as u64),
        )
    } else {
        (String::new(), weights)
    }
}

/// Returns ` + 1` for the slope that an activation learns, and the sum with it.
pub(super) fn slope(function: Option<Function>, weights: u64) -> (&'static str, u64) {
    match function.map_or(0, Function::weights) {
        0 => ("", weights),
        learned => (" + 1", weights.saturating_add(learned)),
    }
}

pub(super) fn activation(function: Option<Function>, trainable: bool, lines: &mut Lines) {
    if let Some(function) = function {
        let learned = match (function.weights(), trainable) {
            (0, _) => "",
            (_, true) => ", with one weight more, its slope",
            (_, false) => ", with one frozen weight more, its slope",
        };
        lines.add(
            "then",
            format!("{}, value by value{learned}", function.word()),
        );
    }
}

fn norm_layer(norm: &Norm, layer: &Layer, lines: &mut Lines) {
    same_size(lines);
    let over = match norm.over {
        Over::Batch { .. } => "the batch, for each channel".to_owned(),
        Over::Groups(1) => "the whole sample".to_owned(),
        Over::Groups(groups) => format!("each of {groups} groups of channels of a sample"),
    };
    let affine = if norm.affine { " · weight + bias" } else { "" };
    let epsilon = norm.epsilon;
    lines.add(
        "computes",
        format!("(x − mean) / √(variance + {epsilon:?}){affine}"),
    );
    lines.add("", format!("mean and variance over {over}"));
    let each = product(&norm.shape);
    let parameters = thousands(layer.counts.parameters().unwrap_or(u64::MAX));
    if norm.affine {
        lines.add("parameters", format!("2 · {each} = {parameters}"));
    } else {
        lines.add("parameters", "0: `affine = false`");
    }
    if layer.counts.buffers > 0 {
        let buffers = thousands(layer.counts.buffers);
        let what = "running mean and variance, which are not weights";
        lines.add("buffers", format!("2 · {each} = {buffers}: {what}"));
    }
    lines.add(
        "MACs",
        "0: they are counted for conv and dense weights alone",
    );
}

/// Adds the output size of what adds or takes values at the ends.
fn ends(input: &[usize], amount: &[[usize; 2]], output: &[usize], sign: char, lines: &mut Lines) {
    lines.add("output size", format!("in {sign} before {sign} after"));
    let names = std::iter::once("channels").chain(dimensions(input.len() - 1).iter().copied());
    for (name, (from, ([before, after], to))) in
        names.zip(input.iter().zip(amount.iter().zip(output)))
    {
        if name != "channels" || from != to {
            lines.add(
                "",
                format!("{name} {from} {sign} {before} {sign} {after} = {to}"),
            );
        }
    }
}
