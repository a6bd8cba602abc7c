//! What is seen in a trained network: pictures, and the words and JSON that go with them.

mod features;
mod filters;
mod overlay;
mod scatter;

pub use features::{draw_features, render_features};
pub use filters::{draw_filters, render_filters};
pub use overlay::{draw_explanation, draw_field};
pub use scatter::{draw_embedding, embedding_csv};

use std::path::Path;

use serde_json::{Value, json};

use super::number::percent;
use super::plain;
use crate::config::Task;
use crate::dataset::begin_npy;
use crate::diagnostic::{Diagnostic, Error};
use crate::look::{Embedding, Explanation, Kernels, Maps, Seen};

/// Pixels between cells, and around them.
const GAP: usize = 6;

/// The widest sheet, before a cell alone is wider.
const WIDTH: usize = 1_000;

/// Writes the range of values, and how many of them are no finite numbers.
fn told(values: &[f32]) -> String {
    let [low, high] = range(values).map(short);
    let others = values.iter().filter(|value| !value.is_finite()).count();
    match others {
        0 => format!("{low} to {high}"),
        _ => format!("{low} to {high}, {others} not finite"),
    }
}

/// Returns the smallest and the largest finite value; equal where there are none.
fn range(values: &[f32]) -> [f64; 2] {
    let finite = values.iter().filter(|value| value.is_finite());
    let bounds = finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
        let value = f64::from(*value);
        [low.min(value), high.max(value)]
    });
    if bounds[0] > bounds[1] {
        [0.0; 2]
    } else {
        bounds
    }
}

/// Writes a number in few letters.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(0.01..1000.0).contains(&size) {
        format!("{value:.0e}")
    } else if size >= 10.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

fn too_large(what: &str, help: &str) -> Error {
    Error::config(Diagnostic::error(format!("{what} is too large to draw")).help(help))
}

/// Writes why the network answers so.
#[must_use]
pub fn render_explanation(
    method: &str,
    classes: &[String],
    task: Task,
    explanation: &Explanation,
    file: &Path,
) -> String {
    let name = classes.get(explanation.class).map(|name| plain(name));
    let name = name.unwrap_or_default();
    let answer = match task {
        Task::Values => format!("{:.4}", explanation.answer),
        Task::Classes | Task::Labels => percent(explanation.answer),
    };
    let layer = explanation.layer.as_ref();
    let layer = layer.map_or(String::new(), |layer| format!(" on layer {}", plain(layer)));
    let mut text = format!("{name}  {answer}  by {method}{layer}\n");
    if let Some(difference) = explanation.difference {
        let sum: f64 = explanation.map.iter().sum();
        text.push_str(&format!(
            "shares sum up to {sum:.4}; the logit is {difference:.4} above that of a black picture\n"
        ));
    }
    text.push_str(&format!("{}\n", plain(&file.display().to_string())));
    text
}

/// Describes why the network answers so; the map is in it.
#[must_use]
pub fn explanation_json(
    method: &str,
    image: &str,
    classes: &[String],
    explanation: &Explanation,
    file: &Path,
) -> Value {
    json!({
        "path": image,
        "method": method,
        "class": classes.get(explanation.class),
        "index": explanation.class,
        "answer": explanation.answer,
        "layer": explanation.layer,
        "size": explanation.size,
        "map": explanation.map,
        "difference": explanation.difference,
        "file": file.display().to_string(),
    })
}

/// Describes the kernels of layers and the files that show them.
#[must_use]
pub fn filters_json(kernels: &[(&Kernels, &Path)]) -> Value {
    let layers = kernels.iter().map(|(kernels, file)| {
        let [low, high] = range(&kernels.values);
        json!({
            "layer": kernels.name, "type": kernels.type_name, "shape": kernels.shape,
            "min": low, "max": high, "file": file.display().to_string(),
        })
    });
    json!({ "layers": layers.collect::<Value>() })
}

/// Describes what layers make of a picture and the files that show it.
#[must_use]
pub fn features_json(image: &str, maps: &[Maps], file: &Path, raw: &[std::path::PathBuf]) -> Value {
    let layers = maps.iter().enumerate().map(|(number, maps)| {
        let [low, high] = range(&maps.values);
        let mean = maps.values.iter().map(|x| f64::from(*x)).sum::<f64>();
        json!({
            "layer": maps.name, "path": maps.path, "type": maps.type_name, "shape": maps.shape,
            "min": low, "max": high, "mean": mean / maps.values.len().max(1) as f64,
            "raw": raw.get(number).map(|file| file.display().to_string()),
        })
    });
    json!({
        "path": image,
        "layers": layers.collect::<Value>(),
        "file": file.display().to_string(),
    })
}

/// Writes what a place sees.
#[must_use]
pub fn render_field(seen: &Seen, size: [usize; 2], file: &Path) -> String {
    let [rows, columns] = seen.part;
    let field = seen
        .field
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("x");
    let share = seen.felt as f64 / (size[0] * size[1]).max(1) as f64;
    format!(
        "{} at {},{} of {}x{}\n\
         theoretical field  {field}: rows {} to {}, columns {} to {} of the picture\n\
         effective field    {} pixels felt ({} of the picture), {:.1} pixels a side\n{}\n",
        plain(&seen.layer),
        seen.at[0],
        seen.at[1],
        seen.map[0],
        seen.map[1],
        rows[0],
        rows[1].saturating_sub(1),
        columns[0],
        columns[1].saturating_sub(1),
        seen.felt,
        percent(share),
        (seen.felt as f64).sqrt(),
        plain(&file.display().to_string()),
    )
}

/// Describes what a place sees.
#[must_use]
pub fn field_json(image: &str, seen: &Seen, file: &Path) -> Value {
    json!({
        "path": image,
        "layer": seen.layer,
        "at": seen.at,
        "map": seen.map,
        "field": seen.field,
        "rows": seen.part[0],
        "columns": seen.part[1],
        "felt_pixels": seen.felt,
        "effective_side": (seen.felt as f64).sqrt(),
        "effect": seen.effect,
        "file": file.display().to_string(),
    })
}

/// Writes where samples lie, and the files that say so.
#[must_use]
pub fn render_embedding(embedding: &Embedding, files: &[&Path]) -> String {
    let [first, second] = embedding.explained.map(percent);
    let mut text = format!(
        "{} values of layer {} for {} samples; two directions have {first} and {second} of the variance\n",
        embedding.width,
        plain(&embedding.layer),
        embedding.points.len(),
    );
    for file in files {
        text.push_str(&format!("{}\n", plain(&file.display().to_string())));
    }
    text
}

/// Describes where samples lie.
#[must_use]
pub fn embedding_json(embedding: &Embedding, files: &[&Path]) -> Value {
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    json!({
        "layer": embedding.layer,
        "width": embedding.width,
        "samples": embedding.points.len(),
        "explained_variance": embedding.explained,
        "files": files,
    })
}

/// Encodes values as `NumPy` does, in 32 bits.
#[must_use]
pub fn npy(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let mut bytes = begin_npy("f4", shape);
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}
