//! Samples as points, and as rows of numbers.

use plotters::prelude::*;

use crate::diagnostic::Result;
use crate::look::Embedding;
use crate::report::chart;
use crate::report::number::percent;

/// Width and height of the chart in pixels.
const SIZE: (u32, u32) = (760, 560);

/// Pixels for the names of classes.
const NAMES: i32 = 110;

/// Draws samples along the two directions in which they differ most, a colour and a mark a class, as SVG.
///
/// # Errors
/// When the chart cannot be drawn.
pub fn draw_embedding(embedding: &Embedding, classes: &[String]) -> Result<String> {
    chart::svg(SIZE, |area| draw(area, embedding, classes))
}

fn draw(area: &chart::Area<'_>, embedding: &Embedding, classes: &[String]) -> chart::Drawn {
    let [x, y] = [0, 1].map(|way| chart::extent(embedding.points.iter().map(|point| point[way])));
    let [first, second] = embedding.explained.map(percent);
    let names = [
        &format!("first principal component ({first} of the variance)"),
        &format!("second ({second})")[..],
    ];
    let mut drawn = chart::begin(
        area,
        chart::Axes {
            reach: [x[0]..x[1], y[0]..y[1]],
            names,
            figures: [10, 10],
            is_whole: false,
            legend: NAMES,
        },
    )?;
    let has_classes = embedding.labels.len() == embedding.points.len() && classes.len() > 1;
    let mut names = Vec::new();
    // What cannot be told apart is one more class.
    let label_of = |index: usize| match embedding.labels.get(index) {
        Some(label) if has_classes => (*label as usize).min(chart::TOLD),
        _ => 0,
    };
    for class in 0..=classes.len().min(chart::TOLD) {
        let points: Vec<(f64, f64)> = embedding
            .points
            .iter()
            .enumerate()
            .filter(|(index, _)| label_of(*index) == class)
            .map(|(_, point)| (point[0], point[1]))
            .collect();
        if points.is_empty() {
            continue;
        }
        let (radius, style) = chart::mark(class);
        let marks = points.into_iter().map(|at| Circle::new(at, radius, style));
        drawn.draw_series(marks)?;
        if has_classes {
            let name = if class == chart::TOLD {
                format!("{} other classes", classes.len() - class)
            } else {
                crate::report::plain(classes.get(class).map_or("", String::as_str))
            };
            names.push((class, name));
        }
    }
    chart::legend(area, NAMES, names.into_iter())
}

/// Writes a row a sample: its class, its place on the scatter, its values.
#[must_use]
pub fn embedding_csv(embedding: &Embedding, classes: &[String]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = ["index", "class", "x", "y"].map(str::to_owned).to_vec();
    header.extend((0..embedding.width).map(|place| format!("v{place}")));
    // Memory takes all that is written.
    let _ = writer.write_record(&header);
    let rows = embedding.values.chunks(embedding.width.max(1));
    for (number, (point, row)) in embedding.points.iter().zip(rows).enumerate() {
        let label = embedding.labels.get(number);
        let index = embedding.indices.get(number).copied().unwrap_or(number);
        let class = label.and_then(|label| classes.get(*label as usize));
        let mut cells = vec![index.to_string(), class.cloned().unwrap_or_default()];
        cells.extend(point.iter().map(ToString::to_string));
        cells.extend(row.iter().map(ToString::to_string));
        let _ = writer.write_record(&cells);
    }
    writer.into_inner().unwrap_or_default()
}
