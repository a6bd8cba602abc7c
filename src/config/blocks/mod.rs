//! `[blocks]`: reusable lists of layers, unfolded in the tree before anything else reads it.

mod rename;
mod unfolding;

use super::form::{Fallback, Field, Form};
use super::node::{Key, Node, Table, Value};
use super::reader::Problems;
use super::value::{Kind as _, POSITIVE, STRING};
use super::words;
use crate::diagnostic::{Diagnostic, Span};
use unfolding::Unfolding;

/// Keys of a use that are not parameters.
const OWN_KEYS: &[&str] = &["type", "use", "repeat", "name"];

/// How many times a block's layers follow each other where its use does not say.
const REPEAT: usize = 1;

/// Describes `[blocks]`.
pub(super) fn describe() -> Field {
    let parameters = Form::Either(vec![
        Form::Map(Box::new(Form::Any)),
        Form::list_of(Form::Text, 0..=usize::MAX),
    ]);
    let layers = Field {
        example: Some("[ … ]".to_owned()),
        ..Field::new("layers", Form::Layers { least: 0 })
    };
    let block = Form::Block(vec![Field::new("parameters", parameters), layers]);
    Field::new("blocks", Form::Map(Box::new(block)))
}

/// Describes the keys of a use that are not parameters, without those of every layer.
pub(super) fn describe_use() -> Vec<Field> {
    let name = Field {
        example: Some("\"basic\"".to_owned()),
        ..Field::new("use", STRING.form())
    };
    let repeat = Field {
        default: Fallback::Value(REPEAT.to_string()),
        ..Field::new("repeat", POSITIVE.form())
    };
    vec![name, repeat]
}

struct Block {
    name: String,
    parameters: Vec<Parameter>,
    layers: Vec<Node>,
}

struct Parameter {
    key: Key,
    default: Option<Node>,
}

/// Takes `[blocks]` out of the tree and puts the layers of blocks where they are used.
pub(super) fn unfold(table: &mut Table, problems: &Problems) {
    let definitions = match table.iter().position(|(key, _)| key.name == "blocks") {
        Some(index) => table.remove(index).1,
        None => Node {
            value: Value::Table(Table::new()),
            span: Span::nowhere(),
        },
    };
    let Value::Table(entries) = definitions.value else {
        let message = "`[blocks]` is a table of blocks, such as `[blocks.basic]`";
        problems.add(Diagnostic::error(message).at(&definitions.span, ""));
        return;
    };
    let blocks: Vec<Block> = entries
        .into_iter()
        .filter_map(|(key, node)| read_block(key, node, problems))
        .collect();
    for block in &blocks {
        check_parameters(block, problems);
    }
    let mut unfolding = Unfolding::new(&blocks, problems);
    let model = table.iter_mut().find(|(key, _)| key.name == "model");
    if let Some((_, node)) = model {
        unfolding.node(node);
    }
}

fn read_block(key: Key, node: Node, problems: &Problems) -> Option<Block> {
    let what = format!("block `{}`", key.name);
    let Value::Table(entries) = node.value else {
        let message = format!("{what} is a table with `layers`");
        problems.add(Diagnostic::error(message).at(&node.span, ""));
        return None;
    };
    let mut parameters = Vec::new();
    let mut layers = None;
    for (entry, value) in entries {
        match (entry.name.as_str(), value.value) {
            ("parameters", Value::Table(defaults)) => {
                parameters.extend(defaults.into_iter().map(|(key, node)| Parameter {
                    key,
                    default: Some(node),
                }));
            }
            ("parameters", Value::Array(names)) => {
                for name in names {
                    match STRING.parse(&name) {
                        Ok(text) => parameters.push(Parameter {
                            key: Key {
                                name: text,
                                span: name.span,
                            },
                            default: None,
                        }),
                        Err(_) => problems.add(
                            Diagnostic::error("a parameter is named by a string")
                                .at(&name.span, ""),
                        ),
                    }
                }
            }
            ("parameters", _) => problems.add(
                Diagnostic::error("`parameters` takes a table of defaults, or an array of names")
                    .at(&value.span, "")
                    .help("write `parameters = { width = 64 }`"),
            ),
            ("layers", Value::Array(items)) => layers = Some(items),
            ("layers", _) => {
                problems.add(Diagnostic::error("`layers` takes an array").at(&value.span, ""));
            }
            (name, _) => {
                let nearest = words::nearest(name, &["parameters", "layers"]);
                let mut diagnostic = Diagnostic::error(format!("unknown key `{name}` in {what}"))
                    .at(&entry.span, "");
                diagnostic.helps.extend(words::suggest(None, nearest));
                problems.add(diagnostic);
            }
        }
    }
    let Some(layers) = layers else {
        let message = format!("{what} needs `layers`");
        problems.add(Diagnostic::error(message).at(&key.span, ""));
        return None;
    };
    Some(Block {
        name: key.name,
        parameters,
        layers,
    })
}

/// Reports parameters that the layers do not use, and names that are no parameters.
fn check_parameters(block: &Block, problems: &Problems) {
    let mut used = Vec::new();
    for layer in &block.layers {
        collect_names(layer, &mut used);
    }
    for parameter in &block.parameters {
        let name = &parameter.key.name;
        if OWN_KEYS.contains(&name.as_str()) {
            let message = format!("`{name}` is a key of every block, so no parameter can have it");
            problems.add(Diagnostic::error(message).at(&parameter.key.span, ""));
        } else if !used.iter().any(|(used, _)| used == name) {
            let message = format!("parameter `{name}` of block `{}` is never used", block.name);
            let help = format!("write `\"${name}\"` in its layers, or remove the parameter");
            problems.add(
                Diagnostic::error(message)
                    .at(&parameter.key.span, "")
                    .help(help),
            );
        }
    }
    let known: Vec<&str> = block
        .parameters
        .iter()
        .map(|p| p.key.name.as_str())
        .collect();
    for (name, span) in used {
        if !known.contains(&name.as_str()) {
            let message = format!("`${name}` is no parameter of block `{}`", block.name);
            let mut diagnostic = Diagnostic::error(message).at(&span, "");
            let nearest =
                words::nearest(&name, &known).map(|near| format!("did you mean `${near}`?"));
            let missing = format!("add `{name}` to `parameters`");
            diagnostic.helps.push(nearest.unwrap_or(missing));
            problems.add(diagnostic);
        }
    }
}

/// Returns the parameter that a string stands for: `"$width"`.
fn parameter_name(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) => text.strip_prefix('$'),
        _ => None,
    }
}

fn collect_names(node: &Node, names: &mut Vec<(String, Span)>) {
    if let Some(name) = parameter_name(node) {
        names.push((name.to_owned(), node.span.clone()));
    }
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        Value::Table(entries) => entries
            .iter()
            .for_each(|(_, value)| collect_names(value, names)),
        _ => {}
    }
}
