//! Defaults of the language, found by reading tables with the keys that must be there alone.

use std::sync::Arc;

use super::form::{Fallback, Field, Form, Variant};
use super::reader::Problems;
use super::{Config, layer, node};
use crate::diagnostic::Source;

/// Finds the defaults of a section's keys.
pub(super) fn fill_section(name: &str, fields: &mut [Field]) {
    fill(fields, &|settings| resolve_section(name, settings));
}

/// Finds the defaults of a layer's keys.
pub(super) fn fill_layer(name: &str, fields: &mut [Field]) {
    fill(fields, &|settings| resolve_layer(name, settings));
}

/// Keys with values in TOML.
type Settings = Vec<(String, String)>;

/// Reads a table with some keys and tells all its settings.
type Resolve<'a> = &'a dyn Fn(&[(&str, &str)]) -> Settings;

fn resolve_section(section: &str, settings: &[(&str, &str)]) -> Settings {
    let mut text = match section {
        "model" => String::new(),
        _ => "model = { input = [1, 1, 1], layers = [{ type = \"flatten\" }] }\n".to_owned(),
    };
    // The dots are no layers.
    let settings = settings.iter().map(|(key, value)| match *key {
        "layers" => (*key, "[{ type = \"flatten\" }]"),
        _ => (*key, *value),
    });
    text.push_str(&format!("[{section}]\n"));
    settings.for_each(|(key, value)| text.push_str(&format!("{key} = {value}\n")));
    let resolved = Config::parse("", &text, &[]).config;
    let resolved = resolved.map_or_else(String::new, |config| config.to_toml());
    let mut table: toml::Table = resolved.parse().unwrap_or_default();
    entries(table.remove(section))
}

fn resolve_layer(name: &str, settings: &[(&str, &str)]) -> Settings {
    let source = Arc::new(Source {
        name: String::new(),
        text: format!("layer = {}", inline(Some(name), settings)),
    });
    let table = node::parse(&source).unwrap_or_default();
    let nodes: Vec<_> = table.into_iter().map(|(_, node)| node).collect();
    let layers = layer::read_list(&nodes, &Problems::default());
    let settings = layers.into_iter().flatten();
    settings
        .flat_map(|layer| layer.kind.settings())
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn inline(name: Option<&str>, settings: &[(&str, &str)]) -> String {
    let name = name.map(|name| format!("type = \"{name}\""));
    let settings = settings
        .iter()
        .map(|(key, value)| format!("{key} = {value}"));
    let all: Vec<String> = name.into_iter().chain(settings).collect();
    format!("{{ {} }}", all.join(", "))
}

fn entries(value: Option<toml::Value>) -> Settings {
    match value {
        Some(toml::Value::Table(table)) => table
            .into_iter()
            .map(|(key, value)| (key, value.to_string()))
            .collect(),
        _ => Settings::new(),
    }
}

fn setting<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
    let found = settings.iter().find(|(name, _)| name == key);
    found.map(|(_, value)| value.as_str())
}

/// Finds the defaults: what the reader makes of a table with the keys that must be there alone.
fn fill(fields: &mut [Field], resolve: Resolve<'_>) {
    let required: Vec<(&'static str, Form, String)> = fields
        .iter()
        .filter_map(|field| Some((field.name, field.form.clone(), field.example.clone()?)))
        .collect();
    let given = |change: &str, value: &str| {
        let value_of = |name, own| if name == change { value } else { own };
        let settings: Vec<(&str, &str)> = required
            .iter()
            .map(|(name, _, own)| (*name, value_of(*name, own)))
            .collect();
        resolve(&settings)
    };
    let plain = given("", "");
    for field in fields.iter_mut() {
        let name = field.name;
        if !field.is_required() {
            field.default = match setting(&plain, name) {
                Some(value) => {
                    let same = required.iter().find(|(other, _, example)| {
                        let Ok(number) = example.parse::<usize>() else {
                            return false;
                        };
                        let larger = (number + 1).to_string();
                        let changed = given(other, &larger);
                        value == example && setting(&changed, name) == Some(&larger)
                    });
                    same.map_or_else(
                        || Fallback::Value(value.to_owned()),
                        |(other, ..)| Fallback::SameAs(other),
                    )
                }
                None => with_words(&required, &|other, word| {
                    setting(&given(other, word), name).map(str::to_owned)
                }),
            };
        }
        fill_nested(&mut field.form, &|value: &str| {
            let mut settings: Vec<(&str, &str)> = required
                .iter()
                .filter(|(other, ..)| *other != name)
                .map(|(other, _, own)| (*other, own.as_str()))
                .collect();
            settings.push((name, value));
            let mut resolved: toml::Table = setting(&resolve(&settings), name)
                .and_then(|value| format!("value = {value}").parse().ok())
                .unwrap_or_default();
            entries(resolved.remove("value"))
        });
    }
}

/// Finds the default of a key that stands with some words of another key alone.
fn with_words(
    required: &[(&'static str, Form, String)],
    value_with: &dyn Fn(&str, &str) -> Option<String>,
) -> Fallback {
    for (other, form, _) in required {
        let Form::Words(words) = form else {
            continue;
        };
        let values = words.iter().filter_map(|word| {
            let word = format!("\"{word}\"");
            let value = value_with(other, &word)?;
            Some((word, value))
        });
        let values: Vec<(String, String)> = values.collect();
        if !values.is_empty() {
            return Fallback::With(other, values);
        }
    }
    Fallback::None
}

fn fill_nested(form: &mut Form, resolve: &dyn Fn(&str) -> Settings) {
    match form {
        Form::Either(forms) => forms.iter_mut().for_each(|form| fill_nested(form, resolve)),
        Form::Table(fields) => {
            fill(fields, &|settings| resolve(&inline(None, settings)));
        }
        Form::Tagged(variants) => {
            for Variant { name, fields, .. } in variants {
                let name: &str = name;
                fill(fields, &|settings| resolve(&inline(Some(name), settings)));
            }
        }
        _ => {}
    }
}
