//! Sizes, paddings and amounts: one number for all dimensions, or one for each.

use super::form::Form;
use super::node::{Node, Value};
use super::reader::Mismatch;
use super::value::{self, COUNT, Kind as _, POSITIVE, Parsed, Plain};
use super::words;

/// A size for all dimensions, or one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// The same in every dimension.
    All(usize),
    /// One per dimension, outermost first.
    Each(Vec<usize>),
}

impl Size {
    /// Returns one size per dimension, or nothing when their number is another.
    #[must_use]
    pub fn resolve(&self, rank: usize) -> Option<Vec<usize>> {
        match self {
            Self::All(size) => Some(vec![*size; rank]),
            Self::Each(sizes) if sizes.len() == rank => Some(sizes.clone()),
            Self::Each(_) => None,
        }
    }

    pub(super) fn to_toml(&self) -> String {
        match self {
            Self::All(size) => size.to_string(),
            Self::Each(sizes) => value::list(sizes),
        }
    }
}

/// Sizes of 1 or more.
pub(super) const POSITIVE_SIZE: Plain<Size> = Plain {
    parse: |node| {
        let expected = "a whole number of 1 or more, or an array of one per dimension";
        sizes(node, &POSITIVE, expected)
    },
    form: || one_or_each(1),
};

/// Sizes of 0 or more.
pub(super) const COUNT_SIZE: Plain<Size> = Plain {
    parse: |node| {
        let expected = "a whole number of 0 or more, or an array of one per dimension";
        sizes(node, &COUNT, expected)
    },
    form: || one_or_each(0),
};

fn one_or_each(least: i64) -> Form {
    let one = if least == 0 {
        COUNT.form()
    } else {
        POSITIVE.form()
    };
    Form::Either(vec![one.clone(), Form::list(one)])
}

fn sizes(node: &Node, each: &Plain<usize>, expected: &str) -> Parsed<Size> {
    match &node.value {
        Value::Integer(_) => each
            .parse(node)
            .map(Size::All)
            .map_err(|_| Mismatch::new(expected, node)),
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(|item| each.parse(item))
            .collect::<Parsed<Vec<usize>>>()
            .map(Size::Each)
            .map_err(|_| Mismatch::new(expected, node)),
        _ => Err(Mismatch::new(expected, node)),
    }
}

/// Rows and columns added around a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Padding {
    /// None.
    Valid,
    /// As many as make the output ⌈input / stride⌉, the odd one at the end.
    Same,
    /// All before the first value, so that no output sees what comes after it.
    Causal,
    /// The same before and after.
    Both(Size),
    /// `[before, after]` per dimension.
    Pairs(Vec<[usize; 2]>),
}

impl Padding {
    pub(super) fn to_toml(&self) -> String {
        match self {
            Self::Valid => "\"valid\"".to_owned(),
            Self::Same => "\"same\"".to_owned(),
            Self::Causal => "\"causal\"".to_owned(),
            Self::Both(size) => size.to_toml(),
            Self::Pairs(pairs) => pairs_to_toml(pairs),
        }
    }
}

fn pairs_to_toml(pairs: &[[usize; 2]]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|pair| value::list(pair)).collect();
    format!("[{}]", pairs.join(", "))
}

/// `"valid"`, `"same"`, `"causal"`, a number, one per dimension, or pairs.
pub(super) const PADDING: Plain<Padding> = Plain {
    parse: padding,
    form: || {
        let words = Form::Words(vec!["valid", "same", "causal"]);
        Form::Either(vec![words, one_or_each(0), pairs_form()])
    },
};

fn pairs_form() -> Form {
    Form::list(Form::list_of(COUNT.form(), 2..=2))
}

fn padding(node: &Node) -> Parsed<Padding> {
    let expected = "`\"valid\"`, `\"same\"`, `\"causal\"`, a whole number of 0 or more, an array \
                    of one per dimension, or of `[before, after]` pairs";
    match &node.value {
        Value::String(text) => match text.as_str() {
            "valid" => Ok(Padding::Valid),
            "same" => Ok(Padding::Same),
            "causal" => Ok(Padding::Causal),
            other => {
                let mismatch = Mismatch::new(expected, node);
                Err(match words::nearest(other, &["valid", "same", "causal"]) {
                    Some(near) => mismatch.help(format!("did you mean `\"{near}\"`?")),
                    None => mismatch,
                })
            }
        },
        _ => match pairs(node) {
            Some(pairs) => Ok(Padding::Pairs(pairs)),
            None => COUNT_SIZE
                .parse(node)
                .map(Padding::Both)
                .map_err(|_| Mismatch::new(expected, node)),
        },
    }
}

/// Reads an array of `[before, after]` pairs.
fn pairs(node: &Node) -> Option<Vec<[usize; 2]>> {
    let Value::Array(items) = &node.value else {
        return None;
    };
    let pairs = items.iter().map(|item| {
        let Value::Array(ends) = &item.value else {
            return None;
        };
        let [before, after] = ends.as_slice() else {
            return None;
        };
        Some([COUNT.parse(before).ok()?, COUNT.parse(after).ok()?])
    });
    let pairs: Vec<[usize; 2]> = pairs.collect::<Option<_>>()?;
    (!pairs.is_empty()).then_some(pairs)
}

/// What `pad` adds and `crop` takes at the ends of each dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// The same at both ends of every dimension of the map.
    All(usize),
    /// At both ends, one per dimension; the channels in front if there is one more.
    Each(Vec<usize>),
    /// `[before, after]` per dimension; the channels in front if there is one more.
    Pairs(Vec<[usize; 2]>),
}

impl Amount {
    /// Returns `[before, after]` of the channels and of each of `rank` dimensions, or nothing
    /// when their number is another.
    #[must_use]
    pub fn resolve(&self, rank: usize) -> Option<Vec<[usize; 2]>> {
        let pairs: Vec<[usize; 2]> = match self {
            Self::All(amount) => vec![[*amount; 2]; rank],
            Self::Each(amounts) => amounts.iter().map(|amount| [*amount; 2]).collect(),
            Self::Pairs(pairs) => pairs.clone(),
        };
        if pairs.len() == rank + 1 {
            return Some(pairs);
        }
        (pairs.len() == rank).then(|| [vec![[0, 0]], pairs].concat())
    }

    pub(super) fn to_toml(&self) -> String {
        match self {
            Self::All(amount) => amount.to_string(),
            Self::Each(amounts) => value::list(amounts),
            Self::Pairs(pairs) => pairs_to_toml(pairs),
        }
    }
}

/// An [`Amount`].
pub(super) const AMOUNT: Plain<Amount> = Plain {
    parse: |node| {
        let expected = "a whole number of 0 or more, an array of one per dimension, or of \
                        `[before, after]` pairs; with one more in front for the channels";
        if let Some(pairs) = pairs(node) {
            return Ok(Amount::Pairs(pairs));
        }
        match COUNT_SIZE.parse(node) {
            Ok(Size::All(amount)) => Ok(Amount::All(amount)),
            Ok(Size::Each(amounts)) => Ok(Amount::Each(amounts)),
            Err(_) => Err(Mismatch::new(expected, node)),
        }
    },
    form: || Form::Either(vec![one_or_each(0), pairs_form()]),
};
