//! A sweep: what is tried, a line a trial, the table of all, the best.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::evaluation::{plain_table, right, table_lines};
use super::number::{duration, percent};
use super::plain;
use crate::config::Metric;
use crate::sweep::{Search, Status, Summary, Trial};

/// Trials that are shown in full; the CSV file has them all.
const SHOWN: usize = 50;

/// Says what is tried: the folder, trials of each round and epochs of each.
#[must_use]
pub fn begin(path: &Path, search: Search, rounds: &[[usize; 2]]) -> String {
    let path = plain(&path.display().to_string());
    let rounds: Vec<String> = rounds
        .iter()
        .map(|[trials, epochs]| match epochs {
            1 => format!("{trials} for 1 epoch"),
            _ => format!("{trials} for {epochs} epochs"),
        })
        .collect();
    let how = match search {
        Search::Grid => "a grid of",
        Search::Random => "at random,",
        Search::Halving => "halving,",
    };
    format!("{path}: {how} {}\n", rounds.join(", then "))
}

/// Says which trial begins.
#[must_use]
pub fn trial(trial: &Trial, of: usize) -> String {
    let settings = trial.settings.iter();
    let settings: Vec<String> = settings
        .map(|setting| format!("{} = {}", plain(&setting.key), plain(&setting.value)))
        .collect();
    let number = trial.number;
    format!("trial {number} of {of}: {}\n", settings.join(", "))
}

/// Says why a trial failed.
#[must_use]
pub fn failure(trial: &Trial) -> String {
    let reason = trial.reason.as_deref().unwrap_or_default();
    format!("trial {} failed: {}\n", trial.number, plain(reason))
}

/// Writes the trials, the best first.
#[must_use]
pub fn render(summary: &Summary) -> String {
    let mut table = plain_table();
    let mut header = vec!["trial".to_owned()];
    header.extend(summary.keys.iter().map(|key| short(key, &summary.keys)));
    header.extend(["loss", "accuracy", "epochs", "time", ""].map(str::to_owned));
    table.set_header(header);
    for trial in summary.trials.iter().take(SHOWN) {
        let mut row = vec![trial.number.to_string()];
        row.extend(summary.keys.iter().map(|key| plain(trial.value(key))));
        match &trial.figures {
            Some(figures) => row.extend([
                format!("{:.4}", figures.validation_loss),
                figures
                    .validation_accuracy
                    .map_or_else(String::new, percent),
                figures.epochs.to_string(),
                duration(figures.seconds),
            ]),
            None => row.extend(["", "", "", ""].map(str::to_owned)),
        }
        row.push(match (&trial.reason, trial.status) {
            (Some(reason), _) => format!("failed: {}", plain(reason)),
            (None, Status::Finished) => String::new(),
            (None, status) => status.word().to_owned(),
        });
        table.add_row(row);
    }
    right(&mut table, 0..summary.keys.len() + 5);
    let mut text = table_lines(&table);
    let rest = summary.trials.len().saturating_sub(SHOWN);
    if rest > 0 {
        let _ = writeln!(text, "and {rest} more in `results.csv`");
    }
    text.push('\n');
    if let Some(best) = summary.best() {
        let config = plain(&summary.best_config().display().to_string());
        let _ = writeln!(
            text,
            "{:<16}trial {} by {}",
            "best",
            best.number,
            word(summary.metric)
        );
        let _ = writeln!(text, "{:<16}{config}", "its config");
    }
    if summary.stopped.is_some() {
        let done = summary.trials.iter();
        let done = done.filter(|trial| !matches!(trial.status, Status::Waiting | Status::Paused));
        let name = summary.path.file_name().unwrap_or_default();
        let _ = writeln!(
            text,
            "{:<16}{} of {} trials are done; go on with `cnn sweep --resume {}`",
            "stopped",
            done.count(),
            summary.trials.len(),
            plain(&name.to_string_lossy())
        );
    }
    text
}

/// Describes the trials, the best first.
#[must_use]
pub fn json(summary: &Summary) -> Value {
    let trials: Vec<Value> = summary
        .trials
        .iter()
        .map(|trial| describe(summary, trial))
        .collect();
    let best = summary.best().map(|best| {
        json!({
            "trial": best.number,
            "run": summary.path.join(best.run()).display().to_string(),
            "config": summary.best_config().display().to_string(),
        })
    });
    json!({
        "sweep": summary.path.display().to_string(),
        "search": summary.search,
        "metric": summary.metric,
        "keys": summary.keys,
        "trials": trials,
        "best": best,
        "stopped": summary.stopped.is_some(),
    })
}

fn describe(summary: &Summary, trial: &Trial) -> Value {
    let mut values = Map::new();
    for setting in &trial.settings {
        // Numbers and booleans are written alike in JSON and in TOML.
        let value = serde_json::from_str(&setting.value);
        let value = value.unwrap_or_else(|_| setting.value.clone().into());
        values.insert(setting.key.clone(), value);
    }
    json!({
        "trial": trial.number,
        "run": summary.path.join(trial.run()).display().to_string(),
        "status": trial.status,
        "values": values,
        "figures": trial.figures,
        "reason": trial.reason,
    })
}

fn word(metric: Metric) -> &'static str {
    match metric {
        Metric::ValidationLoss => "validation loss",
        Metric::ValidationAccuracy => "validation accuracy",
    }
}

/// Returns the last part of a key, or all of it where another ends alike.
fn short(key: &str, keys: &[String]) -> String {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let alike = keys.iter().filter(|other| last(other) == last(key));
    if alike.count() > 1 {
        plain(key)
    } else {
        plain(&last(key))
    }
}
