//! `dropout` as a config writes it.

use super::super::reader::Reader;
use super::super::value;

/// Dropout of single values, in training only.
#[derive(Clone, Debug)]
pub struct Dropout {
    /// Share of the values that become 0.
    pub rate: f64,
}

impl Dropout {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let expected = "a number from 0 up to, but not including, 1";
        let parse = value::number(expected, |rate| (0.0..1.0).contains(&rate));
        let rate = reader.required("rate", "0.5", parse)?;
        Some(Self { rate: rate.value })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("rate", value::float(self.rate))]
    }
}
