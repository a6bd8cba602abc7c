//! A sheet of samples as the network gets them, each with its class beneath.

use std::path::PathBuf;

use super::Subject;
use crate::canvas::{Canvas, Colour, font};
use crate::dataset::{self, Samples, assemble};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::random::{Purpose, Random};

/// Sides that small pictures are enlarged to, by a whole factor.
const COMFORTABLE: usize = 64;

/// Pixels between cells, and around them.
const GAP: usize = 6;

/// The widest sheet, before a cell alone is wider.
const WIDTH: usize = 1_000;

/// A sheet and what is on it.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// A PNG.
    pub png: Vec<u8>,
    /// Cells beside each other.
    pub columns: usize,
    /// Cell by cell, row by row.
    pub cells: Vec<Cell>,
}

/// A sample on a sheet.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its number in the split.
    pub index: usize,
    /// Its class, where it has one.
    pub class: Option<String>,
    /// Its file, where it has one.
    pub path: Option<PathBuf>,
}

/// Draws samples of a split, picked with the config's seed; as they are in its first epoch if they are to be changed
/// at random.
///
/// # Errors
/// When there is no such split, samples are no pictures, or no changes are there to be made.
pub(crate) fn sheet(
    subject: &Subject,
    split: &str,
    count: usize,
    augmented: bool,
) -> Result<Sheet> {
    let samples = subject.split(split)?;
    let mut preprocessing = subject.request.preprocessing.clone();
    preprocessing.border = subject.dataset.border;
    preprocessing.take_kind(samples, subject.has_factor());
    // What is drawn is the picture, not the numbers that it becomes.
    preprocessing.mean = Vec::new();
    preprocessing.std = Vec::new();
    let [channels @ (1 | 3), height, width] = preprocessing.input_shape()[..] else {
        let shape = crate::shape::display(&preprocessing.input_shape());
        let message = format!("samples of {shape} are no pictures");
        let help =
            "a sheet shows grey and coloured pictures; `cnn data stats` works for all samples";
        return Err(Error::data(Diagnostic::error(message).help(help)));
    };
    let classes = subject.dataset.classes.len();
    let changes = dataset::augment(&subject.project.config.augment, classes);
    if augmented && changes.is_none() {
        let message = "there are no random changes to show";
        let help = "give a config that has them in `[augment]`, or leave `--augment` out";
        return Err(Error::config(Diagnostic::error(message).help(help)));
    }
    let seed = subject.request.seed;
    let changes = changes.as_ref().filter(|_| augmented);
    let picked = pick(samples.len(), count, seed);
    let batch = assemble(
        samples,
        &picked,
        &preprocessing,
        changes.map(|changes| (changes, seed, 0)),
    )?;
    let cells: Vec<Cell> = batch
        .indices
        .iter()
        .map(|index| cell(subject, samples, *index))
        .collect();
    let rescale = preprocessing.rescale;
    let size = (channels * height * width).max(1);
    let pictures = batch.inputs.chunks_exact(size).map(|values| Picture {
        values,
        shape: [channels, height, width],
        rescale,
    });
    let layout = Layout::new([height, width], cells.len());
    let png = layout.draw(pictures, &cells)?;
    Ok(Sheet {
        png,
        columns: layout.columns,
        cells,
    })
}

/// Picks samples, in their order.
fn pick(len: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..len).collect();
    // No epoch has this number, so no epoch begins with these.
    Random::new(Purpose::Order, &[seed, u64::MAX]).shuffle(&mut indices);
    indices.truncate(count);
    indices.sort_unstable();
    indices
}

fn cell(subject: &Subject, samples: &Samples, index: usize) -> Cell {
    let label = samples.labels().get(index);
    let class = label.and_then(|label| subject.dataset.classes.get(*label as usize));
    Cell {
        index,
        class: class.cloned(),
        path: samples.path(index).map(PathBuf::from),
    }
}

/// A picture in the values that reach the network, but for mean and deviation.
struct Picture<'a> {
    values: &'a [f32],
    shape: [usize; 3],
    rescale: f32,
}

impl Picture<'_> {
    fn colour(&self, row: usize, column: usize) -> Colour {
        let [channels, height, width] = self.shape;
        let byte = |channel: usize| {
            let channel = channel.min(channels - 1);
            let place = (channel * height + row) * width + column;
            let value = self.values.get(place).copied().unwrap_or_default();
            (value / self.rescale).round().clamp(0.0, 255.0) as u8
        };
        [byte(0), byte(1), byte(2)]
    }
}

/// Where everything goes.
struct Layout {
    picture: [usize; 2],
    /// How much pictures are enlarged.
    factor: usize,
    cell: [usize; 2],
    columns: usize,
    sheet: [usize; 2],
}

impl Layout {
    fn new(picture: [usize; 2], cells: usize) -> Self {
        let [height, width] = picture;
        let factor = (COMFORTABLE / height.max(width).max(1)).max(1);
        let cell = [
            height * factor + font::HEIGHT + 2 * GAP,
            (width * factor).max(COMFORTABLE) + GAP,
        ];
        let columns = ((WIDTH - GAP) / cell[1]).clamp(1, cells.max(1));
        let rows = cells.div_ceil(columns);
        let sheet = [rows * cell[0] + GAP, columns * cell[1] + GAP];
        Self {
            picture,
            factor,
            cell,
            columns,
            sheet,
        }
    }

    fn draw<'a>(
        &self,
        pictures: impl Iterator<Item = Picture<'a>>,
        cells: &[Cell],
    ) -> Result<Vec<u8>> {
        let Some(mut sheet) = Canvas::new(self.sheet) else {
            let [height, width] = self.picture;
            let count = cells.len();
            let message = format!("{count} pictures of {height}x{width} are too many for a sheet");
            let help = "show fewer with `--count`";
            return Err(Error::config(Diagnostic::error(message).help(help)));
        };
        for (number, (picture, cell)) in pictures.zip(cells).enumerate() {
            let top = GAP + number / self.columns * self.cell[0];
            let left = GAP + number % self.columns * self.cell[1];
            sheet.picture([top, left], self.picture, self.factor, |row, column| {
                picture.colour(row, column)
            });
            let room = self.cell[1] - GAP;
            let name = cell.class.as_deref().unwrap_or_default();
            let below = top + self.picture[0] * self.factor + GAP / 2;
            sheet.text([below, left], name, room);
        }
        sheet.png()
    }
}
