//! Loss and accuracy over the epochs, as a picture.

use std::fmt::Write as _;

use crate::train::Row;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
const MARGIN: f64 = 48.0;

/// Colours that colour-blind readers can tell apart (Okabe & Ito).
const TRAIN: &str = "#0072b2";
const VALIDATION: &str = "#d55e00";

/// A line of a chart: its name, its colour, and a figure for each epoch that has one.
struct Curve {
    name: &'static str,
    colour: &'static str,
    points: Vec<(usize, f64)>,
}

/// Draws loss above accuracy as SVG.
#[must_use]
pub fn render(rows: &[Row]) -> String {
    let curve = |name, colour, figure: fn(&Row) -> Option<f64>| Curve {
        name,
        colour,
        points: rows
            .iter()
            .filter_map(|row| Some((row.epoch, figure(row)?)))
            .collect(),
    };
    let loss = [
        curve("training", TRAIN, |row| Some(row.train_loss)),
        curve("validation", VALIDATION, |row| row.validation_loss),
    ];
    let accuracy = [
        curve("training", TRAIN, |row| {
            row.train_accuracy.map(|share| share * 100.0)
        }),
        curve("validation", VALIDATION, |row| {
            row.validation_accuracy.map(|share| share * 100.0)
        }),
    ];
    let has_accuracy = accuracy.iter().any(|curve| !curve.points.is_empty()) || rows.is_empty();
    let height = if has_accuracy { 2.0 * HEIGHT } else { HEIGHT };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    chart(&mut svg, 0.0, "loss", &loss);
    if has_accuracy {
        chart(&mut svg, HEIGHT, "accuracy in %", &accuracy);
    }
    svg.push_str("</svg>\n");
    svg
}

fn chart(svg: &mut String, top: f64, title: &str, curves: &[Curve]) {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let last = points().map(|(epoch, _)| *epoch).max().unwrap_or(1) as f64;
    let low = points()
        .map(|(_, figure)| *figure)
        .fold(f64::INFINITY, f64::min);
    let high = points()
        .map(|(_, figure)| *figure)
        .fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if low < high {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    };
    let x = |epoch: f64| MARGIN + (epoch - 1.0) / (last - 1.0).max(1.0) * (WIDTH - 2.0 * MARGIN);
    let (above, below) = (top + 30.0, top + HEIGHT - 34.0);
    let y = |figure: f64| below - (figure - low) / (high - low) * (below - above);
    let _ = writeln!(
        svg,
        "<text x=\"{MARGIN}\" y=\"{}\">{title}</text>",
        top + 18.0
    );
    for (index, curve) in curves.iter().enumerate() {
        let place = WIDTH - MARGIN - 80.0 * (2 - index) as f64;
        let (name, colour) = (curve.name, curve.colour);
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
    for curve in curves {
        let line: Vec<String> = curve
            .points
            .iter()
            .map(|(epoch, figure)| format!("{:.1},{:.1}", x(*epoch as f64), y(*figure)))
            .collect();
        let (line, colour) = (line.join(" "), curve.colour);
        let _ = writeln!(
            svg,
            "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        );
    }
}
