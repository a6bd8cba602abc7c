//! The table of layers.

use unicode_width::UnicodeWidthStr as _;

use super::super::number::{bytes, thousands};
use super::{Inspection, decimal, pairs, sizes};
use crate::plan::Layer;
use crate::shape;

/// Writes one cell; nothing when the figure is beyond counting.
type Write = fn(&Inspection<'_>, &Layer) -> Option<String>;

/// A column of the table.
struct Column {
    title: &'static str,
    /// Whether the figures stand at the right.
    right: bool,
    show: Show,
    /// Which columns go first where the terminal is narrow: the highest; 0 stays.
    dispensable: u8,
    write: Write,
}

/// When a column is shown.
#[derive(Clone, Copy, PartialEq)]
enum Show {
    Always,
    /// Where any layer has something to show in it.
    IfAny,
    /// With `--wide`.
    Wide,
}

const fn column(title: &'static str, show: Show, dispensable: u8, write: Write) -> Column {
    Column {
        title,
        right: true,
        show,
        dispensable,
        write,
    }
}

const fn left(title: &'static str, show: Show, dispensable: u8, write: Write) -> Column {
    Column {
        right: false,
        ..column(title, show, dispensable, write)
    }
}

/// What a cell with nothing in it says.
const NOTHING: &str = "-";

#[rustfmt::skip]
const COLUMNS: &[Column] = &[
    left("", Show::Always, 0, |_, layer| Some(layer.path.clone())),
    left("layer", Show::Always, 0, |_, layer| Some(title(layer.name.as_deref(), layer.type_name, layer.depth))),
    left("input", Show::Wide, 9, |_, layer| Some(shape::display(&layer.input))),
    left("output", Show::Always, 0, |_, layer| Some(shape::display(&layer.output))),
    column("parameters", Show::Always, 0, |_, layer| Some(count(layer.counts.parameters()?))),
    column("trainable", Show::Wide, 8, |_, layer| Some(count(layer.counts.trainable))),
    column("frozen", Show::IfAny, 4, |_, layer| Some(count(layer.counts.frozen))),
    column("rate", Show::IfAny, 4, |_, layer| Some(rate(layer))),
    column("buffers", Show::Wide, 7, |_, layer| Some(count(layer.counts.buffers))),
    column("MACs", Show::Always, 1, |_, layer| Some(count(layer.counts.macs))),
    column("FLOPs", Show::Wide, 10, |_, layer| Some(count(layer.counts.macs.checked_mul(2)?))),
    column("memory", Show::Always, 2, memory),
    column("padding", Show::IfAny, 5, |_, layer| Some(some(pairs(&layer.padding)))),
    column("ignored", Show::IfAny, 6, |_, layer| Some(some(ignored(&layer.ignored)))),
    column("sees", Show::Always, 3, |shown, layer| Some(sees(shown, layer))),
    column("jump", Show::Wide, 11, |_, layer| Some(jump(layer.field.jump()))),
];

/// Writes what a layer is called, further in the deeper it stands.
pub(in crate::report) fn title(name: Option<&str>, type_name: &str, depth: usize) -> String {
    let indent = 2 * depth;
    match name {
        Some(name) => format!("{:indent$}{name} ({type_name})", ""),
        None => format!("{:indent$}{type_name}", ""),
    }
}

fn count(number: u64) -> String {
    if number == 0 {
        NOTHING.to_owned()
    } else {
        thousands(number)
    }
}

/// Writes the factor on the learning rate.
fn rate(layer: &Layer) -> String {
    let factor = layer.rate_factor.filter(|_| layer.counts.trainable > 0);
    factor.map_or_else(|| NOTHING.to_owned(), |factor| format!("x{factor}"))
}

fn memory(inspection: &Inspection<'_>, layer: &Layer) -> Option<String> {
    layer
        .output_bytes(inspection.dtype, inspection.batch)
        .map(bytes)
}

/// Puts the sign of nothing in place of zeros.
fn some(figures: String) -> String {
    if figures.is_empty() || figures == "0" {
        NOTHING.to_owned()
    } else {
        figures
    }
}

fn ignored(ignored: &[usize]) -> String {
    match ignored {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => first.to_string(),
        all => shape::display(all),
    }
}

fn sees(inspection: &Inspection<'_>, layer: &Layer) -> String {
    let field = sizes(&layer.field.size());
    if layer.field.is_full(&inspection.plan.input) {
        format!("{field} full")
    } else {
        field
    }
}

fn jump(jump: &[f64]) -> String {
    let mut jumps: Vec<String> = jump.iter().map(|jump| decimal(*jump)).collect();
    if jumps.iter().all(|jump| *jump == jumps[0]) {
        jumps.truncate(1);
    }
    jumps.join("x")
}

/// A column with its cells and the width of the widest.
struct Filled {
    column: &'static Column,
    cells: Vec<String>,
    width: usize,
}

impl Filled {
    fn new(column: &'static Column, shown: &Inspection<'_>, layers: &[&Layer]) -> Option<Self> {
        let cells = layers.iter().map(|layer| (column.write)(shown, layer));
        let mut filled = Self {
            column,
            cells: cells.collect::<Option<_>>()?,
            width: 0,
        };
        filled.measure();
        Some(filled)
    }

    fn measure(&mut self) {
        let widest = self.cells.iter().map(|cell| width(cell)).max();
        self.width = widest.unwrap_or(0).max(width(self.column.title));
    }

    fn is_shown(&self, wide: bool) -> bool {
        match self.column.show {
            Show::Always => true,
            Show::IfAny => self.cells.iter().any(|cell| cell != NOTHING),
            Show::Wide => wide,
        }
    }
}

/// Writes the table of the layers that are shown; nothing when a figure is beyond counting.
pub(super) fn write(shown: &Inspection<'_>, text: &mut String) -> Option<()> {
    let layers = shown.layers();
    let mut columns = Vec::new();
    for column in COLUMNS {
        if column.show == Show::Wide && !shown.wide {
            continue;
        }
        let filled = Filled::new(column, shown, &layers)?;
        if filled.is_shown(shown.wide) {
            columns.push(filled);
        }
    }
    if let Some(limit) = shown.width {
        narrow(&mut columns, limit);
    }
    let titles = columns.iter().map(|filled| filled.column.title);
    line(&columns, titles, text);
    for row in 0..layers.len() {
        let cells = columns.iter();
        let cells = cells.map(|filled| filled.cells.get(row).map_or("", String::as_str));
        line(&columns, cells, text);
    }
    Some(())
}

/// Takes columns away until the rest fits, then shortens the names of the layers.
fn narrow(columns: &mut Vec<Filled>, limit: usize) {
    let total = |columns: &[Filled]| -> usize {
        let widths = columns.iter().map(|filled| filled.width + 2);
        widths.sum()
    };
    while total(columns) > limit {
        let dispensable = columns.iter().map(|filled| filled.column.dispensable);
        let first = dispensable.enumerate().max_by_key(|(_, rank)| *rank);
        match first {
            Some((index, rank)) if rank > 0 => columns.remove(index),
            _ => break,
        };
    }
    let beyond = total(columns).saturating_sub(limit);
    let layer = columns
        .iter_mut()
        .find(|filled| filled.column.title == "layer");
    if let Some(layer) = layer.filter(|_| beyond > 0) {
        let room = layer.width.saturating_sub(beyond).max(8);
        for cell in &mut layer.cells {
            if width(cell) > room {
                *cell = cell.chars().take(room - 1).chain(['…']).collect();
            }
        }
        layer.measure();
    }
}

fn line<'t>(columns: &[Filled], cells: impl Iterator<Item = &'t str>, text: &mut String) {
    for (filled, cell) in columns.iter().zip(cells) {
        let space = filled.width.saturating_sub(width(cell));
        let (before, after) = if filled.column.right {
            (space, 0)
        } else {
            (0, space)
        };
        let cell = [spaces(before + 1), cell, spaces(after + 1)];
        text.extend(cell);
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

fn spaces(number: usize) -> &'static str {
    const SPACES: &str = match str::from_utf8(&[b' '; 256]) {
        Ok(spaces) => spaces,
        Err(_) => "",
    };
    SPACES.get(..number).unwrap_or(SPACES)
}

/// Columns of a terminal that a text takes.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_said_in_the_fewest_words() {
        assert_eq!(some(pairs(&[])), NOTHING);
        assert_eq!(some(pairs(&[[0, 0], [0, 0]])), NOTHING);
        assert_eq!(pairs(&[[2, 2], [2, 2]]), "2");
        assert_eq!(pairs(&[[0, 1], [0, 1]]), "0+1");
        assert_eq!(pairs(&[[0, 1], [2, 2]]), "0+1x2");
        assert_eq!(ignored(&[1, 0]), "1x0");
        assert_eq!(jump(&[0.5, 0.5]), "0.5");
        assert_eq!(jump(&[4.0, 2.0]), "4x2");
    }
}
