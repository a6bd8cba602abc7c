//! `kernel`: weights made by hand.

use super::super::form::Form;
use super::super::node::{Node, Value};
use super::super::reader::Mismatch;
use super::super::value::{self, Kind as _, NUMBER, Parsed, Plain};
use super::super::words;
use crate::handmade::{KERNELS, Kernel};

/// Weights made by hand: an array whose depth says what it stands for.
///
/// As deep as the map has dimensions, it serves every filter and channel; one deeper, it has an
/// entry for each filter; two deeper, one for each filter and channel.
#[derive(Clone, Debug, PartialEq)]
pub struct HandMade {
    /// Length of the array at each depth.
    pub shape: Vec<usize>,
    /// The weights, the innermost running first.
    pub weights: Vec<f64>,
    /// Names of kernels that stand in its place in the config.
    names: Names,
}

#[derive(Clone, Debug, PartialEq)]
enum Names {
    None,
    One(String),
    Several(Vec<String>),
}

/// Weights made by hand.
pub(super) const HAND_MADE: Plain<HandMade> = Plain {
    parse: hand_made,
    form: || {
        let words = Form::Words(KERNELS.iter().map(|kernel| kernel.name).collect());
        let mut forms = vec![words.clone(), Form::list(words)];
        let mut array = NUMBER.form();
        for _ in 0..5 {
            array = Form::list(array);
            forms.push(array.clone());
        }
        Form::Either(forms)
    },
};

impl HandMade {
    /// Returns whether it is given by names, which stand for matrices.
    #[must_use]
    pub(crate) fn is_named(&self) -> bool {
        !matches!(self.names, Names::None)
    }

    pub(super) fn to_toml(&self) -> String {
        match &self.names {
            Names::One(name) => format!("\"{name}\""),
            Names::Several(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                value::list(&names)
            }
            Names::None => nested(&self.shape, &self.weights),
        }
    }
}

fn nested(shape: &[usize], weights: &[f64]) -> String {
    match shape.split_first() {
        Some((_, rest)) if !rest.is_empty() => {
            let parts: Vec<String> = weights
                .chunks(rest.iter().product::<usize>().max(1))
                .map(|part| nested(rest, part))
                .collect();
            value::list(&parts)
        }
        _ => {
            let numbers: Vec<String> = weights.iter().map(|number| value::float(*number)).collect();
            value::list(&numbers)
        }
    }
}

fn hand_made(node: &Node) -> Parsed<HandMade> {
    let expected = "hand-made weights: the name of a kernel, a list of names, or a nested array \
                    of numbers";
    match &node.value {
        Value::String(name) => {
            let kernel = named(name, node, expected)?;
            Ok(HandMade {
                shape: vec![kernel.rows(), kernel.columns],
                weights: kernel.weights().collect(),
                names: Names::One(name.clone()),
            })
        }
        Value::Array(items)
            if matches!(
                items.first(),
                Some(Node {
                    value: Value::String(_),
                    ..
                })
            ) =>
        {
            several(items, node, expected)
        }
        Value::Array(_) => {
            let mut weights = Vec::new();
            let shape = array(node, &mut weights)?;
            Ok(HandMade {
                shape,
                weights,
                names: Names::None,
            })
        }
        Value::Integer(_) => {
            Err(Mismatch::new(expected, node)
                .help("the number of rows and columns is `kernel_size`"))
        }
        _ => Err(Mismatch::new(expected, node)),
    }
}

fn named(name: &str, node: &Node, expected: &str) -> Parsed<&'static Kernel> {
    Kernel::named(name).ok_or_else(|| {
        let names: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name).collect();
        let mismatch = Mismatch::new(expected, node);
        match words::nearest(name, &names) {
            Some(near) => mismatch.help(format!("did you mean `{near}`?")),
            None => mismatch.help(format!("kernels are {}", names.join(", "))),
        }
    })
}

fn several(items: &[Node], node: &Node, expected: &str) -> Parsed<HandMade> {
    let mut names = Vec::new();
    let mut weights = Vec::new();
    let mut shape = Vec::new();
    for item in items {
        let Value::String(name) = &item.value else {
            return Err(Mismatch::new(expected, node));
        };
        let kernel = named(name, item, expected)?;
        let own = vec![items.len(), kernel.rows(), kernel.columns];
        if !shape.is_empty() && shape != own {
            return Err(Mismatch::new("kernels of the same size in one list", node));
        }
        shape = own;
        weights.extend(kernel.weights());
        names.push(name.clone());
    }
    Ok(HandMade {
        shape,
        weights,
        names: Names::Several(names),
    })
}

/// Reads a nested array; returns its lengths from the outermost on.
fn array(node: &Node, weights: &mut Vec<f64>) -> Parsed<Vec<usize>> {
    let Value::Array(items) = &node.value else {
        weights.push(NUMBER.parse(node)?);
        return Ok(Vec::new());
    };
    let mut inner: Option<Vec<usize>> = None;
    for item in items {
        let shape = array(item, weights)?;
        if inner.as_ref().is_some_and(|inner| *inner != shape) {
            return Err(Mismatch::new("rows of the same length", node));
        }
        inner = Some(shape);
    }
    match inner {
        Some(inner) => Ok([vec![items.len()], inner].concat()),
        None => Err(Mismatch::new("an array that is not empty", node)),
    }
}
