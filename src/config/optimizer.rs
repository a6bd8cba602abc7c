//! `optimizer` of `[train]`.

mod write;

use super::form::Form;
use super::reader::{Mismatch, Reader};
use super::tagged::{self, ReadTagged};
use super::value::{self, BOOLEAN, Kind as _, POSITIVE, Plain};
use crate::diagnostic::Diagnostic;

/// An optimizer with its settings; defaults are PyTorch's, and timm's where PyTorch has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    /// What makes a step of a gradient.
    pub rule: Rule,
    /// Step size.
    pub learning_rate: f64,
    /// Weight decay: in the gradient or apart from it, as the rule has it.
    pub weight_decay: f64,
    /// Whether weights decay that are neither a convolution's nor a dense layer's.
    pub decay_bias_and_norm: bool,
}

/// What makes a step of a gradient.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// `torch.optim.SGD`.
    Sgd {
        /// Share of the last step kept.
        momentum: f64,
        /// Share of the gradient held back from the momentum.
        dampening: f64,
        /// Whether the gradient is taken ahead of the step.
        nesterov: bool,
    },
    /// `torch.optim.Adam`.
    Adam(Adaptive),
    /// `torch.optim.AdamW`: decay apart from the gradient.
    AdamW(Adaptive),
    /// `torch.optim.RMSprop`.
    RmsProp {
        /// Decay of the mean of squared gradients.
        rho: f64,
        /// Added to the root of the mean square.
        epsilon: f64,
        /// Share of the last step kept.
        momentum: f64,
        /// Whether the variance takes the place of the mean square.
        centered: bool,
    },
    /// `torch.optim.Adagrad`.
    Adagrad {
        /// How fast the rate falls by itself.
        rate_decay: f64,
        /// What the sum of squares begins with.
        initial_accumulator: f64,
        /// Added to the root of the sum.
        epsilon: f64,
    },
    /// `torch.optim.Adadelta`.
    Adadelta {
        /// Decay of the means of squares.
        rho: f64,
        /// Added under the roots.
        epsilon: f64,
    },
    /// `torch.optim.NAdam`.
    Nadam {
        /// Decays and epsilon.
        moments: Moments,
        /// How fast the momentum comes up to `beta1`.
        momentum_decay: f64,
    },
    /// `torch.optim.RAdam`.
    Radam(Moments),
    /// LAMB as in timm, without its own clipping.
    Lamb(Moments),
    /// Lion.
    Lion {
        /// Share of the mean in the direction of a step.
        beta1: f64,
        /// Decay of the mean of gradients.
        beta2: f64,
    },
    /// Adan as in timm.
    Adan {
        /// Decays and epsilon.
        moments: Moments,
        /// Decay of the mean of squares.
        beta3: f64,
    },
    /// `torch.optim.Muon` for the weights of convolutions and dense layers, `AdamW` for others.
    Muon {
        /// Decay of the mean of gradients.
        momentum: f64,
        /// Whether the gradient is taken ahead of the step.
        nesterov: bool,
        /// Newton–Schulz iterations.
        iterations: usize,
        /// What the size of a step follows.
        adjust: Adjust,
        /// Of the weights that are no matrices.
        others: Moments,
    },
}

/// Decays of two means, and what keeps a division by a root finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Decay of the first mean.
    pub beta1: f64,
    /// Decay of the second.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
}

/// Settings of Adam and `AdamW`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adaptive {
    /// Decays and epsilon.
    pub moments: Moments,
    /// Whether the largest mean square so far is divided by.
    pub amsgrad: bool,
}

/// What the size of a step of Muon follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjust {
    /// √max(1, rows / columns), as Keller Jordan's.
    Original,
    /// 0.2·√max(rows, columns): steps as large as those of `AdamW`.
    MatchRmsAdamW,
}

const ADJUSTS: &[(&str, Adjust)] = &[
    ("original", Adjust::Original),
    ("match_rms_adamw", Adjust::MatchRmsAdamW),
];

const MOMENTS: Moments = Moments {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
};

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            rule: Rule::Adam(Adaptive {
                moments: MOMENTS,
                amsgrad: false,
            }),
            learning_rate: 0.001,
            weight_decay: 0.0,
            decay_bias_and_norm: true,
        }
    }
}

impl Optimizer {
    /// Returns how many values it keeps for each weight from step to step, at most.
    #[must_use]
    pub(crate) fn values_per_weight(&self) -> u64 {
        match &self.rule {
            Rule::Sgd { momentum, .. } => u64::from(*momentum > 0.0),
            Rule::Adam(settings) | Rule::AdamW(settings) => 2 + u64::from(settings.amsgrad),
            Rule::RmsProp {
                momentum, centered, ..
            } => 1 + u64::from(*momentum > 0.0) + u64::from(*centered),
            Rule::Adagrad { .. } | Rule::Lion { .. } => 1,
            Rule::Adan { .. } => 4,
            Rule::Adadelta { .. }
            | Rule::Nadam { .. }
            | Rule::Radam(_)
            | Rule::Lamb(_)
            | Rule::Muon { .. } => 2,
        }
    }
}

impl Rule {
    /// Returns the word of the language.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sgd { .. } => "sgd",
            Self::Adam(_) => "adam",
            Self::AdamW(_) => "adamw",
            Self::RmsProp { .. } => "rmsprop",
            Self::Adagrad { .. } => "adagrad",
            Self::Adadelta { .. } => "adadelta",
            Self::Nadam { .. } => "nadam",
            Self::Radam(_) => "radam",
            Self::Lamb(_) => "lamb",
            Self::Lion { .. } => "lion",
            Self::Adan { .. } => "adan",
            Self::Muon { .. } => "muon",
        }
    }
}

const OPTIMIZERS: &[(&str, ReadTagged<Optimizer>)] = &[
    ("sgd", |reader| read_with(reader, 0.001, 0.0, read_sgd)),
    ("adam", |reader| {
        read_with(reader, 0.001, 0.0, |reader| {
            Rule::Adam(read_adaptive(reader))
        })
    }),
    ("adamw", |reader| {
        read_with(reader, 0.001, 0.01, |reader| {
            Rule::AdamW(read_adaptive(reader))
        })
    }),
    ("rmsprop", |reader| {
        read_with(reader, 0.01, 0.0, |reader| Rule::RmsProp {
            rho: share(reader, "rho", 0.99),
            epsilon: epsilon(reader, 1e-8),
            momentum: share(reader, "momentum", 0.0),
            centered: reader.or("centered", false, &BOOLEAN).value,
        })
    }),
    ("adagrad", |reader| {
        read_with(reader, 0.01, 0.0, |reader| Rule::Adagrad {
            rate_decay: amount(reader, "rate_decay", 0.0),
            initial_accumulator: amount(reader, "initial_accumulator", 0.0),
            epsilon: epsilon(reader, 1e-10),
        })
    }),
    ("adadelta", |reader| {
        read_with(reader, 1.0, 0.0, |reader| Rule::Adadelta {
            rho: share(reader, "rho", 0.9),
            epsilon: epsilon(reader, 1e-6),
        })
    }),
    ("nadam", |reader| {
        read_with(reader, 0.002, 0.0, |reader| Rule::Nadam {
            moments: read_moments(reader, MOMENTS),
            momentum_decay: amount(reader, "momentum_decay", 0.004),
        })
    }),
    ("radam", |reader| {
        read_with(reader, 0.001, 0.0, |reader| {
            Rule::Radam(read_moments(reader, MOMENTS))
        })
    }),
    ("lamb", |reader| {
        read_with(reader, 0.001, 0.01, |reader| {
            let epsilon = 1e-6;
            Rule::Lamb(read_moments(reader, Moments { epsilon, ..MOMENTS }))
        })
    }),
    ("lion", |reader| {
        read_with(reader, 1e-4, 0.0, |reader| Rule::Lion {
            beta1: share(reader, "beta1", 0.9),
            beta2: share(reader, "beta2", 0.99),
        })
    }),
    ("adan", |reader| read_with(reader, 0.001, 0.0, read_adan)),
    ("muon", |reader| read_with(reader, 0.001, 0.1, read_muon)),
];

/// Reads `optimizer`.
pub(super) fn read(reader: &Reader<'_>) -> Option<Optimizer> {
    tagged::read(reader, "optimizer", OPTIMIZERS, "adam")
}

fn read_with(
    reader: &Reader<'_>,
    rate: f64,
    decay: f64,
    rule: impl FnOnce(&Reader<'_>) -> Rule,
) -> Optimizer {
    let positive = value::number("a finite number above 0", |rate| rate > 0.0);
    let learning_rate = reader.or("learning_rate", rate, &positive).value;
    Optimizer {
        rule: rule(reader),
        learning_rate,
        weight_decay: amount(reader, "weight_decay", decay),
        decay_bias_and_norm: reader.or("decay_bias_and_norm", true, &BOOLEAN).value,
    }
}

fn amount(reader: &Reader<'_>, name: &'static str, default: f64) -> f64 {
    let parse = value::number("a number of 0 or more", |amount| amount >= 0.0);
    reader.or(name, default, &parse).value
}

fn share(reader: &Reader<'_>, name: &'static str, default: f64) -> f64 {
    let expected = "a number from 0 up to, but not including, 1";
    let parse = value::number(expected, |share| (0.0..1.0).contains(&share));
    reader.or(name, default, &parse).value
}

fn epsilon(reader: &Reader<'_>, default: f64) -> f64 {
    let parse = value::number("a number above 0", |epsilon| epsilon > 0.0);
    reader.or("epsilon", default, &parse).value
}

fn read_moments(reader: &Reader<'_>, default: Moments) -> Moments {
    Moments {
        beta1: share(reader, "beta1", default.beta1),
        beta2: share(reader, "beta2", default.beta2),
        epsilon: epsilon(reader, default.epsilon),
    }
}

fn read_adaptive(reader: &Reader<'_>) -> Adaptive {
    Adaptive {
        moments: read_moments(reader, MOMENTS),
        amsgrad: reader.or("amsgrad", false, &BOOLEAN).value,
    }
}

fn read_sgd(reader: &Reader<'_>) -> Rule {
    let momentum = share(reader, "momentum", 0.0);
    let dampening = share(reader, "dampening", 0.0);
    let nesterov = reader.or("nesterov", false, &BOOLEAN);
    let needs = if momentum == 0.0 {
        Some(("`nesterov` needs a momentum", "add `momentum = 0.9`"))
    } else if dampening > 0.0 {
        let message = "`nesterov` and `dampening` exclude each other";
        Some((message, "remove `dampening`"))
    } else {
        None
    };
    if let (true, Some((message, help))) = (nesterov.value, needs) {
        let diagnostic = Diagnostic::error(message).at(&nesterov.span, "");
        reader.problems().add(diagnostic.help(help));
    }
    Rule::Sgd {
        momentum,
        dampening,
        nesterov: nesterov.value,
    }
}

fn read_adan(reader: &Reader<'_>) -> Rule {
    let beta1 = share(reader, "beta1", 0.98);
    let beta2 = share(reader, "beta2", 0.92);
    let beta3 = share(reader, "beta3", 0.99);
    let epsilon = epsilon(reader, MOMENTS.epsilon);
    Rule::Adan {
        moments: Moments {
            beta1,
            beta2,
            epsilon,
        },
        beta3,
    }
}

/// Newton–Schulz iterations: five do, and each takes its time.
const ITERATIONS: Plain<usize> = Plain {
    parse: |node| match POSITIVE.parse(node) {
        Ok(iterations) if iterations <= 100 => Ok(iterations),
        _ => Err(Mismatch::new("a whole number from 1 to 100", node)),
    },
    form: || Form::Integer {
        least: 1,
        most: 100,
    },
};

fn read_muon(reader: &Reader<'_>) -> Rule {
    Rule::Muon {
        momentum: share(reader, "momentum", 0.95),
        nesterov: reader.or("nesterov", true, &BOOLEAN).value,
        iterations: reader.or("iterations", 5, &ITERATIONS).value,
        adjust: reader
            .or("adjust", Adjust::Original, &value::word(ADJUSTS))
            .value,
        others: read_moments(reader, MOMENTS),
    }
}
