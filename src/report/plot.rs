//! Loss and accuracy over the epochs, drawn with the dots of braille characters.

use std::fmt::Write as _;

use super::history::{self, Line};
use crate::train::Row;

/// The widest a chart is drawn, in columns.
const WIDEST: usize = 100;

/// The narrowest, however narrow the terminal.
const NARROWEST: usize = 48;

/// Columns left of a chart, for figures.
const LEFT: usize = 10;

/// Columns right of it, for names.
const RIGHT: usize = 11;

/// Lines of a chart.
const HEIGHT: usize = 9;

/// Dots of a character, in columns and lines.
const DOTS: [usize; 2] = [2, 4];

/// The bits of a braille character's dots, by column and line.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Colours of training and validation.
const COLOURS: [&str; 2] = ["\u{1b}[34m", "\u{1b}[33m"];

/// Draws loss above accuracy, at most as wide as the terminal; names stand at the curves' ends, so
/// that it can be read without colours too.
#[must_use]
pub fn render(rows: &[Row], columns: usize) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let width = columns.clamp(NARROWEST, WIDEST) - LEFT - RIGHT;
    let mut text = chart("loss", &history::losses(rows), width);
    let accuracies = history::accuracies(rows);
    if accuracies.iter().any(|line| !line.points.is_empty()) {
        text.push('\n');
        text.push_str(&chart("accuracy in %", &accuracies, width));
    }
    text
}

/// The dots of one chart.
struct Canvas {
    width: usize,
    /// The bits and the last curve of each character.
    cells: Vec<(u8, usize)>,
}

impl Canvas {
    fn new(width: usize) -> Self {
        Self {
            width,
            cells: vec![(0, 0); width * HEIGHT],
        }
    }

    fn dot(&mut self, [x, y]: [usize; 2], curve: usize) {
        let place = y / DOTS[1] * self.width + x / DOTS[0];
        if let Some(cell) = self.cells.get_mut(place) {
            *cell = (cell.0 | BITS[x % DOTS[0]][y % DOTS[1]], curve);
        }
    }

    fn line(&mut self, from: [usize; 2], to: [usize; 2], curve: usize) {
        let steps = from[0].abs_diff(to[0]).max(from[1].abs_diff(to[1])).max(1);
        for step in 0..=steps {
            let between = |axis: usize| {
                let (from, to) = (from[axis] as f64, to[axis] as f64);
                (from + (to - from) * step as f64 / steps as f64).round() as usize
            };
            self.dot([between(0), between(1)], curve);
        }
    }
}

fn chart(title: &str, curves: &[Line; 2], width: usize) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let first = points().map(|(epoch, _)| *epoch).min().unwrap_or(1);
    let last = points().map(|(epoch, _)| *epoch).max().unwrap_or(1);
    let [low, high] = history::extent(curves);
    let [right, below] = [width * DOTS[0] - 1, HEIGHT * DOTS[1] - 1];
    let place = |(epoch, figure): (usize, f64)| {
        let along = (epoch - first) as f64 / (last - first).max(1) as f64;
        let down = (high - figure) / (high - low);
        [
            (along * right as f64).round() as usize,
            (down * below as f64).round() as usize,
        ]
    };
    let mut canvas = Canvas::new(width);
    // Training comes last, so that it shows where both pass through a character.
    for (number, curve) in curves.iter().enumerate().rev() {
        let places: Vec<[usize; 2]> = curve.points.iter().map(|point| place(*point)).collect();
        if let [only] = places[..] {
            canvas.dot(only, number);
        }
        for pair in places.windows(2) {
            canvas.line(pair[0], pair[1], number);
        }
    }
    let mut ends: Vec<(usize, usize)> = Vec::new();
    for (number, curve) in curves.iter().enumerate() {
        if let Some(point) = curve.points.last() {
            ends.push((place(*point)[1] / DOTS[1], number));
        }
    }
    part(&mut ends);
    let mut text = format!("{:LEFT$}{title}\n", "");
    for line in 0..HEIGHT {
        let figure = high - (high - low) * line as f64 / (HEIGHT - 1) as f64;
        let label = if line % 4 == 0 {
            format!("{:>8} ┤", short(figure))
        } else {
            format!("{:>8} │", "")
        };
        text.push_str(&label);
        let cells = canvas.cells.iter().skip(line * width).take(width);
        paint(&mut text, cells);
        if let Some((_, number)) = ends.iter().find(|(end, _)| *end == line) {
            let (colour, name) = (COLOURS[*number], curves[*number].name);
            let _ = write!(text, " {colour}{name}\u{1b}[0m");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{:9}└{}", "", "─".repeat(width));
    let last = last.to_string();
    let room = width.saturating_sub(last.len());
    let _ = writeln!(text, "{:LEFT$}{:<room$}{last} epoch", "", first);
    trimmed(&text)
}

/// Moves names apart that would stand on the same line.
fn part(ends: &mut [(usize, usize)]) {
    if let [(one, _), (other, _)] = ends
        && one == other
    {
        if *other + 1 < HEIGHT {
            *other += 1;
        } else {
            *one -= 1;
        }
    }
}

fn paint<'a>(text: &mut String, cells: impl Iterator<Item = &'a (u8, usize)>) {
    let mut colour = None;
    for (bits, number) in cells {
        if *bits == 0 {
            text.push(' ');
            continue;
        }
        if colour != Some(number) {
            text.push_str(COLOURS[*number]);
            colour = Some(number);
        }
        let dots = char::from_u32(0x2800 + u32::from(*bits));
        text.push(dots.unwrap_or(' '));
    }
    if colour.is_some() {
        text.push_str("\u{1b}[0m");
    }
}

/// Writes a figure in eight columns at most.
fn short(figure: f64) -> String {
    let size = figure.abs();
    if size >= 1e6 || (size > 0.0 && size < 1e-3) {
        format!("{figure:.1e}")
    } else if size >= 100.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.3}")
    }
}

fn trimmed(text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(epoch: usize, loss: f64, validation: Option<f64>) -> Row {
        Row {
            epoch,
            step: epoch as u64,
            train_loss: loss,
            train_accuracy: Some(1.0 - loss / 3.0),
            validation_loss: validation,
            validation_accuracy: validation.map(|loss| 1.0 - loss / 3.0),
            learning_rate: 0.1,
            seconds: 1.0,
            images_per_second: 1.0,
        }
    }

    fn bare(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn curves_fall_and_rise_as_their_figures() {
        let rows: Vec<Row> = (0..12)
            .map(|epoch| {
                let loss = 2.3 * 0.7_f64.powi(epoch);
                row(epoch as usize + 1, loss, Some(0.4 + 0.8 * loss))
            })
            .collect();
        let text = bare(&render(&rows, 60));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/plot.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(path).unwrap_or_default());
        assert!(text.lines().all(|line| line.chars().count() <= 60));
    }

    #[test]
    fn a_single_epoch_and_equal_figures_are_drawn() {
        let text = bare(&render(&[row(1, 0.5, None)], 60));
        let dots = text
            .chars()
            .filter(|c| ('\u{2801}'..='\u{28ff}').contains(c));
        assert_eq!(dots.count(), 2, "a dot a chart:\n{text}");
        assert!(!text.contains("validation"));
        let flat: Vec<Row> = (1..=5).map(|epoch| row(epoch, 0.5, Some(0.5))).collect();
        let text = bare(&render(&flat, 60));
        assert!(
            text.contains("training") && text.contains("validation"),
            "{text}"
        );
        assert_eq!(render(&[], 60), "");
    }
}
