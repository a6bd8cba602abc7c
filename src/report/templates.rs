//! The list of templates.

use crate::template::Template;

/// Writes a line for each.
#[must_use]
pub fn render(templates: &[Template]) -> String {
    let names = templates.iter().map(|template| template.name.len());
    let width = names.max().unwrap_or_default();
    let line = |template: &Template| format!("{:width$}  {}\n", template.name, template.about());
    templates.iter().map(line).collect()
}
