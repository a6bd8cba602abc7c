//! When a 3x3 convolution is computed by Winograd's algorithm: one rule for the kernels, which follow it, and for the
//! estimate of the memory that they take.

/// Values of a transformed tile.
const VALUES: f64 = 36.0;
/// Images side by side.
const LANES: f64 = 16.0;

/// A convolution as the rule sees it. Costs are counted in products: of one pair of channels, in sixteen images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WinogradCosts {
    /// Tiles of 4x4 outputs, over all blocks of sixteen images.
    pub(crate) tiles: usize,
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    /// Products of a direct convolution: how many positions the taps of all windows read, over all blocks.
    pub(crate) products: usize,
}

impl WinogradCosts {
    /// Tiles that go together when outputs are computed, at most.
    pub(crate) const OF_OUTPUTS: usize = 24;
    /// Tiles that go together when gradients of kernels are computed.
    pub(crate) const OF_KERNELS: usize = 48;

    /// Returns whether outputs take less time so, or gradients of inputs, which are the same the other way around.
    ///
    /// Measured within networks: the transforms of a tile take as long as 600 products for each channel, mostly waiting
    /// for memory, and the transform of a kernel as long as 400, as it is written to memory and read again.
    pub(crate) fn pays(&self) -> bool {
        const CHANNEL: f64 = 600.0;
        const KERNEL: f64 = 400.0;
        let (tiles, pairs, channels) = self.counts();
        (VALUES * tiles + KERNEL) * pairs + CHANNEL * tiles * channels < self.direct()
    }

    /// Returns whether gradients of kernels take less time so.
    ///
    /// The transforms of a tile take as long as 900 products for each channel; each of a pair's 36 sums is added up over
    /// sixteen images once for as many tiles as go together, which takes as long as 16.
    pub(crate) fn pays_for_kernels(&self) -> bool {
        const CHANNEL: f64 = 900.0;
        const SUM: f64 = 16.0;
        let (tiles, pairs, channels) = self.counts();
        let sums = (tiles / Self::OF_KERNELS as f64).ceil();
        VALUES * (tiles + SUM * sums) * pairs + CHANNEL * tiles * channels < self.direct()
    }

    /// Returns how many values training keeps for the layer at work: transformed kernels or their gradients, and tiles.
    pub(crate) fn values(&self) -> f64 {
        let (tiles, pairs, channels) = self.counts();
        let transforms = |tiles: f64| LANES * tiles * channels;
        let of_outputs = pairs + transforms(tiles.min(Self::OF_OUTPUTS as f64));
        let later = if self.tiles > Self::OF_KERNELS {
            pairs
        } else {
            0.0
        };
        let of_kernels = pairs + later + transforms(tiles.min(Self::OF_KERNELS as f64));
        let taken = [
            (self.pays(), of_outputs),
            (self.pays_for_kernels(), of_kernels),
        ];
        let taken = taken.into_iter().filter(|(pays, _)| *pays);
        VALUES * taken.map(|(_, values)| values).fold(0.0, f64::max)
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
