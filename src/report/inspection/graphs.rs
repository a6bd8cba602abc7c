//! The layers that hold or join others, with their formulas.

use super::super::number::thousands;
use super::explain::Lines;
use super::formulas::{activation, nothing, same_as};
use crate::config::Join;
use crate::plan::{Layer, Operation, Plan};
use crate::shape;

/// Adds the output size and the sums.
pub(super) fn write(layer: &Layer, plan: &Plan, lines: &mut Lines) {
    let (input, output) = (&layer.input, &layer.output);
    match &layer.operation {
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
            let every = plan.every();
            let from = merge.from.iter().filter_map(|index| every.get(*index));
            let from: Vec<&str> = from
                .map(|layer| layer.name.as_deref().unwrap_or(&layer.path))
                .collect();
            let from = from.join(", ");
            let what = match merge.join {
                Join::Concat => "the channels of all, one after the other",
                Join::Add => "the sum",
                Join::Multiply => "the product",
            };
            lines.add(
                "computes",
                format!("{what}: what arrives, and the output of {from}"),
            );
            lines.add("output size", shape::display(output));
            nothing(lines);
        }
        _ => {}
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
            let mut figures: Vec<u64> = held.iter().map(|layer| figure(layer)).collect();
            // What the layer has of its own, such as a slope.
            let sum = figures
                .iter()
                .fold(0_u64, |sum, one| sum.saturating_add(*one));
            figures.push(total.saturating_sub(sum));
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
