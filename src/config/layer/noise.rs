//! The layers that act in training only: `dropout`, `spatial_dropout`, `noise`.

use super::super::reader::Reader;
use super::super::value;

/// Dropout: in training a share of the values becomes 0.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Share of the values that become 0.
    pub rate: f64,
    /// Whether whole maps are dropped in place of single values.
    pub spatial: bool,
}

impl Dropout {
    pub(super) fn read(reader: &Reader<'_>, spatial: bool) -> Option<Self> {
        let expected = "a number from 0 up to, but not including, 1";
        let share = value::number(expected, |rate| (0.0..1.0).contains(&rate));
        let rate = reader.required("rate", "0.5", &share)?;
        Some(Self {
            rate: rate.value,
            spatial,
        })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("rate", value::float(self.rate))]
    }
}

/// Gaussian noise added in training.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// Standard deviation.
    pub std: f64,
}

impl Noise {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let not_negative = value::number("a number of 0 or more", |std| std >= 0.0);
        let std = reader.required("std", "0.1", &not_negative)?;
        Some(Self { std: std.value })
    }

    pub(super) fn settings(self) -> Vec<(&'static str, String)> {
        vec![("std", value::float(self.std))]
    }
}
