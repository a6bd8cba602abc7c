//! The language of configs as a JSON Schema (draft 2020-12), for editors that check and complete.

use serde_json::{Map, Value, json};

use crate::config::{Bounds, Fallback, Field, Form, Language, LayerType, Variant};

/// A schema longer than this has a place of its own, to be written once.
const LONG: usize = 160;

/// Writes the schema.
#[must_use]
pub fn render(language: &Language) -> String {
    let text = serde_json::to_string_pretty(&schema(language)).unwrap_or_default();
    text + "\n"
}

/// Returns the schema.
#[must_use]
pub fn schema(language: &Language) -> Value {
    let mut writer = Writer {
        definitions: Map::new(),
        in_block: false,
    };
    let mut schema = writer.table(&language.sections);
    for in_block in [false, true] {
        writer.in_block = in_block;
        writer.layers(&language.layers);
    }
    writer.definitions.insert(
        "parameter".to_owned(),
        json!({
            "description": "A parameter of the block: \"$width\" stands for the value of `width`.",
            "type": "string",
            "pattern": "^\\$",
        }),
    );
    insert(
        &mut schema,
        "$schema",
        "https://json-schema.org/draft/2020-12/schema",
    );
    insert(&mut schema, "title", "Config of cnn");
    insert(&mut schema, "description", language.about);
    insert(&mut schema, "$defs", writer.definitions);
    schema
}

fn insert(schema: &mut Value, key: &str, value: impl Into<Value>) {
    if let Value::Object(object) = schema {
        object.insert(key.to_owned(), value.into());
    }
}

/// Returns a value in TOML as JSON.
fn json_of(toml: &str) -> Value {
    let table: Option<toml::Table> = format!("value = {toml}").parse().ok();
    let value = table.and_then(|mut table| table.remove("value"));
    serde_json::to_value(value).unwrap_or_default()
}

struct Writer {
    definitions: Map<String, Value>,
    /// Whether what is written stands in a block, where any value may be a parameter.
    in_block: bool,
}

impl Writer {
    fn layer_name(&self, name: &str) -> String {
        let prefix = if self.in_block {
            "block_layer"
        } else {
            "layer"
        };
        match name {
            "" => prefix.to_owned(),
            name => format!("{prefix}_{name}"),
        }
    }

    fn layers(&mut self, layers: &[LayerType]) {
        let mut kinds = Vec::new();
        for layer in layers {
            let mut schema = self.typed(layer.name, &layer.fields);
            insert(&mut schema, "title", layer.name);
            let description = format!("{}\n\n{}\n\n{}", layer.summary, layer.formula, layer.source);
            insert(&mut schema, "description", description);
            if layer.is_open {
                insert(&mut schema, "additionalProperties", true);
            }
            let name = self.layer_name(layer.name);
            kinds.push(json!({ "$ref": format!("#/$defs/{name}") }));
            self.definitions.insert(name, schema);
        }
        if self.in_block {
            // Its `type` is known when the block is used.
            kinds.push(json!({
                "type": "object",
                "properties": { "type": parameter() },
                "required": ["type"],
            }));
        }
        let name = self.layer_name("");
        self.definitions.insert(name, json!({ "oneOf": kinds }));
    }

    /// Writes a table with a fixed `type`.
    fn typed(&mut self, name: &str, fields: &[Field]) -> Value {
        let mut schema = self.table(fields);
        schema["properties"]["type"] = json!({ "const": name });
        match schema["required"].as_array_mut() {
            Some(required) => required.insert(0, "type".into()),
            None => schema["required"] = json!(["type"]),
        }
        schema
    }

    fn table(&mut self, fields: &[Field]) -> Value {
        let mut properties = Map::new();
        let mut required: Vec<&str> = Vec::new();
        let mut alternatives: Vec<Value> = Vec::new();
        for field in fields {
            properties.insert(field.name.to_owned(), self.field(field));
            if field.is_required() && field.unless.is_none() {
                required.push(field.name);
            }
        }
        if let Some(other) = fields.iter().find_map(|field| field.unless) {
            let unless = fields.iter().filter(|field| field.unless == Some(other));
            let names: Vec<&str> = unless.map(|field| field.name).collect();
            alternatives.extend([json!({ "required": names }), json!({ "required": [other] })]);
        }
        let mut schema = json!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            insert(&mut schema, "required", required);
        }
        if !alternatives.is_empty() {
            insert(&mut schema, "anyOf", alternatives);
        }
        schema
    }

    fn field(&mut self, field: &Field) -> Value {
        let mut schema = self.value(field.name, &field.form);
        let mut about = field.about.to_owned();
        match &field.default {
            Fallback::None => {}
            Fallback::Value(value) => insert(&mut schema, "default", json_of(value)),
            Fallback::SameAs(other) => {
                about.push_str(&format!(" Default: the value of `{other}`."));
            }
            Fallback::With(other, values) => {
                let each =
                    |(word, value): &(String, String)| format!("{value} with {other} = {word}");
                let values: Vec<String> = values.iter().map(each).collect();
                about.push_str(&format!(" Default: {}.", values.join(", ")));
            }
        }
        insert(&mut schema, "description", about);
        schema
    }

    /// Writes what may stand in the place of a value: in a block, a parameter too.
    fn value(&mut self, name: &str, form: &Form) -> Value {
        let schema = self.form(name, form);
        if self.in_block && !matches!(form, Form::Any | Form::Text | Form::Block(_)) {
            return json!({ "anyOf": [schema, parameter()] });
        }
        schema
    }

    fn form(&mut self, name: &str, form: &Form) -> Value {
        match form {
            Form::Any => json!({}),
            Form::Boolean => json!({ "type": "boolean" }),
            Form::Text => json!({ "type": "string" }),
            Form::Integer { least, most } if least == most => json!({ "const": least }),
            Form::Integer { least, .. } => json!({ "type": "integer", "minimum": least }),
            Form::Number(bounds) => number(bounds),
            Form::Words(words) => self.once(name, json!({ "enum": words })),
            Form::Array { of, lengths } => {
                let items = self.value(name, of);
                let mut schema = json!({ "type": "array", "items": items });
                if *lengths.start() > 0 {
                    insert(&mut schema, "minItems", *lengths.start());
                }
                if *lengths.end() < usize::MAX {
                    insert(&mut schema, "maxItems", *lengths.end());
                }
                schema
            }
            Form::Table(fields) => self.table(fields),
            Form::Map(form) => {
                let of = self.value(name, form);
                json!({ "type": "object", "additionalProperties": of })
            }
            Form::Tagged(variants) => {
                let types: Vec<Value> = variants.iter().map(|one| self.variant(one)).collect();
                json!({ "oneOf": types })
            }
            Form::Either(forms) => {
                let mut any = Vec::new();
                for form in forms {
                    match self.form(name, form) {
                        // One of several within one of several.
                        Value::Object(mut inner)
                            if inner.len() == 1 && inner.contains_key("anyOf") =>
                        {
                            if let Some(Value::Array(inner)) = inner.remove("anyOf") {
                                any.extend(inner);
                            }
                        }
                        schema => any.push(schema),
                    }
                }
                self.once(name, json!({ "anyOf": any }))
            }
            Form::Layers { least } => {
                let mut schema = self.layer_list();
                if *least > 0 {
                    insert(&mut schema, "minItems", *least);
                }
                schema
            }
            Form::LayerLists => {
                let mut list = self.layer_list();
                if self.in_block {
                    list = json!({ "anyOf": [list, parameter()] });
                }
                json!({ "type": "array", "minItems": 2, "items": list })
            }
            Form::Block(fields) => {
                let outside = std::mem::replace(&mut self.in_block, true);
                let mut properties = Map::new();
                for field in fields {
                    let mut schema = self.form(field.name, &field.form);
                    insert(&mut schema, "description", field.about);
                    properties.insert(field.name.to_owned(), schema);
                }
                self.in_block = outside;
                let required = fields.iter().filter(|field| field.is_required());
                let required: Vec<&str> = required.map(|field| field.name).collect();
                json!({
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                })
            }
        }
    }

    fn variant(&mut self, variant: &Variant) -> Value {
        let mut schema = self.typed(variant.name, &variant.fields);
        insert(&mut schema, "description", variant.about);
        schema
    }

    fn layer_list(&self) -> Value {
        let layer = json!({ "$ref": format!("#/$defs/{}", self.layer_name("")) });
        let items = if self.in_block {
            json!({ "anyOf": [layer, parameter()] })
        } else {
            layer
        };
        json!({ "type": "array", "items": items })
    }

    /// Writes a long schema among the definitions, once, and returns what refers to it.
    fn once(&mut self, name: &str, schema: Value) -> Value {
        if schema.to_string().len() < LONG {
            return schema;
        }
        let known = self.definitions.iter().find(|(_, known)| **known == schema);
        if let Some((name, _)) = known {
            return json!({ "$ref": format!("#/$defs/{name}") });
        }
        let prefix = if self.in_block { "block_" } else { "" };
        let mut key = format!("{prefix}{name}");
        while self.definitions.contains_key(&key) {
            key.push('_');
        }
        let reference = json!({ "$ref": format!("#/$defs/{key}") });
        self.definitions.insert(key, schema);
        reference
    }
}

fn parameter() -> Value {
    json!({ "$ref": "#/$defs/parameter" })
}

fn number(bounds: &Bounds) -> Value {
    let mut schema = json!({ "type": "number" });
    let ends = [
        (bounds.lower, "minimum", "exclusiveMinimum"),
        (bounds.upper, "maximum", "exclusiveMaximum"),
    ];
    for (end, closed, open) in ends {
        if let Some((end, is_in)) = end {
            let value = if end.fract() == 0.0 {
                json!(end as i64)
            } else {
                json!(end)
            };
            insert(&mut schema, if is_in { closed } else { open }, value);
        }
    }
    schema
}
