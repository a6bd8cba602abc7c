//! Charts of how well a network answers: curves over thresholds, and how far its confidence can be trusted.

use plotters::prelude::*;

use super::{chart, plain};
use crate::diagnostic::Result;
use crate::metrics::{Confidence, Curve};

/// Width and height of a chart in pixels.
const SIZE: (u32, u32) = (460, 400);

/// Classes that are drawn.
const MOST: usize = 10;

/// Pixels for the names of curves.
const NAMES: i32 = 170;

/// Returns axes from 0 to 1.
fn shares(names: [&str; 2], legend: i32) -> chart::Axes<'_> {
    chart::Axes {
        reach: [0.0..1.0, 0.0..1.0],
        names,
        figures: [6, 6],
        is_whole: false,
        legend,
    }
}

/// Draws a curve a class between 0 and 1, with the area of each.
///
/// # Errors
/// When the chart cannot be drawn.
pub(super) fn curves(axes: [&str; 2], named: &[(String, Curve)]) -> Result<String> {
    let size = (SIZE.0 + NAMES.cast_unsigned(), SIZE.1);
    chart::svg(size, |area| {
        let mut drawn = chart::begin(area, shares(axes, NAMES))?;
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
        chart::legend(area, NAMES - 10, names)
    })
}

/// Draws the share of right answers over the confidence of answers, an interval of confidence a bar; on the diagonal
/// confidence is as good as it says.
///
/// # Errors
/// When the chart cannot be drawn.
pub(super) fn calibration(bins: &[Confidence]) -> Result<String> {
    chart::svg(SIZE, |area| {
        let names = ["confidence of the answer", "share of right answers"];
        let mut drawn = chart::begin(area, shares(names, 0))?;
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
            let at = (bin.mean, bin.accuracy);
            Circle::new(at, 3, chart::colour(0).filled())
        }))?;
        Ok(())
    })
}
