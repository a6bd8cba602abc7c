//! What the layers with weights share: first values, penalties, constraints.

use super::reader::Reader;
use super::tagged::{self, ReadTagged};
use super::value::{self, BOOLEAN, NUMBER};

/// How the weights of a layer begin and what holds them.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// First values of the weights.
    pub initializer: Initializer,
    /// First values of the biases.
    pub bias_initializer: Initializer,
    /// Factor of Σ|w| in the loss, as Keras's `L1`.
    pub l1: f64,
    /// Factor of Σw² in the loss, as Keras's `L2`.
    pub l2: f64,
    /// What the weights are brought back to after each step.
    pub constraint: Option<Constraint>,
    /// Whether training changes the weights and biases.
    pub trainable: bool,
}

/// The count that a variance is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Mean of inputs and outputs: Glorot & Bengio 2010.
    Average,
    /// Inputs, with a gain of √2: He et al. 2015.
    InputsForRelu,
    /// Inputs: `LeCun` et al. 1998.
    Inputs,
}

/// First values of weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initializer {
    /// One value throughout.
    Constant(f64),
    /// Even between two bounds.
    Uniform {
        /// Lower bound.
        min: f64,
        /// Upper bound.
        max: f64,
    },
    /// A normal distribution.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// A normal distribution without what lies more than two deviations off.
    TruncatedNormal {
        /// Mean before cutting.
        mean: f64,
        /// Standard deviation before cutting.
        std: f64,
    },
    /// Even, with a variance of gain² / fan.
    ScaledUniform(Fan),
    /// Normal, with a variance of gain² / fan.
    ScaledNormal(Fan),
    /// Rows (or columns) at right angles to each other, as `torch.nn.init.orthogonal_`.
    Orthogonal {
        /// Length of each.
        gain: f64,
    },
}

/// What weights are brought back to after each step; norms are those of one filter or unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constraint {
    /// A norm of at most this.
    MaxNorm(f64),
    /// A norm of 1.
    UnitNorm,
    /// No value below 0.
    NonNegative,
}

const SCALED: &[(&str, Initializer)] = &[
    ("glorot_uniform", Initializer::ScaledUniform(Fan::Average)),
    ("glorot_normal", Initializer::ScaledNormal(Fan::Average)),
    ("he_uniform", Initializer::ScaledUniform(Fan::InputsForRelu)),
    ("he_normal", Initializer::ScaledNormal(Fan::InputsForRelu)),
    ("lecun_uniform", Initializer::ScaledUniform(Fan::Inputs)),
    ("lecun_normal", Initializer::ScaledNormal(Fan::Inputs)),
];

const INITIALIZERS: &[(&str, ReadTagged<Initializer>)] = &[
    ("glorot_uniform", |_| {
        Initializer::ScaledUniform(Fan::Average)
    }),
    ("glorot_normal", |_| Initializer::ScaledNormal(Fan::Average)),
    ("he_uniform", |_| {
        Initializer::ScaledUniform(Fan::InputsForRelu)
    }),
    ("he_normal", |_| {
        Initializer::ScaledNormal(Fan::InputsForRelu)
    }),
    ("lecun_uniform", |_| Initializer::ScaledUniform(Fan::Inputs)),
    ("lecun_normal", |_| Initializer::ScaledNormal(Fan::Inputs)),
    ("zeros", |_| Initializer::Constant(0.0)),
    ("ones", |_| Initializer::Constant(1.0)),
    ("constant", |reader| {
        let value = reader.required("value", "0.1", &NUMBER);
        Initializer::Constant(value.map_or(0.0, |value| value.value))
    }),
    ("uniform", |reader| Initializer::Uniform {
        min: reader.or("min", -0.05, &NUMBER).value,
        max: reader.or("max", 0.05, &NUMBER).value,
    }),
    ("normal", |reader| {
        let (mean, std) = mean_and_std(reader);
        Initializer::Normal { mean, std }
    }),
    ("truncated_normal", |reader| {
        let (mean, std) = mean_and_std(reader);
        Initializer::TruncatedNormal { mean, std }
    }),
    ("orthogonal", |reader| {
        let gain = value::number("a number above 0", |gain| gain > 0.0);
        Initializer::Orthogonal {
            gain: reader.or("gain", 1.0, &gain).value,
        }
    }),
];

fn mean_and_std(reader: &Reader<'_>) -> (f64, f64) {
    let positive = value::number("a number of 0 or more", |std| std >= 0.0);
    (
        reader.or("mean", 0.0, &NUMBER).value,
        reader.or("std", 0.05, &positive).value,
    )
}

const CONSTRAINTS: &[(&str, ReadTagged<Constraint>)] = &[
    ("max_norm", |reader| {
        let positive = value::number("a number above 0", |norm| norm > 0.0);
        Constraint::MaxNorm(reader.or("value", 2.0, &positive).value)
    }),
    ("unit_norm", |_| Constraint::UnitNorm),
    ("non_negative", |_| Constraint::NonNegative),
];

impl Default for Weights {
    fn default() -> Self {
        Self {
            initializer: Initializer::ScaledUniform(Fan::Average),
            bias_initializer: Initializer::Constant(0.0),
            l1: 0.0,
            l2: 0.0,
            constraint: None,
            trainable: true,
        }
    }
}

impl Weights {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let default = Self::default();
        let factor = value::number("a number of 0 or more", |factor| factor >= 0.0);
        Self {
            initializer: tagged::read(reader, "initializer", INITIALIZERS, "he_normal")
                .unwrap_or(default.initializer),
            bias_initializer: tagged::read(reader, "bias_initializer", INITIALIZERS, "he_normal")
                .unwrap_or(default.bias_initializer),
            l1: reader.or("l1", 0.0, &factor).value,
            l2: reader.or("l2", 0.0, &factor).value,
            constraint: tagged::read(reader, "constraint", CONSTRAINTS, "max_norm"),
            trainable: reader.or("trainable", true, &BOOLEAN).value,
        }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("initializer", self.initializer.to_toml()),
            ("bias_initializer", self.bias_initializer.to_toml()),
            ("l1", value::float(self.l1)),
            ("l2", value::float(self.l2)),
        ];
        settings.extend(
            self.constraint
                .map(|constraint| ("constraint", constraint.to_toml())),
        );
        settings.push(("trainable", self.trainable.to_string()));
        settings
    }
}

impl Initializer {
    fn to_toml(self) -> String {
        let float = value::float;
        match self {
            Self::Constant(0.0) => "\"zeros\"".to_owned(),
            Self::Constant(1.0) => "\"ones\"".to_owned(),
            Self::Constant(number) => {
                format!("{{ type = \"constant\", value = {} }}", float(number))
            }
            Self::Uniform { min, max } => {
                let (min, max) = (float(min), float(max));
                format!("{{ type = \"uniform\", min = {min}, max = {max} }}")
            }
            Self::Normal { mean, std } => {
                let (mean, std) = (float(mean), float(std));
                format!("{{ type = \"normal\", mean = {mean}, std = {std} }}")
            }
            Self::TruncatedNormal { mean, std } => {
                let (mean, std) = (float(mean), float(std));
                format!("{{ type = \"truncated_normal\", mean = {mean}, std = {std} }}")
            }
            Self::Orthogonal { gain } => {
                format!("{{ type = \"orthogonal\", gain = {} }}", float(gain))
            }
            Self::ScaledUniform(_) | Self::ScaledNormal(_) => {
                format!("\"{}\"", value::word_of(SCALED, &self))
            }
        }
    }
}

impl Constraint {
    fn to_toml(self) -> String {
        match self {
            Self::MaxNorm(norm) => {
                format!("{{ type = \"max_norm\", value = {} }}", value::float(norm))
            }
            Self::UnitNorm => "\"unit_norm\"".to_owned(),
            Self::NonNegative => "\"non_negative\"".to_owned(),
        }
    }
}
