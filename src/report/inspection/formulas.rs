//! What each kind of layer computes its figures by, with the numbers put in.

use super::super::number::thousands;
use super::explain::{Lines, dimensions};
use super::sliding;
use super::{decimal, sizes};
use crate::config::{Function, Join, PoolKind};
use crate::plan::{Field, Layer, Norm, Operation, Over};
use crate::shape;

/// Adds the output size, the parameters and the multiply-adds.
pub(super) fn write(layer: &Layer, lines: &mut Lines) {
    let input = &layer.input;
    let output = &layer.output;
    match &layer.operation {
        Operation::Conv(conv) => {
            sliding::windows(layer, &conv.windows, "kernel", false, lines);
            sliding::weights(conv, lines);
            sliding::conv_macs(conv, output, lines);
            activation(conv.activation, conv.weights.trainable, lines);
        }
        Operation::SeparableConv(conv) => sliding::separable(conv, layer, lines),
        Operation::TransposedConv(conv) => sliding::transposed(conv, layer, lines),
        Operation::Pool(pool) => {
            sliding::windows(layer, &pool.windows, "size", pool.ceil, lines);
            let taps: Vec<usize> = pool.windows.iter().map(|window| window.size).collect();
            let what = kept(pool.kind);
            let window = shape::display(&taps);
            lines.add("computes", format!("{what} of each {window} window"));
            nothing(lines);
        }
        Operation::GlobalPool(kind) => {
            let map = shape::display(input.get(1..).unwrap_or_default());
            lines.add(
                "output size",
                format!("one value for each of {} maps", output[0]),
            );
            lines.add(
                "computes",
                format!("{} of each whole {map} map", kept(*kind)),
            );
            nothing(lines);
        }
        Operation::AdaptivePool(pool) => {
            lines.add("output size", "as the config says, whatever arrives");
            for (index, name) in dimensions(pool.output.len()).iter().enumerate() {
                let (from, to) = (input[index + 1], pool.output[index]);
                let line =
                    format!("{name}: window i is ⌊i·{from}/{to}⌋ up to ⌈(i + 1)·{from}/{to}⌉");
                lines.add("", line);
            }
            lines.add("computes", format!("{} of each window", kept(pool.kind)));
            nothing(lines);
        }
        Operation::Dense(dense) => {
            let (inputs, units) = (dense.inputs, dense.units);
            lines.add("output size", format!("units = {units}"));
            let product = inputs as u64 * units as u64;
            let (bias, sum) = bias(dense.bias, units, product);
            let words = format!("inputs · units{}", if dense.bias { " + units" } else { "" });
            lines.add("parameters", words);
            lines.add("", format!("{inputs} · {units}{bias} = {}", thousands(sum)));
            lines.add("MACs", "inputs · units");
            lines.add("", format!("{inputs} · {units} = {}", thousands(product)));
            activation(dense.activation, dense.weights.trainable, lines);
        }
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
        Operation::Norm(norm) => self::norm(norm, layer, lines),
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
        Operation::Residual(residual) => {
            let way = if residual.shortcut.is_empty() {
                "what arrives"
            } else {
                "what the shortcut makes of it"
            };
            same_as("the layers' output", lines);
            lines.add("computes", format!("layers(x) + {way}"));
            sum_of(&[&residual.layers, &residual.shortcut], layer, lines);
            activation(residual.activation, true, lines);
        }
        Operation::Branches(branches) => {
            let ends: Vec<&[usize]> = branches
                .branches
                .iter()
                .map(|list| list.last().map_or(input.as_slice(), |last| &last.output))
                .collect();
            joined(branches.join, &ends, output, lines);
            let lists: Vec<&[Layer]> = branches.branches.iter().map(Vec::as_slice).collect();
            sum_of(&lists, layer, lines);
        }
        Operation::Merge(merge) => {
            let from: Vec<String> = merge.from.iter().map(ToString::to_string).collect();
            let from = from.join(", ");
            let what = match merge.join {
                Join::Concat => "the channels of all, one after the other",
                Join::Add => "the sum",
                Join::Multiply => "the product",
            };
            lines.add(
                "computes",
                format!("{what}: what arrives, and the output of layer {from} by index"),
            );
            lines.add("output size", shape::display(output));
            nothing(lines);
        }
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
                "{name} {before} + {dilation}·({size} − 1) · {jump} = {after} input pixels"
            );
            lines.add("", line);
        }
    } else if layer.field.exact_size() == arriving.exact_size() {
        lines.add("sees", format!("{own} input pixels, as what arrives"));
    } else if matches!(
        layer.operation,
        Operation::Residual(_) | Operation::Branches(_) | Operation::Merge(_)
    ) {
        lines.add("sees", format!("{own} input pixels over the longest path"));
    } else {
        let before = sizes(&arriving.size());
        lines.add(
            "sees",
            format!("{own} input pixels, where what arrives sees {before}"),
        );
    }
}

fn same_size(lines: &mut Lines) {
    same_as("the input", lines);
}

fn same_as(what: &str, lines: &mut Lines) {
    lines.add("output size", format!("that of {what}"));
}

fn nothing(lines: &mut Lines) {
    lines.add("parameters", "0: it learns nothing");
    lines.add(
        "MACs",
        "0: they are counted for conv and dense weights alone",
    );
}

fn kept(kind: PoolKind) -> &'static str {
    match kind {
        PoolKind::Max => "the largest value",
        PoolKind::Avg => "the mean",
        PoolKind::Sum => "the sum",
        PoolKind::Min => "the smallest value",
        PoolKind::L2 => "the root of the sum of squares",
    }
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

fn norm(norm: &Norm, layer: &Layer, lines: &mut Lines) {
    same_size(lines);
    let epsilon = norm.epsilon;
    let over = match norm.over {
        Over::Batch { .. } => "each channel over the batch".to_owned(),
        Over::Groups(1) => "the whole sample".to_owned(),
        Over::Groups(groups) => format!("each of {groups} groups of channels of a sample"),
    };
    let affine = if norm.affine { " · weight + bias" } else { "" };
    lines.add(
        "computes",
        format!("(x − mean) / √(variance + {epsilon}){affine}; both of {over}"),
    );
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

fn joined(join: Join, ends: &[&[usize]], output: &[usize], lines: &mut Lines) {
    let shapes: Vec<String> = ends.iter().map(|end| shape::display(end)).collect();
    match join {
        Join::Concat => {
            let channels: Vec<String> = ends.iter().map(|end| end[0].to_string()).collect();
            let (channels, sum) = (channels.join(" + "), output[0]);
            lines.add(
                "output size",
                format!("channels one after the other: {channels} = {sum}"),
            );
            lines.add("computes", format!("{} side by side", shapes.join(", ")));
        }
        Join::Add => {
            lines.add("output size", "that of each branch");
            lines.add("computes", format!("the sum of {}", shapes.join(", ")));
        }
        Join::Multiply => {
            lines.add("output size", "that of the largest branch");
            lines.add("computes", format!("the product of {}", shapes.join(", ")));
        }
    }
}

/// Adds the sums over what a layer holds.
fn sum_of(lists: &[&[Layer]], layer: &Layer, lines: &mut Lines) {
    let held: Vec<&Layer> = lists.iter().copied().flatten().collect();
    let sum =
        |label: &'static str, total: u64, figure: &dyn Fn(&Layer) -> u64, lines: &mut Lines| {
            let figures: Vec<u64> = held.iter().map(|layer| figure(layer)).collect();
            let figures: Vec<String> = figures
                .into_iter()
                .filter(|figure| *figure > 0)
                .map(thousands)
                .collect();
            let total = thousands(total);
            let text = if figures.len() > 1 {
                format!("{} = {total}", figures.join(" + "))
            } else {
                total
            };
            lines.add(label, text);
        };
    let parameters = |layer: &Layer| layer.counts.parameters().unwrap_or(u64::MAX);
    sum("parameters", parameters(layer), &parameters, lines);
    if layer.counts.buffers > 0 {
        sum(
            "buffers",
            layer.counts.buffers,
            &|layer| layer.counts.buffers,
            lines,
        );
    }
    sum("MACs", layer.counts.macs, &|layer| layer.counts.macs, lines);
}
