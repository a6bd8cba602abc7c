//! Convolutions with one filter for each channel.

use super::convolve::Convolve;
use super::function::activate_part;
use super::geometry::{OUTSIDE, Phase};
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, ranges};
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Positions a thread computes at a time.
const AT_ONCE: usize = 128;

pub(super) fn forward(
    conv: &Convolve,
    x: &[f32],
    weights: &[f32],
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    let phase = &conv.geometry.forward.phases[0];
    let filters = by_tap(conv, weights);
    let row = conv.to.stride * LANES;
    let shared = Shared(y.as_mut_ptr());
    ranges(
        conv.to.blocks * phase.places.len(),
        AT_ONCE,
        |begin, end| {
            with_simd(Slide {
                phase,
                filters: &filters,
                bias,
                source: x,
                from: conv.from,
                target: shared,
                to: conv.to,
                items: (begin, end),
            });
            // SAFETY: places of a forward phase lie in order, and each part has its own.
            let own = unsafe {
                std::slice::from_raw_parts_mut(shared.at().add(begin * row), (end - begin) * row)
            };
            activate_part(conv.function, own);
        },
    );
}

pub(super) fn of_input(conv: &Convolve, g: &[f32], weights: &[f32], to: &mut [f32]) {
    let shared = Shared(to.as_mut_ptr());
    let filters = by_tap(conv, weights);
    for phase in &conv.geometry.backward().phases {
        ranges(
            conv.from.blocks * phase.places.len(),
            AT_ONCE,
            |begin, end| {
                with_simd(Slide {
                    phase,
                    filters: &filters,
                    bias: None,
                    source: g,
                    from: conv.to,
                    target: shared,
                    to: conv.from,
                    items: (begin, end),
                });
            },
        );
    }
}

pub(super) fn of_weight(conv: &Convolve, x: &[f32], g: &[f32], to: &mut [f32]) {
    let weights = Shared(to.as_mut_ptr());
    ranges(conv.from.channels, CHANNELS, |begin, end| {
        with_simd(Gradient {
            conv,
            x,
            g,
            channels: (begin, end),
            weights,
        });
    });
}

/// Channels side by side in registers.
const CHANNELS: usize = 4;

/// Returns the filters as `[taps, channels]`.
fn by_tap(conv: &Convolve, weights: &[f32]) -> Vec<f32> {
    let taps = conv.geometry.taps;
    let channels = conv.from.channels;
    let filters = (0..taps * channels).map(|index| {
        let (tap, channel) = (index / channels, index % channels);
        weights[channel * conv.order.output + tap * conv.order.tap]
    });
    filters.collect()
}

/// Filters that slide over some positions.
struct Slide<'a> {
    phase: &'a Phase,
    filters: &'a [f32],
    bias: Option<&'a [f32]>,
    source: &'a [f32],
    from: Layout,
    target: Shared,
    to: Layout,
    items: (usize, usize),
}

impl Work for Slide<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for item in self.items.0..self.items.1 {
            let mut channel = 0;
            while channel + CHANNELS <= self.from.channels {
                // SAFETY: items and channels lie within the layouts.
                unsafe { self.sum::<S, CHANNELS>(item, channel) };
                channel += CHANNELS;
            }
            while channel < self.from.channels {
                // SAFETY: as above.
                unsafe { self.sum::<S, 1>(item, channel) };
                channel += 1;
            }
        }
    }
}

impl Slide<'_> {
    #[inline(always)]
    unsafe fn sum<S: Simd, const C: usize>(&self, item: usize, channel: usize) {
        let places = self.phase.places.len();
        let (block, place) = (item / places, item % places);
        let at = block * self.to.positions + self.phase.places[place] as usize;
        for lane in (0..LANES).step_by(S::WIDTH) {
            // SAFETY: the table names positions of the source; `lane` is within `LANES`.
            unsafe {
                let mut sums = [S::splat(0.0); C];
                if let Some(bias) = self.bias {
                    for c in 0..C {
                        sums[c] = S::splat(bias[channel + c]);
                    }
                }
                for (row, tap) in self.phase.taps.iter().enumerate() {
                    let position = *self.phase.table.as_ptr().add(row * places + place);
                    if position == OUTSIDE {
                        continue;
                    }
                    let read = block * self.from.positions + position as usize;
                    let x = self.source.as_ptr();
                    let x = x.add((read * self.from.stride + channel) * LANES + lane);
                    let w = self
                        .filters
                        .as_ptr()
                        .add(tap * self.from.channels + channel);
                    for c in 0..C {
                        let x = S::load(x.add(c * LANES));
                        sums[c] = S::fma(x, S::splat(*w.add(c)), sums[c]);
                    }
                }
                let y = self
                    .target
                    .at()
                    .add((at * self.to.stride + channel) * LANES + lane);
                for c in 0..C {
                    S::store(y.add(c * LANES), sums[c]);
                }
            }
        }
    }
}

/// The gradients of the filters of some channels.
struct Gradient<'a> {
    conv: &'a Convolve,
    x: &'a [f32],
    g: &'a [f32],
    channels: (usize, usize),
    weights: Shared,
}

impl Work for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let phase = &self.conv.geometry.forward.phases[0];
        for channel in self.channels.0..self.channels.1 {
            for (row, tap) in phase.taps.iter().enumerate() {
                let at = channel * self.conv.order.output + tap * self.conv.order.tap;
                // SAFETY: each part has its own channels.
                unsafe { *self.weights.at().add(at) = self.sum::<S>(phase, row, channel) };
            }
        }
    }
}

impl Gradient<'_> {
    #[inline(always)]
    unsafe fn sum<S: Simd>(&self, phase: &Phase, tap: usize, channel: usize) -> f32 {
        let Convolve { from, to, .. } = self.conv;
        let mut sum = 0.0;
        for lane in (0..LANES).step_by(S::WIDTH) {
            // SAFETY: runs name places and positions of the layouts; `lane` is within `LANES`.
            unsafe {
                // Several sums, so that one addition need not wait for the other.
                let mut sums = [S::splat(0.0); 4];
                for block in 0..to.blocks {
                    for run in &phase.runs[tap] {
                        let x = (block * from.positions + run.position) * from.stride + channel;
                        let g = (block * to.positions + run.place) * to.stride + channel;
                        let x = self.x.as_ptr().add(x * LANES + lane);
                        let g = self.g.as_ptr().add(g * LANES + lane);
                        for index in 0..run.length {
                            let x = S::load(x.add(index * run.step * from.stride * LANES));
                            let g = S::load(g.add(index * to.stride * LANES));
                            sums[index % 4] = S::fma(x, g, sums[index % 4]);
                        }
                    }
                }
                let sums = S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]));
                sum += S::sum(sums);
            }
        }
        sum
    }
}
