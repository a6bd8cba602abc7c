//! The whole language as data: keys and forms as the readers ask for them, defaults as the readers
//! fill them in, and what `docs` says of each.

use super::docs::{self, CHOICES, Keys};
use super::form::{Field, Form};
use super::{blocks, defaults, layer, read_sections, reader};
use crate::diagnostic::Source;

/// The language of configs.
#[derive(Clone, Debug)]
pub struct Language {
    /// What a config is.
    pub about: &'static str,
    /// The sections of a config.
    pub sections: Vec<Field>,
    /// Every layer type, in the order of the reference.
    pub layers: Vec<LayerType>,
}

/// A layer type.
#[derive(Clone, Debug)]
pub struct LayerType {
    /// The `type`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Output shape, what is computed, parameters and multiply-adds, a line each.
    pub formula: &'static str,
    /// The paper, or the function of another library that does the same.
    pub source: &'static str,
    /// A complete config.
    pub example: String,
    /// Its keys; those that every layer has come last.
    pub fields: Vec<Field>,
    /// Whether it takes other keys too.
    pub is_open: bool,
}

/// Describes the language.
#[must_use]
pub fn describe() -> Language {
    let nowhere = Source {
        name: String::new(),
        text: String::new(),
    };
    let mut sections = reader::describe(|reader| read_sections(reader, &nowhere));
    sections.push(blocks::describe());
    for section in &mut sections {
        let name = section.name;
        if let Form::Table(fields) = &mut section.form {
            defaults::fill_section(name, fields);
        }
    }
    fill_about(&mut sections, &[table_keys("the config")]);
    let mut read = layer::describe();
    let layers = docs::layers().map(|doc| {
        let is_open = doc.name == "block";
        let position = read.iter().position(|(name, _)| *name == doc.name);
        let mut fields = match position {
            Some(position) => read.swap_remove(position).1,
            None => blocks::describe_use(),
        };
        if !is_open {
            defaults::fill_layer(doc.name, &mut fields);
        }
        fields.extend(layer::describe_every());
        let keys = [doc.keys, &[docs::EVERY_LAYER]].concat();
        fill_about(&mut fields, &keys);
        LayerType {
            name: doc.name,
            summary: doc.summary,
            formula: doc.formula,
            source: doc.source,
            example: format!("[model]\n{}\n", doc.example),
            fields,
            is_open,
        }
    });
    Language {
        about: table_about("the config"),
        layers: layers.collect(),
        sections,
    }
}

/// Returns the keys of every section, by its name.
pub(super) fn keys_of_sections() -> Vec<(&'static str, Vec<&'static str>)> {
    let nowhere = Source {
        name: String::new(),
        text: String::new(),
    };
    let sections = reader::describe(|reader| read_sections(reader, &nowhere)).into_iter();
    let tables = sections.filter_map(|section| match section.form {
        Form::Table(fields) => Some((section.name, fields)),
        _ => None,
    });
    tables
        .map(|(name, fields)| (name, fields.iter().map(|field| field.name).collect()))
        .collect()
}

fn table_keys(name: &str) -> Keys {
    let table = docs::tables().find(|table| table.name == name);
    table.map_or(&[], |table| table.keys)
}

fn table_about(name: &str) -> &'static str {
    let table = docs::tables().find(|table| table.name == name);
    table.map_or("", |table| table.about)
}

fn fill_about(fields: &mut [Field], keys: &[Keys]) {
    for field in fields {
        let name = field.name;
        let about = keys.iter().copied().flatten();
        let about = about.into_iter().find(|(key, _)| *key == name);
        field.about = about.map_or("", |(_, about)| about);
        fill_form(name, &mut field.form);
    }
}

fn fill_form(name: &str, form: &mut Form) {
    match form {
        Form::Table(fields) | Form::Block(fields) => fill_about(fields, &[table_keys(name)]),
        Form::Map(form) => fill_form(name, form),
        Form::Either(forms) => forms.iter_mut().for_each(|form| fill_form(name, form)),
        Form::Tagged(variants) => {
            let choice = CHOICES.iter().find(|choice| choice.names.contains(&name));
            for variant in variants {
                let mut types = choice.iter().flat_map(|choice| choice.types);
                let Some((_, about, keys)) = types.find(|(name, ..)| *name == variant.name) else {
                    continue;
                };
                variant.about = about;
                fill_about(&mut variant.fields, &[keys]);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::Fallback;
    use super::*;

    /// Collects fields without a sentence, and counts those with one.
    fn undocumented(path: &str, fields: &[Field], found: &mut Vec<String>) -> usize {
        let mut count = 0;
        for field in fields {
            let path = format!("{path}.{}", field.name);
            count += 1;
            if field.about.is_empty() {
                found.push(path.clone());
            }
            count += in_form(&path, &field.form, found);
        }
        count
    }

    fn in_form(path: &str, form: &Form, found: &mut Vec<String>) -> usize {
        match form {
            Form::Table(fields) | Form::Block(fields) => undocumented(path, fields, found),
            Form::Map(form) => in_form(path, form, found),
            Form::Either(forms) => forms.iter().map(|form| in_form(path, form, found)).sum(),
            Form::Tagged(variants) => {
                let mut count = 0;
                for variant in variants {
                    let path = format!("{path}.{}", variant.name);
                    if variant.about.is_empty() {
                        found.push(path.clone());
                    }
                    count += undocumented(&path, &variant.fields, found);
                }
                count
            }
            _ => 0,
        }
    }

    #[test]
    fn every_key_has_a_sentence_and_every_sentence_a_key() {
        let language = describe();
        let mut missing = Vec::new();
        let count = undocumented("", &language.sections, &mut missing);
        let tables: usize = docs::tables().map(|table| table.keys.len()).sum();
        let choices = |name: &str| -> usize {
            let choices = CHOICES.iter().filter(|choice| choice.names.contains(&name));
            let types = choices.flat_map(|choice| choice.types);
            types.map(|(_, _, keys)| keys.len()).sum()
        };
        let choices = ["optimizer", "schedule", "loss"].map(choices);
        let in_sections = tables + choices.iter().sum::<usize>();
        assert_eq!(count, in_sections, "{missing:?}");
        for layer in &language.layers {
            undocumented(layer.name, &layer.fields, &mut missing);
            let doc = docs::layers().find(|doc| doc.name == layer.name).unwrap();
            for (key, _) in doc.keys.iter().copied().flatten() {
                let known = layer.fields.iter().any(|field| field.name == *key);
                assert!(known, "`{}` has no key `{key}`", layer.name);
            }
        }
        assert_eq!(missing, Vec::<String>::new(), "keys without a sentence");
        let mut read: Vec<&str> = layer::describe().iter().map(|(name, _)| *name).collect();
        read.push("block");
        let mut described: Vec<&str> = language.layers.iter().map(|layer| layer.name).collect();
        read.sort_unstable();
        described.sort_unstable();
        assert_eq!(described, read);
        for choice in CHOICES {
            let conv = language.layers.iter().flat_map(|layer| &layer.fields);
            let train = language
                .sections
                .iter()
                .filter_map(|section| match &section.form {
                    Form::Table(fields) => Some(fields),
                    _ => None,
                });
            let mut fields = conv.chain(train.flatten());
            let field = fields.find(|field| field.name == choice.names[0]).unwrap();
            let Form::Either(forms) = &field.form else {
                panic!("{field:?}")
            };
            let Some(Form::Tagged(variants)) = forms.last() else {
                panic!("{field:?}")
            };
            let mut names: Vec<&str> = variants.iter().map(|variant| variant.name).collect();
            let mut types: Vec<&str> = choice.types.iter().map(|(name, ..)| *name).collect();
            names.sort_unstable();
            types.sort_unstable();
            assert_eq!(names, types);
        }
    }

    #[track_caller]
    fn default_of(layer: &str, key: &str, expected: &Fallback) {
        let language = describe();
        let layer = language.layers.iter().find(|known| known.name == layer);
        let field = layer.unwrap().fields.iter().find(|field| field.name == key);
        assert_eq!(&field.unwrap().default, expected);
    }

    #[test]
    fn defaults_are_those_of_the_reader() {
        let value = |text: &str| Fallback::Value(text.to_owned());
        let with = |word: &str, text: &str| (format!("\"{word}\""), text.to_owned());
        default_of("conv", "stride", &value("1"));
        default_of("conv", "initializer", &value("\"glorot_uniform\""));
        default_of("conv", "activation", &Fallback::None);
        default_of("pool", "stride", &Fallback::SameAs("size"));
        let average = vec![with("avg", "true")];
        default_of("pool", "count_padding", &Fallback::With("kind", average));
        let slopes = vec![with("leaky_relu", "0.01"), with("prelu", "0.25")];
        default_of("activation", "slope", &Fallback::With("fn", slopes));
        default_of("block", "repeat", &value("1"));
    }

    #[test]
    fn bounds_are_those_of_the_reader() {
        let language = describe();
        let dropout = language.layers.iter().find(|layer| layer.name == "dropout");
        let Form::Number(bounds) = &dropout.unwrap().fields[0].form else {
            panic!("{dropout:?}")
        };
        assert_eq!(bounds.lower, Some((0.0, true)));
        assert_eq!(bounds.upper, Some((1.0, false)));
    }
}
