//! `schedule` of `[train]`.

use super::reader::Reader;
use super::tagged::{self, ReadTagged};
use super::value::{self, POSITIVE};

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

impl Schedule {
    pub(super) fn to_toml(&self) -> String {
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

const SCHEDULES: &[(&str, ReadTagged<Schedule>)] = &[
    ("constant", |reader| {
        read_schedule(reader, |_| ScheduleKind::Constant)
    }),
    ("cosine", |reader| {
        read_schedule(reader, |_| ScheduleKind::Cosine)
    }),
    ("step", |reader| read_schedule(reader, read_step)),
];

const LATER: &[&str] = &[
    "multi_step",
    "exponential",
    "one_cycle",
    "polynomial",
    "plateau",
];

/// Reads `schedule`.
pub(super) fn read(reader: &Reader<'_>) -> Option<Schedule> {
    tagged::read(reader, "schedule", SCHEDULES, LATER)
}

fn read_schedule(reader: &Reader<'_>, kind: fn(&Reader<'_>) -> ScheduleKind) -> Schedule {
    let parse = value::number("a number of 0 or more", |epochs| epochs >= 0.0);
    Schedule {
        kind: kind(reader),
        warmup_epochs: reader.or("warmup_epochs", 0.0, &parse).value,
    }
}

fn read_step(reader: &Reader<'_>) -> ScheduleKind {
    let every = reader.required("every", "10", &POSITIVE);
    let parse = value::number("a number above 0", |gamma| gamma > 0.0);
    ScheduleKind::Step {
        every: every.map_or(1, |every| every.value),
        gamma: reader.or("gamma", 0.1, &parse).value,
    }
}
