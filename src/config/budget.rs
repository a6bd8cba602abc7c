//! `[budget]`: what the network may take.

use std::fmt::Write as _;

use super::form::Form;
use super::node::{Node, Value};
use super::reader::{Mismatch, Reader, Spanned};
use super::size::{POSITIVE_SIZE, Size};
use super::value::Plain;

/// `[budget]`: bounds that the network must keep to; none where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// Weights, trained or not.
    pub max_parameters: Option<Spanned<u64>>,
    /// Multiply-adds for one input.
    pub max_macs: Option<Spanned<u64>>,
    /// Receptive field of the last map.
    pub min_receptive_field: Option<Spanned<Size>>,
    /// Bytes of the outputs that must be there at once for one input, in 32-bit floats.
    pub max_inference_memory: Option<Spanned<u64>>,
    /// Bytes of all outputs of a batch of `train.batch_size`, in 32-bit floats.
    pub max_training_memory: Option<Spanned<u64>>,
}

impl Budget {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            max_parameters: reader.optional("max_parameters", &LIMIT),
            max_macs: reader.optional("max_macs", &LIMIT),
            min_receptive_field: reader.optional("min_receptive_field", &POSITIVE_SIZE),
            max_inference_memory: reader.optional("max_inference_memory", &BYTES),
            max_training_memory: reader.optional("max_training_memory", &BYTES),
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        let field = self.min_receptive_field.as_ref();
        let number = |limit: &Option<Spanned<u64>>| limit.as_ref().map(|it| it.value.to_string());
        let settings = [
            ("max_parameters", number(&self.max_parameters)),
            ("max_macs", number(&self.max_macs)),
            (
                "min_receptive_field",
                field.map(|field| field.value.to_toml()),
            ),
            ("max_inference_memory", number(&self.max_inference_memory)),
            ("max_training_memory", number(&self.max_training_memory)),
        ];
        if settings.iter().all(|(_, setting)| setting.is_none()) {
            return;
        }
        text.push_str("\n[budget]\n");
        for (key, setting) in settings {
            if let Some(setting) = setting {
                let _ = writeln!(text, "{key} = {setting}");
            }
        }
    }
}

/// A whole number without a bound of its own.
const LIMIT: Plain<u64> = Plain {
    parse: |node| limit(node).ok_or_else(|| Mismatch::new("a whole number of 0 or more", node)),
    form: || Form::Integer {
        least: 0,
        most: i64::MAX,
    },
};

fn limit(node: &Node) -> Option<u64> {
    match node.value {
        Value::Integer(number) => {
            let number = i64::try_from(number).ok()?;
            u64::try_from(number).ok()
        }
        _ => None,
    }
}

/// An amount of memory.
pub(super) const BYTES: Plain<u64> = Plain {
    parse: |node| {
        let parsed = match &node.value {
            Value::String(text) => bytes(text),
            _ => limit(node),
        };
        let expected = "a number of bytes, or a size such as `\"256 kB\"` or `\"1 MiB\"`";
        parsed.ok_or_else(|| {
            let units: Vec<&str> = UNITS.iter().map(|(unit, _)| *unit).collect();
            Mismatch::new(expected, node).help(format!("units are {}", units.join(", ")))
        })
    },
    form: || {
        Form::Either(vec![
            Form::Integer {
                least: 0,
                most: i64::MAX,
            },
            Form::Text,
        ])
    },
};

/// Units of memory, each with its bytes.
const UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// Reads `1.5 MiB`; a number alone is bytes.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| c != '.' && c != '_' && !c.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = match unit.trim() {
        "" => "B",
        unit => unit,
    };
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number = number.replace('_', "");
    if let Ok(whole) = number.parse::<u64>() {
        let bytes = whole.checked_mul(*factor)?;
        return i64::try_from(bytes).is_ok().then_some(bytes);
    }
    let bytes = number.parse::<f64>().ok()? * *factor as f64;
    if bytes >= 9e18 {
        return None;
    }
    #[expect(clippy::cast_sign_loss, reason = "the text has no sign")]
    Some(bytes.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_every_unit() {
        for (text, expected) in [
            ("512", Some(512)),
            ("512 B", Some(512)),
            ("1 kB", Some(1000)),
            ("1 KB", Some(1000)),
            ("1KiB", Some(1024)),
            (" 2 MB ", Some(2_000_000)),
            ("1.5 MiB", Some(1_572_864)),
            ("1_000 GB", Some(1_000_000_000_000)),
            ("1 GiB", Some(1 << 30)),
            ("1 mb", None),
            ("one MB", None),
            ("MB", None),
            ("-1 MB", None),
            ("1 2 MB", None),
            ("1.2.3 MB", None),
            ("99999999999 GiB", None),
            ("99999999999.5 GiB", None),
            ("", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
