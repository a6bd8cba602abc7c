//! Charts of how well a network answers: curves over thresholds, and how far its confidence can be trusted.

use plotters::prelude::*;

use super::{chart, plain};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::metrics::{Confidence, Curve};

/// Width and height of a chart in pixels.
const SIZE: (u32, u32) = (460, 400);

/// Classes that are drawn.
const MOST: usize = 10;

fn svg(draw: impl FnOnce(&mut String) -> chart::Drawn) -> Result<String> {
    let mut svg = String::new();
    draw(&mut svg).map_err(|error| {
        let message = format!("failed to draw a chart: {error}");
        Error::data(Diagnostic::error(message))
    })?;
    Ok(svg)
}

/// Draws a curve a class between 0 and 1, with the area of each.
///
/// # Errors
/// When the chart cannot be drawn.
pub(super) fn curves(axes: [&str; 2], named: &[(String, Curve)]) -> Result<String> {
    svg(|svg| {
        let size = (SIZE.0 + 170, SIZE.1);
        let area = SVGBackend::with_string(svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        let mut builder = ChartBuilder::on(&area);
        let mut drawn = builder
            .margin(12)
            .margin_right(182)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        drawn
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .label_style(chart::FIGURES)
            .axis_desc_style(chart::WORDS)
            .x_labels(6)
            .y_labels(6)
            .x_desc(axes[0])
            .y_desc(axes[1])
            .draw()?;
        for (number, (_, curve)) in named.iter().take(MOST).enumerate() {
            let colour = chart::colour(number);
            let points = curve.points.iter().map(|point| (point[0], point[1]));
            // Where colours come again lines are thinner, as their marks are rings.
            let width = if number < chart::COLOURS.len() { 2 } else { 1 };
            drawn.draw_series(LineSeries::new(points, colour.stroke_width(width)))?;
        }
        let names = named.iter().take(MOST).enumerate();
        let names = names
            .map(|(number, (name, curve))| (number, format!("{} {:.3}", plain(name), curve.area)));
        chart::legend(&area, (size.0.cast_signed() - 160, 20), names)?;
        area.present()?;
        Ok(())
    })
}

/// Draws the share of right answers over the confidence of answers, an interval of confidence a bar; on the diagonal
/// confidence is as good as it says.
///
/// # Errors
/// When the chart cannot be drawn.
pub(super) fn calibration(bins: &[Confidence]) -> Result<String> {
    svg(|svg| {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut builder = ChartBuilder::on(&area);
        let mut drawn = builder
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        drawn
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .label_style(chart::FIGURES)
            .axis_desc_style(chart::WORDS)
            .x_labels(6)
            .y_labels(6)
            .x_desc("confidence of the answer")
            .y_desc("share of right answers")
            .draw()?;
        let step = 1.0 / bins.len().max(1) as f64;
        let bars = bins.iter().enumerate().filter(|(_, bin)| bin.samples > 0);
        drawn.draw_series(bars.map(|(number, bin)| {
            let left = number as f64 * step;
            let corners = [(left, 0.0), (left + step, bin.accuracy)];
            Rectangle::new(corners, chart::colour(4).filled())
        }))?;
        let line = [(0.0, 0.0), (1.0, 1.0)];
        drawn.draw_series(LineSeries::new(line, chart::colour(6).stroke_width(1)))?;
        let marks = bins.iter().filter(|bin| bin.samples > 0);
        drawn.draw_series(marks.map(|bin| {
            let at = (bin.confidence, bin.accuracy);
            Circle::new(at, 3, chart::colour(0).filled())
        }))?;
        area.present()?;
        Ok(())
    })
}
