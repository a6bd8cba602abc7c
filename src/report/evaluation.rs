//! An evaluation as text: totals, a table a class, the confusion matrix, the worst mistakes.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::number::{percent, thousands};
use super::plain;
use crate::evaluate::Report;

/// Mistakes that are shown.
const MISTAKES: usize = 10;

/// Confusion matrices beyond this many classes are left to `--json`.
const MATRIX: usize = 30;

/// Writes an evaluation.
#[must_use]
pub fn render(run: &str, split: &str, classes: &[String], report: &Report) -> String {
    let metrics = &report.metrics;
    let mut text = format!(
        "{run} on {} {split} pictures\n\n",
        thousands(metrics.samples())
    );
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<19}{value}");
    };
    line("accuracy", percent(metrics.accuracy()));
    if classes.len() > 5 {
        line("top-5 accuracy", percent(metrics.top5_accuracy()));
    }
    line("loss", format!("{:.4}", metrics.loss()));
    line(
        "calibration error",
        percent(metrics.expected_calibration_error()),
    );
    text.push('\n');
    text.push_str(&class_table(classes, report));
    if classes.len() <= MATRIX {
        text.push_str("\nconfusion matrix: a row a class, a column an answer\n");
        text.push_str(&confusion(classes, report));
    }
    text.push_str(&mistakes(classes, report));
    let speed = metrics.samples() as f64 / report.elapsed_secs.max(f64::EPSILON);
    let _ = writeln!(text, "\n{speed:.0} images/s");
    text
}

/// Makes a table without lines.
pub(super) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn class_table(classes: &[String], report: &Report) -> String {
    let mut table = plain_table();
    table.set_header(["class", "precision", "recall", "F1", "pictures"]);
    for (name, figures) in classes.iter().zip(report.metrics.classes()) {
        table.add_row([
            plain(name),
            percent(figures.precision),
            percent(figures.recall),
            percent(figures.f1),
            thousands(figures.support),
        ]);
    }
    right(&mut table, 1..5);
    table_lines(&table)
}

fn confusion(classes: &[String], report: &Report) -> String {
    let mut table = plain_table();
    let header = std::iter::once(String::new()).chain(classes.iter().map(|name| plain(name)));
    table.set_header(header);
    for (name, row) in classes.iter().zip(report.metrics.confusion()) {
        let cells = row.iter().map(|count| match count {
            0 => Cell::new("."),
            count => Cell::new(count),
        });
        table.add_row(std::iter::once(Cell::new(plain(name))).chain(cells));
    }
    right(&mut table, 1..classes.len() + 1);
    table_lines(&table)
}

fn mistakes(classes: &[String], report: &Report) -> String {
    if report.mistakes.is_empty() {
        return "\nno mistakes\n".to_owned();
    }
    let count = report.mistakes.len();
    let mut text = format!("\n{count} mistakes, the most confident first\n");
    let name = |class: usize| {
        classes
            .get(class)
            .map_or_else(String::new, |name| plain(name))
    };
    for mistake in report.mistakes.iter().take(MISTAKES) {
        let picture = match &mistake.path {
            Some(path) => plain(&path.display().to_string()),
            None => format!("picture {}", mistake.index),
        };
        let _ = writeln!(
            text,
            "  {picture}: {} taken for {} ({})",
            name(mistake.label),
            name(mistake.predicted),
            percent(mistake.confidence)
        );
    }
    text
}

pub(super) fn right(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

pub(super) fn table_lines(table: &Table) -> String {
    let table = table.to_string();
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}
