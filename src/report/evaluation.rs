//! An evaluation as text: totals, a table a class, the confusion matrix, the worst mistakes.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::number::{percent, thousands};
use super::plain;
use crate::evaluate::Report;
use crate::metrics::{Classes, Figures, Labels, Values};

/// Mistakes that are shown.
const MISTAKES: usize = 10;

/// Confusion matrices beyond this many classes are left to `--json`.
const MATRIX: usize = 30;

/// Writes an evaluation; counts of the confusion matrix are marked by their share if it `is_shaded`.
#[must_use]
pub fn render(
    run: &str,
    split: &str,
    names: &[String],
    report: &Report,
    is_shaded: bool,
) -> String {
    let metrics = &report.metrics;
    let mut text = format!(
        "{run} on {} {split} pictures\n\n",
        thousands(metrics.samples())
    );
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<19}{value}");
    };
    if let Some(accuracy) = metrics.accuracy() {
        line("accuracy", percent(accuracy));
    }
    match &metrics.figures {
        Figures::Classes(figures) => {
            if names.len() > 5 {
                line("top-5 accuracy", percent(figures.top5_accuracy()));
            }
            line("loss", format!("{:.4}", metrics.loss()));
            let error = figures.expected_calibration_error();
            line("calibration error", percent(error));
            text.push('\n');
            text.push_str(&class_table(names, figures));
            if names.len() <= MATRIX {
                text.push_str("\nconfusion matrix: a row a class, a column an answer\n");
                text.push_str(&confusion(names, figures, is_shaded));
            }
            text.push_str(&mistakes(names, report));
        }
        Figures::Labels(figures) => {
            line("mean F1", percent(figures.mean_f1()));
            line("loss", format!("{:.4}", metrics.loss()));
            text.push('\n');
            text.push_str(&label_table(names, figures));
        }
        Figures::Values(figures) => {
            let all = figures.all();
            line("mean error", format!("{:.4}", all.mae));
            line("root mean square", format!("{:.4}", all.rmse));
            line("R²", coefficient(all.r2));
            line("loss", format!("{:.4}", metrics.loss()));
            text.push('\n');
            text.push_str(&value_table(names, figures));
        }
    }
    let speed = metrics.samples() as f64 / report.elapsed_secs.max(f64::EPSILON);
    let _ = writeln!(text, "\n{} images/s", thousands(speed.round() as u64));
    text
}

/// Makes a table without lines.
pub(super) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn class_table(classes: &[String], metrics: &Classes) -> String {
    let mut table = plain_table();
    table.set_header(["class", "precision", "recall", "F1", "pictures"]);
    for (name, figures) in classes.iter().zip(metrics.classes()) {
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

/// Returns a mark that is the darker the larger a share is.
fn shade(share: f64) -> char {
    match share {
        share if share >= 0.75 => '█',
        share if share >= 0.25 => '▓',
        share if share >= 0.05 => '▒',
        _ => '░',
    }
}

fn confusion(classes: &[String], metrics: &Classes, is_shaded: bool) -> String {
    let mut table = plain_table();
    let header = std::iter::once(String::new()).chain(classes.iter().map(|name| plain(name)));
    table.set_header(header);
    for (name, row) in classes.iter().zip(metrics.confusion()) {
        let all = row.iter().sum::<u64>().max(1) as f64;
        let cells = row.iter().map(|count| match count {
            0 => Cell::new("."),
            count if is_shaded => Cell::new(format!("{}{count}", shade(*count as f64 / all))),
            count => Cell::new(count),
        });
        table.add_row(std::iter::once(Cell::new(plain(name))).chain(cells));
    }
    right(&mut table, 1..classes.len() + 1);
    table_lines(&table)
}

fn label_table(names: &[String], metrics: &Labels) -> String {
    let mut table = plain_table();
    table.set_header(["label", "accuracy", "precision", "recall", "F1", "pictures"]);
    for (name, figures) in names.iter().zip(metrics.labels()) {
        table.add_row([
            plain(name),
            percent(figures.accuracy),
            percent(figures.precision),
            percent(figures.recall),
            percent(figures.f1),
            thousands(figures.support),
        ]);
    }
    right(&mut table, 1..6);
    table_lines(&table)
}

fn value_table(names: &[String], metrics: &Values) -> String {
    let mut table = plain_table();
    table.set_header(["number", "mean error", "root mean square", "R²"]);
    for (name, figures) in names.iter().zip(metrics.each()) {
        table.add_row([
            plain(name),
            format!("{:.4}", figures.mae),
            format!("{:.4}", figures.rmse),
            coefficient(figures.r2),
        ]);
    }
    right(&mut table, 1..4);
    table_lines(&table)
}

fn coefficient(r2: Option<f64>) -> String {
    r2.map_or_else(|| "–".to_owned(), |r2| format!("{r2:.4}"))
}

fn mistakes(classes: &[String], report: &Report) -> String {
    if report.mistakes.is_empty() {
        return "\nno mistakes\n".to_owned();
    }
    let count = report.mistakes.len();
    let noun = if count == 1 { "mistake" } else { "mistakes" };
    let mut text = format!("\n{count} {noun}, the most confident first\n");
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
