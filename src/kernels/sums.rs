//! Sums over all positions and images, one for each channel, in an order that threads do not change.

use super::lanes::{LANES, Layout};
use super::moments::mask;
use super::parallel::map_ranges;
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Values of an image that one thread sums up in single precision, from 16 to 256 positions.
const AT_ONCE: usize = 1 << 13;
/// Positions that go together: sums are loaded and stored once for as many.
const TOGETHER: usize = 4;

/// Sums up `[blocks, positions, stride, lanes]` for each channel.
pub(super) fn per_channel(from: &[f32], layout: Layout) -> Vec<f32> {
    let [sums] = reduce(layout, |rows, sums| {
        with_simd(Plain {
            from,
            layout,
            rows,
            sums,
        });
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Adds up `N` values for each channel and lane: `add` does so for a range of positions, counted over
/// all blocks; in the end lanes are summed up too.
pub(super) fn reduce<const N: usize>(
    layout: Layout,
    add: impl Fn((usize, usize), &mut [Vec<f32>; N]) + Sync + Send,
) -> [Vec<f64>; N] {
    let rows = layout.blocks * layout.positions;
    let at_once = (AT_ONCE / layout.channels.max(1)).clamp(4 * TOGETHER, 256);
    let parts = map_ranges(rows, at_once, |begin, end| {
        let mut sums: [Vec<f32>; N] = std::array::from_fn(|_| vec![0.0; layout.channels * LANES]);
        add((begin, end), &mut sums);
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

/// A register of values to be added.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) channel: usize,
    pub(super) lane: usize,
    /// Floats from the start of the tensor.
    pub(super) at: usize,
    /// One for each lane with an image, if some are without.
    pub(super) mask: Option<&'a [f32; LANES]>,
}

/// Adds up some rows of a batch, in the order in which they lie in memory: `add` takes the sums so far and returns
/// them with the values of a place.
///
/// SAFETY: the caller has enabled the set; the rows lie within the layout.
#[inline(always)]
pub(super) unsafe fn over_rows<S: Simd, const N: usize>(
    (batch, layout): (usize, Layout),
    (begin, end): (usize, usize),
    sums: &mut [Vec<f32>; N],
    add: impl Fn(Place<'_>, [S::V; N]) -> [S::V; N],
) {
    for first in (begin..end).step_by(TOGETHER) {
        let count = TOGETHER.min(end - first);
        let masks: [_; TOGETHER] = std::array::from_fn(|row| mask(batch, layout, first + row));
        for channel in 0..layout.channels {
            for lane in (0..LANES).step_by(S::WIDTH) {
                let own = channel * LANES + lane;
                // SAFETY: there are sums for each channel and lane.
                unsafe {
                    let mut values = [S::splat(0.0); N];
                    for n in 0..N {
                        values[n] = S::load(sums[n].as_ptr().add(own));
                    }
                    for (row, mask) in masks.iter().enumerate().take(count) {
                        let place = Place {
                            channel,
                            lane,
                            at: (first + row) * layout.stride * LANES + own,
                            mask: mask.as_ref(),
                        };
                        values = add(place, values);
                    }
                    for n in 0..N {
                        S::store(sums[n].as_mut_ptr().add(own), values[n]);
                    }
                }
            }
        }
    }
}

struct Plain<'a> {
    from: &'a [f32],
    layout: Layout,
    rows: (usize, usize),
    sums: &'a mut [Vec<f32>; 1],
}

impl Work for Plain<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        // SAFETY: rows and channels lie within the layout, which is that of the values.
        unsafe {
            over_rows::<S, 1>(
                (self.layout.blocks * LANES, self.layout),
                self.rows,
                self.sums,
                |place, [sum]| [S::add(sum, S::load(self.from.as_ptr().add(place.at)))],
            );
        }
    }
}
