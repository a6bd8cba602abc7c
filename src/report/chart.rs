//! What all charts share: axes, extents, colours, marks.

use std::ops::Range;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Circle, Text};
use plotters::prelude::{Cartesian2d, SVGBackend};
use plotters::style::{Color as _, RGBColor, ShapeStyle, TRANSPARENT, WHITE};

use crate::diagnostic::{Diagnostic, Error};

/// What figures at the axes are written in.
const FIGURES: (&str, u32) = ("sans-serif", 12);

/// What axes are called in, and lines.
const WORDS: (&str, u32) = ("sans-serif", 13);

/// Pixels around a chart.
const MARGIN: i32 = 12;

/// A part of a picture.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A chart with its axes, ready for lines and marks.
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The axes of a chart.
pub(super) struct Axes<'a> {
    /// From where to where they go, across and up.
    pub(super) reach: [Range<f64>; 2],
    /// What they are called, with their units.
    pub(super) names: [&'a str; 2],
    /// Figures along them, about.
    pub(super) figures: [usize; 2],
    /// Whether the figures across are whole numbers.
    pub(super) is_whole: bool,
    /// Pixels at the right for names of lines.
    pub(super) legend: i32,
}

/// Draws a picture of a width and height on white.
pub(super) fn svg(
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> crate::diagnostic::Result<String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    let drawn = area
        .fill(&WHITE)
        .map_err(Into::into)
        .and_then(|()| draw(&area))
        .and_then(|()| Ok(area.present()?));
    drop(area);
    drawn.map_err(|error| {
        let message = format!("failed to draw a chart: {error}");
        Error::data(Diagnostic::error(message))
    })?;
    Ok(svg)
}

/// Draws the axes of a chart.
pub(super) fn begin<'a, 'b>(
    area: &'a Area<'b>,
    axes: Axes<'_>,
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>> {
    let [across, up] = axes.reach;
    let mut builder = ChartBuilder::on(area);
    let mut chart = builder
        .margin(MARGIN)
        .margin_right(MARGIN + axes.legend)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(across, up)?;
    let whole = |figure: &f64| format!("{figure:.0}");
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT)
        .label_style(FIGURES)
        .axis_desc_style(WORDS)
        .x_labels(axes.figures[0])
        .y_labels(axes.figures[1])
        .x_desc(axes.names[0])
        .y_desc(axes.names[1]);
    if axes.is_whole {
        mesh.x_label_formatter(&whole);
    }
    mesh.draw()?;
    Ok(chart)
}

/// Pixels from one name to the next.
const STEP: i32 = 18;

/// What drawing comes to.
pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Colours that colour-blind readers can tell apart (Okabe & Ito), without yellow, which white paper drowns.
pub(super) const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(90, 90, 90),
];

/// Returns the colour of a line or class by its number.
pub(super) fn colour(number: usize) -> RGBColor {
    COLOURS[number % COLOURS.len()]
}

/// Returns the smallest and the largest figure with a little room; never the same.
pub(super) fn extent(figures: impl Iterator<Item = f64>) -> [f64; 2] {
    let bounds = figures.filter(|figure| figure.is_finite());
    let [low, high] = bounds.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], figure| {
        [low.min(figure), high.max(figure)]
    });
    if low > high {
        return [0.0, 1.0];
    }
    let room = if high > low { (high - low) * 0.05 } else { 0.5 };
    [low - room, high + room]
}

/// Classes that marks tell apart.
pub(super) const TOLD: usize = 3 * COLOURS.len();

/// Returns radius and style of a class's mark: where colours come again they are rings, and then larger rings; all classes
/// from [`TOLD`] on have small grey dots.
pub(super) fn mark(class: usize) -> (i32, ShapeStyle) {
    let own = colour(class);
    match class / COLOURS.len() {
        0 => (3, own.filled()),
        1 => (3, own.stroke_width(1)),
        2 => (5, own.stroke_width(2)),
        _ => (1, RGBColor(150, 150, 150).filled()),
    }
}

/// Writes names beneath each other into so many pixels at the right, each with the mark of its number.
pub(super) fn legend(
    area: &Area<'_>,
    width: i32,
    names: impl Iterator<Item = (usize, String)>,
) -> Drawn {
    let left = area.dim_in_pixel().0.cast_signed() - width;
    let top = 20;
    for (line, (number, name)) in (0..).zip(names) {
        let (radius, style) = mark(number);
        let middle = top + line * STEP;
        area.draw(&Circle::new((left, middle), radius, style))?;
        area.draw(&Text::new(name, (left + 10, middle - 6), WORDS))?;
    }
    Ok(())
}
