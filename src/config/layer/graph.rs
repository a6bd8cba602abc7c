//! The layers that hold or join others: `residual`, `branches`, `merge`.

use super::super::form::Form;
use super::super::node::{Node, Value};
use super::super::reader::{Mismatch, Problems, Reader, Spanned};
use super::super::value::{self, Kind as _, Parsed, Plain, STRING};
use super::activation::Function;
use super::{Layer, read_list};
use crate::diagnostic::Diagnostic;

/// How several values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// One after the other along the channels.
    Concat,
    /// Their sum.
    Add,
    /// Their product.
    Multiply,
}

const JOINS: &[(&str, Join)] = &[
    ("concat", Join::Concat),
    ("add", Join::Add),
    ("multiply", Join::Multiply),
];

impl Join {
    /// Returns the word of the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        value::word_of(JOINS, &self)
    }
}

/// Layers whose output is added to their input: He et al. 2015.
#[derive(Clone, Debug)]
pub struct Residual {
    /// The layers.
    pub layers: Vec<Layer>,
    /// Layers that the input goes through before the sum; none for the input itself.
    pub shortcut: Vec<Layer>,
    /// Activation of the sum.
    pub activation: Option<Function>,
}

impl Residual {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let example = "[{ type = \"conv\", filters = 8, kernel_size = 3, padding = \"same\" }]";
        let layers = reader.take_required("layers", example, || Form::Layers { least: 0 });
        let shortcut = reader.take("shortcut", || Form::Layers { least: 0 });
        let activation = Function::read_key(reader);
        let problems = reader.problems();
        let layers = layers.map(|(_, node)| read_layers("layers", node, problems));
        let shortcut = shortcut.map(|(_, node)| read_layers("shortcut", node, problems));
        Some(Self {
            layers: layers??,
            shortcut: shortcut.unwrap_or_else(|| Some(Vec::new()))?,
            activation,
        })
    }
}

/// Lists of layers that all receive the same value, and whose outputs become one.
#[derive(Clone, Debug)]
pub struct Branches {
    /// The lists; an empty one passes the value on.
    pub branches: Vec<Vec<Layer>>,
    /// How their outputs become one.
    pub join: Join,
}

impl Branches {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let example = "[[], [{ type = \"conv\", filters = 8, kernel_size = 1 }]]";
        let branches = reader.take_required("branches", example, || Form::LayerLists);
        let join = reader.or("merge", Join::Concat, &value::word(JOINS)).value;
        let (_, node) = branches?;
        let problems = reader.problems();
        let Value::Array(lists) = &node.value else {
            let message = "`branches` takes an array of arrays of layers";
            let label = format!("received {}", node.describe());
            problems.add(Diagnostic::error(message).at(&node.span, label));
            return None;
        };
        if lists.len() < 2 {
            let message = "`branches` takes two branches or more";
            let help = "write `[]` for a branch that passes its input on";
            problems.add(Diagnostic::error(message).at(&node.span, "").help(help));
            return None;
        }
        let branches: Vec<Option<Vec<Layer>>> = lists
            .iter()
            .map(|list| read_layers("branches", list, problems))
            .collect();
        Some(Self {
            branches: branches.into_iter().collect::<Option<_>>()?,
            join,
        })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("merge", format!("\"{}\"", self.join.word()))]
    }
}

fn read_layers(key: &str, node: &Node, problems: &Problems) -> Option<Vec<Layer>> {
    let Value::Array(items) = &node.value else {
        let message = format!("`{key}` takes an array of layers");
        let label = format!("received {}", node.describe());
        problems.add(Diagnostic::error(message).at(&node.span, label));
        return None;
    };
    // A list that could not be read whole has no known output.
    let layers: Vec<Option<Layer>> = read_list(items, problems);
    layers.into_iter().collect()
}

/// Joins the value with outputs of earlier layers.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Names of the layers.
    pub from: Spanned<Vec<String>>,
    /// How the values become one.
    pub join: Join,
}

const NAMES: Plain<Vec<String>> = Plain {
    parse: names,
    form: || Form::Either(vec![Form::Text, Form::list(Form::Text)]),
};

fn names(node: &Node) -> Parsed<Vec<String>> {
    let expected = "the name of an earlier layer, or an array of names";
    let names: Option<Vec<String>> = match &node.value {
        Value::String(name) => Some(vec![name.clone()]),
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| STRING.parse(item).ok()).collect()
        }
        _ => None,
    };
    names.ok_or_else(|| Mismatch::new(expected, node))
}

impl Merge {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let from = reader.required("from", "\"stem\"", &NAMES);
        let join = reader.or("with", Join::Concat, &value::word(JOINS)).value;
        Some(Self { from: from?, join })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let names: Vec<String> = self
            .from
            .value
            .iter()
            .map(|name| value::quoted(name))
            .collect();
        vec![
            ("from", value::list(&names)),
            ("with", format!("\"{}\"", self.join.word())),
        ]
    }
}
