//! What all charts share: extents, colours, marks.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Text};
use plotters::prelude::SVGBackend;
use plotters::style::{Color as _, RGBColor, ShapeStyle};

/// What figures at the axes are written in.
pub(super) const FIGURES: (&str, u32) = ("sans-serif", 12);

/// What axes are called in, and lines.
pub(super) const WORDS: (&str, u32) = ("sans-serif", 13);

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

/// Writes names beneath each other, each with the mark of its number.
pub(super) fn legend(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    (left, top): (i32, i32),
    names: impl Iterator<Item = (usize, String)>,
) -> Drawn {
    for (line, (number, name)) in (0..).zip(names) {
        let (radius, style) = mark(number);
        let middle = top + line * STEP;
        area.draw(&Circle::new((left, middle), radius, style))?;
        area.draw(&Text::new(name, (left + 10, middle - 6), WORDS))?;
    }
    Ok(())
}
