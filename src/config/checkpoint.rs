//! `checkpoint` of `[train]`.

use super::form::Form;
use super::node::Value;
use super::reader::{self, Mismatch, Reader};
use super::value::{self, POSITIVE, Plain};

/// When checkpoints are written, and how many stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The interval.
    pub every: Every,
    /// The newest that are kept.
    pub keep: usize,
}

/// An interval between checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Epochs.
    Epochs(u64),
    /// Steps, and the end of every epoch.
    Steps(u64),
    /// Seconds, and the end of every epoch.
    Seconds(u64),
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            every: Every::Epochs(1),
            keep: 3,
        }
    }
}

/// Words of intervals, each with the seconds in it if it is one of time.
const UNITS: &[(&str, Unit)] = &[
    ("epoch", Every::Epochs),
    ("epochs", Every::Epochs),
    ("step", Every::Steps),
    ("steps", Every::Steps),
    ("min", |count| Every::Seconds(count.saturating_mul(60))),
    ("minutes", |count| Every::Seconds(count.saturating_mul(60))),
    ("s", Every::Seconds),
];

type Unit = fn(u64) -> Every;

impl std::fmt::Display for Every {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (count, unit) = match *self {
            Self::Epochs(count) => (count, "epoch"),
            Self::Steps(count) => (count, "step"),
            Self::Seconds(secs) if secs.is_multiple_of(60) => (secs / 60, "min"),
            Self::Seconds(secs) => (secs, "s"),
        };
        let plural = if count > 1 && unit.len() > 3 { "s" } else { "" };
        write!(formatter, "{count} {unit}{plural}")
    }
}

const EVERY: Plain<Every> = Plain {
    parse: |node| {
        let mismatch = || {
            let expected = "a string such as `\"1 epoch\"`, `\"500 steps\"` or `\"5 min\"`";
            Mismatch::new(expected, node)
        };
        let Value::String(text) = &node.value else {
            return Err(mismatch());
        };
        interval(text).ok_or_else(mismatch)
    },
    form: || Form::Text,
};

fn interval(text: &str) -> Option<Every> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = text.split_at_checked(digits)?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let (_, make) = UNITS.iter().find(|(word, _)| *word == unit.trim())?;
    Some(make(count))
}

impl Checkpoint {
    pub(super) fn to_toml(&self) -> String {
        value::table(&[
            ("every", value::quoted(&self.every.to_string())),
            ("keep", self.keep.to_string()),
        ])
    }
}

/// Reads `checkpoint`.
pub(super) fn read(reader: &Reader<'_>) -> Option<Checkpoint> {
    reader::inner(reader, "checkpoint", "{ every, keep }", |inner| {
        let default = Checkpoint::default();
        Checkpoint {
            every: inner.or("every", default.every, &EVERY).value,
            keep: inner.or("keep", default.keep, &POSITIVE).value,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_and_written() {
        for (text, every, written) in [
            ("1 epoch", Every::Epochs(1), "1 epoch"),
            ("2 epochs", Every::Epochs(2), "2 epochs"),
            ("500 steps", Every::Steps(500), "500 steps"),
            ("5 min", Every::Seconds(300), "5 min"),
            ("5minutes", Every::Seconds(300), "5 min"),
            ("90 s", Every::Seconds(90), "90 s"),
        ] {
            assert_eq!(interval(text), Some(every), "{text}");
            assert_eq!(every.to_string(), written);
        }
        for text in ["", "epoch", "0 steps", "-1 epochs", "5 parsecs", "1.5 min"] {
            assert_eq!(interval(text), None, "{text}");
        }
    }
}
