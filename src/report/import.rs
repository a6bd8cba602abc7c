//! What was imported, as text and JSON.

use serde_json::{Value, json};

use super::evaluation::{plain_table, table_lines};
use super::plain;
use crate::import::Imported;
use crate::shape;

/// Writes which weight went where, and the run.
#[must_use]
pub fn render(imported: &Imported) -> String {
    let mut table = plain_table();
    table.set_header(["weight", "shape", "from"]);
    for one in &imported.matches {
        table.add_row([
            plain(&one.ours),
            shape::display(&one.shape),
            plain(&one.theirs),
        ]);
    }
    format!(
        "{}\n{} weights placed {}\nrun  {}\n",
        table_lines(&table),
        imported.matches.len(),
        plain(&imported.way.to_string()),
        plain(&imported.run.display().to_string())
    )
}

/// Describes which weight went where.
#[must_use]
pub fn json_of(imported: &Imported) -> Value {
    let weights = imported
        .matches
        .iter()
        .map(|one| json!({ "weight": one.ours, "shape": one.shape, "from": one.theirs }));
    json!({
        "run": imported.run.display().to_string(),
        "placed": imported.way.to_string(),
        "classes": imported.classes,
        "weights": weights.collect::<Value>(),
    })
}
