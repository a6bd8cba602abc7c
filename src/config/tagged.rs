//! Settings whose `type` decides their other keys.

use super::form::{Field, Form, Variant};
use super::node::Value;
use super::reader::{self, Reader};
use super::value::{Kind as _, STRING};
use super::words;
use crate::diagnostic::Diagnostic;

/// Reads the other keys of one type.
pub(super) type ReadTagged<T> = fn(&Reader<'_>) -> T;

/// Reads a table whose `type` decides its other keys, or the `type` alone as a string; `usual` is the one to propose where there
/// is none.
pub(super) fn read<T>(
    reader: &Reader<'_>,
    name: &'static str,
    types: &[(&'static str, ReadTagged<T>)],
    usual: &str,
) -> Option<T> {
    let form = || {
        let variant = |(name, read): &(&'static str, ReadTagged<T>)| Variant {
            name,
            fields: reader::describe(read),
            about: "",
        };
        let variants: Vec<Variant> = types.iter().map(variant).collect();
        // The word alone does where no key must be there.
        let alone = variants
            .iter()
            .filter(|variant| !variant.fields.iter().any(Field::is_required));
        let words = alone.map(|variant| variant.name).collect();
        Form::Either(vec![Form::Words(words), Form::Tagged(variants)])
    };
    let (key, node) = reader.take(name, form)?;
    let span = reader::whole(key, node);
    let problems = reader.problems();
    let empty = Vec::new();
    let table = reader::table(node).unwrap_or(&empty);
    let word = match &node.value {
        Value::String(word) => Some(word.clone()),
        Value::Table(table) => {
            let entry = table.iter().find(|(key, _)| key.name == "type");
            entry.and_then(|(_, node)| STRING.parse(node).ok())
        }
        _ => None,
    };
    let known = word
        .as_ref()
        .and_then(|word| types.iter().find(|(name, _)| name == word));
    let Some((known, read)) = known else {
        problems.add(unknown_type(name, word.as_deref(), types, usual).at(&span, ""));
        return None;
    };
    let inner = Reader::new(known, table, &node.span, problems);
    inner.take("type", || Form::Text);
    let value = read(&inner);
    inner.finish();
    Some(value)
}

fn unknown_type<T>(
    name: &str,
    word: Option<&str>,
    types: &[(&'static str, T)],
    usual: &str,
) -> Diagnostic {
    let quoted: Vec<String> = types
        .iter()
        .map(|(name, _)| format!("`\"{name}\"`"))
        .collect();
    let expected = format!("this version has {}", quoted.join(", "));
    let names: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
    let Some(word) = word else {
        let write = format!(
            "write `{name} = {{ type = \"{usual}\", … }}`, or beside one `--set` another: `….{name}.type={usual}`"
        );
        return Diagnostic::error(format!("`{name}` needs `type`"))
            .note(expected)
            .help(write);
    };
    let diagnostic = Diagnostic::error(format!("unknown {name} `{word}`")).note(expected);
    let ours = words::our_value(word, &names);
    match words::suggest(ours, words::nearest(word, &names)) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
