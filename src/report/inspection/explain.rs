//! One layer with its formulas and their numbers.

use std::fmt::Write as _;

use super::super::number::{bytes, thousands};
use super::{Inspection, decimal, formulas};
use crate::plan::{Field, Layer};
use crate::shape;

/// Lines of an explanation: a label, and what stands beside it.
pub(super) struct Lines(Vec<(&'static str, String)>);

impl Lines {
    /// Adds a line; one without a label goes on with what stands above.
    pub(super) fn add(&mut self, label: &'static str, text: impl Into<String>) {
        self.0.push((label, text.into()));
    }
}

/// Names of the dimensions of maps.
pub(super) fn dimensions(rank: usize) -> &'static [&'static str] {
    match rank {
        1 => &["length"],
        2 => &["height", "width"],
        _ => &["depth", "height", "width"],
    }
}

impl Inspection<'_> {
    /// Writes the formulas of a layer; `None` when a figure is beyond counting.
    #[must_use]
    pub fn explain(&self, layer: &Layer, arriving: &Field) -> Option<String> {
        let name = layer.name.as_ref();
        let name = name.map_or_else(String::new, |name| format!("{name} "));
        let (input, output) = (shape::display(&layer.input), shape::display(&layer.output));
        let mut text = format!(
            "layer {} {name}({}): {input} → {output}\n\n",
            layer.path, layer.type_name
        );
        let mut lines = Lines(Vec::new());
        formulas::write(layer, self.plan, &mut lines);
        self.common(layer, arriving, &mut lines)?;
        let labels = lines.0.iter().map(|(label, _)| label.chars().count());
        let width = labels.max().unwrap_or(0) + 2;
        for (label, line) in &lines.0 {
            let _ = writeln!(text, "{label:<width$}{line}");
        }
        Some(text)
    }

    /// Adds what is said of every layer.
    fn common(&self, layer: &Layer, arriving: &Field, lines: &mut Lines) -> Option<()> {
        let counts = &layer.counts;
        if counts.macs > 0 {
            let (macs, flops) = (counts.macs, counts.macs.checked_mul(2)?);
            lines.add(
                "FLOPs",
                format!("2 · {} = {}", thousands(macs), thousands(flops)),
            );
        }
        formulas::dense_equivalent(layer, lines);
        if counts.frozen > 0 {
            lines.add(
                "frozen",
                format!(
                    "{} of {} are not trained",
                    thousands(counts.frozen),
                    thousands(counts.parameters()?)
                ),
            );
        }
        if let Some(factor) = layer.rate_factor.filter(|_| counts.trainable > 0) {
            lines.add("learning rate", format!("{factor} · that of the schedule"));
        }
        let each = self.dtype.bytes();
        let values: Vec<String> = layer.output.iter().map(ToString::to_string).collect();
        lines.add(
            "output memory",
            format!(
                "{} · {each} bytes · {} = {}",
                values.join(" · "),
                self.batch,
                bytes(layer.output_bytes(self.dtype, self.batch)?)
            ),
        );
        let parameters = counts.parameters()?;
        if parameters > 0 {
            let weight_bytes = parameters.checked_mul(each)?;
            lines.add(
                "weight memory",
                format!(
                    "{} · {each} bytes = {}",
                    thousands(parameters),
                    bytes(weight_bytes)
                ),
            );
        }
        formulas::field(layer, arriving, lines);
        if layer.field.is_full(&self.plan.input) {
            let input = shape::display(self.plan.input.get(1..).unwrap_or_default());
            lines.add("", format!("full: that covers the whole input of {input}"));
        }
        let jump = layer.field.jump().iter().map(|jump| decimal(*jump));
        let jump: Vec<String> = jump.collect();
        lines.add(
            "jump",
            format!(
                "{} input {} between two neighbouring outputs",
                jump.join("x"),
                shape::places(jump.len())
            ),
        );
        Some(())
    }
}
