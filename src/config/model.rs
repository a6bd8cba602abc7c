//! `[model]`: the input and the layers.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::layer::{self, Layer};
use super::node::{Node, Value};
use super::reader::{Mismatch, Reader, Spanned};
use super::value;
use crate::diagnostic::Diagnostic;

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
        let name = reader.optional("name", run_name);
        let input = reader.required("input", "[1, 28, 28]", input);
        let entries = reader.required("layers", "[ … ]", layers);
        let entries = entries.map(|entries| entries.value).unwrap_or_default();
        let layers: Vec<Option<Layer>> = entries
            .iter()
            .map(|node| layer::read(node, reader.problems()))
            .collect();
        unique_names(&layers, reader);
        Some(Self {
            name: name.map(|name| name.value),
            input: input?,
            layers: layers.into_iter().map_while(|layer| layer).collect(),
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
            let _ = writeln!(text, "  {},", layer.to_toml());
        }
        text.push_str("]\n");
    }
}

/// Far more layers than any network has.
const MAX_LAYERS: usize = 10_000;

/// Reads a name that serves as a folder's name too.
fn run_name(node: &Node) -> Result<String, Mismatch> {
    let expected = "a name of letters, digits, `-`, `_` and `.`";
    let name = value::string(node)?;
    if is_run_name(&name) {
        Ok(name)
    } else {
        Err(Mismatch::new(expected, node))
    }
}

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
    let expected = "the shape of one picture, `[channels, height, width]`";
    let Value::Array(items) = &node.value else {
        return Err(Mismatch::new(expected, node));
    };
    let shape: Option<Vec<usize>> = items
        .iter()
        .map(|item| value::positive(item).ok())
        .collect();
    match shape {
        Some(shape) if shape.len() == 3 => Ok(shape),
        Some(shape) if shape.len() == 2 => Err(Mismatch::new(expected, node)
            .help("a grey picture is `[1, 28, 28]`; 1-D input is not supported yet")),
        Some(shape) if shape.len() == 4 => {
            Err(Mismatch::new(expected, node).help("3-D input is not supported yet"))
        }
        _ => Err(Mismatch::new(expected, node)),
    }
}

fn layers(node: &Node) -> Result<Vec<Node>, Mismatch> {
    match &node.value {
        Value::Array(items) if (1..=MAX_LAYERS).contains(&items.len()) => Ok(items.clone()),
        _ => Err(Mismatch::new("an array of 1 to 10,000 layers", node)),
    }
}

fn unique_names(layers: &[Option<Layer>], reader: &Reader<'_>) {
    let mut seen: HashMap<&str, &Spanned<String>> = HashMap::new();
    for name in layers
        .iter()
        .flatten()
        .filter_map(|layer| layer.name.as_ref())
    {
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
