//! `[train]`: how the network is trained.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::form::Form;
use super::node::Node;
use super::optimizer::{self, Adaptive, Optimizer};
use super::reader::{self, Problems, Reader};
use super::schedule::{self, Schedule, ScheduleKind};
use super::task::Task;
use super::value::{self, POSITIVE, SEED};
use crate::diagnostic::Diagnostic;

/// `[train]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Train {
    /// Passes over the training split.
    pub epochs: usize,
    /// Pictures in one step.
    pub batch_size: usize,
    /// Decides initial weights, order, augmentation and dropout.
    pub seed: u64,
    /// The rule that turns gradients into steps.
    pub optimizer: Optimizer,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// When to stop before the last epoch.
    pub early_stopping: Option<EarlyStopping>,
}

/// A figure that is watched from epoch to epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Loss on the validation split.
    ValidationLoss,
    /// Accuracy on the validation split.
    ValidationAccuracy,
}

/// Ends training when a metric has stopped getting better.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStopping {
    /// The figure watched.
    pub metric: Metric,
    /// Epochs without a better figure that are waited for.
    pub patience: usize,
    /// The least change that counts as better.
    pub min_delta: f64,
}

const METRICS: &[(&str, Metric)] = &[
    ("validation_loss", Metric::ValidationLoss),
    ("validation_accuracy", Metric::ValidationAccuracy),
];

impl Default for Train {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            seed: 0,
            optimizer: Optimizer::Adam(Adaptive::default()),
            schedule: Schedule {
                kind: ScheduleKind::Constant,
                warmup_epochs: 0.0,
            },
            early_stopping: None,
        }
    }
}

impl Train {
    /// Returns what is learnt of a sample.
    #[must_use]
    pub fn task(&self) -> Task {
        Task::Classes
    }

    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let default = Self::default();
        let train = Self {
            epochs: reader.or("epochs", default.epochs, &POSITIVE).value,
            batch_size: reader.or("batch_size", default.batch_size, &POSITIVE).value,
            seed: reader.or("seed", default.seed, &SEED).value,
            optimizer: optimizer::read(reader).unwrap_or(default.optimizer),
            schedule: schedule::read(reader).unwrap_or(default.schedule),
            early_stopping: read_early_stopping(reader),
        };
        let losses: &'static [(&'static str, ())] = &[("cross_entropy", ())];
        reader.optional(
            "loss",
            &value::word(losses).not_yet(&["focal", "mse", "mae", "huber"]),
        );
        reader.not_yet(&[
            "l1",
            "l2",
            "clip_norm",
            "accumulate",
            "ema",
            "checkpoint",
            "max_minutes",
            "precision",
            "from",
            "freeze",
            "on_divergence",
        ]);
        train
    }

    pub(super) fn write(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "\n[train]\nepochs = {}\nbatch_size = {}\nseed = {}",
            self.epochs, self.batch_size, self.seed
        );
        let _ = writeln!(text, "optimizer = {}", self.optimizer.to_toml());
        let _ = writeln!(text, "schedule = {}", self.schedule.to_toml());
        text.push_str("loss = \"cross_entropy\"\n");
        if let Some(early) = &self.early_stopping {
            let name = METRICS.iter().find(|(_, metric)| *metric == early.metric);
            let _ = writeln!(
                text,
                "early_stopping = {{ metric = \"{}\", patience = {}, min_delta = {} }}",
                name.map_or("validation_loss", |(name, _)| name),
                early.patience,
                value::float(early.min_delta)
            );
        }
    }
}

fn read_early_stopping(reader: &Reader<'_>) -> Option<EarlyStopping> {
    let form = || Form::Table(reader::describe(read_early_keys));
    let (key, node) = reader.take("early_stopping", form)?;
    let problems: &Problems = reader.problems();
    let Some(table) = reader::table(node) else {
        problems.add(expects_table(node).at(&reader::whole(key, node), ""));
        return None;
    };
    let inner = Reader::new("early_stopping", table, &node.span, problems);
    let early = read_early_keys(&inner);
    inner.finish();
    early
}

fn read_early_keys(reader: &Reader<'_>) -> Option<EarlyStopping> {
    let metric = reader.or("metric", Metric::ValidationLoss, &value::word(METRICS));
    let patience = reader.required("patience", "5", &POSITIVE);
    let delta = value::number("a number of 0 or more", |delta| delta >= 0.0);
    let min_delta = reader.or("min_delta", 0.0, &delta);
    Some(EarlyStopping {
        metric: metric.value,
        patience: patience?.value,
        min_delta: min_delta.value,
    })
}

fn expects_table(node: &Node) -> Diagnostic {
    let message = format!(
        "`early_stopping` takes `{{ metric, patience, min_delta }}`, received {}",
        node.describe()
    );
    Diagnostic::error(message)
}
