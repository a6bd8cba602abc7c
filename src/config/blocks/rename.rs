//! Names of layers inside blocks: each unfolding has its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::node::{Key, Node, Value};
use super::super::value::{Kind as _, STRING};
use super::unfolding::entry;
use crate::diagnostic::Use;

/// Gives the layers of one unfolding names of their own; the last layer gets the name of the use.
pub(super) fn rename(layers: &mut [Node], prefix: &str, last: Option<&String>, via: &Arc<Use>) {
    let mut names = BTreeSet::new();
    for layer in &*layers {
        collect_layer_names(layer, &mut names);
    }
    let end = layers.last().and_then(|layer| entry(layer, "name"));
    let end = end.and_then(|(_, node)| STRING.parse(node).ok());
    let renamed = |name: &str| match (&end, last) {
        (Some(end), Some(last)) if end == name => last.clone(),
        _ => format!("{prefix}-{name}"),
    };
    for layer in &mut *layers {
        rename_in(layer, &names, &renamed);
    }
    if let (None, Some(last), Some(layer)) = (&end, last, layers.last_mut())
        && let Value::Table(entries) = &mut layer.value
    {
        let span = via.place.clone();
        let key = Key {
            name: "name".to_owned(),
            span: span.clone(),
        };
        let value = Value::String(last.clone());
        entries.push((key, Node { value, span }));
    }
}

fn collect_layer_names(node: &Node, names: &mut BTreeSet<String>) {
    match &node.value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| collect_layer_names(item, names)),
        Value::Table(entries) => {
            for (key, value) in entries {
                match &value.value {
                    Value::String(name) if key.name == "name" => {
                        names.insert(name.clone());
                    }
                    _ => collect_layer_names(value, names),
                }
            }
        }
        _ => {}
    }
}

fn rename_in(node: &mut Node, names: &BTreeSet<String>, renamed: &impl Fn(&str) -> String) {
    match &mut node.value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| rename_in(item, names, renamed)),
        Value::Table(entries) => {
            for (key, value) in entries {
                match (&mut value.value, key.name.as_str()) {
                    (Value::String(name), "name" | "from") if names.contains(name) => {
                        *name = renamed(name);
                    }
                    (Value::Array(items), "from") => {
                        for item in items {
                            if let Value::String(name) = &mut item.value
                                && names.contains(name)
                            {
                                *name = renamed(name);
                            }
                        }
                    }
                    _ => rename_in(value, names, renamed),
                }
            }
        }
        _ => {}
    }
}
