//! `[train]`: how the network is trained.

use std::fmt::Write as _;

use super::node::{Node, Value};
use super::reader::{self, Problems, Reader};
use super::value;
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

/// An optimizer with its settings; defaults are PyTorch's.
#[derive(Clone, Debug, PartialEq)]
pub enum Optimizer {
    /// `torch.optim.SGD`.
    Sgd {
        /// Step size.
        learning_rate: f64,
        /// Share of the last step kept.
        momentum: f64,
        /// Whether the gradient is taken ahead of the step.
        nesterov: bool,
        /// L2 penalty added to the gradient.
        weight_decay: f64,
    },
    /// `torch.optim.Adam`.
    Adam(Adaptive),
    /// `torch.optim.AdamW`: decay apart from the gradient.
    AdamW(Adaptive),
}

/// Settings of Adam and its kin.
#[derive(Clone, Debug, PartialEq)]
pub struct Adaptive {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Weight decay.
    pub weight_decay: f64,
}

/// How the learning rate changes from step to step.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The curve after warm-up.
    pub kind: ScheduleKind,
    /// Epochs in which the rate rises in a line from 0 to the optimizer's.
    pub warmup_epochs: f64,
}

/// The curve of a [`Schedule`].
#[derive(Clone, Debug, PartialEq)]
pub enum ScheduleKind {
    /// The same rate throughout.
    Constant,
    /// Half a cosine from the rate down to 0 at the end.
    Cosine,
    /// The rate times `gamma` after every `every` epochs.
    Step {
        /// Epochs between two steps.
        every: usize,
        /// Factor of each step.
        gamma: f64,
    },
}

/// A figure that is watched from epoch to epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            learning_rate: 0.001,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

impl Train {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let default = Self::default();
        let train = Self {
            epochs: reader.or("epochs", default.epochs, value::positive).value,
            batch_size: reader
                .or("batch_size", default.batch_size, value::positive)
                .value,
            seed: reader.or("seed", default.seed, value::seed).value,
            optimizer: tagged(reader, "optimizer", OPTIMIZERS, OPTIMIZERS_LATER)
                .unwrap_or(default.optimizer),
            schedule: tagged(reader, "schedule", SCHEDULES, SCHEDULES_LATER)
                .unwrap_or(default.schedule),
            early_stopping: read_early_stopping(reader),
        };
        let losses: &'static [(&'static str, ())] = &[("cross_entropy", ())];
        reader.optional(
            "loss",
            value::word(losses, &["focal", "mse", "mae", "huber"]),
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

impl Optimizer {
    /// Returns the word of the language.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sgd { .. } => "sgd",
            Self::Adam(_) => "adam",
            Self::AdamW(_) => "adamw",
        }
    }

    /// Returns the base learning rate.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd { learning_rate, .. } => *learning_rate,
            Self::Adam(settings) | Self::AdamW(settings) => settings.learning_rate,
        }
    }

    fn to_toml(&self) -> String {
        let float = value::float;
        match self {
            Self::Sgd {
                learning_rate,
                momentum,
                nesterov,
                weight_decay,
            } => format!(
                "{{ type = \"sgd\", learning_rate = {}, momentum = {}, nesterov = {nesterov}, \
                 weight_decay = {} }}",
                float(*learning_rate),
                float(*momentum),
                float(*weight_decay)
            ),
            Self::Adam(settings) | Self::AdamW(settings) => format!(
                "{{ type = \"{}\", learning_rate = {}, beta1 = {}, beta2 = {}, epsilon = {}, \
                 weight_decay = {} }}",
                self.word(),
                float(settings.learning_rate),
                float(settings.beta1),
                float(settings.beta2),
                float(settings.epsilon),
                float(settings.weight_decay)
            ),
        }
    }
}

impl Schedule {
    fn to_toml(&self) -> String {
        let warmup = value::float(self.warmup_epochs);
        match &self.kind {
            ScheduleKind::Constant => {
                format!("{{ type = \"constant\", warmup_epochs = {warmup} }}")
            }
            ScheduleKind::Cosine => format!("{{ type = \"cosine\", warmup_epochs = {warmup} }}"),
            ScheduleKind::Step { every, gamma } => format!(
                "{{ type = \"step\", every = {every}, gamma = {}, warmup_epochs = {warmup} }}",
                value::float(*gamma)
            ),
        }
    }
}

type ReadTagged<T> = fn(&Reader<'_>) -> T;

const OPTIMIZERS: &[(&str, ReadTagged<Optimizer>)] = &[
    ("sgd", read_sgd),
    ("adam", |reader| Optimizer::Adam(read_adaptive(reader, 0.0))),
    ("adamw", |reader| {
        Optimizer::AdamW(read_adaptive(reader, 0.01))
    }),
];

const OPTIMIZERS_LATER: &[&str] = &[
    "rmsprop", "adagrad", "adadelta", "lamb", "lion", "adan", "muon",
];

const SCHEDULES: &[(&str, ReadTagged<Schedule>)] = &[
    ("constant", |reader| {
        read_schedule(reader, |_| ScheduleKind::Constant)
    }),
    ("cosine", |reader| {
        read_schedule(reader, |_| ScheduleKind::Cosine)
    }),
    ("step", |reader| read_schedule(reader, read_step)),
];

const SCHEDULES_LATER: &[&str] = &[
    "multi_step",
    "exponential",
    "one_cycle",
    "polynomial",
    "plateau",
];

/// Reads a table whose `type` decides its other keys, or the `type` alone as a string.
fn tagged<T>(
    reader: &Reader<'_>,
    name: &'static str,
    types: &[(&'static str, ReadTagged<T>)],
    later: &[&str],
) -> Option<T> {
    let (key, node) = reader.take(name)?;
    let span = reader::whole(key, node);
    let problems = reader.problems();
    let empty = Vec::new();
    let table = reader::table(node).unwrap_or(&empty);
    let word = match &node.value {
        Value::String(word) => Some(word.clone()),
        Value::Table(table) => {
            let entry = table.iter().find(|(key, _)| key.name == "type");
            entry.and_then(|(_, node)| value::string(node).ok())
        }
        _ => None,
    };
    let known = word
        .as_ref()
        .and_then(|word| types.iter().find(|(name, _)| name == word));
    let Some((known, read)) = known else {
        problems.add(unknown_type(name, word.as_deref(), types, later).at(&span, ""));
        return None;
    };
    let inner = Reader::new(&format!("`{known}`"), table, &node.span, problems);
    inner.take("type");
    let value = read(&inner);
    inner.finish();
    Some(value)
}

fn unknown_type<T>(
    name: &str,
    word: Option<&str>,
    types: &[(&'static str, T)],
    later: &[&str],
) -> Diagnostic {
    let quoted: Vec<String> = types
        .iter()
        .map(|(name, _)| format!("`\"{name}\"`"))
        .collect();
    let expected = format!("this version has {}", quoted.join(", "));
    let names: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
    let Some(word) = word else {
        return Diagnostic::error(format!("`{name}` needs `type`")).note(expected);
    };
    if later.contains(&word) {
        return Diagnostic::error(format!("{name} `{word}` is not supported yet")).note(expected);
    }
    let diagnostic = Diagnostic::error(format!("unknown {name} `{word}`")).note(expected);
    let ours = super::words::our_value(word, &names);
    match super::words::suggest(ours, super::words::nearest(word, &names)) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn rate(reader: &Reader<'_>, default: f64) -> f64 {
    let parse = value::number("a finite number above 0", |rate| rate > 0.0);
    reader.or("learning_rate", default, parse).value
}

fn weight_decay(reader: &Reader<'_>, default: f64) -> f64 {
    let parse = value::number("a number of 0 or more", |decay| decay >= 0.0);
    reader.or("weight_decay", default, parse).value
}

fn share(reader: &Reader<'_>, name: &'static str, default: f64) -> f64 {
    let expected = "a number from 0 up to, but not including, 1";
    let parse = value::number(expected, |share| (0.0..1.0).contains(&share));
    reader.or(name, default, parse).value
}

fn read_sgd(reader: &Reader<'_>) -> Optimizer {
    let learning_rate = rate(reader, 0.001);
    let momentum = share(reader, "momentum", 0.0);
    let nesterov = reader.or("nesterov", false, value::boolean);
    if nesterov.value && momentum == 0.0 {
        reader.problems().add(
            Diagnostic::error("`nesterov` needs a momentum")
                .at(&nesterov.span, "")
                .help("add `momentum = 0.9`"),
        );
    }
    Optimizer::Sgd {
        learning_rate,
        momentum,
        nesterov: nesterov.value,
        weight_decay: weight_decay(reader, 0.0),
    }
}

fn read_adaptive(reader: &Reader<'_>, decay: f64) -> Adaptive {
    let default = Adaptive::default();
    let epsilon = value::number("a number above 0", |epsilon| epsilon > 0.0);
    Adaptive {
        learning_rate: rate(reader, default.learning_rate),
        beta1: share(reader, "beta1", default.beta1),
        beta2: share(reader, "beta2", default.beta2),
        epsilon: reader.or("epsilon", default.epsilon, epsilon).value,
        weight_decay: weight_decay(reader, decay),
    }
}

fn read_schedule(reader: &Reader<'_>, kind: fn(&Reader<'_>) -> ScheduleKind) -> Schedule {
    let parse = value::number("a number of 0 or more", |epochs| epochs >= 0.0);
    Schedule {
        kind: kind(reader),
        warmup_epochs: reader.or("warmup_epochs", 0.0, parse).value,
    }
}

fn read_step(reader: &Reader<'_>) -> ScheduleKind {
    let every = reader.required("every", "10", value::positive);
    let parse = value::number("a number above 0", |gamma| gamma > 0.0);
    ScheduleKind::Step {
        every: every.map_or(1, |every| every.value),
        gamma: reader.or("gamma", 0.1, parse).value,
    }
}

fn read_early_stopping(reader: &Reader<'_>) -> Option<EarlyStopping> {
    let (key, node) = reader.take("early_stopping")?;
    let problems: &Problems = reader.problems();
    let Some(table) = reader::table(node) else {
        problems.add(expects_table(node).at(&reader::whole(key, node), ""));
        return None;
    };
    let inner = Reader::new("`early_stopping`", table, &node.span, problems);
    let metric = inner.or("metric", Metric::ValidationLoss, value::word(METRICS, &[]));
    let patience = inner.required("patience", "5", value::positive);
    let delta = value::number("a number of 0 or more", |delta| delta >= 0.0);
    let min_delta = inner.or("min_delta", 0.0, delta);
    inner.finish();
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
