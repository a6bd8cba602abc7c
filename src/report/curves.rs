//! Loss and accuracy over the epochs, as a picture.

use plotters::prelude::*;

use super::chart;
use super::history;
use crate::diagnostic::Result;
use crate::train::Row;

/// Width and height of a chart in pixels.
const SIZE: (u32, u32) = (760, 340);

/// Pixels for the names of lines.
const NAMES: i32 = 168;

/// Points of a curve that are marked; more would be one thick line.
const MARKED: usize = 100;

/// A figure over the epochs that have it.
pub(super) struct Curve {
    pub(super) name: String,
    /// Epochs and figures.
    pub(super) points: Vec<(f64, f64)>,
}

/// Draws loss above accuracy as SVG, in training and validation.
///
/// # Errors
/// When the charts cannot be drawn.
pub fn render(rows: &[Row]) -> Result<String> {
    let curves = |lines: [history::Line; 2]| {
        let curves = lines.into_iter().map(|line| Curve {
            name: line.name.to_owned(),
            points: (line.points.into_iter())
                .map(|(epoch, figure)| (epoch as f64, figure))
                .collect(),
        });
        curves.collect()
    };
    draw([
        ("loss", curves(history::losses(rows))),
        ("accuracy in %", curves(history::accuracies(rows))),
    ])
}

/// Draws charts beneath each other, each with a line a curve; a chart without a point is left out where another has some.
///
/// # Errors
/// When the charts cannot be drawn.
pub(super) fn draw(charts: [(&str, Vec<Curve>); 2]) -> Result<String> {
    let is_empty = |curves: &[Curve]| curves.iter().all(|curve| curve.points.is_empty());
    let all_empty = charts.iter().all(|(_, curves)| is_empty(curves));
    let charts: Vec<_> = charts
        .into_iter()
        .filter(|(_, curves)| all_empty || !is_empty(curves))
        .collect();
    let count = charts.len();
    chart::svg((SIZE.0, SIZE.1 * count as u32), |area| {
        for (part, (name, curves)) in area.split_evenly((count, 1)).iter().zip(&charts) {
            one(part, name, curves)?;
        }
        Ok(())
    })
}

fn one(part: &chart::Area<'_>, name: &str, curves: &[Curve]) -> chart::Drawn {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let last = points().map(|(epoch, _)| *epoch).fold(1.0, f64::max);
    let [low, high] = chart::extent(points().map(|(_, figure)| *figure));
    let mut drawn = chart::begin(
        part,
        chart::Axes {
            reach: [0.9..last + 0.1, low..high],
            names: ["epoch", name],
            figures: [(last as usize).clamp(2, 10), 8],
            is_whole: true,
            legend: NAMES,
        },
    )?;
    for (number, curve) in curves.iter().enumerate() {
        let (radius, style) = chart::mark(number);
        let points = visible(&curve.points, SIZE.0 as usize);
        let colour = chart::colour(number);
        drawn.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        if curve.points.len() <= MARKED {
            let marks = curve.points.iter();
            drawn.draw_series(marks.map(|at| Circle::new(*at, radius, style)))?;
        }
    }
    let names = curves.iter().map(|curve| curve.name.clone());
    chart::legend(part, NAMES, names.enumerate())
}

/// Returns what so many columns of pixels can show of a curve: of each column's points the lowest and the highest.
fn visible(points: &[(f64, f64)], columns: usize) -> Vec<(f64, f64)> {
    if points.len() <= 2 * columns {
        return points.to_vec();
    }
    let ends = points.chunks(points.len().div_ceil(columns)).map(|column| {
        let places = 0..column.len();
        let lowest = places
            .clone()
            .min_by(|&a, &b| column[a].1.total_cmp(&column[b].1));
        let highest = places.max_by(|&a, &b| column[a].1.total_cmp(&column[b].1));
        let [first, last] = [lowest.min(highest), lowest.max(highest)];
        let ends = [first, last.filter(|_| first != last)];
        ends.into_iter().flatten().map(|place| column[place])
    });
    ends.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn a_long_curve_keeps_its_peaks_and_a_short_one_all() {
        let points: Vec<_> = (0..10_000)
            .map(|epoch| {
                (
                    f64::from(epoch),
                    if epoch == 4321 {
                        9.0
                    } else {
                        f64::from(epoch % 2)
                    },
                )
            })
            .collect();
        let shown = visible(&points, 100);
        assert_eq!(shown.len(), 200);
        assert!(shown.contains(&(4321.0, 9.0)));
        assert!(
            shown.windows(2).all(|pair| pair[0].0 < pair[1].0),
            "{shown:?}"
        );
        assert_eq!(visible(&points[..200], 100), points[..200]);
    }
}
