//! Loss and accuracy over the epochs, as lines to draw: on a terminal and in a picture.

use crate::train::Row;

/// A figure over the epochs that have it.
pub(super) struct Line {
    pub(super) name: &'static str,
    /// Epochs and figures.
    pub(super) points: Vec<(usize, f64)>,
}

/// Returns the losses in training and validation.
pub(super) fn losses(rows: &[Row]) -> [Line; 2] {
    lines(rows, |row| [Some(row.train_loss), row.validation_loss])
}

/// Returns the accuracies in training and validation, in percent; there are none where numbers are learnt.
pub(super) fn accuracies(rows: &[Row]) -> [Line; 2] {
    lines(rows, |row| {
        [row.train_accuracy, row.validation_accuracy].map(|share| Some(share? * 100.0))
    })
}

fn lines(rows: &[Row], figures: fn(&Row) -> [Option<f64>; 2]) -> [Line; 2] {
    let line = |name, which: usize| {
        let point = |row: &Row| Some((row.epoch, figures(row)[which]?));
        let points = rows.iter().filter_map(point).collect();
        Line { name, points }
    };
    [line("training", 0), line("validation", 1)]
}

/// Returns the smallest and the largest figure, which are apart even where all are the same.
pub(super) fn extent(lines: &[Line]) -> [f64; 2] {
    let figures = || lines.iter().flat_map(|line| &line.points);
    let figures = || figures().map(|(_, figure)| *figure);
    let low = figures().fold(f64::INFINITY, f64::min);
    let high = figures().fold(f64::NEG_INFINITY, f64::max);
    if low < high {
        [low, high]
    } else {
        [low - 0.5, low + 0.5]
    }
}
