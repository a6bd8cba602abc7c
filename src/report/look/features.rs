//! What layers make of a picture, as a sheet of maps.

use std::path::Path;

use super::{GAP, WIDTH, range, told, too_large};
use crate::canvas::{Canvas, colour, font};
use crate::diagnostic::Result;
use crate::look::Maps;
use crate::report::plain;
use crate::shape;

/// The sides that maps are enlarged to, by a whole factor.
const COMFORTABLE: usize = 64;

/// Maps of a layer that are drawn.
const MOST: usize = 64;

/// Values of a row side by side.
const ROW: usize = 64;

/// Pixels of a value in such a row.
const STRIP: usize = 8;

/// Room for a map's own range beneath it.
const WORDS: usize = 80;

/// Writes what layers there are and the range of their values.
#[must_use]
pub fn render_features(maps: &[Maps], file: &Path, raw: &[std::path::PathBuf]) -> String {
    let mut text = String::new();
    for maps in maps {
        text.push_str(&format!("{}{}\n", title(maps), left_out(maps)));
    }
    for file in std::iter::once(file).chain(raw.iter().map(AsRef::as_ref)) {
        text.push_str(&format!("{}\n", plain(&file.display().to_string())));
    }
    text
}

fn title(maps: &Maps) -> String {
    let size = shape::display(&maps.shape);
    let name = plain(&maps.name);
    format!("{name}  {}  {size}  {}", maps.type_name, told(&maps.values))
}

/// Writes a number in five letters at most.
fn shortest(value: f64) -> String {
    let size = value.abs();
    if size >= 10_000.0 || (size > 0.0 && size < 0.05) {
        format!("{value:.0e}")
    } else if size >= 10.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn left_out(maps: &Maps) -> String {
    match maps.shape[..] {
        [channels, _] if channels > MOST => format!("  (the first {MOST} rows are drawn)"),
        [channels, height, width] if channels > MOST && height * width > 1 => {
            format!("  (the first {MOST} maps are drawn)")
        }
        _ => String::new(),
    }
}

/// A layer's cells: how many, of which size in values, and how much they are enlarged.
struct Cells {
    count: usize,
    size: [usize; 2],
    factor: usize,
    columns: usize,
}

impl Cells {
    fn of(maps: &Maps) -> Self {
        let enlarged = |size: [usize; 2]| (COMFORTABLE / size[0].max(size[1]).max(1)).max(1);
        let (count, size, factor) = match maps.shape[..] {
            [channels, height, width] if height * width > 1 => {
                let size = [height, width];
                (channels.min(MOST), size, enlarged(size))
            }
            [channels, length] => {
                let size = [channels.min(MOST), length];
                (1, size, enlarged(size))
            }
            _ => {
                let values = maps.values.len();
                (1, [values.div_ceil(ROW), values.min(ROW)], STRIP)
            }
        };
        let mut cells = Self {
            count,
            size,
            factor,
            columns: 1,
        };
        cells.columns = ((WIDTH - GAP) / cells.cell()[1]).clamp(1, count.max(1));
        cells
    }

    /// Pixels from one cell to the next; a line for the map's number and range beneath where there are several.
    fn cell(&self) -> [usize; 2] {
        let [height, width] = self.size.map(|side| side * self.factor);
        if self.count == 1 {
            return [height + GAP, width + GAP];
        }
        [
            height + 2 * (font::HEIGHT + GAP / 2) + GAP,
            width.max(WORDS) + GAP,
        ]
    }

    fn height(&self) -> usize {
        self.count.div_ceil(self.columns) * self.cell()[0]
    }
}

/// Draws the maps of layers beneath each other, each layer from its smallest value (dark) to its largest (light); beneath each
/// map its number and its own range.
///
/// # Errors
/// When the picture would be too large.
pub fn draw_features(maps: &[Maps]) -> Result<Vec<u8>> {
    let cells: Vec<Cells> = maps.iter().map(Cells::of).collect();
    let header = font::HEIGHT + 3 * GAP;
    let height = cells.iter().map(|cells| header + cells.height());
    let wide = cells.iter().map(|cells| cells.columns * cells.cell()[1]);
    let titles = maps.iter().map(|maps| font::width(&title(maps)) + GAP);
    let wide = wide.chain(titles).max().unwrap_or(0) + GAP;
    let mut canvas = Canvas::new([height.sum::<usize>() + GAP, wide]).ok_or_else(|| {
        too_large(
            "the sheet of all layers",
            "name one layer with `--layer`, or write numbers with `--raw`",
        )
    })?;
    let mut top = GAP;
    for (maps, cells) in maps.iter().zip(&cells) {
        canvas.text([top + GAP, GAP], &title(maps), wide);
        top += header;
        let [low, high] = range(&maps.values);
        let area = cells.size[0] * cells.size[1];
        for number in 0..cells.count {
            let [down, right] = cells.cell();
            let place = [
                top + number / cells.columns * down,
                GAP + number % cells.columns * right,
            ];
            let own = maps.values.get(number * area..).unwrap_or_default();
            canvas.picture(place, cells.size, cells.factor, |row, column| {
                match own.get(row * cells.size[1] + column) {
                    Some(value) if high > low => {
                        colour::of_value((f64::from(*value) - low) / (high - low))
                    }
                    Some(_) => colour::of_value(0.0),
                    None => crate::canvas::PAPER,
                }
            });
            if cells.count > 1 {
                let [from, to] = range(&own[..area.min(own.len())]).map(shortest);
                let below = place[0] + cells.size[0] * cells.factor + GAP / 2;
                canvas.text([below, place[1]], &format!("{number}"), right - GAP);
                let next = below + font::HEIGHT + GAP / 2;
                canvas.text([next, place[1]], &format!("{from},{to}"), right - GAP);
            }
        }
        top += cells.height();
    }
    canvas.png()
}
