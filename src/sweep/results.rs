//! What the trials of a sweep came to.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::config::{Metric, Override};
use crate::diagnostic::{Diagnostic, Error, Kind};
use crate::group::Figures;

/// How far a trial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not begun, or interrupted in its first round.
    Waiting,
    /// Done with a round, and the next one is still to be decided or trained.
    Paused,
    /// Trained to the end.
    Finished,
    /// Not among the best of a round.
    Dropped,
    /// Training could not be done with its settings.
    Failed,
}

impl Status {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

/// One choice of settings and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its number, from 1.
    pub number: usize,
    /// Its settings, of all keys.
    pub settings: Vec<Override>,
    /// How far it has come.
    pub status: Status,
    /// Rounds it has been through.
    pub rounds: usize,
    /// What it came to so far.
    pub figures: Option<Figures>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Whether it failed because training diverged.
    #[serde(default)]
    pub has_diverged: bool,
}

impl Trial {
    pub(super) fn new(number: usize, settings: Vec<Override>) -> Self {
        Self {
            number,
            settings,
            status: Status::Waiting,
            rounds: 0,
            figures: None,
            reason: None,
            has_diverged: false,
        }
    }

    /// Returns the name of its run within the sweep's folder.
    #[must_use]
    pub fn run(&self) -> String {
        format!("trial-{:03}", self.number)
    }

    /// Tells whether training could not be done with its settings.
    pub(super) fn has_failed(&self) -> bool {
        self.status == Status::Failed
    }

    /// Returns what its failure was.
    pub(super) fn failure(&self) -> Error {
        let kind = if self.has_diverged {
            Kind::Diverged
        } else {
            Kind::Config
        };
        let reason = self.reason.clone().unwrap_or_default();
        Error::new(kind, Diagnostic::error(reason))
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn value(&self, key: &str) -> &str {
        let setting = self.settings.iter().find(|setting| setting.key == key);
        setting.map_or("", |setting| setting.value.as_str())
    }

    /// Tells whether the trial may be in a round: it is done with the one before and has not failed in it.
    pub(super) fn is_after(&self, round: usize) -> bool {
        self.rounds > round || (self.rounds == round && self.status != Status::Failed)
    }

    /// Orders the better trial before the worse; of equal ones, the first.
    pub(super) fn compare(&self, other: &Self, metric: Metric) -> Ordering {
        let figure = |trial: &Self| {
            trial.figures.map_or(f64::INFINITY, |figures| match metric {
                Metric::ValidationLoss => figures.validation_loss,
                Metric::ValidationAccuracy => figures
                    .validation_accuracy
                    .map_or(f64::INFINITY, |accuracy| -accuracy),
            })
        };
        let by_figure = figure(self).total_cmp(&figure(other));
        by_figure.then(self.number.cmp(&other.number))
    }
}

/// Returns the rows of `results.csv`, one for each trial that has been through a round.
pub(super) fn rows(keys: &[String], trials: &[Trial]) -> Vec<Vec<String>> {
    let mut header = vec!["trial".to_owned(), "status".to_owned()];
    header.extend(keys.iter().cloned());
    header.extend(Figures::COLUMNS.map(str::to_owned));
    header.push("reason".to_owned());
    let mut rows = vec![header];
    for trial in trials.iter().filter(|trial| trial.rounds > 0) {
        let mut row = vec![trial.number.to_string(), trial.status.word().to_owned()];
        row.extend(keys.iter().map(|key| trial.value(key).to_owned()));
        match &trial.figures {
            Some(figures) => row.extend(figures.cells()),
            None => row.extend(Figures::COLUMNS.map(|_| String::new())),
        }
        row.push(trial.reason.clone().unwrap_or_default());
        rows.push(row);
    }
    rows
}
