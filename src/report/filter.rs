//! Filters and what came of them, as text and JSON.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::plain;
use crate::filter::{Filter, Planes, Stage, counted};

/// Maps up to this wide are shown with their numbers.
const WIDE: usize = 16;
/// Maps up to this high are shown with their numbers.
const HIGH: usize = 32;
/// Maps up to this many values are in the JSON with their numbers.
const VALUES: usize = 1024;

/// Filters applied one after another, what came of them, and the files it went to.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The filters.
    pub filters: &'a [&'a Filter],
    /// The stages, in order.
    pub stages: &'a [Stage],
    /// The picture of the last stage.
    pub out: &'a Path,
    /// The numbers of the last stage.
    pub raw: Option<&'a Path>,
    /// A picture a stage, or none.
    pub stage_files: &'a [PathBuf],
}

/// Writes the picture that is filtered.
#[must_use]
pub fn render_input(name: &str, input: &Planes) -> String {
    format!("{}: {}", plain(name), described(input))
}

/// Writes filters and every stage of what came of them.
#[must_use]
pub fn render(outcome: &Outcome<'_>) -> String {
    let mut text: String = outcome
        .filters
        .iter()
        .map(|filter| format!("\n{}", render_filter(filter)))
        .collect();
    for stage in outcome.stages {
        let about = plain(&stage.about);
        text.push_str(&format!(
            "\n{} {about}: {}",
            stage.name,
            described(&stage.planes)
        ));
    }
    if let Some(last) = outcome.stages.last()
        && last.planes.values.len() <= WIDE
    {
        let numbers: Vec<String> = last.planes.values.iter().map(|x| number(*x)).collect();
        text.push_str(&format!("\nflattened: ({})\n", numbers.join(", ")));
    }
    text
}

/// Writes the filters that have a name.
#[must_use]
pub fn render_list(filters: &[Filter]) -> String {
    let texts: Vec<String> = filters.iter().map(render_filter).collect();
    texts.join("\n")
}

fn render_filter(filter: &Filter) -> String {
    let [rows, columns] = filter.size();
    let weights = counted(filter.weights(), "weight");
    let mut text = format!("{} {rows}x{columns}, {weights}", plain(&filter.name));
    if !filter.about.is_empty() {
        text.push_str(": ");
        text.push_str(&filter.about);
    }
    text.push('\n');
    if columns <= WIDE && rows <= HIGH {
        let tables: Vec<String> = filter
            .matrices
            .iter()
            .map(|matrix| table(&matrix.weights, columns))
            .collect();
        text.push_str(&tables.join("\n"));
    }
    text
}

/// Writes the shape, and the numbers or their range.
fn described(planes: &Planes) -> String {
    let [channels, rows, columns] = planes.shape;
    let shape = format!("{channels}x{rows}x{columns}");
    if columns > WIDE || rows > HIGH {
        let [least, most, mean] = planes.range().map(number);
        return format!("{shape}, from {least} to {most}, mean {mean}\n");
    }
    let tables: Vec<String> = planes.planes().map(|plane| table(plane, columns)).collect();
    format!("{shape}\n{}", tables.join("\n"))
}

fn table(values: &[f64], columns: usize) -> String {
    let numbers: Vec<String> = values.iter().map(|value| number(*value)).collect();
    let width = numbers.iter().map(String::len).max().unwrap_or_default();
    let line = |row: &[String]| {
        let cells: Vec<String> = row.iter().map(|cell| format!("{cell:>width$}")).collect();
        format!("  {}\n", cells.join("  "))
    };
    numbers.chunks(columns).map(line).collect()
}

/// Writes a number with four decimals at most; rounding errors are 0.
fn number(value: f64) -> String {
    let size = value.abs();
    if size < 1e-9 {
        "0".to_owned()
    } else if (1e-3..1e9).contains(&size) {
        ((value * 1e4).round() / 1e4).to_string()
    } else {
        format!("{value:.1e}")
    }
}

/// Describes all that was done to a picture.
#[must_use]
pub fn json_document(name: &str, input: &Planes, results: &[Value]) -> Value {
    json!({ "image": name, "input": figures(input), "results": results })
}

/// Describes filters and what came of them.
#[must_use]
pub fn json(outcome: &Outcome<'_>) -> Value {
    let kernels: Vec<Value> = outcome
        .filters
        .iter()
        .map(|filter| json_filter(filter))
        .collect();
    let stages = outcome.stages.iter().enumerate().map(|(index, stage)| {
        let mut value = figures(&stage.planes);
        value["stage"] = json!(stage.name);
        value["about"] = json!(stage.about);
        if let Some(file) = outcome.stage_files.get(index) {
            value["out"] = json!(file.display().to_string());
        }
        value
    });
    json!({
        "kernels": kernels,
        "stages": stages.collect::<Vec<_>>(),
        "out": outcome.out.display().to_string(),
        "raw": outcome.raw.map(|path| path.display().to_string()),
    })
}

/// Describes the filters that have a name.
#[must_use]
pub fn json_list(filters: &[Filter]) -> Value {
    json!({ "kernels": filters.iter().map(json_filter).collect::<Vec<_>>() })
}

fn json_filter(filter: &Filter) -> Value {
    let matrices = filter.matrices.iter().map(|matrix| {
        let rows = matrix.weights.chunks(matrix.columns);
        rows.map(|row| json!(row)).collect::<Vec<_>>()
    });
    json!({
        "name": filter.name,
        "about": filter.about,
        "weights": filter.weights(),
        "matrices": matrices.collect::<Vec<_>>(),
    })
}

fn figures(planes: &Planes) -> Value {
    let [least, most, mean] = planes.range();
    let mut value = json!({ "shape": planes.shape, "min": least, "max": most, "mean": mean });
    if planes.values.len() <= VALUES {
        let channels = planes.planes().map(|plane| {
            let rows = plane.chunks(planes.shape[2]);
            rows.map(|row| json!(row)).collect::<Vec<_>>()
        });
        value["values"] = json!(channels.collect::<Vec<_>>());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (3.0, "3"),
            (-0.0, "0"),
            (1e-17, "0"),
            (1.0 / 9.0, "0.1111"),
            (-2.5, "-2.5"),
            (4e-5, "4.0e-5"),
            (2e12, "2.0e12"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
