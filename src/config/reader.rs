//! Takes keys out of a table one by one and keeps account of what went wrong.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use super::form::{Field, Form};
use super::node::{Key, Node, Table, Value};
use super::value::Kind;
use super::words;
use crate::diagnostic::{Diagnostic, Span, in_backticks};

/// A setting and the place to point at when something is wrong with it.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// `key = value`, or what holds it when the value is a default.
    pub span: Span,
}

/// The errors found so far; reading goes on after each.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Diagnostic>>);

impl Problems {
    pub(super) fn add(&self, diagnostic: Diagnostic) {
        self.0.borrow_mut().push(diagnostic);
    }

    /// Returns each error once; the layers of a block are read for every use of it.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        for diagnostic in self.0.into_inner() {
            if !diagnostics
                .iter()
                .any(|known| known.says_the_same(&diagnostic))
            {
                diagnostics.push(diagnostic);
            }
        }
        diagnostics
    }
}

/// What was expected in place of a value, and where exactly if not at the whole of it.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub(super) expected: String,
    pub(super) received: String,
    pub(super) help: Option<String>,
}

impl Mismatch {
    pub(super) fn new(expected: impl Into<String>, node: &Node) -> Self {
        Self {
            expected: expected.into(),
            received: node.describe(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// One table being read.
pub(super) struct Reader<'a> {
    /// What errors call the table: `conv`, `[data]`.
    what: &'a str,
    table: &'a Table,
    span: Span,
    problems: &'a Problems,
    asked: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<(&'static str, String)>>,
    /// The keys asked for, when the table is read only to learn them.
    fields: Option<RefCell<Vec<Field>>>,
}

/// Returns the keys that `read` asks for.
pub(super) fn describe<T>(read: impl Fn(&Reader<'_>) -> T) -> Vec<Field> {
    let (table, problems) = (Table::new(), Problems::default());
    let mut reader = Reader::new("", &table, &Span::nowhere(), &problems);
    reader.fields = Some(RefCell::default());
    read(&reader);
    reader.fields.map(RefCell::into_inner).unwrap_or_default()
}

impl<'a> Reader<'a> {
    /// Starts reading `table`; `what` names it in errors: `conv`, `[data]`.
    pub(super) fn new(
        what: &'a str,
        table: &'a Table,
        span: &Span,
        problems: &'a Problems,
    ) -> Self {
        Self {
            what,
            table,
            span: span.clone(),
            problems,
            asked: RefCell::default(),
            missing: RefCell::default(),
            fields: None,
        }
    }

    /// Returns whether the table is read only to learn its keys.
    pub(super) fn describes(&self) -> bool {
        self.fields.is_some()
    }

    fn note_field(&self, name: &'static str, form: impl Fn() -> Form, example: Option<&str>) {
        if let Some(fields) = &self.fields {
            fields.borrow_mut().push(Field {
                example: example.map(str::to_owned),
                ..Field::new(name, form())
            });
        }
    }

    /// Returns what errors call the table: a name of the language stands in backticks.
    fn title(&self) -> String {
        if self.what.contains(' ') {
            self.what.to_owned()
        } else {
            format!("`{}`", self.what)
        }
    }

    /// Returns the errors found so far.
    pub(super) fn problems(&self) -> &'a Problems {
        self.problems
    }

    /// Returns the place of the table.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Takes a key that may be absent; `form` describes its values.
    pub(super) fn take(
        &self,
        name: &'static str,
        form: impl Fn() -> Form,
    ) -> Option<(&'a Key, &'a Node)> {
        self.note_field(name, form, None);
        self.find(name)
    }

    /// Takes a key that must be there; `example` shows what is meant.
    pub(super) fn take_required(
        &self,
        name: &'static str,
        example: &str,
        form: impl Fn() -> Form,
    ) -> Option<(&'a Key, &'a Node)> {
        self.note_field(name, form, Some(example));
        let found = self.find(name);
        if found.is_none() {
            self.missing.borrow_mut().push((name, example.to_owned()));
        }
        found
    }

    /// Takes a key that must be there, where the caller reports that it is not.
    pub(super) fn take_expected(
        &self,
        name: &'static str,
        example: &str,
        form: impl Fn() -> Form,
    ) -> Option<(&'a Key, &'a Node)> {
        self.note_field(name, form, Some(example));
        self.find(name)
    }

    fn find(&self, name: &'static str) -> Option<(&'a Key, &'a Node)> {
        self.asked.borrow_mut().push(name);
        let (key, node) = self.table.iter().find(|(key, _)| key.name == name)?;
        Some((key, node))
    }

    /// Returns the place of a key with its value; that of the table where it is not there.
    pub(super) fn place(&self, name: &str) -> Span {
        let entry = self.table.iter().find(|(key, _)| key.name == name);
        entry.map_or_else(|| self.span.clone(), |(key, node)| whole(key, node))
    }

    /// Returns whether a key is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.iter().any(|(key, _)| key.name == name)
    }

    /// Reads a key that may be absent; a wrong value is a problem and counts as absent.
    pub(super) fn optional<K: Kind>(
        &self,
        name: &'static str,
        kind: &K,
    ) -> Option<Spanned<K::Value>> {
        let (key, node) = self.take(name, || kind.form())?;
        self.parse(key, node, kind)
    }

    /// Reads a key, or takes `default` where there is none.
    pub(super) fn or<K: Kind>(
        &self,
        name: &'static str,
        default: K::Value,
        kind: &K,
    ) -> Spanned<K::Value> {
        self.optional(name, kind).unwrap_or_else(|| Spanned {
            value: default,
            span: self.span.clone(),
        })
    }

    /// Reads a key that must be there.
    pub(super) fn required<K: Kind>(
        &self,
        name: &'static str,
        example: &str,
        kind: &K,
    ) -> Option<Spanned<K::Value>> {
        let (key, node) = self.take_required(name, example, || kind.form())?;
        self.parse(key, node, kind)
    }

    /// Reads a key that must be there unless `other` is.
    pub(super) fn required_unless<K: Kind>(
        &self,
        other: &'static str,
        name: &'static str,
        example: &str,
        kind: &K,
    ) -> Option<Spanned<K::Value>> {
        if self.has(other) {
            return self.optional(name, kind);
        }
        let value = self.required(name, example, kind);
        if let Some(fields) = &self.fields
            && let Some(field) = fields.borrow_mut().last_mut()
        {
            field.unless = Some(other);
        }
        value
    }

    fn parse<K: Kind>(&self, key: &Key, node: &Node, kind: &K) -> Option<Spanned<K::Value>> {
        let span = whole(key, node);
        match kind.parse(node) {
            Ok(value) => Some(Spanned { value, span }),
            Err(mismatch) => {
                let message = format!("`{}` takes {}", key.name, mismatch.expected);
                let label = format!("received {}", mismatch.received);
                let mut diagnostic = Diagnostic::error(message).at(&span, label);
                diagnostic.helps.extend(mismatch.help);
                self.problems.add(diagnostic);
                None
            }
        }
    }

    /// Reports every key that was not asked for, and every one that must be there and is not.
    pub(super) fn finish(self) {
        let title = self.title();
        let asked = self.asked.into_inner();
        for (name, example) in self.missing.into_inner() {
            let mut unknown = self.table.iter().map(|(key, _)| key.name.as_str());
            // One that is there under another word is reported as that word, with ours.
            let meant = |word: &str| {
                !asked.contains(&word)
                    && words::our_key(word, &asked).or(words::nearest(word, &asked)) == Some(name)
            };
            if unknown.any(meant) {
                continue;
            }
            self.problems.add(
                Diagnostic::error(format!("{title} needs `{name}`"))
                    .at(&self.span, "")
                    .help(format!("add `{name} = {example}`")),
            );
        }
        let sections = OnceCell::new();
        let is_section = title == "the config" || title.starts_with("`[");
        let elsewhere = |name: &str| {
            let sections = sections.get_or_init(super::describe::keys_of_sections);
            let mut own = sections.iter().filter(|_| is_section);
            own.find_map(|(section, keys)| stands_in(name, section, keys))
        };
        for (key, _) in self.table {
            let name = key.name.as_str();
            if asked.contains(&name) {
                continue;
            }
            let mut diagnostic =
                Diagnostic::error(format!("unknown key `{name}` in {title}")).at(&key.span, "");
            let ours = words::our_key(name, &asked);
            let within = ours.and_then(|ours| words::within_optimizer(name, ours));
            let nearest = words::nearest(name, &asked);
            let suggestion = within.or_else(|| words::suggest(ours, nearest));
            // Keras and Caffe know layers with an activation that here have none.
            let is_layer = asked.contains(&"type") && asked.contains(&"name");
            let behind = (name == "activation" && is_layer)
                .then(|| "put `{ type = \"activation\", fn = \"relu\" }` after it".to_owned());
            let suggestion = suggestion.or(behind).or_else(|| elsewhere(name));
            if suggestion.is_none() {
                diagnostic = diagnostic.note(format!("it takes {}", in_backticks(&*asked)));
            }
            diagnostic.helps.extend(suggestion);
            self.problems.add(diagnostic);
        }
    }
}

/// Says that a key is one of a section, if it is, or another program's word for one.
fn stands_in(name: &str, section: &str, keys: &[&'static str]) -> Option<String> {
    let same = keys.iter().copied().find(|key| *key == name);
    let own = same.or_else(|| words::our_key(name, keys))?;
    let deeper = words::within_optimizer(name, own).map(|words| format!("; {words}"));
    let deeper = deeper.unwrap_or_default();
    Some(format!("`{own}` stands in `[{section}]`{deeper}"))
}

/// Returns the place from a key to the end of its value.
pub(super) fn whole(key: &Key, node: &Node) -> Span {
    let same_source = Arc::ptr_eq(&node.span.source, &key.span.source);
    let end = node.span.range.end.max(key.span.range.end);
    Span {
        range: key.span.range.start..if same_source { end } else { key.span.range.end },
        ..key.span.clone()
    }
}

/// Reads a key whose value is a table with keys of its own; `keys` names them in errors.
pub(super) fn inner<T>(
    reader: &Reader<'_>,
    name: &'static str,
    keys: &str,
    read: impl Fn(&Reader<'_>) -> T,
) -> Option<T> {
    let (key, node) = reader.take(name, || Form::Table(describe(&read)))?;
    let problems = reader.problems();
    let Some(table) = table(node) else {
        let message = format!("`{name}` takes `{keys}`, received {}", node.describe());
        problems.add(Diagnostic::error(message).at(&whole(key, node), ""));
        return None;
    };
    let inner = Reader::new(name, table, &node.span, problems);
    let value = read(&inner);
    inner.finish();
    Some(value)
}

/// Reads a table value as the entries to make a [`Reader`] of.
pub(super) fn table(node: &Node) -> Option<&Table> {
    match &node.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}
