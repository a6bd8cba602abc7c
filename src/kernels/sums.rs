//! Sums over all positions and images, one for each channel, in an order that threads do not change.

use super::lanes::{LANES, Layout};
use super::parallel::map_ranges;

/// Positions that one thread sums up in single precision.
const AT_ONCE: usize = 256;

/// Sums up `[blocks, positions, stride, lanes]` for each channel.
pub(super) fn per_channel(from: &[f32], layout: Layout) -> Vec<f32> {
    let row = layout.stride * LANES;
    let [sums] = reduce(layout, |index, [sums]: &mut [Vec<f32>; 1]| {
        let values = &from[index * row..][..sums.len()];
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Adds up `N` values for each channel and lane: `add` does so for a position, counted over all
/// blocks; in the end lanes are summed up too.
pub(super) fn reduce<const N: usize>(
    layout: Layout,
    add: impl Fn(usize, &mut [Vec<f32>; N]) + Sync + Send,
) -> [Vec<f64>; N] {
    let rows = layout.blocks * layout.positions;
    let parts = map_ranges(rows, AT_ONCE, |begin, end| {
        let mut sums: [Vec<f32>; N] = std::array::from_fn(|_| vec![0.0; layout.channels * LANES]);
        for index in begin..end {
            add(index, &mut sums);
        }
        sums.map(|sums| {
            let lanes = sums.chunks_exact(LANES);
            let sums = lanes.map(|lanes| lanes.iter().map(|sum| f64::from(*sum)).sum());
            sums.collect::<Vec<f64>>()
        })
    });
    let mut sums = std::array::from_fn(|_| vec![0.0; layout.channels]);
    for part in parts {
        for (sums, part) in sums.iter_mut().zip(part) {
            for (sum, more) in sums.iter_mut().zip(part) {
                *sum += more;
            }
        }
    }
    sums
}
