//! Puts the layers of blocks where they are used.

use std::sync::Arc;

use super::super::node::{Key, Node, Table, Value};
use super::super::reader::{self, Problems};
use super::super::value::{Kind as _, POSITIVE, Parsed, STRING};
use super::super::words;
use super::rename::rename;
use super::{Block, OWN_KEYS, REPEAT, parameter_name};
use crate::diagnostic::{Diagnostic, Span, Use, in_backticks};

/// The most values that all blocks may unfold to, so that blocks within blocks end soon: twenty for each layer that a
/// network may have.
const MAX_VALUES: usize = 200_000;

/// How deep blocks may use blocks.
const MAX_DEPTH: usize = 32;

pub(super) struct Unfolding<'a> {
    blocks: &'a [Block],
    problems: &'a Problems,
    /// Names of the blocks being unfolded, the outermost first.
    within: Vec<String>,
    values_left: usize,
    exhausted: bool,
    uses: usize,
}

pub(super) fn entry<'a>(node: &'a Node, name: &str) -> Option<(&'a Key, &'a Node)> {
    let table = reader::table(node)?;
    let (key, value) = table.iter().find(|(key, _)| key.name == name)?;
    Some((key, value))
}

fn is_use(node: &Node) -> bool {
    matches!(entry(node, "type"), Some((_, Node { value: Value::String(text), .. })) if text == "block")
}

impl<'a> Unfolding<'a> {
    pub(super) fn new(blocks: &'a [Block], problems: &'a Problems) -> Self {
        Self {
            blocks,
            problems,
            within: Vec::new(),
            values_left: MAX_VALUES,
            exhausted: false,
            uses: 0,
        }
    }

    /// Unfolds every use below a node.
    pub(super) fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Array(items) if items.iter().any(is_use) => {
                let before = std::mem::take(items);
                for mut item in before {
                    if is_use(&item) {
                        // A use that fails stays where it is; reading ends there.
                        items.extend(self.use_of(&item).unwrap_or_else(|| vec![item]));
                    } else {
                        self.node(&mut item);
                        items.push(item);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Table(entries) => entries.iter_mut().for_each(|(_, value)| self.node(value)),
            _ => {}
        }
    }

    /// Returns the layers that a use stands for.
    fn use_of(&mut self, node: &Node) -> Option<Vec<Node>> {
        if self.exhausted {
            // Said once; what follows would only be more.
            return None;
        }
        let blocks = self.blocks;
        let block = self.find(node)?;
        let block = blocks.iter().find(|candidate| candidate.name == block)?;
        let repeat = self.setting(node, "repeat", POSITIVE.parse, REPEAT)?;
        let name = match entry(node, "name") {
            Some(_) => Some(self.setting(node, "name", STRING.parse, String::new())?),
            None => None,
        };
        let arguments = self.arguments(node, block)?;
        if self.within.len() >= MAX_DEPTH {
            let message = format!("blocks use blocks more than {MAX_DEPTH} deep");
            self.problems
                .add(Diagnostic::error(message).at(&node.span, ""));
            return None;
        }
        self.within.push(block.name.clone());
        let via = Arc::new(Use {
            block: block.name.clone(),
            place: node.span.clone(),
        });
        self.uses += 1;
        let prefix = name
            .clone()
            .unwrap_or_else(|| format!("{}-{}", block.name, self.uses));
        let mut layers = Vec::new();
        // What is empty is as empty a million times over.
        let rounds = if block.layers.is_empty() { 0 } else { repeat };
        for round in 1..=rounds {
            let mut copy = Vec::new();
            for layer in &block.layers {
                let Some(layer) = self.fill(layer, &arguments, &via) else {
                    self.too_many(node);
                    self.within.pop();
                    return None;
                };
                copy.push(layer);
            }
            let prefix = match repeat {
                1 => prefix.clone(),
                _ => format!("{prefix}-{round}"),
            };
            let last = name.as_ref().filter(|_| round == repeat);
            rename(&mut copy, &prefix, last, &via);
            layers.extend(copy);
        }
        let mut list = Node {
            value: Value::Array(layers),
            span: node.span.clone(),
        };
        self.node(&mut list);
        self.within.pop();
        match list.value {
            Value::Array(layers) => Some(layers),
            _ => None,
        }
    }

    fn too_many(&mut self, node: &Node) {
        if std::mem::replace(&mut self.exhausted, true) {
            return;
        }
        let message = format!("the blocks unfold to more than {MAX_VALUES} values");
        let help = "use smaller `repeat`, or fewer blocks within blocks";
        self.problems
            .add(Diagnostic::error(message).at(&node.span, "").help(help));
    }

    /// Returns the name of the block that a use asks for.
    fn find(&self, node: &Node) -> Option<String> {
        let Some((key, value)) = entry(node, "use") else {
            let message = "`block` needs `use`, the name of a block under `[blocks]`";
            self.problems
                .add(Diagnostic::error(message).at(&node.span, ""));
            return None;
        };
        let span = reader::whole(key, value);
        let Ok(name) = STRING.parse(value) else {
            let message = format!(
                "`use` takes the name of a block, received {}",
                value.describe()
            );
            self.problems.add(Diagnostic::error(message).at(&span, ""));
            return None;
        };
        if let Some(position) = self.within.iter().position(|outer| *outer == name) {
            let circle: Vec<String> = self
                .within
                .iter()
                .skip(position)
                .chain([&name])
                .map(|name| format!("`{name}`"))
                .collect();
            let message = format!("block `{name}` uses itself");
            let note = format!("the circle is {}", circle.join(" → "));
            self.problems
                .add(Diagnostic::error(message).at(&span, "").note(note));
            return None;
        }
        if self.blocks.iter().any(|block| block.name == name) {
            return Some(name);
        }
        let known: Vec<&str> = self
            .blocks
            .iter()
            .map(|block| block.name.as_str())
            .collect();
        let mut diagnostic = Diagnostic::error(format!("unknown block `{name}`")).at(&span, "");
        match words::nearest(&name, &known) {
            Some(near) => diagnostic.helps.push(format!("did you mean `{near}`?")),
            None => diagnostic
                .helps
                .push(format!("define it under `[blocks.{name}]`")),
        }
        self.problems.add(diagnostic);
        None
    }

    fn setting<T>(
        &self,
        node: &Node,
        name: &str,
        parse: fn(&Node) -> Parsed<T>,
        default: T,
    ) -> Option<T> {
        let Some((key, value)) = entry(node, name) else {
            return Some(default);
        };
        match parse(value) {
            Ok(value) => Some(value),
            Err(mismatch) => {
                let message = format!("`{name}` takes {}", mismatch.expected);
                let label = format!("received {}", mismatch.received);
                let span = reader::whole(key, value);
                self.problems
                    .add(Diagnostic::error(message).at(&span, label));
                None
            }
        }
    }

    /// Returns the value of every parameter; reports missing and unknown ones.
    fn arguments(&self, node: &Node, block: &Block) -> Option<Vec<(String, Key, Node)>> {
        let known: Vec<&str> = block
            .parameters
            .iter()
            .map(|p| p.key.name.as_str())
            .collect();
        let mut complete = true;
        for (key, _) in reader::table(node)? {
            let name = key.name.as_str();
            if OWN_KEYS.contains(&name) || known.contains(&name) {
                continue;
            }
            complete = false;
            let message = format!("block `{}` has no parameter `{name}`", block.name);
            let mut diagnostic = Diagnostic::error(message).at(&key.span, "");
            if let Some(near) = words::nearest(name, &known) {
                diagnostic.helps.push(format!("did you mean `{near}`?"));
            } else if known.is_empty() {
                diagnostic.notes.push("it has none".to_owned());
            } else {
                let note = format!("it has {}", in_backticks(&known));
                diagnostic.notes.push(note);
            }
            self.problems.add(diagnostic);
        }
        let mut arguments = Vec::new();
        for parameter in &block.parameters {
            let name = &parameter.key.name;
            let given = entry(node, name).map(|(key, value)| (key.clone(), value.clone()));
            let default = parameter
                .default
                .clone()
                .map(|node| (parameter.key.clone(), node));
            if let Some((key, value)) = given.or(default) {
                arguments.push((name.clone(), key, value));
                continue;
            }
            complete = false;
            let message = format!("block `{}` needs `{name}`", block.name);
            let help = format!("add `{name} = …`; it has no default");
            let diagnostic = Diagnostic::error(message).at(&node.span, "");
            self.problems.add(diagnostic.help(help));
        }
        complete.then_some(arguments)
    }

    /// Copies a node with the parameters put in; nothing when there are too many values.
    fn fill(
        &mut self,
        node: &Node,
        arguments: &[(String, Key, Node)],
        via: &Arc<Use>,
    ) -> Option<Node> {
        self.values_left = self.values_left.checked_sub(1)?;
        if let Some(name) = parameter_name(node)
            && let Some((_, _, value)) = arguments.iter().find(|(known, _, _)| known == name)
        {
            self.values_left = self.values_left.checked_sub(count(value))?;
            return Some(value.clone());
        }
        let value = match &node.value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.fill(item, arguments, via));
                Value::Array(items.collect::<Option<_>>()?)
            }
            Value::Table(entries) => {
                let mut filled = Table::with_capacity(entries.len());
                for (key, value) in entries {
                    let argument = parameter_name(value)
                        .and_then(|name| arguments.iter().find(|(known, _, _)| known == name));
                    // An error about the value points at the place that gave it.
                    let span = argument
                        .map_or_else(|| through(&key.span, via), |(_, key, _)| key.span.clone());
                    let key = Key {
                        name: key.name.clone(),
                        span,
                    };
                    filled.push((key, self.fill(value, arguments, via)?));
                }
                Value::Table(filled)
            }
            other => other.clone(),
        };
        Some(Node {
            value,
            span: through(&node.span, via),
        })
    }
}

fn through(span: &Span, via: &Arc<Use>) -> Span {
    Span {
        via: Some(Arc::clone(via)),
        ..span.clone()
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::Array(items) => items.iter().map(count).sum::<usize>() + 1,
        Value::Table(entries) => entries.iter().map(|(_, value)| count(value)).sum::<usize>() + 1,
        _ => 1,
    }
}
