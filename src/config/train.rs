//! `[train]`: how the network is trained.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::checkpoint::{self, Checkpoint};
use super::form::Form;
use super::loss::{self, Loss};
use super::node::{Key, Node, Value};
use super::optimizer::{self, Optimizer};
use super::reader::{self, Mismatch, Reader, Spanned};
use super::schedule::{self, Schedule, ScheduleKind};
use super::task::Task;
use super::value::{self, Kind, POSITIVE, SEED, STRING};
use crate::diagnostic::Diagnostic;

/// `[train]`.
#[derive(Clone, Debug)]
pub struct Train {
    /// Passes over the training split.
    pub epochs: usize,
    /// Pictures in one pass through the network.
    pub batch_size: usize,
    /// Batches whose gradients make one step.
    pub accumulate: usize,
    /// Decides initial weights, order, augmentation and dropout.
    pub seed: u64,
    /// The rule that turns gradients into steps.
    pub optimizer: Optimizer,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// What training makes small.
    pub loss: Loss,
    /// Penalty on the sum of absolute weights.
    pub l1: f64,
    /// Penalty on the sum of squared weights.
    pub l2: f64,
    /// The largest norm of all gradients together.
    pub clip_norm: Option<f64>,
    /// The largest absolute value of a gradient.
    pub clip_value: Option<f64>,
    /// Decay of the moving average of weights.
    pub ema: Option<f64>,
    /// Layers that are not trained, by patterns of their names.
    pub freeze: Vec<Spanned<String>>,
    /// Factors on the learning rate of some layers, in the order of the file; the last that fits counts.
    pub rate_factors: Vec<RateFactor>,
    /// The numbers computed with.
    pub precision: Spanned<Precision>,
    /// A run, or a file of weights, to take first weights from.
    pub from: Option<Spanned<String>>,
    /// When to stop before the last epoch.
    pub early_stopping: Option<EarlyStopping>,
    /// Minutes of training after which it ends.
    pub max_minutes: Option<f64>,
    /// When checkpoints are written, and how many stay.
    pub checkpoint: Checkpoint,
    /// What is done when numbers stop being finite.
    pub on_divergence: OnDivergence,
}

/// A factor on the learning rate of the layers whose names fit a pattern.
#[derive(Clone, Debug)]
pub struct RateFactor {
    /// The pattern, with the place of its entry.
    pub pattern: Spanned<String>,
    /// The factor.
    pub factor: f64,
}

/// The numbers that a network computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 16-bit floats with the range of 32-bit ones.
    Bf16,
}

/// What is done when numbers stop being finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDivergence {
    /// The run ends.
    Stop,
    /// The last checkpoint is gone on from at half the rate, three times at most.
    Back,
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

pub(super) const METRICS: &[(&str, Metric)] = &[
    ("validation_loss", Metric::ValidationLoss),
    ("validation_accuracy", Metric::ValidationAccuracy),
];

const PRECISIONS: &[(&str, Precision)] = &[
    ("f32", Precision::F32),
    ("f16", Precision::F16),
    ("bf16", Precision::Bf16),
];

const ON_DIVERGENCE: &[(&str, OnDivergence)] =
    &[("stop", OnDivergence::Stop), ("back", OnDivergence::Back)];

impl Precision {
    /// Returns the word of the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        value::word_of(PRECISIONS, &self)
    }
}

impl Default for Train {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            accumulate: 1,
            seed: 0,
            optimizer: Optimizer::default(),
            schedule: Schedule {
                kind: ScheduleKind::Constant,
                warmup_epochs: 0.0,
            },
            loss: Loss::default(),
            l1: 0.0,
            l2: 0.0,
            clip_norm: None,
            clip_value: None,
            ema: None,
            freeze: Vec::new(),
            rate_factors: Vec::new(),
            precision: Spanned {
                value: Precision::F32,
                span: crate::diagnostic::Span::nowhere(),
            },
            from: None,
            early_stopping: None,
            max_minutes: None,
            checkpoint: Checkpoint::default(),
            on_divergence: OnDivergence::Stop,
        }
    }
}

impl Train {
    /// Returns what is learnt of a sample.
    #[must_use]
    pub fn task(&self) -> Task {
        self.loss.task()
    }

    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let default = Self::default();
        let penalty = value::number("a number of 0 or more", |penalty| penalty >= 0.0);
        let positive = value::number("a number above 0", |number| number > 0.0);
        let decay = value::number("a number between 0 and 1", |decay| {
            decay > 0.0 && decay < 1.0
        });
        let some = |name, kind| reader.optional(name, kind).map(|number| number.value);
        let train = Self {
            epochs: reader.or("epochs", default.epochs, &POSITIVE).value,
            batch_size: reader.or("batch_size", default.batch_size, &POSITIVE).value,
            accumulate: reader.or("accumulate", default.accumulate, &POSITIVE).value,
            seed: reader.or("seed", default.seed, &SEED).value,
            optimizer: optimizer::read(reader).unwrap_or(default.optimizer),
            schedule: schedule::read(reader).unwrap_or(default.schedule),
            loss: loss::read(reader).unwrap_or(default.loss),
            l1: reader.or("l1", default.l1, &penalty).value,
            l2: reader.or("l2", default.l2, &penalty).value,
            clip_norm: some("clip_norm", &positive),
            clip_value: some("clip_value", &positive),
            ema: some("ema", &decay),
            freeze: reader
                .optional("freeze", &Patterns)
                .map_or_else(Vec::new, |patterns| patterns.value),
            rate_factors: reader
                .optional("rate_factors", &Factors)
                .map_or_else(Vec::new, |factors| factors.value),
            precision: reader.or("precision", Precision::F32, &value::word(PRECISIONS)),
            from: reader.optional("from", &STRING),
            early_stopping: read_early_stopping(reader),
            max_minutes: some("max_minutes", &positive),
            checkpoint: checkpoint::read(reader).unwrap_or(default.checkpoint),
            on_divergence: reader
                .or(
                    "on_divergence",
                    OnDivergence::Stop,
                    &value::word(ON_DIVERGENCE),
                )
                .value,
        };
        train.check(reader);
        train
    }

    /// Refuses what cannot be, whatever the data is.
    fn check(&self, reader: &Reader<'_>) {
        let precision = &self.precision;
        if precision.value != Precision::F32 {
            let word = precision.value.word();
            reader.problems().add(
                Diagnostic::error(format!("`precision = \"{word}\"` cannot be computed with"))
                    .at(&precision.span, "")
                    .note("every device of this version, `wgpu` too, computes in 32-bit floats")
                    .help("remove it"),
            );
        }
        let early = self.early_stopping.as_ref().map(|early| early.metric);
        let plateau = self.schedule.plateau().map(|plateau| plateau.metric);
        for (key, metric) in [("early_stopping", early), ("schedule", plateau)] {
            if metric == Some(Metric::ValidationAccuracy) && self.task() == Task::Values {
                let word = self.loss.word();
                let message = format!("`{key}` watches an accuracy, and `{word}` learns numbers");
                reader.problems().add(
                    Diagnostic::error(message)
                        .at(&reader.place(key), "")
                        .help("set `metric = \"validation_loss\"`"),
                );
            }
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        text.push_str("\n[train]\n");
        for (key, value) in self.settings() {
            let _ = writeln!(text, "{key} = {value}");
        }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let word = |word: &str| value::quoted(word);
        let mut settings = vec![
            ("epochs", self.epochs.to_string()),
            ("batch_size", self.batch_size.to_string()),
            ("accumulate", self.accumulate.to_string()),
            ("seed", self.seed.to_string()),
            ("optimizer", self.optimizer.to_toml()),
            ("schedule", self.schedule.to_toml()),
            ("loss", self.loss.to_toml()),
            ("l1", value::float(self.l1)),
            ("l2", value::float(self.l2)),
        ];
        for (key, number) in [
            ("clip_norm", self.clip_norm),
            ("clip_value", self.clip_value),
            ("ema", self.ema),
            ("max_minutes", self.max_minutes),
        ] {
            settings.extend(number.map(|number| (key, value::float(number))));
        }
        if !self.freeze.is_empty() {
            let patterns: Vec<String> = self.freeze.iter().map(|name| word(&name.value)).collect();
            settings.push(("freeze", value::list(&patterns)));
        }
        if !self.rate_factors.is_empty() {
            let factor = |one: &RateFactor| {
                let factor = value::float(one.factor);
                format!("{} = {factor}", word(&one.pattern.value))
            };
            let factors: Vec<String> = self.rate_factors.iter().map(factor).collect();
            settings.push(("rate_factors", format!("{{ {} }}", factors.join(", "))));
        }
        settings.push(("precision", word(self.precision.value.word())));
        settings.extend(self.from.as_ref().map(|from| ("from", word(&from.value))));
        if let Some(early) = &self.early_stopping {
            let keys = [
                ("metric", word(value::word_of(METRICS, &early.metric))),
                ("patience", early.patience.to_string()),
                ("min_delta", value::float(early.min_delta)),
            ];
            settings.push(("early_stopping", value::table(&keys)));
        }
        settings.push(("checkpoint", self.checkpoint.to_toml()));
        let on_divergence = value::word_of(ON_DIVERGENCE, &self.on_divergence);
        settings.push(("on_divergence", word(on_divergence)));
        settings
    }
}

fn read_early_stopping(reader: &Reader<'_>) -> Option<EarlyStopping> {
    let keys = "{ metric, patience, min_delta }";
    reader::inner(reader, "early_stopping", keys, |inner| {
        let metric = inner.or("metric", Metric::ValidationLoss, &value::word(METRICS));
        let patience = inner.required("patience", "5", &POSITIVE);
        let delta = value::number("a number of 0 or more", |delta| delta >= 0.0);
        let min_delta = inner.or("min_delta", 0.0, &delta);
        Some(EarlyStopping {
            metric: metric.value,
            patience: patience?.value,
            min_delta: min_delta.value,
        })
    })
    .flatten()
}

/// Names with `*` and `?`, each with its place.
struct Patterns;

impl Kind for Patterns {
    type Value = Vec<Spanned<String>>;

    fn parse(&self, node: &Node) -> value::Parsed<Self::Value> {
        let mismatch = || Mismatch::new("a list of names of layers, such as `[\"conv*\"]`", node);
        let Value::Array(items) = &node.value else {
            return Err(mismatch());
        };
        let pattern = |item: &Node| match &item.value {
            Value::String(pattern) => Ok(Spanned {
                value: pattern.clone(),
                span: item.span.clone(),
            }),
            _ => Err(mismatch()),
        };
        items.iter().map(pattern).collect()
    }

    fn form(&self) -> Form {
        Form::list_of(Form::Text, 0..=usize::MAX)
    }
}

/// Factors by patterns of names, each with its place.
struct Factors;

impl Kind for Factors {
    type Value = Vec<RateFactor>;

    fn parse(&self, node: &Node) -> value::Parsed<Self::Value> {
        let expected =
            "a table of numbers above 0 by names of layers, such as `{ \"stage1*\" = 0.1 }`";
        let mismatch = || Mismatch::new(expected, node);
        let Value::Table(table) = &node.value else {
            return Err(mismatch());
        };
        let factor = |(key, node): &(Key, Node)| {
            let factor = factor().parse(node).map_err(|_| {
                let freeze = format!(
                    "to leave layers as they are, set `freeze = [\"{}\"]`",
                    key.name
                );
                let is_zero = match node.value {
                    Value::Integer(number) => number == 0,
                    Value::Float(number) => number == 0.0,
                    _ => false,
                };
                if is_zero {
                    mismatch().help(freeze)
                } else {
                    mismatch()
                }
            })?;
            let (value, span) = (key.name.clone(), reader::whole(key, node));
            let pattern = Spanned { value, span };
            Ok(RateFactor { pattern, factor })
        };
        table.iter().map(factor).collect()
    }

    fn form(&self) -> Form {
        Form::Map(Box::new(factor().form()))
    }
}

fn factor() -> value::Number {
    value::number("a number above 0", |factor| factor > 0.0)
}
