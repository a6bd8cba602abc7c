//! The kinds of values settings take: each function reads one, or says what it expected.

use super::node::{Node, Value};
use super::reader::Mismatch;
use super::words;

type Parsed<T> = Result<T, Mismatch>;

/// The largest size, count or amount a setting may have: far beyond any network, and small
/// enough that sums of a few stay exact.
const LARGEST: i128 = 1 << 40;

/// Reads `true` or `false`.
pub(super) fn boolean(node: &Node) -> Parsed<bool> {
    match node.value {
        Value::Boolean(flag) => Ok(flag),
        _ => Err(Mismatch::new("`true` or `false`", node)),
    }
}

/// Reads a string.
pub(super) fn string(node: &Node) -> Parsed<String> {
    match &node.value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(Mismatch::new("a string", node)),
    }
}

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

/// Reads a whole number of 1 or more.
pub(super) fn positive(node: &Node) -> Parsed<usize> {
    integer(node, 1, "a whole number of 1 or more")
}

/// Reads a whole number of 0 or more.
pub(super) fn count(node: &Node) -> Parsed<usize> {
    integer(node, 0, "a whole number of 0 or more")
}

/// Reads a seed: any whole number from 0 to 2⁶³ − 1.
pub(super) fn seed(node: &Node) -> Parsed<u64> {
    let expected = "a whole number from 0 to 9223372036854775807";
    match node.value {
        Value::Integer(number) => i64::try_from(number)
            .ok()
            .and_then(|number| u64::try_from(number).ok())
            .ok_or_else(|| Mismatch::new(expected, node)),
        _ => Err(Mismatch::new(expected, node)),
    }
}

/// Reads a finite number within bounds that `accept` tells.
pub(super) fn number(
    expected: &'static str,
    accept: impl Fn(f64) -> bool,
) -> impl Fn(&Node) -> Parsed<f64> {
    move |node| {
        let number = match node.value {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a setting of 2⁵³ is out of bounds"
            )]
            Value::Integer(number) => number as f64,
            Value::Float(number) => number,
            _ => return Err(Mismatch::new(expected, node)),
        };
        // Computation is in 32 bits: a number must be in bounds there too.
        let single = f64::from(number as f32);
        if single.is_finite() && accept(number) && accept(single) {
            Ok(number)
        } else {
            Err(Mismatch::new(expected, node))
        }
    }
}

/// Reads one of a list of words; `values` pairs each with what it stands for, `later` names
/// words of the language that this version does not have.
pub(super) fn word<T: Copy>(
    values: &'static [(&'static str, T)],
    later: &'static [&'static str],
) -> impl Fn(&Node) -> Parsed<T> {
    move |node| {
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("`\"{name}\"`")).collect();
        let expected = format!("one of {}", quoted.join(", "));
        let Value::String(text) = &node.value else {
            return Err(Mismatch::new(expected, node));
        };
        if let Some((_, value)) = values.iter().find(|(name, _)| name == text) {
            return Ok(*value);
        }
        let mismatch = Mismatch::new(expected, node);
        if later.contains(&text.as_str()) {
            return Err(mismatch.help(format!("`\"{text}\"` is not supported yet")));
        }
        let suggestion =
            words::suggest(words::our_value(text, &names), words::nearest(text, &names));
        Err(match suggestion {
            Some(help) => mismatch.help(help),
            None => mismatch,
        })
    }
}

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
            Self::Each(sizes) => list(sizes),
        }
    }
}

fn sizes(node: &Node, each: fn(&Node) -> Parsed<usize>, expected: &str) -> Parsed<Size> {
    match &node.value {
        Value::Integer(_) => each(node)
            .map(Size::All)
            .map_err(|_| Mismatch::new(expected, node)),
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(each)
            .collect::<Parsed<Vec<usize>>>()
            .map(Size::Each)
            .map_err(|mismatch| Mismatch {
                expected: expected.to_owned(),
                received: format!("an array with {}", mismatch.received),
                help: None,
            }),
        _ => Err(Mismatch::new(expected, node)),
    }
}

/// Reads sizes of 1 or more.
pub(super) fn positive_size(node: &Node) -> Parsed<Size> {
    sizes(
        node,
        positive,
        "a whole number of 1 or more, or an array of one per dimension",
    )
}

/// Reads sizes of 0 or more.
pub(super) fn count_size(node: &Node) -> Parsed<Size> {
    sizes(
        node,
        count,
        "a whole number of 0 or more, or an array of one per dimension",
    )
}

/// Rows and columns added around a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Padding {
    /// None.
    Valid,
    /// As many as make the output ⌈input / stride⌉, the odd one at the end.
    Same,
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
            Self::Both(size) => size.to_toml(),
            Self::Pairs(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|pair| list(pair)).collect();
                format!("[{}]", pairs.join(", "))
            }
        }
    }
}

/// Reads `"valid"`, `"same"`, a number, one per dimension, or pairs.
pub(super) fn padding(node: &Node) -> Parsed<Padding> {
    let expected = "`\"valid\"`, `\"same\"`, a whole number of 0 or more, an array of one per \
                    dimension, or of `[before, after]` pairs";
    match &node.value {
        Value::String(text) => match text.as_str() {
            "valid" => Ok(Padding::Valid),
            "same" => Ok(Padding::Same),
            "causal" => {
                Err(Mismatch::new(expected, node).help("`\"causal\"` is not supported yet"))
            }
            other => {
                let mismatch = Mismatch::new(expected, node);
                Err(match words::nearest(other, &["valid", "same"]) {
                    Some(near) => mismatch.help(format!("did you mean `\"{near}\"`?")),
                    None => mismatch,
                })
            }
        },
        Value::Array(items)
            if items
                .iter()
                .any(|item| matches!(item.value, Value::Array(_))) =>
        {
            items
                .iter()
                .map(pair)
                .collect::<Option<Vec<[usize; 2]>>>()
                .map(Padding::Pairs)
                .ok_or_else(|| Mismatch::new(expected, node))
        }
        _ => count_size(node)
            .map(Padding::Both)
            .map_err(|_| Mismatch::new(expected, node)),
    }
}

fn pair(node: &Node) -> Option<[usize; 2]> {
    let Value::Array(items) = &node.value else {
        return None;
    };
    let [before, after] = items.as_slice() else {
        return None;
    };
    Some([count(before).ok()?, count(after).ok()?])
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
