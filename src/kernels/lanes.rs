//! How values lie: 16 images side by side.

/// Images of a block: each value of a sample lies beside that of 15 others.
pub(super) const LANES: usize = 16;

/// A tensor `[blocks, positions, stride, LANES]`: for each block of images, each position of a map and
/// each channel, the values of [`LANES`] images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) blocks: usize,
    pub(super) positions: usize,
    pub(super) channels: usize,
    /// Channels from one position to the next, unused ones included.
    pub(super) stride: usize,
}

impl Layout {
    pub(super) fn new(blocks: usize, positions: usize, channels: usize) -> Self {
        Self {
            blocks,
            positions,
            channels,
            stride: stride(channels),
        }
    }
}

/// Returns the channels from one position to the next. Not a multiple of many: positions would
/// share the same few sets of the cache.
pub(super) fn stride(channels: usize) -> usize {
    if channels >= 32 && channels.is_multiple_of(16) {
        channels + 1
    } else {
        channels
    }
}
