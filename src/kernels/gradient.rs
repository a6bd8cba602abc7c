//! Gradients of weights: for each tap, input and output channel, the sum over all positions and
//! images of what the tap read times the gradient of the output.

use std::cell::Cell;

use super::buffer::Line;
use super::geometry::{Phase, Run};
use super::lanes::{LANES, Layout};
use super::parallel::Shared;
use super::product::{Order, longest, tiles, widest, with_counts};
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Positions that are read for one tap after the other.
const CHUNK: usize = 48;
/// Sums that are kept close while positions go by, in values.
const HELD: usize = 3 << 15;

/// A part of the gradient of a weight: the sums over some positions, for some pairs of tiles.
#[derive(Clone, Copy)]
pub(super) struct Gradient<'a> {
    pub(super) phase: &'a Phase,
    pub(super) inputs: &'a [f32],
    pub(super) from: Layout,
    /// First channel and number of channels of the input.
    pub(super) from_channels: (usize, usize),
    pub(super) gradients: &'a [f32],
    pub(super) to: Layout,
    /// First channel and number of channels of the output.
    pub(super) to_channels: (usize, usize),
    /// Positions of the output, over all blocks of images.
    pub(super) items: (usize, usize),
    /// Tiles of outputs, of those that [`OutputTiles`] counts.
    pub(super) tiles: (usize, usize),
    /// Taps.
    pub(super) taps: (usize, usize),
    /// Where sums are put.
    pub(super) weights: Shared,
    pub(super) order: Order,
}

/// Counts the tiles of output channels.
pub(super) fn output_tiles(outputs: usize) -> usize {
    with_simd(OutputTiles(outputs))
}

struct OutputTiles(usize);

impl Work for OutputTiles {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self) -> usize {
        self.0.div_ceil(widest(S::SUMS))
    }
}

impl Work for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let taps = self.taps.1 - self.taps.0;
        let outputs: Vec<Tile> = tiles(self.to_channels.1, widest(S::SUMS)).collect();
        let outputs = &outputs[self.tiles.0..self.tiles.1];
        let pairs = (HELD / (S::SUMS * LANES * taps)).max(1);
        let mut scratch = WORKING.replace(Working::EMPTY);
        for outputs in outputs.chunk_by(|a, b| a.1 == b.1) {
            let Some((_, width)) = outputs.first().copied() else {
                continue;
            };
            let inputs: Vec<Tile> = tiles(self.from_channels.1, longest(S::SUMS, width)).collect();
            let together = pairs.isqrt().max(pairs / inputs.len()).max(1);
            for outputs in outputs.chunks(together) {
                for inputs in inputs.chunks((pairs / outputs.len()).max(1)) {
                    // SAFETY: channels and items lie within the layouts.
                    unsafe { self.pairs::<S>(outputs, inputs, &mut scratch) };
                }
            }
        }
        WORKING.set(scratch);
    }
}

/// What a part works with.
struct Working {
    /// Sums of pairs of tiles, a register after the other.
    sums: Vec<Line>,
    /// Where the values of input and gradient begin that a tap multiplies.
    places: Vec<[usize; 2]>,
}

impl Working {
    const EMPTY: Self = Self {
        sums: Vec::new(),
        places: Vec::new(),
    };
}

thread_local! {
    /// Kept from one part to the next.
    static WORKING: Cell<Working> = const {
        Cell::new(Working::EMPTY)
    };
}

/// First channel and number of channels.
type Tile = (usize, usize);

impl Gradient<'_> {
    /// Sums it up.
    pub(super) fn sum_up(self) {
        with_simd(self);
    }

    /// Sums up every pair of the tiles, over all positions.
    #[inline(always)]
    unsafe fn pairs<S: Simd>(&self, outputs: &[Tile], inputs: &[Tile], scratch: &mut Working) {
        let size = S::SUMS;
        let (first, end) = self.items;
        let is_short = end - first <= CHUNK;
        // What is summed up at once needs no memory but that of one pair.
        let held = if is_short {
            1
        } else {
            (self.taps.1 - self.taps.0) * outputs.len() * inputs.len()
        };
        let Working { sums, places } = scratch;
        if sums.len() < held * size {
            sums.resize(held * size, Line([0.0; LANES]));
        }
        // Where no tap reads outside, all read at the same steps from their first position.
        let firsts = self.firsts();
        let mut begin = first;
        while begin < end {
            let stop = (begin + CHUNK).min(end);
            let mut number = 0;
            for tap in self.taps.0..self.taps.1 {
                let mut ahead = 0;
                match &firsts {
                    Some(firsts) if tap > self.taps.0 => {
                        ahead = firsts[tap].wrapping_sub(firsts[self.taps.0]);
                    }
                    _ => self.find(tap, (begin, stop), places),
                }
                let ahead = ahead.wrapping_mul(self.from.stride * LANES);
                for output in outputs {
                    for input in inputs {
                        let own = sums[number * size..][..size].as_mut_ptr().cast();
                        macro_rules! call {
                            ($width:literal, $count:literal) => {
                                if $width * $count <= S::SUMS && $width <= widest(S::SUMS) {
                                    // SAFETY: the caller's; `own` has room for the sums of a pair.
                                    unsafe {
                                        self.sum::<S, $width, $count>(
                                            (places, ahead),
                                            (output.0, input.0),
                                            (own, begin > first),
                                        );
                                    }
                                }
                            };
                        }
                        with_counts!(output.1, input.1, call);
                        if stop == end {
                            // SAFETY: the caller's; `own` holds the sums of this pair.
                            unsafe { self.put::<S>(tap, *output, *input, own) };
                        }
                        number += usize::from(!is_short);
                    }
                }
            }
            begin = stop;
        }
    }

    /// Returns the first position that each tap reads, if none reads outside.
    fn firsts(&self) -> Option<Vec<usize>> {
        let places = self.phase.places.len();
        let whole = |runs: &Vec<Run>| runs.iter().map(|run| run.length).sum::<usize>() == places;
        let all = self.phase.runs.iter();
        all.map(|runs| runs.first().filter(|_| whole(runs)).map(|run| run.position))
            .collect()
    }

    /// Finds what a tap multiplies at some positions: those outside are left out.
    #[inline(always)]
    fn find(&self, tap: usize, (begin, end): (usize, usize), found: &mut Vec<[usize; 2]>) {
        found.clear();
        let places = self.phase.places.len();
        let runs = &self.phase.runs[tap];
        let steps = [self.from.stride * LANES, self.to.stride * LANES];
        for block in begin / places..end.div_ceil(places) {
            let first = begin.saturating_sub(block * places);
            let last = (end - block * places).min(places);
            let skipped = runs.partition_point(|run| run.place + run.length <= first);
            for run in runs[skipped..].iter().take_while(|run| run.place < last) {
                let place = run.place.max(first);
                let position = run.position + (place - run.place) * run.step;
                // The phase of a forward pass holds all positions in their order.
                let x = (block * self.from.positions + position) * steps[0];
                let g = (block * self.to.positions + place) * steps[1];
                let count = last.min(run.place + run.length) - place;
                found.extend(
                    (0..count).map(|index| [x + index * run.step * steps[0], g + index * steps[1]]),
                );
            }
        }
    }

    /// Puts the sums of a pair, over all lanes, where the weights are.
    #[inline(always)]
    unsafe fn put<S: Simd>(&self, tap: usize, output: Tile, input: Tile, own: *const f32) {
        let tap = self.phase.taps[tap] * self.order.tap;
        for o in 0..output.1 {
            for i in 0..input.1 {
                let at =
                    tap + (output.0 + o) * self.order.output + (input.0 + i) * self.order.input;
                // SAFETY: `own` has whole registers; the order is that of the weights, and no other
                // part has these pairs.
                unsafe {
                    let lanes = own.add((o * input.1 + i) * LANES);
                    let mut sum = S::load(lanes);
                    for lane in (S::WIDTH..LANES).step_by(S::WIDTH) {
                        sum = S::add(sum, S::load(lanes.add(lane)));
                    }
                    *self.weights.at().add(at) = S::sum(sum);
                }
            }
        }
    }

    /// Adds up `O` output channels times `I` inputs, for one tap.
    #[inline(always)]
    unsafe fn sum<S: Simd, const O: usize, const I: usize>(
        &self,
        (places, ahead): (&[[usize; 2]], usize),
        (output, input): (usize, usize),
        (own, goes_on): (*mut f32, bool),
    ) {
        for lane in (0..LANES).step_by(S::WIDTH) {
            // SAFETY: `places` name values that both layouts have; `lane` is within `LANES`.
            unsafe {
                let mut sums = [[S::splat(0.0); I]; O];
                for o in 0..O * usize::from(goes_on) {
                    for i in 0..I {
                        sums[o][i] = S::load(own.add((o * I + i) * LANES + lane));
                    }
                }
                let x = self.inputs.as_ptr().wrapping_add(ahead);
                let x = x.wrapping_add((self.from_channels.0 + input) * LANES + lane);
                let g = self.gradients.as_ptr();
                let g = g.add((self.to_channels.0 + output) * LANES + lane);
                for [x_at, g_at] in places {
                    let (x, g) = (x.wrapping_add(*x_at), g.add(*g_at));
                    let mut xs = [S::splat(0.0); I];
                    for i in 0..I {
                        xs[i] = S::load(x.add(i * LANES));
                    }
                    for o in 0..O {
                        let g = S::load(g.add(o * LANES));
                        for i in 0..I {
                            sums[o][i] = S::fma(xs[i], g, sums[o][i]);
                        }
                    }
                }
                for o in 0..O {
                    for i in 0..I {
                        S::store(own.add((o * I + i) * LANES + lane), sums[o][i]);
                    }
                }
            }
        }
    }
}
