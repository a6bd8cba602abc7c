//! What was measured beside what was predicted.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment};

use super::evaluation::plain_table;
use super::number::{bytes, milliseconds};
use crate::measure::Measurement;
use crate::plan::{Dtype, Plan};

/// Writes a table of the layers and the figures of the training step; `None` when a figure is
/// beyond counting.
#[must_use]
pub fn render(plan: &Plan, batch: usize, measured: &Measurement) -> Option<String> {
    let totals = plan.totals(Dtype::F32, batch)?;
    let mut table = plain_table();
    table.set_header(["", "layer", "output predicted", "measured", "forward"]);
    for (layer, measurement) in plan.every().into_iter().zip(&measured.layers) {
        let predicted = layer.output_bytes(Dtype::F32, batch)?;
        let indent = "  ".repeat(layer.depth);
        table.add_row(vec![
            Cell::new(&layer.path),
            Cell::new(format!("{indent}{}", layer.type_name)),
            Cell::new(bytes(predicted)),
            Cell::new(bytes(measurement.output_bytes)),
            Cell::new(milliseconds(measurement.secs)),
        ]);
    }
    for column in [2, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!("\nmeasured with a batch of {batch}\n\n");
    for line in table.to_string().lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<19}{value}");
    };
    line("", String::new());
    line("forward pass", milliseconds(measured.forward_secs));
    line(
        "training step",
        format!(
            "{} (forward, backward, optimizer)",
            milliseconds(measured.step_secs)
        ),
    );
    let predicted = totals.predicted_training_rss_bytes;
    match measured.training_peak_bytes {
        Some(peak) => line(
            "training process",
            format!(
                "{} resident at most, {} predicted ({:+.0} %)",
                bytes(peak),
                bytes(predicted),
                (predicted as f64 / peak as f64 - 1.0) * 100.0
            ),
        ),
        None => line(
            "training process",
            format!(
                "{} predicted; this system does not tell what it took",
                bytes(predicted)
            ),
        ),
    }
    Some(text)
}
