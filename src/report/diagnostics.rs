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
    let title = level.primary_title(&message);
    let label_text = diagnostic.label.as_ref().map(|label| plain(&label.text));
    let mut groups = vec![match &diagnostic.label {
        Some(label) => {
            let source = &label.span.source;
            let mut annotation = AnnotationKind::Primary.span(label.span.range.clone());
            if let Some(text) = label_text.as_deref().filter(|text| !text.is_empty()) {
                annotation = annotation.label(text);
            }
            let snippet = Snippet::source(source.text.as_str())
                .path(source.name.as_str())
                .annotation(annotation);
            title.element(snippet)
        }
        None => Group::with_title(title),
    }];
    let notes = notes.iter().map(|note| Level::NOTE.secondary_title(note));
    let helps = helps.iter().map(|help| Level::HELP.secondary_title(help));
    groups.extend(notes.chain(helps).map(Group::with_title));
    let renderer = Renderer::styled();
    if diagnostic.label.is_some() {
        return format!("{}\n\n", renderer.render(&groups));
    }
    // Together they would be joined by the margin of a source line that is not there.
    let lines = groups.chunks(1).map(|group| renderer.render(group) + "\n");
    lines.collect::<String>() + "\n"
}
