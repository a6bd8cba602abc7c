//! Loss and accuracy over the epochs, as a picture.

use std::fmt::Write as _;

use super::history::{self, Line};
use crate::train::Row;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
const MARGIN: f64 = 48.0;

/// Colours of training and validation that colour-blind readers can tell apart (Okabe & Ito).
const COLOURS: [&str; 2] = ["#0072b2", "#d55e00"];

/// Draws loss above accuracy as SVG.
#[must_use]
pub fn render(rows: &[Row]) -> String {
    let accuracies = history::accuracies(rows);
    let has_accuracy = accuracies.iter().any(|line| !line.points.is_empty()) || rows.is_empty();
    let height = if has_accuracy { 2.0 * HEIGHT } else { HEIGHT };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    chart(&mut svg, 0.0, "loss", &history::losses(rows));
    if has_accuracy {
        chart(&mut svg, HEIGHT, "accuracy in %", &accuracies);
    }
    svg.push_str("</svg>\n");
    svg
}

fn chart(svg: &mut String, top: f64, title: &str, curves: &[Line; 2]) {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let last = points().map(|(epoch, _)| *epoch).max().unwrap_or(1) as f64;
    let [low, high] = history::extent(curves);
    let x = |epoch: f64| MARGIN + (epoch - 1.0) / (last - 1.0).max(1.0) * (WIDTH - 2.0 * MARGIN);
    let (above, below) = (top + 30.0, top + HEIGHT - 34.0);
    let y = |figure: f64| below - (figure - low) / (high - low) * (below - above);
    let _ = writeln!(
        svg,
        "<text x=\"{MARGIN}\" y=\"{}\">{title}</text>",
        top + 18.0
    );
    for (index, (curve, colour)) in curves.iter().zip(COLOURS).enumerate() {
        let place = WIDTH - MARGIN - 80.0 * (2 - index) as f64;
        let name = curve.name;
        let _ = writeln!(
            svg,
            "<text x=\"{place}\" y=\"{}\" fill=\"{colour}\">{name}</text>",
            top + 18.0
        );
    }
    for figure in [low, high] {
        let _ = writeln!(
            svg,
            "<line x1=\"{MARGIN}\" x2=\"{}\" y1=\"{:.1}\" y2=\"{1:.1}\" stroke=\"#ccc\"/>\n\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{figure:.3}</text>",
            WIDTH - MARGIN,
            y(figure),
            MARGIN - 4.0,
            y(figure) + 4.0
        );
    }
    for epoch in [1.0, last] {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{epoch}</text>",
            x(epoch),
            below + 16.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">epoch</text>",
        WIDTH / 2.0,
        below + 16.0
    );
    for (curve, colour) in curves.iter().zip(COLOURS) {
        let line: Vec<String> = curve
            .points
            .iter()
            .map(|(epoch, figure)| format!("{:.1},{:.1}", x(*epoch as f64), y(*figure)))
            .collect();
        let line = line.join(" ");
        let _ = writeln!(
            svg,
            "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        );
    }
}
