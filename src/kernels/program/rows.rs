//! How values lie in a program: the channels of a position side by side, image after image.

use crate::kernels::lanes::LANES;

/// The values of one image: for each position of a map, its channels and what fills up the last register.
///
/// Other than in training, where sixteen images share a register: here sixteen channels do, so a
/// single image fills registers too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Positions of a map.
    pub(crate) positions: usize,
    /// Channels.
    pub(crate) channels: usize,
    /// Values from one position to the next.
    pub(crate) stride: usize,
}

impl Rows {
    /// Lays out whole registers for each position; what is beyond the channels is of no meaning.
    #[must_use]
    pub(crate) fn new(positions: usize, channels: usize) -> Self {
        Self {
            positions,
            channels,
            stride: channels.next_multiple_of(LANES),
        }
    }

    /// Lays out the channels alone, for a stage that reads single values: a convolution.
    #[must_use]
    pub(crate) fn compact(positions: usize, channels: usize) -> Self {
        Self {
            positions,
            channels,
            stride: channels,
        }
    }

    /// Returns the values of an image, if they can be counted.
    #[must_use]
    #[inline(always)]
    pub(crate) fn values(&self) -> usize {
        self.positions * self.stride
    }

    /// Takes all values of an image as the channels of one position, if there are no gaps between them.
    #[must_use]
    pub(crate) fn joined(&self) -> Option<Self> {
        let is_dense = self.stride == self.channels;
        (is_dense || self.positions == 1).then(|| Self {
            positions: 1,
            channels: self.positions * self.channels,
            stride: self.values(),
        })
    }

    /// Holds an input or an output to its layout: what reads and writes it does not look again.
    ///
    /// # Panics
    /// If there are fewer than the values of so many images.
    pub(super) fn check(&self, images: usize, values: &[f32]) {
        assert!(
            values.len() >= images * self.values(),
            "values have a layout"
        );
    }

    /// Takes `[channels, positions]` of an image over.
    pub(crate) fn pack(&self, plain: &[f32], to: &mut [f32]) {
        for (channel, plane) in plain.chunks_exact(self.positions).enumerate() {
            let rows = to.chunks_exact_mut(self.stride);
            for (row, value) in rows.zip(plane) {
                row[channel] = *value;
            }
        }
    }

    /// Gives `[channels, positions]` of an image back.
    pub(crate) fn unpack(&self, rows: &[f32], plain: &mut [f32]) {
        for (channel, plane) in plain.chunks_exact_mut(self.positions).enumerate() {
            for (row, value) in rows.chunks_exact(self.stride).zip(plane) {
                *value = row[channel];
            }
        }
    }
}
