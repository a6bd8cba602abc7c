//! Values that change places: padding, cropping, repeating, other shapes, side by side.

use super::{Inputs, Rows, Stage};
use crate::kernels::parallel::{Shared, ranges};

/// Positions of the input in another order, with zeros where none is named.
#[derive(Debug)]
pub(crate) struct Move {
    /// For each position of the output, the one it was.
    pub(crate) positions: Vec<Option<usize>>,
    /// The first channel of the input, and where it goes.
    pub(crate) channels: (usize, usize),
    /// How the input lies.
    pub(crate) from: Rows,
    /// How the output lies.
    pub(crate) to: Rows,
}

/// Positions a thread moves at a time.
const AT_ONCE: usize = 256;

impl Stage for Move {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        let (first, at) = self.channels;
        let count = (self.from.channels - first).min(self.to.channels - at);
        let source = inputs.get(0);
        each_row(self.to, images, output, |image, position, row| {
            row.fill(0.0);
            if let Some(from) = self.positions[position] {
                let begin = image * self.from.values() + from * self.from.stride + first;
                row[at..at + count].copy_from_slice(&source[begin..begin + count]);
            }
        });
    }
}

/// Maps as one row, in the order `[channels, positions]`.
#[derive(Debug)]
pub(crate) struct Line {
    /// How the input lies.
    pub(crate) from: Rows,
    /// How the output lies: one position.
    pub(crate) to: Rows,
}

impl Stage for Line {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        let source = inputs.get(0);
        each_row(self.to, images, output, |image, _, row| {
            let values = self.from.values();
            let (values, filling) = (&source[image * values..][..values], self.to.channels);
            self.from.unpack(values, &mut row[..filling]);
            row[filling..].fill(0.0);
        });
    }
}

/// The channels of several inputs, one input after the other.
#[derive(Debug)]
pub(crate) struct Concat {
    /// How the inputs lie.
    pub(crate) from: Vec<Rows>,
    /// How the output lies.
    pub(crate) to: Rows,
}

impl Stage for Concat {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        each_row(self.to, images, output, |image, position, row| {
            let mut at = 0;
            for (index, from) in self.from.iter().enumerate() {
                let begin = image * from.values() + position * from.stride;
                let own = &inputs.get(index)[begin..begin + from.channels];
                row[at..at + own.len()].copy_from_slice(own);
                at += own.len();
            }
            row[at..].fill(0.0);
        });
    }
}

/// Fills every row of an output: of an image and a position.
fn each_row(
    to: Rows,
    images: usize,
    output: &mut [f32],
    fill: impl Fn(usize, usize, &mut [f32]) + Sync + Send,
) {
    to.check(images, output);
    let target = Shared(output.as_mut_ptr());
    ranges(images * to.positions, AT_ONCE, |begin, end| {
        for item in begin..end {
            // SAFETY: each part has positions of its own.
            let row = unsafe {
                let row = target.at().add(item * to.stride);
                std::slice::from_raw_parts_mut(row, to.stride)
            };
            fill(item / to.positions, item % to.positions, row);
        }
    });
}
