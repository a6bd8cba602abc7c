//! `loss` of `[train]`.

use super::form::Form;
use super::node::{Node, Value};
use super::reader::{Mismatch, Reader, Spanned};
use super::tagged::{self, ReadTagged};
use super::task::Task;
use super::value::{self, Kind};
use crate::diagnostic::Span;

/// What training makes small.
#[derive(Clone, Debug, PartialEq)]
pub enum Loss {
    /// `torch.nn.CrossEntropyLoss`.
    CrossEntropy {
        /// Share of each answer that is spread over all classes.
        label_smoothing: f64,
        /// How much each class counts.
        class_weights: ClassWeights,
    },
    /// Cross-entropy in which samples that are answered well count little.
    Focal {
        /// How little.
        gamma: f64,
        /// How much each class counts.
        class_weights: ClassWeights,
    },
    /// `torch.nn.BCEWithLogitsLoss`: every label for itself.
    BinaryCrossEntropy,
    /// Mean of squared differences.
    Mse,
    /// Mean of absolute differences.
    Mae,
    /// `torch.nn.HuberLoss`: squares of small differences, absolute large ones.
    Huber {
        /// Where small ends.
        delta: f64,
    },
}

/// How much each class counts in the loss.
#[derive(Clone, Debug)]
pub enum ClassWeights {
    /// As much as every other.
    Equal,
    /// The less, the more samples it has: all samples / (classes · its samples).
    Balanced,
    /// A weight for some classes by name; 1 for the others.
    Named {
        /// The weights in the order of the file.
        weights: Vec<(String, f64)>,
        /// Their place in the config.
        span: Span,
    },
}

// The place in the file does not matter.
impl PartialEq for ClassWeights {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Equal, Self::Equal) | (Self::Balanced, Self::Balanced) => true,
            (Self::Named { weights, .. }, Self::Named { weights: other, .. }) => weights == other,
            _ => false,
        }
    }
}

impl Default for Loss {
    fn default() -> Self {
        Self::CrossEntropy {
            label_smoothing: 0.0,
            class_weights: ClassWeights::Equal,
        }
    }
}

impl Loss {
    /// Returns what a network learns with it.
    #[must_use]
    pub fn task(&self) -> Task {
        match self {
            Self::CrossEntropy { .. } | Self::Focal { .. } => Task::Classes,
            Self::BinaryCrossEntropy => Task::Labels,
            Self::Mse | Self::Mae | Self::Huber { .. } => Task::Values,
        }
    }

    /// Returns the word of the language.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::CrossEntropy { .. } => "cross_entropy",
            Self::Focal { .. } => "focal",
            Self::BinaryCrossEntropy => "binary_cross_entropy",
            Self::Mse => "mse",
            Self::Mae => "mae",
            Self::Huber { .. } => "huber",
        }
    }

    /// Returns how much each class counts.
    #[must_use]
    pub(crate) fn class_weights(&self) -> &ClassWeights {
        match self {
            Self::CrossEntropy { class_weights, .. } | Self::Focal { class_weights, .. } => {
                class_weights
            }
            _ => &ClassWeights::Equal,
        }
    }

    pub(super) fn to_toml(&self) -> String {
        let mut settings = vec![("type", value::quoted(self.word()))];
        match self {
            Self::CrossEntropy {
                label_smoothing, ..
            } => settings.push(("label_smoothing", value::float(*label_smoothing))),
            Self::Focal { gamma, .. } => settings.push(("gamma", value::float(*gamma))),
            Self::Huber { delta } => settings.push(("delta", value::float(*delta))),
            Self::BinaryCrossEntropy | Self::Mse | Self::Mae => {}
        }
        let weights = match self.class_weights() {
            ClassWeights::Equal => None,
            ClassWeights::Balanced => Some(value::quoted("balanced")),
            ClassWeights::Named { weights, .. } => {
                let weights: Vec<String> = weights
                    .iter()
                    .map(|(name, weight)| {
                        format!("{} = {}", value::quoted(name), value::float(*weight))
                    })
                    .collect();
                Some(format!("{{ {} }}", weights.join(", ")))
            }
        };
        settings.extend(weights.map(|weights| ("class_weights", weights)));
        value::table(&settings)
    }
}

const LOSSES: &[(&str, ReadTagged<Loss>)] = &[
    ("cross_entropy", |reader| Loss::CrossEntropy {
        label_smoothing: read_smoothing(reader),
        class_weights: read_class_weights(reader),
    }),
    ("focal", |reader| {
        let parse = value::number("a number from 0 to 100", |gamma| {
            (0.0..=100.0).contains(&gamma)
        });
        Loss::Focal {
            gamma: reader.or("gamma", 2.0, &parse).value,
            class_weights: read_class_weights(reader),
        }
    }),
    ("binary_cross_entropy", |_| Loss::BinaryCrossEntropy),
    ("mse", |_| Loss::Mse),
    ("mae", |_| Loss::Mae),
    ("huber", |reader| {
        let parse = value::number("a number above 0", |delta| delta > 0.0);
        Loss::Huber {
            delta: reader.or("delta", 1.0, &parse).value,
        }
    }),
];

/// Reads `loss`.
pub(super) fn read(reader: &Reader<'_>) -> Option<Loss> {
    tagged::read(reader, "loss", LOSSES, "cross_entropy")
}

fn read_smoothing(reader: &Reader<'_>) -> f64 {
    let expected = "a number from 0 up to, but not including, 1";
    let parse = value::number(expected, |share| (0.0..1.0).contains(&share));
    reader.or("label_smoothing", 0.0, &parse).value
}

fn read_class_weights(reader: &Reader<'_>) -> ClassWeights {
    let Some(Spanned { value, span }) = reader.optional("class_weights", &Weights) else {
        return ClassWeights::Equal;
    };
    match value {
        Some(weights) => ClassWeights::Named { weights, span },
        None => ClassWeights::Balanced,
    }
}

/// `"balanced"`, which is nothing, or weights by the names of classes.
struct Weights;

impl Kind for Weights {
    type Value = Option<Vec<(String, f64)>>;

    fn parse(&self, node: &Node) -> value::Parsed<Self::Value> {
        let expected = "`\"balanced\"` or `{ CLASS = WEIGHT, … }`, each weight a number above 0";
        let mismatch = || Mismatch::new(expected, node);
        match &node.value {
            Value::String(word) if word == "balanced" => Ok(None),
            Value::Table(table) if !table.is_empty() => {
                let weights = table.iter().map(|(key, node)| {
                    let weight = weight().parse(node).map_err(|_| mismatch())?;
                    Ok((key.name.clone(), weight))
                });
                weights.collect::<Result<_, _>>().map(Some)
            }
            _ => Err(mismatch()),
        }
    }

    fn form(&self) -> Form {
        let weights = Form::Map(Box::new(weight().form()));
        Form::Either(vec![Form::Words(vec!["balanced"]), weights])
    }
}

fn weight() -> value::Number {
    value::number("a number above 0", |weight| weight > 0.0)
}
