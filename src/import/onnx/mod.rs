//! ONNX files: their weights for a network that a config describes, and networks that become configs.
//!
//! `graph.rs` walks over the nodes: `constant.rs` computes what does not depend on the input, `nodes/` translates one node.
//! `paths.rs` finds branches and merges, `tidy.rs` makes one layer of neighbours, `write.rs` the config.

mod constant;
mod data;
mod graph;
mod item;
mod nodes;
mod paths;
mod setting;
mod tidy;
mod weights;
mod windows;
mod write;

pub(super) use item::Facts;
pub(super) use weights::weights;

use std::fmt::Write as _;

use crate::config::{Config, Task};
use crate::model::NamedWeight;
use crate::onnx::{self, Model};
use graph::Graph;
use paths::Walk;

/// A network that became a config.
#[derive(Debug)]
pub(super) struct Network {
    /// The config.
    pub(super) text: String,
    /// Its weights by their names in it.
    pub(super) weights: Vec<NamedWeight>,
    /// What the file says of classes and pictures.
    pub(super) facts: Facts,
    /// What else it gives, which is left out.
    pub(super) left_out: Vec<String>,
}

/// Makes a config of a network.
///
/// # Errors
/// The reason why it cannot be one, which names the node that has no layer.
pub(super) fn network(bytes: Vec<u8>, file: &str, name: &str) -> Result<Network, String> {
    let model = onnx::decode(bytes)?;
    let facts = facts(&model);
    let graph = Graph::new(model, facts)?;
    let entries = Walk::new(&graph).list(graph.output)?;
    let kept = tidy::kept(&entries);
    let entries = tidy::tidy(entries, &kept);
    let written = write::write(&graph, &entries, &kept)?;
    let file = file.replace(char::is_control, " ");
    let mut text = format!("# Made of {file} by `cnn import`.\n[model]\nname = \"{name}\"\n");
    // Writing into a string does not fail.
    let _ = writeln!(text, "input = {}", setting::list(&graph.input));
    let _ = write!(text, "layers = [\n{}]\n", written.layers);
    let preprocessing = graph.facts.preprocessing.clone();
    let preprocessing = preprocessing.map(|own| {
        if graph.takes_bytes {
            data::left_of(own)
        } else {
            own
        }
    });
    text.push_str(&data::section(
        preprocessing.as_ref(),
        &graph.input,
        graph.takes_bytes,
    ));
    match graph.facts.task {
        None | Some(Task::Classes) => {}
        Some(Task::Labels) => text.push_str("\n[train]\nloss = \"binary_cross_entropy\"\n"),
        Some(Task::Values) => text.push_str("\n[train]\nloss = \"mse\"\n"),
    }
    let mut facts = graph.facts;
    facts.preprocessing = preprocessing;
    Ok(Network {
        text,
        weights: written.weights,
        facts,
        left_out: graph.other_outputs,
    })
}

/// Reads what `cnn export` writes beside a network.
fn facts(model: &Model) -> Facts {
    let entry = |key: &str| {
        let found = model.metadata_props.iter().find(|entry| entry.key == key);
        found.map(|entry| entry.value.as_str())
    };
    // Other programs may mean something else by these keys: what is not as we write it is not ours.
    Facts {
        classes: entry("classes").and_then(|text| serde_json::from_str(text).ok()),
        preprocessing: entry("preprocessing").and_then(|text| serde_json::from_str(text).ok()),
        task: entry("config").and_then(|text| {
            let parsed = Config::parse("config", text, &[]);
            parsed.config.map(|config| config.train.task())
        }),
    }
}
