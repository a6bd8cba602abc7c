//! What windows that slide over maps make of them: convolutions, transposed ones, and pools.

use super::super::number::thousands;
use super::explain::{Lines, dimensions};
use super::formulas::{activation, bias, nothing, slope, values};
use crate::config::PoolKind;
use crate::plan::{Conv, Layer, Operation, SeparableConv, TransposedConv};
use crate::shape::{self, Window};

/// Adds the output size of windows that slide over padded maps.
pub(super) fn windows(
    layer: &Layer,
    windows: &[Window],
    size: &str,
    ceil: bool,
    lines: &mut Lines,
) {
    let (open, close) = if ceil { ('⌈', '⌉') } else { ('⌊', '⌋') };
    lines.add(
        "output size",
        format!("{open}(in + before + after − dilation·({size} − 1) − 1) / stride{close} + 1"),
    );
    for (index, (window, name)) in windows.iter().zip(dimensions(windows.len())).enumerate() {
        let [before, after] = layer.padding.get(index).copied().unwrap_or_default();
        let (from, to) = (layer.input[index + 1], layer.output[index + 1]);
        let (dilation, taps, stride) = (window.dilation, window.size, window.stride);
        let cut = match layer.ignored.get(index) {
            Some(0) | None => String::new(),
            Some(1) => ", the last one is not reached".to_owned(),
            Some(number) => format!(", the last {number} are not reached"),
        };
        let outside = ceil
            && window.output_rounded_up(from, [before, after])
                != window.output(from, [before, after]).and_then(|output| {
                    let all = from + before + after;
                    let exact = (all - window.extent()?).is_multiple_of(stride);
                    Some(output + usize::from(!exact))
                });
        let outside = if outside {
            ", as the last window would begin outside"
        } else {
            ""
        };
        lines.add(
            "",
            format!(
                "{name} {open}({from} + {before} + {after} − {dilation}·({taps} − 1) − 1) / {stride}{close} + 1 \
                 = {to}{cut}{outside}"
            ),
        );
    }
}

fn taps(windows: &[Window]) -> String {
    let taps: Vec<String> = windows
        .iter()
        .map(|window| window.size.to_string())
        .collect();
    taps.join("·")
}

fn tap_count(windows: &[Window]) -> u64 {
    windows.iter().map(|window| window.size as u64).product()
}

/// The weights of a convolution without its biases: how they are counted, and their number.
fn kernel_weights(conv: &Conv) -> (String, String, u64) {
    let taps = taps(&conv.windows);
    if let Some(lists) = &conv.connections {
        let connections: usize = lists.iter().map(Vec::len).sum();
        let words = "connections · kernel".to_owned();
        let number = connections as u64 * tap_count(&conv.windows);
        return (words, format!("{connections} · {taps}"), number);
    }
    let (filters, channels, groups) = (conv.filters, conv.channels, conv.groups);
    let number = filters as u64 * (channels / groups.max(1)) as u64 * tap_count(&conv.windows);
    if groups == 1 {
        let words = "filters · channels · kernel".to_owned();
        (words, format!("{filters} · {channels} · {taps}"), number)
    } else {
        let words = "filters · channels / groups · kernel".to_owned();
        (
            words,
            format!("{filters} · {channels} / {groups} · {taps}"),
            number,
        )
    }
}

pub(super) fn weights(conv: &Conv, lines: &mut Lines) {
    let (words, numbers, weights) = kernel_weights(conv);
    let (bias, sum) = bias(conv.bias, conv.filters, weights);
    let (slope, sum) = slope(conv.activation, sum);
    let more = if conv.bias { " + filters" } else { "" };
    lines.add("parameters", format!("{words}{more}"));
    lines.add("", format!("{numbers}{bias}{slope} = {}", thousands(sum)));
}

pub(super) fn conv_macs(conv: &Conv, positions: &[usize], lines: &mut Lines) {
    let (words, numbers, weights) = kernel_weights(conv);
    let map = positions.get(1..).unwrap_or_default();
    let total = weights.saturating_mul(values(map));
    lines.add("MACs", format!("{words} · output positions"));
    let positions: Vec<String> = map.iter().map(ToString::to_string).collect();
    lines.add(
        "",
        format!("{numbers} · {} = {}", positions.join("·"), thousands(total)),
    );
}

/// Adds what a dense layer from the same input to the same output would take.
pub(super) fn dense(layer: &Layer, has_bias: bool, lines: &mut Lines) {
    let (inputs, outputs) = (values(&layer.input), values(&layer.output));
    let outputs = thousands(outputs);
    let bias = if has_bias {
        format!(" + {outputs}")
    } else {
        String::new()
    };
    lines.add(
        "dense equivalent",
        format!(
            "{} · {outputs}{bias} = {} parameters from the same input to the same output",
            thousands(inputs),
            thousands(layer.counts.dense_equivalent)
        ),
    );
}

pub(super) fn separable(conv: &SeparableConv, layer: &Layer, lines: &mut Lines) {
    windows(layer, &conv.depthwise.windows, "kernel", false, lines);
    let (_, first, depth) = kernel_weights(&conv.depthwise);
    let (_, second, point) = kernel_weights(&conv.pointwise);
    let (bias, sum) = bias(conv.pointwise.bias, conv.pointwise.filters, depth + point);
    lines.add("parameters", "depthwise weights + 1x1 weights + biases");
    lines.add("", format!("{first} + {second}{bias} = {}", thousands(sum)));
    let positions = values(layer.output.get(1..).unwrap_or_default());
    lines.add(
        "MACs",
        "(depthwise weights + 1x1 weights) · output positions",
    );
    let total = thousands((depth + point).saturating_mul(positions));
    let (depth, point) = (thousands(depth), thousands(point));
    lines.add("", format!("({depth} + {point}) · {positions} = {total}"));
    activation(conv.activation, conv.depthwise.weights.trainable, lines);
}

pub(super) fn transposed(transposed: &TransposedConv, layer: &Layer, lines: &mut Lines) {
    let conv = &transposed.conv;
    lines.add(
        "output size",
        "(in − 1)·stride + dilation·(kernel − 1) + 1 + output_padding − before − after",
    );
    for (index, (window, name)) in conv
        .windows
        .iter()
        .zip(dimensions(conv.windows.len()))
        .enumerate()
    {
        let [before, after] = conv.padding.get(index).copied().unwrap_or_default();
        let more = transposed.output_padding.get(index).copied().unwrap_or(0);
        let (from, to) = (layer.input[index + 1], layer.output[index + 1]);
        let (dilation, taps, stride) = (window.dilation, window.size, window.stride);
        lines.add(
            "",
            format!(
                "{name} ({from} − 1)·{stride} + {dilation}·({taps} − 1) + 1 + {more} − {before} − {after} = {to}"
            ),
        );
    }
    weights(conv, lines);
    let (words, numbers, weights) = kernel_weights(conv);
    let map = layer.input.get(1..).unwrap_or_default();
    let total = thousands(weights.saturating_mul(values(map)));
    lines.add("MACs", format!("{words} · input positions"));
    let positions: Vec<String> = map.iter().map(ToString::to_string).collect();
    lines.add("", format!("{numbers} · {} = {total}", positions.join("·")));
    activation(conv.activation, conv.weights.trainable, lines);
}

/// Adds the figures of pools.
pub(super) fn pool(layer: &Layer, lines: &mut Lines) {
    let (input, output) = (&layer.input, &layer.output);
    match &layer.operation {
        Operation::Pool(pool) => {
            windows(layer, &pool.windows, "size", pool.ceil, lines);
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
        _ => {}
    }
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
