//! Runs in a table, one in full, several side by side.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::curves::{self, Curve};
use super::evaluation::{plain_table, right, table_lines};
use super::number::{duration, percent};
use super::plain;
use crate::config::is_run_name;
use crate::diagnostic::Result;
use crate::runs::Past;
use crate::train::Row;

/// Settings by their keys, with the value in each run.
type Differences = BTreeMap<String, Vec<Option<String>>>;

/// A figure of an epoch.
type Figure<'a> = &'a dyn Fn(&Row) -> Option<f64>;

fn figure(value: Option<f64>, write: impl Fn(f64) -> String) -> String {
    value.map_or("–".to_owned(), write)
}

/// Writes a line a run.
#[must_use]
pub fn render_list(runs: &[Past]) -> String {
    if runs.is_empty() {
        return "no runs in `runs/`: begin with `cnn new lenet5`, then `cnn train lenet5.toml`\n"
            .to_owned();
    }
    let mut table = plain_table();
    table.set_header([
        "run", "status", "accuracy", "loss", "on", "epochs", "best", "time", "data",
    ]);
    for run in runs {
        let record = &run.record;
        table.add_row([
            plain(&run.name),
            plain(&record.status),
            figure(run.accuracy(), percent),
            figure(run.loss(), |loss| format!("{loss:.4}")),
            match (record.test, run.best()) {
                (Some(_), _) => "test".to_owned(),
                (None, Some(best)) if best.validation_loss.is_some() => "validation".to_owned(),
                _ => "–".to_owned(),
            },
            record.epochs.to_string(),
            record
                .best_epoch
                .map_or("–".to_owned(), |epoch| epoch.to_string()),
            duration(record.train_secs),
            plain(&record.data),
        ]);
    }
    right(&mut table, 2..8);
    table_lines(&table)
}

/// Writes one run in full.
#[must_use]
pub fn render_one(run: &Past) -> String {
    let record = &run.record;
    let mut text = format!("{}\n\n", plain(&run.name));
    let mut line = |label: &str, value: String| text.push_str(&format!("{label:<18}{value}\n"));
    line("status", plain(&record.status));
    line("network", plain(&record.model));
    line("data", plain(&record.data));
    line("device", plain(&record.device));
    line("seed", record.seed.to_string());
    line("version", plain(&record.version));
    line("epochs", record.epochs.to_string());
    line("trained in", duration(record.train_secs));
    if let Some(best) = run.best() {
        line("best epoch", best.epoch.to_string());
        line(
            "validation loss",
            figure(best.validation_loss, |loss| format!("{loss:.4}")),
        );
        let accuracy = figure(best.validation_accuracy, percent);
        line("validation", accuracy);
    }
    if let Some(test) = &record.test {
        line("test accuracy", figure(test.accuracy, percent));
        line("test loss", format!("{:.4}", test.loss));
    }
    line("folder", plain(&run.path.display().to_string()));
    // Trials and folds go on with their search; other names would have to be quoted.
    let is_plain = is_run_name(&run.name) && !run.name.starts_with('-');
    if matches!(&record.status[..], "stopped" | "killed") && is_plain {
        let resume = format!("cnn train --resume {}", plain(&run.name));
        line("goes on with", resume);
    }
    text
}

/// Writes runs side by side, and the settings in which they differ.
#[must_use]
pub fn render_comparison(runs: &[Past], differences: &Differences) -> String {
    let mut text = render_list(runs);
    if differences.is_empty() {
        text.push_str("\nthe same settings\n");
        return text;
    }
    text.push_str("\nsettings that differ\n");
    let mut table = plain_table();
    let names = runs.iter().map(|run| plain(&run.name));
    table.set_header(std::iter::once(String::new()).chain(names));
    for (key, values) in differences {
        let values = values.iter();
        let values =
            values.map(|value| value.as_ref().map_or("–".to_owned(), |value| plain(value)));
        table.add_row(std::iter::once(plain(key)).chain(values));
    }
    text.push_str(&table_lines(&table));
    text
}

/// Describes a run.
#[must_use]
pub fn json_of(run: &Past) -> Value {
    let record = &run.record;
    let best = run.best();
    json!({
        "run": run.name,
        "path": run.path.display().to_string(),
        "status": record.status,
        "model": record.model,
        "data": record.data,
        "device": record.device,
        "seed": record.seed,
        "version": record.version,
        "started_unix": record.started_unix,
        "epochs": record.epochs,
        "best_epoch": record.best_epoch,
        "validation_loss": best.and_then(|row| row.validation_loss),
        "validation_accuracy": best.and_then(|row| row.validation_accuracy),
        "test_loss": record.test.map(|test| test.loss),
        "test_accuracy": record.test.and_then(|test| test.accuracy),
        "train_seconds": record.train_secs,
    })
}

/// Describes runs side by side.
#[must_use]
pub fn comparison_json(runs: &[Past], differences: &Differences) -> Value {
    json!({
        "runs": runs.iter().map(json_of).collect::<Value>(),
        "differences": differences,
    })
}

/// Draws loss and accuracy of runs over each other, as SVG: on the validation split, else in training.
///
/// # Errors
/// When the chart cannot be drawn.
pub fn draw_comparison(runs: &[Past]) -> Result<String> {
    let loss = |row: &Row| Some(row.validation_loss.unwrap_or(row.train_loss));
    let accuracy = |row: &Row| Some(100.0 * row.validation_accuracy.or(row.train_accuracy)?);
    let curves = |of: Figure<'_>| {
        let curve = |run: &Past| Curve {
            name: plain(&run.name),
            points: (run.rows.iter())
                .filter_map(|row| Some((row.epoch as f64, of(row)?)))
                .collect(),
        };
        runs.iter().map(curve).collect()
    };
    curves::draw([
        ("loss", curves(&loss)),
        ("accuracy in %", curves(&accuracy)),
    ])
}
