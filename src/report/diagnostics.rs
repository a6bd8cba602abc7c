//! Diagnostics as text with the source line and a caret.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::plain;
use crate::diagnostic::{Diagnostic, Error, Severity};

/// The most that are shown; the rest are counted.
const SHOWN: usize = 20;

/// Writes every diagnostic of an error.
#[must_use]
pub fn render_error(error: &Error) -> String {
    let mut text: String = error.diagnostics.iter().take(SHOWN).map(render).collect();
    let rest = error.diagnostics.len().saturating_sub(SHOWN);
    if rest > 0 {
        text.push_str(&render(&Diagnostic::error(format!(
            "{rest} more errors are not shown"
        ))));
    }
    text
}

/// Writes one diagnostic, with colours; the stream takes them away where they do not belong.
#[must_use]
pub fn render(diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = plain(&diagnostic.message);
    let notes: Vec<String> = diagnostic.notes.iter().map(|note| plain(note)).collect();
    let helps: Vec<String> = diagnostic.helps.iter().map(|help| plain(help)).collect();
    let messages = notes
        .iter()
        .map(|note| Level::NOTE.message(note))
        .chain(helps.iter().map(|help| Level::HELP.message(help)));
    let label_text = diagnostic.label.as_ref().map(|label| plain(&label.text));
    let title = level.primary_title(&message);
    let group = match &diagnostic.label {
        Some(label) => {
            let source = &label.span.source;
            let mut annotation = AnnotationKind::Primary.span(label.span.range.clone());
            if let Some(text) = label_text.as_deref().filter(|text| !text.is_empty()) {
                annotation = annotation.label(text);
            }
            let snippet = Snippet::source(source.text.as_str())
                .path(source.name.as_str())
                .annotation(annotation);
            let group: Group<'_> = title.element(snippet);
            messages.fold(group, Group::element)
        }
        None => messages.fold(Group::with_title(title), Group::element),
    };
    let text = Renderer::styled().render(&[group]);
    format!("{text}\n\n")
}
