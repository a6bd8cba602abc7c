//! `optimizer` of `[train]`.

use super::reader::Reader;
use super::tagged::{self, ReadTagged};
use super::value::{self, BOOLEAN};
use crate::diagnostic::Diagnostic;

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

    /// Returns how many values it keeps for each weight from step to step.
    #[must_use]
    pub fn values_per_weight(&self) -> u64 {
        match self {
            Self::Sgd { momentum, .. } => u64::from(*momentum > 0.0),
            Self::Adam(_) | Self::AdamW(_) => 2,
        }
    }

    pub(super) fn to_toml(&self) -> String {
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

const OPTIMIZERS: &[(&str, ReadTagged<Optimizer>)] = &[
    ("sgd", read_sgd),
    ("adam", |reader| Optimizer::Adam(read_adaptive(reader, 0.0))),
    ("adamw", |reader| {
        Optimizer::AdamW(read_adaptive(reader, 0.01))
    }),
];

const LATER: &[&str] = &[
    "rmsprop", "adagrad", "adadelta", "lamb", "lion", "adan", "muon",
];

/// Reads `optimizer`.
pub(super) fn read(reader: &Reader<'_>) -> Option<Optimizer> {
    tagged::read(reader, "optimizer", OPTIMIZERS, LATER)
}

fn rate(reader: &Reader<'_>, default: f64) -> f64 {
    let parse = value::number("a finite number above 0", |rate| rate > 0.0);
    reader.or("learning_rate", default, &parse).value
}

fn weight_decay(reader: &Reader<'_>, default: f64) -> f64 {
    let parse = value::number("a number of 0 or more", |decay| decay >= 0.0);
    reader.or("weight_decay", default, &parse).value
}

fn share(reader: &Reader<'_>, name: &'static str, default: f64) -> f64 {
    let expected = "a number from 0 up to, but not including, 1";
    let parse = value::number(expected, |share| (0.0..1.0).contains(&share));
    reader.or(name, default, &parse).value
}

fn read_sgd(reader: &Reader<'_>) -> Optimizer {
    let learning_rate = rate(reader, 0.001);
    let momentum = share(reader, "momentum", 0.0);
    let nesterov = reader.or("nesterov", false, &BOOLEAN);
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
        epsilon: reader.or("epsilon", default.epsilon, &epsilon).value,
        weight_decay: weight_decay(reader, decay),
    }
}
