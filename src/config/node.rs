//! TOML as a tree in which every key and value knows its place.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Source, Span};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) span: Span,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    String(String),
    /// Wider than any setting, so that a number too large is an error about its range.
    Integer(i128),
    Float(f64),
    Boolean(bool),
    Datetime,
    Array(Vec<Node>),
    Table(Table),
}

/// A key and its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Span,
}

/// Keys and values in the order of the file.
pub(super) type Table = Vec<(Key, Node)>;

impl Node {
    /// Describes the value for "received …".
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::String(text) => format!("the string `\"{}\"`", shorten(text)),
            Value::Integer(number) => format!("`{number}`"),
            Value::Float(number) => format!("`{number:?}`"),
            Value::Boolean(flag) => format!("`{flag}`"),
            Value::Datetime => "a date".to_owned(),
            Value::Array(items) => match self.written() {
                Some(text) => format!("`{text}`"),
                None => format!("an array of {}", items.len()),
            },
            Value::Table(_) => match self.written() {
                Some(text) => format!("`{text}`"),
                None => "a table".to_owned(),
            },
        }
    }

    /// Returns the value as the file has it, if that is short and on one line.
    fn written(&self) -> Option<&str> {
        let text = self.span.source.text.get(self.span.range.clone())?;
        let short = text.chars().count() <= 40 && !text.contains('\n');
        (short && text.starts_with(['[', '{'])).then_some(text)
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() > 40 {
        text.chars().take(39).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

/// Parses a whole file.
///
/// # Errors
/// Every syntax error the parser can tell apart.
pub(super) fn parse(source: &Arc<Source>) -> Result<Table, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    if errors.is_empty() {
        return Ok(convert_table(table.get_ref(), source));
    }
    Err(errors
        .iter()
        .map(|error| {
            let range = error.span().unwrap_or(0..0);
            let message = error.message().lines().next().unwrap_or("syntax error");
            let span = Span::new(source, range);
            Diagnostic::error(format!("not valid TOML: {message}")).at(&span, "")
        })
        .collect())
}

fn convert_table(table: &DeTable<'_>, source: &Arc<Source>) -> Table {
    let mut entries: Table = table
        .iter()
        .map(|(key, value)| {
            let key = Key {
                name: key.get_ref().to_string(),
                span: Span::new(source, key.span()),
            };
            (
                key,
                convert(value.get_ref(), Span::new(source, value.span())),
            )
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span.range.start);
    entries
}

fn convert(value: &DeValue<'_>, place: Span) -> Node {
    let source = &place.source;
    let value = match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(digits) => Value::Integer(
            i128::from_str_radix(digits.as_str(), digits.radix()).unwrap_or(i128::MAX),
        ),
        DeValue::Float(digits) => Value::Float(digits.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| convert(item.get_ref(), Span::new(source, item.span())))
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(convert_table(table, source)),
    };
    Node { value, span: place }
}

/// An override of one setting: a dotted key and its value, from the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The option it came from, such as `--set` or `--epochs`.
    pub option: String,
    /// The dotted key, such as `train.epochs`.
    pub key: String,
    /// The value as TOML; a bare word counts as a string.
    pub value: String,
}

impl Override {
    /// Creates the override of one value, such as `train.epochs`, with TOML; what is none is taken for a string.
    ///
    /// ```
    /// use cnn::Project;
    /// use cnn::config::Override;
    ///
    /// let text = "
    ///     [model]
    ///     input  = [1, 28, 28]
    ///     layers = [{ type = 'flatten' }, { type = 'dense', units = 10 }]
    /// ";
    /// let longer = [Override::new("train.epochs", "90"), Override::new("model.layers.1.units", "26")];
    /// let project = Project::check("letters.toml", text, &longer)?;
    /// assert_eq!(project.config.train.epochs, 90);
    /// assert_eq!(project.plan.output(), [26]);
    /// # Ok::<(), cnn::Error>(())
    /// ```
    #[must_use]
    pub fn new(key: &str, value: &str) -> Self {
        Self {
            option: "--set".to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    /// Creates the override of `--data`: always a string, whatever it looks like.
    #[must_use]
    pub(crate) fn data(source: &str) -> Self {
        Self {
            option: "--data".to_owned(),
            key: "data.source".to_owned(),
            value: super::value::quoted(source),
        }
    }
}

/// The deepest a dotted key may lead; nothing in the language is as deep.
const MAX_DEPTH: usize = 16;

/// Puts an override into the tree, making tables on the way.
///
/// # Errors
/// A diagnostic at the override when the key leads through something that is not a table.
pub(super) fn apply(table: &mut Table, setting: &Override) -> Result<(), Diagnostic> {
    let text = if setting.option == "--set" {
        format!("{}={}", setting.key, setting.value)
    } else {
        format!("{} {}", setting.option, setting.value)
    };
    let length = text.len();
    let source = Arc::new(Source {
        name: setting.option.clone(),
        text,
    });
    let place = Span::new(&source, 0..length);
    if setting.key.split('.').count() > MAX_DEPTH {
        let message = format!("a key has {MAX_DEPTH} parts at most");
        return Err(Diagnostic::error(message).at(&place, ""));
    }
    let mut node = match DeValue::parse(&setting.value) {
        Ok(value) => convert(value.get_ref(), place.clone()),
        Err(_) => Node {
            value: Value::String(setting.value.clone()),
            span: place.clone(),
        },
    };
    relocate(&mut node, &place);
    insert(table, &setting.key, node, &place)
}

/// Makes every span of an override point at the whole override.
fn relocate(node: &mut Node, place: &Span) {
    node.span = place.clone();
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| relocate(item, place)),
        Value::Table(entries) => entries.iter_mut().for_each(|(key, value)| {
            key.span = place.clone();
            relocate(value, place);
        }),
        _ => {}
    }
}

fn insert(table: &mut Table, key: &str, node: Node, place: &Span) -> Result<(), Diagnostic> {
    let (head, rest) = match key.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (key, None),
    };
    let position = table.iter().position(|(key, _)| key.name == head);
    let Some(rest) = rest else {
        let key = Key {
            name: head.to_owned(),
            span: place.clone(),
        };
        match position.and_then(|index| table.get_mut(index)) {
            Some(entry) => *entry = (key, node),
            None => table.push((key, node)),
        }
        return Ok(());
    };
    let index = position.unwrap_or_else(|| {
        let key = Key {
            name: head.to_owned(),
            span: place.clone(),
        };
        let value = Value::Table(Table::new());
        table.push((
            key,
            Node {
                value,
                span: place.clone(),
            },
        ));
        table.len() - 1
    });
    match table.get_mut(index) {
        Some((_, inner)) => descend(inner, head, rest, node, place),
        None => Ok(()),
    }
}

fn descend(
    inner: &mut Node,
    head: &str,
    rest: &str,
    node: Node,
    place: &Span,
) -> Result<(), Diagnostic> {
    match &mut inner.value {
        Value::Table(entries) => insert(entries, rest, node, place),
        Value::Array(items) => {
            let (index, after) = match rest.split_once('.') {
                Some((index, after)) => (index, Some(after)),
                None => (rest, None),
            };
            let count = items.len();
            let item = index
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index));
            match (item, after) {
                (Some(item), Some(after)) => descend(item, index, after, node, place),
                (Some(item), None) => {
                    *item = node;
                    Ok(())
                }
                (None, _) => Err(Diagnostic::error(format!(
                    "`{index}` is not a place in `{head}`, which has {count} entries"
                ))
                .at(place, "")
                .help("count from 0")),
            }
        }
        _ => Err(Diagnostic::error(format!(
            "`{head}` is {}, so nothing can be set inside it",
            inner.describe()
        ))
        .at(place, "")),
    }
}
