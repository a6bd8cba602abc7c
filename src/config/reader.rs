//! Takes keys out of a table one by one and keeps account of what went wrong.

use std::cell::RefCell;

use super::node::{Key, Node, Table, Value};
use super::words;
use crate::diagnostic::{Diagnostic, Span};

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

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.0.into_inner()
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
    what: String,
    table: &'a Table,
    span: Span,
    problems: &'a Problems,
    asked: RefCell<Vec<&'static str>>,
    later: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<(&'static str, String)>>,
}

impl<'a> Reader<'a> {
    /// Starts reading `table`; `what` names it in errors: "`conv`", "`[data]`".
    pub(super) fn new(what: &str, table: &'a Table, span: &Span, problems: &'a Problems) -> Self {
        Self {
            what: what.to_owned(),
            table,
            span: span.clone(),
            problems,
            asked: RefCell::default(),
            later: RefCell::default(),
            missing: RefCell::default(),
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

    /// Takes a key that may be absent.
    pub(super) fn take(&self, name: &'static str) -> Option<(&'a Key, &'a Node)> {
        self.asked.borrow_mut().push(name);
        let (key, node) = self.table.iter().find(|(key, _)| key.name == name)?;
        Some((key, node))
    }

    /// Reads a key that may be absent; a wrong value is a problem and counts as absent.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&Node) -> Result<T, Mismatch>,
    ) -> Option<Spanned<T>> {
        let (key, node) = self.take(name)?;
        let span = whole(key, node);
        match parse(node) {
            Ok(value) => Some(Spanned { value, span }),
            Err(mismatch) => {
                let message = format!("`{name}` takes {}", mismatch.expected);
                let label = format!("received {}", mismatch.received);
                let mut diagnostic = Diagnostic::error(message).at(&span, label);
                diagnostic.helps.extend(mismatch.help);
                self.problems.add(diagnostic);
                None
            }
        }
    }

    /// Reads a key, or takes `default` where there is none.
    pub(super) fn or<T>(
        &self,
        name: &'static str,
        default: T,
        parse: impl Fn(&Node) -> Result<T, Mismatch>,
    ) -> Spanned<T> {
        self.optional(name, parse).unwrap_or_else(|| Spanned {
            value: default,
            span: self.span.clone(),
        })
    }

    /// Reads a key that must be there.
    pub(super) fn required<T>(
        &self,
        name: &'static str,
        example: &str,
        parse: impl Fn(&Node) -> Result<T, Mismatch>,
    ) -> Option<Spanned<T>> {
        if self.table.iter().any(|(key, _)| key.name == name) {
            return self.optional(name, parse);
        }
        self.asked.borrow_mut().push(name);
        self.missing.borrow_mut().push((name, example.to_owned()));
        None
    }

    /// Names keys of the language that this version does not have.
    pub(super) fn not_yet(&self, names: &[&'static str]) {
        self.later.borrow_mut().extend(names);
    }

    /// Reports every key that was not asked for, and every one that must be there and is not.
    pub(super) fn finish(self) {
        let asked = self.asked.into_inner();
        let later = self.later.into_inner();
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
                Diagnostic::error(format!("{} needs `{name}`", self.what))
                    .at(&self.span, "")
                    .help(format!("add `{name} = {example}`")),
            );
        }
        for (key, _) in self.table {
            let name = key.name.as_str();
            if asked.contains(&name) {
                continue;
            }
            if later.contains(&name) {
                self.problems.add(
                    Diagnostic::error(format!("`{name}` of {} is not supported yet", self.what))
                        .at(&key.span, "part of the language, but not of this version")
                        .help("remove it"),
                );
                continue;
            }
            let mut diagnostic =
                Diagnostic::error(format!("unknown key `{name}` in {}", self.what))
                    .at(&key.span, "");
            let suggestion =
                words::suggest(words::our_key(name, &asked), words::nearest(name, &asked));
            if suggestion.is_none() {
                let names: Vec<String> = asked.iter().map(|name| format!("`{name}`")).collect();
                diagnostic = diagnostic.note(format!("it takes {}", names.join(", ")));
            }
            diagnostic.helps.extend(suggestion);
            self.problems.add(diagnostic);
        }
    }
}

/// Returns the place from a key to the end of its value.
pub(super) fn whole(key: &Key, node: &Node) -> Span {
    let end = node.span.range.end.max(key.span.range.end);
    let same_source = node.span.source == key.span.source;
    Span {
        range: key.span.range.start..if same_source { end } else { key.span.range.end },
        source: key.span.source.clone(),
    }
}

/// Reads a table value as the entries to make a [`Reader`] of.
pub(super) fn table(node: &Node) -> Option<&Table> {
    match &node.value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}
