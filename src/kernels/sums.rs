//! Sums over all positions and images, one for each channel, in an order that threads do not change.

use super::lanes::{LANES, Layout};
use super::parallel::map_ranges;
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Positions that one thread sums up in single precision.
const AT_ONCE: usize = 256;
/// Channels whose sums are held in registers.
pub(super) const CHANNELS: usize = 4;

/// Sums up `[blocks, positions, stride, lanes]` for each channel.
pub(super) fn per_channel(from: &[f32], layout: Layout) -> Vec<f32> {
    let [sums] = reduce(layout, |rows, [sums]: &mut [Vec<f32>; 1]| {
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
    let parts = map_ranges(rows, AT_ONCE, |begin, end| {
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

/// Runs `$add` for [`CHANNELS`] channels at a time, and for each of those left.
macro_rules! by_channels {
    ($channels:expr, $add:ident) => {{
        let mut channel = 0;
        while channel + CHANNELS <= $channels {
            $add!(CHANNELS, channel);
            channel += CHANNELS;
        }
        while channel < $channels {
            $add!(1, channel);
            channel += 1;
        }
    }};
}

pub(super) use by_channels;

struct Plain<'a> {
    from: &'a [f32],
    layout: Layout,
    rows: (usize, usize),
    sums: &'a mut [f32],
}

impl Work for Plain<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self) {
        macro_rules! add {
            ($count:expr, $channel:expr) => {
                // SAFETY: rows and channels lie within the layout.
                unsafe { self.add::<S, { $count }>($channel) }
            };
        }
        by_channels!(self.layout.channels, add);
    }
}

impl Plain<'_> {
    #[inline(always)]
    unsafe fn add<S: Simd, const C: usize>(&mut self, channel: usize) {
        for lane in (0..LANES).step_by(S::WIDTH) {
            // SAFETY: the caller's; `lane` is within `LANES`.
            unsafe {
                let mut sums = [S::splat(0.0); C];
                for row in self.rows.0..self.rows.1 {
                    let at = (row * self.layout.stride + channel) * LANES + lane;
                    for c in 0..C {
                        let value = S::load(self.from.as_ptr().add(at + c * LANES));
                        sums[c] = S::add(sums[c], value);
                    }
                }
                for c in 0..C {
                    let at = (channel + c) * LANES + lane;
                    S::store(self.sums.as_mut_ptr().add(at), sums[c]);
                }
            }
        }
    }
}
