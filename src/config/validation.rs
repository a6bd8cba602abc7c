//! `validation` of `[data]`: what is set apart of the training samples.

use super::form::Form;
use super::node::{Node, Value};
use super::reader::{self, Mismatch, Reader};
use super::value::{self, Kind as _, Number, POSITIVE, Plain, STRING};

/// The samples set apart of the training split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Validation {
    /// A fraction between 0 and 1.
    Fraction(f64),
    /// One of equal parts, as in cross-validation.
    Fold {
        /// Its number, from 1.
        fold: usize,
        /// How many there are.
        of: usize,
    },
}

impl Validation {
    /// Writes it as TOML.
    #[must_use]
    pub fn to_toml(self) -> String {
        match self {
            Self::Fraction(fraction) => value::float(fraction),
            Self::Fold { fold, of } => format!("{{ fold = {fold}, of = {of} }}"),
        }
    }
}

/// What the key holds.
pub(super) enum Given {
    /// Nothing is set apart, as without the key: a command line can say so of a config that has it.
    Nothing,
    /// How much of the training samples.
    Apart(Validation),
    /// Where other samples are.
    Source(String),
}

pub(super) const VALIDATION: Plain<Given> = Plain {
    parse: validation,
    form: || {
        let table = Form::Table(fold_fields());
        Form::Either(vec![fraction().form(), table, STRING.form()])
    },
};

fn fold_fields() -> Vec<super::form::Field> {
    reader::describe(|reader: &Reader<'_>| {
        reader.required("fold", "1", &POSITIVE);
        reader.required("of", "5", &POSITIVE);
    })
}

fn validation(node: &Node) -> Result<Given, Mismatch> {
    let share = match &node.value {
        Value::Table(_) => fold(node)?,
        Value::String(path) => return Ok(Given::Source(path.clone())),
        _ => {
            let share = fraction().parse(node);
            let share = share.map_err(|_| Mismatch::new(EXPECTED, node))?;
            if share == 0.0 {
                return Ok(Given::Nothing);
            }
            Validation::Fraction(share)
        }
    };
    Ok(Given::Apart(share))
}

/// Reads `{ fold, of }`.
fn fold(node: &Node) -> Result<Validation, Mismatch> {
    let expected = "a fraction, or a fold such as `{ fold = 1, of = 5 }`";
    let wrong = || Mismatch::new(expected, node);
    let entries = reader::table(node).ok_or_else(wrong)?;
    let number = |name: &str| {
        let (_, node) = entries.iter().find(|(key, _)| key.name == name)?;
        POSITIVE.parse(node).ok()
    };
    let (Some(fold), Some(of), 2) = (number("fold"), number("of"), entries.len()) else {
        return Err(wrong());
    };
    if of < 2 || fold > of {
        let help = "there are 2 folds or more, numbered from 1 to `of`";
        return Err(wrong().help(help));
    }
    Ok(Validation::Fold { fold, of })
}

const EXPECTED: &str = "a fraction between 0 and 1, or a path";

fn fraction() -> Number {
    value::number(EXPECTED, |fraction| (0.0..1.0).contains(&fraction))
}
