//! Samples as points, and as rows of numbers.

use plotters::prelude::*;

use crate::diagnostic::{Diagnostic, Error, Result};
use crate::look::Embedding;
use crate::report::chart;
use crate::report::number::percent;

/// Width and height of the chart in pixels.
const SIZE: (u32, u32) = (760, 560);

/// Draws samples along the two directions in which they differ most, a colour and a mark a class, as SVG.
///
/// # Errors
/// When the chart cannot be drawn.
pub fn draw_embedding(embedding: &Embedding, classes: &[String]) -> Result<String> {
    let mut svg = String::new();
    draw(embedding, classes, &mut svg).map_err(|error| {
        let message = format!("failed to draw the scatter: {error}");
        Error::data(Diagnostic::error(message))
    })?;
    Ok(svg)
}

fn draw(embedding: &Embedding, classes: &[String], svg: &mut String) -> chart::Drawn {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let [x, y] = [0, 1].map(|way| chart::extent(embedding.points.iter().map(|point| point[way])));
    let mut builder = ChartBuilder::on(&area);
    let mut drawn = builder
        .margin(12)
        .margin_right(120)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(x[0]..x[1], y[0]..y[1])?;
    let [first, second] = embedding.explained.map(percent);
    drawn
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .label_style(chart::FIGURES)
        .axis_desc_style(chart::WORDS)
        .x_desc(format!(
            "first principal component ({first} of the variance)"
        ))
        .y_desc(format!("second ({second})"))
        .draw()?;
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
    chart::legend(&area, (SIZE.0.cast_signed() - 110, 20), names.into_iter())?;
    area.present()?;
    Ok(())
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
