//! Where a picture lies in the network's input.

use super::super::preprocess::Preprocessing;

/// A picture with its padding.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Frame {
    pub(super) channels: usize,
    /// Height with padding.
    pub(super) height: usize,
    /// Width with padding.
    pub(super) width: usize,
    /// Rows of padding above the picture.
    pub(super) top: usize,
    /// Columns of padding to its left.
    pub(super) left: usize,
    /// Rows of the picture itself.
    pub(super) rows: usize,
    /// Columns of the picture itself.
    pub(super) columns: usize,
}

impl Frame {
    /// Creates the frame of pictures; nothing where samples are none, or have no pixels.
    pub(super) fn new(preprocessing: &Preprocessing) -> Option<Self> {
        let [channels, rows, columns] = preprocessing.picture_shape()?;
        let [_, height, width] = preprocessing.input_shape()[..] else {
            return None;
        };
        let [[top, _], [left, _]] = preprocessing.padding[..] else {
            return None;
        };
        (channels * rows * columns > 0).then_some(Self {
            channels,
            height,
            width,
            top,
            left,
            rows,
            columns,
        })
    }

    /// Returns height and width with padding.
    pub(super) fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Returns the number of values of one channel with padding.
    pub(super) fn plane_len(&self) -> usize {
        self.height * self.width
    }

    /// Returns the number of values of all channels with padding.
    pub(super) fn len(&self) -> usize {
        self.channels * self.plane_len()
    }

    /// Returns the number of values of one channel of the picture itself.
    pub(super) fn picture_len(&self) -> usize {
        self.rows * self.columns
    }
}
