//! Settings of layers, as values until a config is written of them.

use std::fmt::{Display, Formatter, Result};

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Setting {
    Flag(bool),
    Count(usize),
    Number(f32),
    Word(String),
    Words(Vec<String>),
    /// A number for each dimension.
    Sizes(Vec<usize>),
    /// `[before, after]` for each dimension.
    Pairs(Vec<[usize; 2]>),
    /// The same for each dimension and the channels, of which none may be left out.
    EveryPair(Vec<[usize; 2]>),
    /// Sizes that are no numbers for each dimension, such as a shape.
    Shape(Vec<usize>),
}

impl Setting {
    /// Returns what comes off or on at each side, the channels only where they change.
    pub(super) fn sides(amount: &[[usize; 2]]) -> Self {
        match amount {
            [[0, 0], dimensions @ ..] => Self::Pairs(dimensions.to_vec()),
            _ => Self::EveryPair(amount.to_vec()),
        }
    }

    /// Returns whether it is this size for each dimension.
    pub(super) fn is_all(&self, size: usize) -> bool {
        matches!(self, Self::Sizes(sizes) if sizes.iter().all(|own| *own == size))
    }
}

impl From<bool> for Setting {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<usize> for Setting {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}

impl From<f32> for Setting {
    fn from(number: f32) -> Self {
        Self::Number(number)
    }
}

impl Display for Setting {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let text = match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Count(count) => count.to_string(),
            Self::Number(value) => number(*value),
            Self::Word(word) => quoted(word),
            Self::Words(words) => list(words.iter().map(|word| quoted(word))),
            Self::Sizes(values) => sizes(values),
            Self::Pairs(values) => pairs(values),
            Self::EveryPair(values) => list(values.iter().map(list)),
            Self::Shape(values) => list(values),
        };
        formatter.write_str(&text)
    }
}

fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}

/// Writes one number where all are equal, else all.
fn sizes(values: &[usize]) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => first.to_string(),
        _ => list(values),
    }
}

/// Writes padding: one number, one per dimension, or `[before, after]` per dimension.
pub(super) fn pairs(values: &[[usize; 2]]) -> String {
    if values.iter().all(|[before, after]| before == after) {
        let sides: Vec<usize> = values.iter().map(|pair| pair[0]).collect();
        return sizes(&sides);
    }
    list(values.iter().map(list))
}

/// Writes values between brackets.
pub(super) fn list<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let values = values.into_iter().map(|value| value.to_string());
    format!("[{}]", values.collect::<Vec<String>>().join(", "))
}

/// Writes a number so that the config reads it as the one it is.
pub(super) fn number(value: f32) -> String {
    let text = value.to_string();
    if text.contains(['.', 'e']) {
        text
    } else {
        text + ".0"
    }
}
