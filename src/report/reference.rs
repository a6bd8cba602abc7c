//! The reference of layers in Markdown: `docs/layers.md`.

use crate::config::{Fallback, Field, Form, Language, LayerType, Variant};

/// Writes the reference.
#[must_use]
pub fn render(language: &Language) -> String {
    let mut text = "# Layers\n\n\
        Every layer of the language, with what it computes and its keys. `cnn schema --layers` writes this file.\n\n\
        `in` and `out` are sizes per dimension of the map, `x` is the input and `y` the output; `channels` are those of\n\
        the input; `Π` multiplies over the dimensions. A network has 1, 2 or 3 dimensions, as many as its `input` has\n\
        beside the channels. Sizes are one number for all dimensions or an array of one per dimension. `kernel_size`,\n\
        `size` and `stride` count values of the layer's own input, not pixels of the picture. One MAC is one\n\
        multiplication and addition, for one input.\n\n"
        .to_owned();
    for layer in &language.layers {
        let name = layer.name;
        text.push_str(&format!("- [`{name}`](#{name}): {}\n", layer.summary));
    }
    let choices = choices(&language.layers);
    for layer in &language.layers {
        write_layer(&mut text, layer, &choices);
    }
    for (name, form) in &choices {
        text.push_str(&format!(
            "\n## {name}\n\nA word, or a table with `type`:\n\n"
        ));
        text.push_str("| `type` | keys (default) | |\n| --- | --- | --- |\n");
        for variant in variants(form) {
            let keys: Vec<String> = variant.fields.iter().map(key_with_default).collect();
            text.push_str(&format!(
                "| `{}` | {} | {} |\n",
                variant.name,
                keys.join(", "),
                cell(variant.about)
            ));
        }
    }
    text
}

/// Finds the values that have a section of their own, each with the first key that takes it.
fn choices(layers: &[LayerType]) -> Vec<(&'static str, &Form)> {
    let mut choices: Vec<(&'static str, &Form)> = Vec::new();
    for field in layers.iter().flat_map(|layer| &layer.fields) {
        let is_known = choices.iter().any(|(_, form)| *form == &field.form);
        if !is_known && !variants(&field.form).is_empty() {
            choices.push((field.name, &field.form));
        }
    }
    choices
}

fn variants(form: &Form) -> &[Variant] {
    match form {
        Form::Either(forms) => forms.last().map_or(&[], variants),
        Form::Tagged(variants) => variants,
        _ => &[],
    }
}

fn write_layer(text: &mut String, layer: &LayerType, choices: &[(&str, &Form)]) {
    text.push_str(&format!("\n## {}\n\n{}\n\n", layer.name, layer.summary));
    text.push_str(&format!("```text\n{}\n```\n\n", layer.formula));
    text.push_str("| key | values | default | |\n| --- | --- | --- | --- |\n");
    for field in &layer.fields {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            field.name,
            cell(&values(field, choices)),
            cell(&default(field)),
            cell(field.about)
        ));
    }
    if layer.is_open {
        text.push_str("| … | any | that of the block | A parameter of the block. |\n");
    }
    text.push_str(&format!("\n```toml\n{}```\n\n", layer.example));
    text.push_str(&format!("Source: {}.\n", layer.source));
}

/// Makes text safe for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn key_with_default(field: &Field) -> String {
    match &field.default {
        Fallback::Value(value) => format!("`{}` ({value})", field.name),
        _ => format!("`{}`", field.name),
    }
}

fn default(field: &Field) -> String {
    match (&field.default, field.unless) {
        (Fallback::Value(value), _) => format!("`{value}`"),
        (Fallback::SameAs(other), _) => format!("`{other}`"),
        (Fallback::With(other, values), _) => {
            let each =
                |(word, value): &(String, String)| format!("`{value}` with `{other} = {word}`");
            let values: Vec<String> = values.iter().map(each).collect();
            values.join(", ")
        }
        (Fallback::None, Some(other)) => format!("must be there, unless `{other}` is"),
        (Fallback::None, None) if field.is_required() => "must be there".to_owned(),
        (Fallback::None, None) => "none".to_owned(),
    }
}

fn values(field: &Field, choices: &[(&str, &Form)]) -> String {
    if let Some((name, _)) = choices.iter().find(|(_, form)| *form == &field.form) {
        return format!("see [{name}](#{name})");
    }
    match (field.name, &field.form) {
        ("activation", _) => "a word of `fn` in [activation](#activation)".to_owned(),
        // Names are not listed where they are many.
        ("kernel", _) => "a name, or arrays of names or numbers".to_owned(),
        (_, form) => describe(form),
    }
}

fn describe(form: &Form) -> String {
    match form {
        Form::Any => "any".to_owned(),
        Form::Boolean => "`true`, `false`".to_owned(),
        Form::Text => "a string".to_owned(),
        Form::Integer { least, most } if least == most => format!("{least}"),
        Form::Integer { least, .. } => format!("a whole number of {least} or more"),
        Form::Number(bounds) => bounds.expected.to_owned(),
        Form::Words(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            words.join(", ")
        }
        Form::Array { of, .. } => format!("`[…]` of {}", describe(of)),
        Form::Either(forms) => {
            let forms: Vec<String> = forms.iter().map(describe).collect();
            forms.join("; or ")
        }
        Form::Table(_) | Form::Map(_) | Form::Tagged(_) | Form::Block(_) => "a table".to_owned(),
        Form::Layers { .. } => "an array of layers".to_owned(),
        Form::LayerLists => "an array of arrays of layers".to_owned(),
    }
}
