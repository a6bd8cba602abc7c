//! The layers that were found as a config, and their weights under the names that it gives them.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::graph::Graph;
use super::item::{Draft, Entry, Id, Item, Joining};
use super::setting::Setting;
use super::tidy::layer_of;
use crate::config::{Function, Join};
use crate::model::NamedWeight;

/// A network as it is written.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// What stands between the brackets of `layers`.
    pub(super) layers: String,
    pub(super) weights: Vec<NamedWeight>,
}

struct Writer<'a> {
    graph: &'a Graph,
    /// Values that a merge takes, by the layer's name.
    names: HashMap<Id, String>,
    taken: HashSet<String>,
    text: Text,
}

/// Writes lists of layers.
///
/// # Errors
/// The reason why there is no layer for a node, which names it.
pub(super) fn write(graph: &Graph, entries: &[Entry], kept: &HashSet<Id>) -> Result<Text, String> {
    let mut numbers: Vec<Id> = kept.iter().copied().collect();
    numbers.sort_unstable();
    let names = numbers
        .iter()
        .enumerate()
        .map(|(index, id)| (*id, format!("skip{}", index + 1)));
    let names: HashMap<Id, String> = names.collect();
    let taken = names.values().cloned().collect();
    let mut writer = Writer {
        graph,
        names,
        taken,
        text: Text::default(),
    };
    // A layer that does nothing names the input that is taken up again, or is all there is.
    let first = writer.names.get(&0).cloned();
    let is_needed = first.is_some() || entries.is_empty();
    if is_needed {
        let layer = Draft::new("activation").word("fn", "linear");
        writer.layer(layer, first, "", "0", "  ");
    }
    writer.list(entries, "", 1, usize::from(is_needed))?;
    Ok(writer.text)
}

impl Writer<'_> {
    /// Writes a list, the first layer of which stands at a position.
    fn list(
        &mut self,
        entries: &[Entry],
        prefix: &str,
        depth: usize,
        first: usize,
    ) -> Result<(), String> {
        for (position, entry) in entries.iter().enumerate() {
            let is_last_of_value = entries
                .get(position + 1)
                .is_none_or(|next| next.output != entry.output);
            let name = self
                .names
                .get(&entry.output)
                .filter(|_| is_last_of_value)
                .cloned();
            let graph = self.graph;
            let place = (first + position).to_string();
            self.entry(
                entry,
                name,
                (prefix, &place),
                depth,
                &graph.shapes[entry.output],
            )?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        entry: &Entry,
        name: Option<String>,
        (prefix, place): (&str, &str),
        depth: usize,
        shape: &[usize],
    ) -> Result<(), String> {
        let indent = "  ".repeat(depth);
        match &entry.item {
            Item::Branches {
                lists,
                join: Joining::Join(join),
                activation,
            } => {
                let named = name
                    .as_ref()
                    .map_or(String::new(), |name| format!(" name = \"{name}\","));
                let own = format!("{prefix}{}", name.as_deref().unwrap_or(place));
                if let ([one, other], Join::Add) = (&lists[..], join) {
                    return self.residual([one, other], *activation, &named, &own, depth);
                }
                self.branches(lists, *join, &named, &own, depth)
            }
            Item::Branches { .. } => Err(format!(
                "node `{}`: no layer here divides one value by another",
                entry.node
            )),
            Item::Merge { from, join } => {
                let from = from.iter().map(|id| self.names[id].clone()).collect();
                let layer = Draft::new("merge")
                    .set("from", Setting::Words(from))
                    .word("with", join.word());
                self.layer(layer, name, prefix, place, &indent);
                Ok(())
            }
            Item::Square => {
                let item = Item::Branches {
                    lists: vec![Vec::new(), Vec::new()],
                    join: Joining::Join(Join::Multiply),
                    activation: None,
                };
                let twice = Entry {
                    item,
                    ..entry.clone()
                };
                self.entry(&twice, name, (prefix, place), depth, shape)
            }
            item => {
                let layer = layer_of(item, shape)
                    .map_err(|reason| format!("node `{}`: {reason}", entry.node))?;
                self.layer(layer, name, prefix, place, &indent);
                Ok(())
            }
        }
    }

    /// Writes two ways that are added, the longer one as the body.
    fn residual(
        &mut self,
        [one, other]: [&[Entry]; 2],
        activation: Option<Function>,
        named: &str,
        own: &str,
        depth: usize,
    ) -> Result<(), String> {
        let indent = "  ".repeat(depth);
        let [body, shortcut] = if one.len() < other.len() {
            [other, one]
        } else {
            [one, other]
        };
        self.line(&format!(
            "{indent}{{ type = \"residual\",{named} layers = ["
        ));
        self.list(body, &format!("{own}.layers."), depth + 1, 0)?;
        if !shortcut.is_empty() {
            self.line(&format!("{indent}], shortcut = ["));
            self.list(shortcut, &format!("{own}.shortcut."), depth + 1, 0)?;
        }
        let activation =
            activation.map(|function| format!(", activation = \"{}\"", function.word()));
        self.line(&format!("{indent}]{} }},", activation.unwrap_or_default()));
        Ok(())
    }

    fn branches(
        &mut self,
        lists: &[Vec<Entry>],
        join: Join,
        named: &str,
        own: &str,
        depth: usize,
    ) -> Result<(), String> {
        let indent = "  ".repeat(depth);
        self.line(&format!(
            "{indent}{{ type = \"branches\",{named} branches = ["
        ));
        for (number, list) in lists.iter().enumerate() {
            self.line(&format!("{indent}  ["));
            self.list(list, &format!("{own}.branches.{number}."), depth + 2, 0)?;
            self.line(&format!("{indent}  ],"));
        }
        self.line(&format!("{indent}], merge = \"{}\" }},", join.word()));
        Ok(())
    }

    fn line(&mut self, line: &str) {
        self.text.layers.push_str(line);
        self.text.layers.push('\n');
    }

    fn layer(
        &mut self,
        layer: Draft,
        name: Option<String>,
        prefix: &str,
        place: &str,
        indent: &str,
    ) {
        let name = name.or_else(|| layer.name.filter(|name| self.taken.insert(name.clone())));
        let mut text = format!("{indent}{{ type = \"{}\"", layer.kind);
        if let Some(name) = &name {
            let _ = write!(text, ", name = \"{name}\"");
        }
        for (key, value) in &layer.settings {
            let _ = write!(text, ", {key} = {value}");
        }
        self.line(&format!("{text} }},"));
        let own = name.as_deref().unwrap_or(place);
        self.text
            .weights
            .extend(layer.weights.into_iter().map(|weight| NamedWeight {
                name: format!("{prefix}{own}.{}", weight.part),
                shape: weight.shape,
                values: weight.values,
            }));
    }
}
