//! `[model]`: the input and the layers.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::form::Form;
use super::layer::{self, Layer};
use super::node::{Node, Value};
use super::reader::{self, Mismatch, Reader, Spanned};
use super::value::{self, Kind as _, POSITIVE, Plain, STRING};
use crate::diagnostic::{Diagnostic, Span};

/// The network as the user drew it.
#[derive(Clone, Debug)]
pub struct Model {
    /// What runs of it are called; the file's name if absent.
    pub name: Option<String>,
    /// Shape of one input, `[channels, height, width]`.
    pub input: Spanned<Vec<usize>>,
    /// The layers in order. An entry that could not be read ends the list.
    pub layers: Vec<Layer>,
}

impl Model {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let name = reader.optional("name", &NAME);
        let input = reader.required("input", "[1, 28, 28]", &INPUT);
        let layers = reader
            .take_required("layers", "[ … ]", || Form::Layers { least: 1 })
            .map(|(key, node)| read_layers(node, &reader::whole(key, node), reader));
        let layers = layers.unwrap_or_default();
        check_names(&layers, reader);
        Some(Self {
            name: name.map(|name| name.value),
            input: input?,
            layers,
        })
    }

    pub(super) fn write(&self, text: &mut String) {
        text.push_str("[model]\n");
        if let Some(name) = &self.name {
            let _ = writeln!(text, "name = {}", value::quoted(name));
        }
        let _ = writeln!(text, "input = {}", value::list(&self.input.value));
        text.push_str("layers = [\n");
        for layer in &self.layers {
            layer.write(text, 2);
            text.push_str(",\n");
        }
        text.push_str("]\n");
    }
}

/// Far more layers than any network has.
const MAX_LAYERS: usize = 10_000;

/// How deep lists of layers may stand in each other.
const MAX_DEPTH: usize = 64;

/// A name that serves as a folder's name too.
const NAME: Plain<String> = Plain {
    parse: |node| {
        let expected = "a name of letters, digits, `-`, `_` and `.`";
        let name = STRING.parse(node)?;
        if is_run_name(&name) {
            Ok(name)
        } else {
            Err(Mismatch::new(expected, node))
        }
    },
    form: || Form::Text,
};

/// The shape of one input.
const INPUT: Plain<Vec<usize>> = Plain {
    parse: input,
    form: || Form::list_of(POSITIVE.form(), 2..=4),
};

/// Returns whether a name can be a run's: a plain folder name other than `latest`.
#[must_use]
pub fn is_run_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && !name.starts_with('.')
        && name != "latest"
        && name.chars().all(is_plain)
}

/// Makes a run's name of any text, such as the name of a file.
#[must_use]
pub fn run_name_from(text: &str) -> String {
    let plain = text.chars().map(|c| if is_plain(c) { c } else { '-' });
    let name: String = plain.take(50).collect();
    let name = name.trim_start_matches('.').to_owned();
    if is_run_name(&name) {
        name
    } else {
        "model".to_owned()
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn input(node: &Node) -> Result<Vec<usize>, Mismatch> {
    let expected = "the shape of one input: `[channels, height, width]`, `[channels, length]` or \
                    `[channels, depth, height, width]`";
    let Value::Array(items) = &node.value else {
        return Err(Mismatch::new(expected, node));
    };
    let shape: Option<Vec<usize>> = items.iter().map(|item| POSITIVE.parse(item).ok()).collect();
    shape
        .filter(|shape| (2..=4).contains(&shape.len()))
        .ok_or_else(|| Mismatch::new(expected, node))
}

fn read_layers(node: &Node, span: &Span, reader: &Reader<'_>) -> Vec<Layer> {
    let problems = reader.problems();
    let items = match &node.value {
        Value::Array(items) if !items.is_empty() => items,
        _ => {
            let message = "`layers` takes an array of layers, at least one";
            let label = format!("received {}", node.describe());
            problems.add(Diagnostic::error(message).at(span, label));
            return Vec::new();
        }
    };
    let (count, depth) = extent(node);
    if count > MAX_LAYERS || depth > MAX_DEPTH {
        let message =
            format!("a network has {MAX_LAYERS} layers at most, in lists {MAX_DEPTH} deep at most");
        let label = format!("received {count}, {depth} deep");
        problems.add(Diagnostic::error(message).at(span, label));
        return Vec::new();
    }
    let layers = layer::read_list(items, problems);
    layers.into_iter().map_while(|layer| layer).collect()
}

/// Counts the layers in a list and in all lists below it, and how deep those stand.
fn extent(node: &Node) -> (usize, usize) {
    let Value::Array(items) = &node.value else {
        return (0, 0);
    };
    let mut sum = (0, 0);
    for item in items {
        let (count, depth) = match &item.value {
            Value::Table(entries) => {
                let held = entries
                    .iter()
                    .filter(|(key, _)| HOLDERS.contains(&key.name.as_str()));
                held.map(|(_, value)| extent(value))
                    .fold((1, 0), |sum, one| (sum.0 + one.0, sum.1.max(one.1)))
            }
            _ => extent(item),
        };
        sum = (sum.0 + count, sum.1.max(depth));
    }
    (sum.0, sum.1 + 1)
}

/// Keys that hold layers.
const HOLDERS: &[&str] = &["layers", "shortcut", "branches"];

fn all<'a>(layers: &'a [Layer], found: &mut Vec<&'a Layer>) {
    for layer in layers {
        found.push(layer);
        for (_, inner) in layer.kind.lists() {
            all(inner, found);
        }
    }
}

fn check_names(layers: &[Layer], reader: &Reader<'_>) {
    let mut every = Vec::new();
    all(layers, &mut every);
    let mut seen: HashMap<&str, &Spanned<String>> = HashMap::new();
    for name in every.iter().filter_map(|layer| layer.name.as_ref()) {
        if let Some(first) = seen.get(name.value.as_str()) {
            reader.problems().add(
                Diagnostic::error(format!("two layers are named `{}`", name.value))
                    .at(&name.span, "")
                    .note(format!("the first is in line {}", first.span.line()))
                    .help("give each layer a name of its own"),
            );
        }
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        let number = name.value.chars().all(|c| c.is_ascii_digit());
        if name.value.is_empty() || number || !name.value.chars().all(plain) {
            reader.problems().add(
                Diagnostic::error(
                    "a layer's name has letters, digits, `-` and `_`, and is no number",
                )
                .at(&name.span, format!("received `\"{}\"`", name.value)),
            );
        }
        seen.entry(&name.value).or_insert(name);
    }
}
