//! How the layers of a Keras model are connected, where its file says so.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

/// The layers right before each, by what they are called.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    before: HashMap<String, BTreeSet<String>>,
    /// Layers that are models themselves; what is in them is not followed.
    models: BTreeSet<String>,
}

impl Links {
    /// Reads what a model is made of: JSON, in `.keras` archives and in `.h5` files of whole models. Of models that say nothing of
    /// connections there are none.
    pub(super) fn read(description: &str) -> Self {
        let model: Value = serde_json::from_str(description).unwrap_or_default();
        let layers = model["config"]["layers"].as_array();
        let mut links = Self::default();
        for layer in layers.into_iter().flatten() {
            if let Some(name) = layer["config"]["name"].as_str() {
                let before = links.before.entry(name.to_owned()).or_default();
                gather(&layer["inbound_nodes"], before);
                if layer["config"]["layers"].is_array() {
                    links.models.insert(name.to_owned());
                }
            }
        }
        links
    }

    /// Returns the closest layers before one, of those that count.
    pub(super) fn closest(&self, name: &str, counts: &dyn Fn(&str) -> bool) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            for earlier in self.before.get(next).into_iter().flatten() {
                if counts(earlier) || self.models.contains(earlier) {
                    found.insert(earlier.as_str());
                } else if seen.insert(earlier) {
                    open.push(earlier);
                }
            }
        }
        found
    }
}

/// Gathers the layers that calls take outputs of: `"keras_history": [name, …]`, in older files `[name, 0, 0, {}]`.
fn gather(calls: &Value, found: &mut BTreeSet<String>) {
    match calls {
        Value::Object(entries) => match &entries.get("keras_history") {
            Some(history) => gather(history, found),
            None => entries.values().for_each(|value| gather(value, found)),
        },
        Value::Array(values) => match &values[..] {
            [Value::String(name), Value::Number(_), ..] => {
                found.insert(name.clone());
            }
            _ => values.iter().for_each(|value| gather(value, found)),
        },
        _ => {}
    }
}
