//! `schedule` of `[train]`.

use super::form::Form;
use super::node::{Node, Value};
use super::reader::{Mismatch, Reader};
use super::tagged::{self, ReadTagged};
use super::train::{METRICS, Metric};
use super::value::{self, COUNT, POSITIVE, Plain};

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
    /// Half a cosine from the rate down to `minimum` at the end.
    Cosine {
        /// The rate at the end.
        minimum: f64,
    },
    /// The rate times `gamma` after every `every` epochs.
    Step {
        /// Epochs between two steps.
        every: usize,
        /// Factor of each step.
        gamma: f64,
    },
    /// The rate times `gamma` after each of some epochs.
    MultiStep {
        /// Epochs after which the rate steps down.
        milestones: Vec<usize>,
        /// Factor of each step.
        gamma: f64,
    },
    /// The rate times `gamma` after every epoch.
    Exponential {
        /// Factor of an epoch.
        gamma: f64,
    },
    /// A power of the share of steps that is left.
    Polynomial {
        /// The power.
        power: f64,
        /// The rate at the end.
        minimum: f64,
    },
    /// Up to the rate and far down again, both along half a cosine.
    OneCycle {
        /// Share of the steps in which the rate rises.
        rise: f64,
        /// What the rate is divided by at the first step.
        initial_divisor: f64,
        /// What the first rate is divided by at the last step.
        final_divisor: f64,
    },
    /// The rate times `gamma` whenever a figure has stopped getting better.
    Plateau(Plateau),
}

/// Settings of [`ScheduleKind::Plateau`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// The figure watched.
    pub metric: Metric,
    /// Factor of each step.
    pub gamma: f64,
    /// Epochs without a better figure that are waited for.
    pub patience: usize,
    /// The least change that counts as better, as a share of the best figure.
    pub threshold: f64,
    /// Epochs after a step in which nothing is counted.
    pub cooldown: usize,
    /// The least rate.
    pub minimum: f64,
}

impl Schedule {
    /// Returns the figure that it watches, if any.
    #[must_use]
    pub fn plateau(&self) -> Option<&Plateau> {
        match &self.kind {
            ScheduleKind::Plateau(plateau) => Some(plateau),
            _ => None,
        }
    }

    pub(super) fn to_toml(&self) -> String {
        let (word, mut settings) = self.kind.settings();
        settings.insert(0, ("type", value::quoted(word)));
        // One cycle has a rise of its own.
        if !matches!(self.kind, ScheduleKind::OneCycle { .. }) {
            settings.push(("warmup_epochs", value::float(self.warmup_epochs)));
        }
        value::table(&settings)
    }
}

impl ScheduleKind {
    fn settings(&self) -> (&'static str, Vec<(&'static str, String)>) {
        let float = |number: &f64| value::float(*number);
        match self {
            Self::Constant => ("constant", Vec::new()),
            Self::Cosine { minimum } => ("cosine", vec![("minimum", float(minimum))]),
            Self::Step { every, gamma } => (
                "step",
                vec![("every", every.to_string()), ("gamma", float(gamma))],
            ),
            Self::MultiStep { milestones, gamma } => (
                "multi_step",
                vec![
                    ("milestones", value::list(milestones)),
                    ("gamma", float(gamma)),
                ],
            ),
            Self::Exponential { gamma } => ("exponential", vec![("gamma", float(gamma))]),
            Self::Polynomial { power, minimum } => (
                "polynomial",
                vec![("power", float(power)), ("minimum", float(minimum))],
            ),
            Self::OneCycle {
                rise,
                initial_divisor,
                final_divisor,
            } => (
                "one_cycle",
                vec![
                    ("rise", float(rise)),
                    ("initial_divisor", float(initial_divisor)),
                    ("final_divisor", float(final_divisor)),
                ],
            ),
            Self::Plateau(plateau) => (
                "plateau",
                vec![
                    (
                        "metric",
                        value::quoted(value::word_of(METRICS, &plateau.metric)),
                    ),
                    ("gamma", float(&plateau.gamma)),
                    ("patience", plateau.patience.to_string()),
                    ("threshold", float(&plateau.threshold)),
                    ("cooldown", plateau.cooldown.to_string()),
                    ("minimum", float(&plateau.minimum)),
                ],
            ),
        }
    }
}

const SCHEDULES: &[(&str, ReadTagged<Schedule>)] = &[
    ("constant", |reader| {
        read_schedule(reader, |_| ScheduleKind::Constant)
    }),
    ("cosine", |reader| {
        read_schedule(reader, |reader| ScheduleKind::Cosine {
            minimum: amount(reader, "minimum", 0.0),
        })
    }),
    ("step", |reader| read_schedule(reader, read_step)),
    ("multi_step", |reader| {
        read_schedule(reader, read_multi_step)
    }),
    ("exponential", |reader| {
        read_schedule(reader, |reader| {
            let gamma = reader.required("gamma", "0.95", &positive());
            ScheduleKind::Exponential {
                gamma: gamma.map_or(1.0, |gamma| gamma.value),
            }
        })
    }),
    ("polynomial", |reader| {
        read_schedule(reader, |reader| ScheduleKind::Polynomial {
            power: reader.or("power", 1.0, &positive()).value,
            minimum: amount(reader, "minimum", 0.0),
        })
    }),
    ("one_cycle", |reader| Schedule {
        kind: read_one_cycle(reader),
        warmup_epochs: 0.0,
    }),
    ("plateau", |reader| read_schedule(reader, read_plateau)),
];

/// Epochs in order, at least one.
const EPOCHS: Plain<Vec<usize>> = Plain {
    parse: |node| {
        let mismatch = || Mismatch::new("whole numbers of 1 or more in order", node);
        let Value::Array(items) = &node.value else {
            return Err(mismatch());
        };
        let epoch = |item: &Node| value::Kind::parse(&POSITIVE, item);
        let epochs: Result<Vec<usize>, Mismatch> = items.iter().map(epoch).collect();
        match epochs {
            Ok(epochs) if !epochs.is_empty() && epochs.is_sorted_by(|a, b| a < b) => Ok(epochs),
            _ => Err(mismatch()),
        }
    },
    form: || Form::list((POSITIVE.form)()),
};

/// Reads `schedule`.
pub(super) fn read(reader: &Reader<'_>) -> Option<Schedule> {
    tagged::read(reader, "schedule", SCHEDULES, "constant")
}

fn positive() -> value::Number {
    value::number("a number above 0", |number| number > 0.0)
}

fn amount(reader: &Reader<'_>, name: &'static str, default: f64) -> f64 {
    let parse = value::number("a number of 0 or more", |amount| amount >= 0.0);
    reader.or(name, default, &parse).value
}

/// Reads the factor of a rate that goes down.
fn gamma(reader: &Reader<'_>) -> f64 {
    reader.or("gamma", 0.1, &positive()).value
}

fn read_schedule(reader: &Reader<'_>, kind: fn(&Reader<'_>) -> ScheduleKind) -> Schedule {
    Schedule {
        kind: kind(reader),
        warmup_epochs: amount(reader, "warmup_epochs", 0.0),
    }
}

fn read_step(reader: &Reader<'_>) -> ScheduleKind {
    let every = reader.required("every", "10", &POSITIVE);
    ScheduleKind::Step {
        every: every.map_or(1, |every| every.value),
        gamma: gamma(reader),
    }
}

fn read_multi_step(reader: &Reader<'_>) -> ScheduleKind {
    let milestones = reader.required("milestones", "[30, 60]", &EPOCHS);
    ScheduleKind::MultiStep {
        milestones: milestones.map_or_else(Vec::new, |milestones| milestones.value),
        gamma: gamma(reader),
    }
}

fn read_one_cycle(reader: &Reader<'_>) -> ScheduleKind {
    let share = value::number("a number from 0 to 1", |share| (0.0..=1.0).contains(&share));
    let divisor = value::number("a number of 1 or more", |divisor| divisor >= 1.0);
    ScheduleKind::OneCycle {
        rise: reader.or("rise", 0.3, &share).value,
        initial_divisor: reader.or("initial_divisor", 25.0, &divisor).value,
        final_divisor: reader.or("final_divisor", 1e4, &divisor).value,
    }
}

fn read_plateau(reader: &Reader<'_>) -> ScheduleKind {
    let share = value::number("a number between 0 and 1", |share| {
        share > 0.0 && share < 1.0
    });
    ScheduleKind::Plateau(Plateau {
        metric: reader
            .or("metric", Metric::ValidationLoss, &value::word(METRICS))
            .value,
        gamma: reader.or("gamma", 0.1, &share).value,
        patience: reader.or("patience", 10, &COUNT).value,
        threshold: amount(reader, "threshold", 1e-4),
        cooldown: reader.or("cooldown", 0, &COUNT).value,
        minimum: amount(reader, "minimum", 0.0),
    })
}
