//! A network as a table, with the textbook's memory formulas and their numbers.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::number::{bytes, thousands};
use crate::plan::{Dtype, Layer, Plan, Totals};
use crate::shape;

/// Writes the table and the totals for a batch; `None` when a figure is beyond counting.
#[must_use]
pub fn render(name: &str, plan: &Plan, batch: usize) -> Option<String> {
    let dtype = Dtype::F32;
    let totals = plan.totals(dtype, batch)?;
    let mut text = format!(
        "{name}: input {}, batch {batch}, {}\n\n",
        shape::display(&plan.input),
        dtype.word()
    );
    let mut table = plain_table();
    table.set_header([
        "",
        "layer",
        "output",
        "parameters",
        "MACs",
        "output memory",
        "sees",
    ]);
    for layer in plan.every() {
        table.add_row(row(layer, plan, batch)?);
    }
    for column in [0, 3, 4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.to_string().lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push_str(&summary(&totals, batch));
    Some(text)
}

/// Makes a table with no lines but the one under its header.
pub(super) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn row(layer: &Layer, plan: &Plan, batch: usize) -> Option<Vec<Cell>> {
    let count = |number: u64| {
        if number == 0 {
            "-".to_owned()
        } else {
            thousands(number)
        }
    };
    let field: Vec<String> = layer.field.size().iter().map(u64::to_string).collect();
    let mut field = field.join("x");
    if layer.field.is_full(&plan.input) {
        field = format!("{field} full");
    }
    let name = match &layer.name {
        Some(name) => format!("{name} ({})", layer.type_name),
        None => layer.type_name.to_owned(),
    };
    Some(vec![
        Cell::new(&layer.path),
        Cell::new(name),
        Cell::new(shape::display(&layer.output)),
        Cell::new(count(layer.counts.parameters()?)),
        Cell::new(count(layer.counts.macs)),
        Cell::new(bytes(layer.output_bytes(Dtype::F32, batch)?)),
        Cell::new(field),
    ])
}

fn summary(totals: &Totals, batch: usize) -> String {
    let mut text = String::from("\n");
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<19}{value}");
    };
    line("parameters", thousands(totals.parameters()));
    if totals.buffers > 0 {
        line(
            "buffers",
            format!("{} (running statistics)", thousands(totals.buffers)),
        );
    }
    line(
        "MACs",
        format!(
            "{} for one input; FLOPs = 2 · MACs = {}",
            thousands(totals.macs),
            thousands(totals.macs * 2)
        ),
    );
    let field: Vec<String> = totals.receptive_field.iter().map(u64::to_string).collect();
    line(
        "receptive field",
        format!("{} input pixels at the last map", field.join("x")),
    );
    line(
        "weights",
        format!(
            "{} · 4 bytes = {}",
            thousands(totals.parameters()),
            bytes(totals.weight_bytes)
        ),
    );
    let parts = &totals.inference_parts;
    let values: Vec<String> = parts.iter().map(|part| thousands(part.values)).collect();
    let places: Vec<&str> = parts
        .iter()
        .map(|part| part.path.as_deref().unwrap_or("input"))
        .collect();
    let places = match places.as_slice() {
        [one] => format!("layer {one}"),
        [one, other] => format!("layers {one} and {other}, the largest two in a row"),
        all => format!(
            "layers {}: the largest two in a row and what is still needed",
            all.join(", ")
        ),
    };
    line(
        "inference memory",
        format!(
            "({}) · 4 bytes · {batch} = {} ({places})",
            values.join(" + "),
            bytes(totals.inference_bytes)
        ),
    );
    let values = totals.training_bytes / 4 / (batch as u64).max(1);
    line(
        "training memory",
        format!(
            "{} · 4 bytes · {batch} = {} (outputs of all layers)",
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
    text.push_str(
        "\nOne MAC is one multiply-add with a conv or dense weight; bias, norm, activation and pool\n\
         are not counted. \"sees\" is the receptive field of one output value in input pixels.\n",
    );
    text
}
