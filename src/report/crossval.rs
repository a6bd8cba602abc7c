//! A cross-validation: a table a fold, mean and deviation.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::evaluation::{plain_table, right, table_lines};
use super::number::{duration, percent};
use super::plain;
use crate::crossval::{Spread, Summary};
use crate::group::Figures;

/// Writes what the folds came to.
#[must_use]
pub fn render(summary: &Summary) -> String {
    let mut table = plain_table();
    table.set_header(["fold", "epochs", "best", "loss", "accuracy", "time"]);
    for fold in &summary.folds {
        let figures = &fold.figures;
        table.add_row([
            fold.fold.to_string(),
            figures.epochs.to_string(),
            figures.best_epoch.to_string(),
            format!("{:.4}", figures.validation_loss),
            figures
                .validation_accuracy
                .map_or_else(String::new, percent),
            duration(figures.seconds),
        ]);
    }
    right(&mut table, 0..6);
    let mut text = table_lines(&table);
    text.push('\n');
    let mut line = |label: &str, spread: Option<Spread>, write: fn(f64) -> String| {
        let Some(spread) = spread else { return };
        let _ = write!(text, "{label:<16}{}", write(spread.mean));
        if let Some(deviation) = spread.deviation {
            let _ = write!(text, " ± {}", write(deviation));
        }
        text.push('\n');
    };
    line(
        "loss",
        summary.spread(|figures| Some(figures.validation_loss)),
        |loss| format!("{loss:.4}"),
    );
    line("accuracy", summary.spread(accuracy), percent);
    let path = plain(&summary.path.display().to_string());
    let _ = writeln!(text, "{:<16}{path}", "folds in");
    if summary.stopped.is_some() {
        let name = summary.path.file_name().unwrap_or_default();
        let _ = writeln!(
            text,
            "{:<16}{} of {} folds are done; go on with `cnn crossval --resume {}`",
            "stopped",
            summary.folds.len(),
            summary.of,
            plain(&name.to_string_lossy())
        );
    }
    text
}

/// Describes what the folds came to.
#[must_use]
pub fn json(summary: &Summary) -> Value {
    let folds: Vec<Value> = summary
        .folds
        .iter()
        .map(|fold| {
            let mut value = serde_json::to_value(fold.figures).unwrap_or_default();
            if let Some(entries) = value.as_object_mut() {
                entries.insert("fold".to_owned(), fold.fold.into());
                let run = summary.path.join(fold.run()).display().to_string();
                entries.insert("run".to_owned(), run.into());
            }
            value
        })
        .collect();
    let spread = |spread: Option<Spread>| {
        json!({
            "mean": spread.map(|spread| spread.mean),
            "deviation": spread.and_then(|spread| spread.deviation),
        })
    };
    json!({
        "crossval": summary.path.display().to_string(),
        "model": summary.model,
        "of": summary.of,
        "folds": folds,
        "loss": spread(summary.spread(|figures| Some(figures.validation_loss))),
        "accuracy": spread(summary.spread(accuracy)),
        "stopped": summary.stopped.is_some(),
    })
}

fn accuracy(figures: &Figures) -> Option<f64> {
    figures.validation_accuracy
}
