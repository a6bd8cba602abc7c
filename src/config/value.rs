//! The kinds of values settings take: each reads one, or says what it expected, and describes
//! itself for the schema.

use super::form::{Bounds, Form};
use super::node::{Node, Value};
use super::reader::Mismatch;
use super::words;

pub(super) type Parsed<T> = Result<T, Mismatch>;

/// A kind of value.
pub(super) trait Kind {
    /// What a value becomes.
    type Value;

    /// Reads a value.
    fn parse(&self, node: &Node) -> Parsed<Self::Value>;

    /// Describes the values it takes.
    fn form(&self) -> Form;
}

/// A kind without settings of its own.
pub(super) struct Plain<T> {
    pub(super) parse: fn(&Node) -> Parsed<T>,
    pub(super) form: fn() -> Form,
}

impl<T> Kind for Plain<T> {
    type Value = T;

    fn parse(&self, node: &Node) -> Parsed<T> {
        (self.parse)(node)
    }

    fn form(&self) -> Form {
        (self.form)()
    }
}

/// The largest size, count or amount a setting may have: far beyond any network, and small
/// enough that sums of a few stay exact.
const LARGEST: i128 = 1 << 40;

/// `true` or `false`.
pub(super) const BOOLEAN: Plain<bool> = Plain {
    parse: |node| match node.value {
        Value::Boolean(flag) => Ok(flag),
        _ => Err(Mismatch::new("`true` or `false`", node)),
    },
    form: || Form::Boolean,
};

/// Any string.
pub(super) const STRING: Plain<String> = Plain {
    parse: |node| match &node.value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(Mismatch::new("a string", node)),
    },
    form: || Form::Text,
};

/// A whole number of 1 or more.
pub(super) const POSITIVE: Plain<usize> = Plain {
    parse: |node| integer(node, 1, "a whole number of 1 or more"),
    form: || Form::Integer {
        least: 1,
        most: LARGEST as i64,
    },
};

/// A whole number of 0 or more.
pub(super) const COUNT: Plain<usize> = Plain {
    parse: |node| integer(node, 0, "a whole number of 0 or more"),
    form: || Form::Integer {
        least: 0,
        most: LARGEST as i64,
    },
};

/// A seed: any whole number from 0 to 2⁶³ − 1.
pub(super) const SEED: Plain<u64> = Plain {
    parse: |node| {
        let expected = "a whole number from 0 to 9223372036854775807";
        match node.value {
            Value::Integer(number) => i64::try_from(number)
                .ok()
                .and_then(|number| u64::try_from(number).ok())
                .ok_or_else(|| Mismatch::new(expected, node)),
            _ => Err(Mismatch::new(expected, node)),
        }
    },
    form: || Form::Integer {
        least: 0,
        most: i64::MAX,
    },
};

/// Any finite number.
pub(super) const NUMBER: Number = Number {
    expected: "a number",
    accept: |_| true,
};

fn integer(node: &Node, least: i128, expected: &str) -> Parsed<usize> {
    match node.value {
        Value::Integer(number) if (least..=LARGEST).contains(&number) => {
            usize::try_from(number).map_err(|_| Mismatch::new(expected, node))
        }
        Value::Integer(number) if number > LARGEST => Err(Mismatch::new(
            format!("{expected}, {LARGEST} at most"),
            node,
        )),
        _ => Err(Mismatch::new(expected, node)),
    }
}

/// A finite number within bounds.
pub(super) struct Number {
    expected: &'static str,
    accept: fn(f64) -> bool,
}

/// Makes the kind of the finite numbers that `accept` takes.
pub(super) fn number(expected: &'static str, accept: fn(f64) -> bool) -> Number {
    Number { expected, accept }
}

impl Kind for Number {
    type Value = f64;

    fn parse(&self, node: &Node) -> Parsed<f64> {
        let number = match node.value {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a setting of 2⁵³ is out of bounds"
            )]
            Value::Integer(number) => number as f64,
            Value::Float(number) => number,
            _ => return Err(Mismatch::new(self.expected, node)),
        };
        // Computation is in 32 bits: a number must be in bounds there too.
        let single = f64::from(number as f32);
        if single.is_finite() && (self.accept)(number) && (self.accept)(single) {
            Ok(number)
        } else {
            Err(Mismatch::new(self.expected, node))
        }
    }

    fn form(&self) -> Form {
        // The ends that settings have; those of this one show in what it takes beside them.
        const ENDS: [f64; 8] = [0.0, 0.1, 1.0, 10.0, 90.0, 100.0, 180.0, 1000.0];
        let step = 1e-6;
        let accept = self.accept;
        let lower = ENDS
            .iter()
            .find(|&&end| !accept(end - step) && accept(end + step));
        let upper = ENDS
            .iter()
            .find(|&&end| accept(end - step) && !accept(end + step));
        Form::Number(Bounds {
            expected: self.expected,
            lower: lower.map(|&end| (end, accept(end))),
            upper: upper.map(|&end| (end, accept(end))),
        })
    }
}

/// One of a list of words, each with what it stands for.
pub(super) struct Word<T: 'static> {
    values: &'static [(&'static str, T)],
}

/// Makes the kind of a list of words.
pub(super) fn word<T>(values: &'static [(&'static str, T)]) -> Word<T> {
    Word { values }
}

impl<T: Copy> Kind for Word<T> {
    type Value = T;

    fn parse(&self, node: &Node) -> Parsed<T> {
        if let Value::String(text) = &node.value
            && let Some((_, value)) = self.values.iter().find(|(name, _)| name == text)
        {
            return Ok(*value);
        }
        let names: Vec<&str> = self.values.iter().map(|(name, _)| *name).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("`\"{name}\"`")).collect();
        let mismatch = Mismatch::new(format!("one of {}", quoted.join(", ")), node);
        let Value::String(text) = &node.value else {
            return Err(mismatch);
        };
        let suggestion =
            words::suggest(words::our_value(text, &names), words::nearest(text, &names));
        Err(match suggestion {
            Some(help) => mismatch.help(help),
            None => mismatch,
        })
    }

    fn form(&self) -> Form {
        Form::Words(self.values.iter().map(|(name, _)| *name).collect())
    }
}

/// Returns the word that stands for a value.
pub(super) fn word_of<T: PartialEq>(
    values: &'static [(&'static str, T)],
    value: &T,
) -> &'static str {
    let found = values.iter().find(|(_, candidate)| candidate == value);
    found.map_or("", |(name, _)| name)
}

/// Writes numbers as a TOML array.
pub(super) fn list<T: std::fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    format!("[{}]", items.join(", "))
}

/// Writes a number so that TOML reads it back as the same float.
pub(super) fn float(number: f64) -> String {
    format!("{number:?}")
}

/// Writes a string in TOML's quotes.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Writes settings as an inline table.
pub(super) fn table(settings: &[(&str, String)]) -> String {
    let settings: Vec<String> = settings
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    format!("{{ {} }}", settings.join(", "))
}
