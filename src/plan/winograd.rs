//! When a 3x3 convolution takes Winograd's algorithm: one rule for the kernels, which follow it, and for the estimate
//! of the memory that training takes.

use super::Conv;

/// A convolution as the rule sees it. Costs are counted in products of one pair of channels: in training in sixteen images
/// side by side, for answers in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WinogradCosts {
    /// Tiles of outputs, over all blocks of sixteen images.
    pub(crate) tiles: usize,
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    /// Products of a direct convolution: how many positions the taps of all windows read, over all blocks.
    pub(crate) products: usize,
}

impl WinogradCosts {
    /// Images side by side.
    const LANES: usize = 16;
    /// Outputs along a side of a tile.
    const SIDE: usize = 4;
    /// Values of a transformed tile.
    const VALUES: usize = 36;
    /// Tiles whose gradients of kernels are summed up in one go.
    pub(crate) const TILES_OF_KERNELS: usize = 48;

    /// Returns the costs of a convolution on a batch, if the algorithm is for it.
    pub(crate) fn of(conv: &Conv, output: &[usize], batch: usize) -> Option<Self> {
        if !conv.fits_winograd() {
            return None;
        }
        let blocks = batch.div_ceil(Self::LANES);
        let mut tiles = blocks;
        let mut products = blocks;
        for (extent, [before, after]) in output.iter().skip(1).zip(&conv.padding) {
            tiles = tiles.saturating_mul(extent.div_ceil(Self::SIDE));
            let input = (extent + 2).saturating_sub(before.saturating_add(*after));
            // The windows whose tap of this number lies inside.
            let reads = (0..3).map(|tap: usize| {
                let end = (input + before).saturating_sub(tap).min(*extent);
                end.saturating_sub(before.saturating_sub(tap))
            });
            products = products.saturating_mul(reads.sum());
        }
        Some(Self {
            tiles,
            outputs: conv.filters,
            inputs: conv.channels,
            products,
        })
    }

    /// Returns whether outputs take less time so, or gradients of inputs, which are the same the other way around.
    ///
    /// Measured within networks: the transforms of a tile take as long as 600 products for each channel, mostly waiting
    /// for memory, and the transform of a kernel as long as 400, as it is written to memory and read again.
    pub(crate) fn pays(&self) -> bool {
        self.pays_with(600.0, 400.0)
    }

    /// Returns whether an answer for one image takes less time so, with kernels that were transformed before: reading one
    /// of these takes as long as 250 products more than reading its taps.
    pub(crate) fn pays_for_answers(&self) -> bool {
        self.pays_with(400.0, 250.0)
    }

    /// Compares with a direct convolution, where the transforms of a tile take so many products for each channel, and a
    /// kernel takes so many.
    fn pays_with(&self, channel: f64, kernel: f64) -> bool {
        let (tiles, pairs, channels) = self.counts();
        (Self::VALUES as f64 * tiles + kernel) * pairs + channel * tiles * channels < self.direct()
    }

    /// Returns whether gradients of kernels take less time so.
    ///
    /// The transforms of a tile take as long as 900 products for each channel; each of a pair's 36 sums is added up over
    /// sixteen images once for as many tiles as go together, which takes as long as 16.
    pub(crate) fn pays_for_kernels(&self) -> bool {
        const CHANNEL: f64 = 900.0;
        const SUM: f64 = 16.0;
        let (tiles, pairs, channels) = self.counts();
        let sums = (tiles / Self::TILES_OF_KERNELS as f64).ceil();
        let products = Self::VALUES as f64 * (tiles + SUM * sums) * pairs;
        products + CHANNEL * tiles * channels < self.direct()
    }

    /// Returns how many tiles of outputs one thread computes in one go, so that their transforms stay in its cache.
    pub(crate) fn tiles_at_once(&self) -> usize {
        /// Bytes of the transforms.
        const HELD: usize = 1 << 20;
        let values = Self::VALUES * Self::LANES * (self.outputs + self.inputs).max(1);
        (HELD / (values * size_of::<f32>())).clamp(6, 24) / 3 * 3
    }

    /// Returns how many values training keeps for such layers: for kernels, for tiles of outputs on four threads, and for
    /// tiles of which gradients of kernels are made. Layers share each of the three.
    pub(crate) fn kept(&self) -> [f64; 3] {
        let (tiles, pairs, channels) = self.counts();
        let transforms = |most: usize| Self::LANES as f64 * tiles.min(most as f64) * channels;
        let mut kept = [0.0; 3];
        if self.pays() {
            kept[0] = pairs;
            kept[1] = transforms(4 * self.tiles_at_once());
        }
        if self.pays_for_kernels() {
            let is_one_go = self.tiles <= Self::TILES_OF_KERNELS;
            kept[0] = if is_one_go { pairs } else { 2.0 * pairs };
            kept[2] = transforms(Self::TILES_OF_KERNELS);
        }
        kept.map(|values| Self::VALUES as f64 * values)
    }

    /// Returns tiles, pairs of channels, and channels.
    fn counts(&self) -> (f64, f64, f64) {
        let [outputs, inputs] = [self.outputs as f64, self.inputs as f64];
        (self.tiles as f64, outputs * inputs, outputs + inputs)
    }

    fn direct(&self) -> f64 {
        self.products as f64 * self.outputs as f64 * self.inputs as f64
    }
}
