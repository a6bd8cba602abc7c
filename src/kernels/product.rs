//! Products of weights with what windows read: convolutions forward, back to their input, and dense
//! layers.
//!
//! A tile of output channels times positions is summed up in registers; each register holds one
//! channel at one position for several images. For each tap and input channel, a weight is spread
//! over a register and multiplied with the positions of the tile.

use super::geometry::{OUTSIDE, Phase};
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, ranges};
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Positions whose inputs are kept close while all output channels are computed.
const CHUNK: usize = 96;
/// Values of the input that are kept close where each is read for one tap alone.
const HELD: usize = 1 << 17;
/// Places of a map on which tiles are made of one place in several blocks of images.
const SMALL: usize = 64;
/// Output channels of a tile, at most.
const WIDEST: usize = 8;
/// Positions of a tile, at most.
const LONGEST: usize = 8;

/// Weights in the order in which they are read: `[tiles, taps, inputs, outputs of the tile]`.
#[derive(Debug)]
pub(super) struct Packed {
    values: Vec<f32>,
    tiles: Vec<Tile>,
    inputs: usize,
}

#[derive(Clone, Copy, Debug)]
struct Tile {
    /// First output channel.
    first: usize,
    width: usize,
    /// Where its weights begin.
    at: usize,
}

/// Where the weights of a layer lie in memory.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Values from one output to the next.
    pub output: usize,
    /// Values from one input to the next.
    pub input: usize,
    /// Values from one tap to the next.
    pub tap: usize,
}

/// Returns the widths of tiles that share `outputs` evenly.
pub(super) fn tiles(outputs: usize, widest: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = outputs.div_ceil(widest);
    (0..count).map(move |index| {
        let begin = index * outputs / count;
        (begin, (index + 1) * outputs / count - begin)
    })
}

/// Returns how many output channels a tile has at most where `sums` registers hold sums.
pub(super) fn widest(sums: usize) -> usize {
    if sums >= 3 * WIDEST { WIDEST } else { 4 }
}

/// Returns how many positions (or inputs) go with `width` output channels.
pub(super) fn longest(sums: usize, width: usize) -> usize {
    (sums / width).clamp(1, LONGEST)
}

struct WidestTile;

impl Work for WidestTile {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self) -> usize {
        widest(S::SUMS)
    }
}

impl Packed {
    /// Packs the weights of `outputs` and `inputs` for the taps of a phase.
    pub(super) fn new(
        weights: &[f32],
        order: Order,
        [outputs, inputs]: [usize; 2],
        taps: &[usize],
    ) -> Self {
        let mut packed = Vec::new();
        for (first, width) in tiles(outputs, with_simd(WidestTile)) {
            packed.push(Tile {
                first,
                width,
                at: first * inputs * taps.len(),
            });
        }
        let mut values = vec![0.0; outputs * inputs * taps.len()];
        let shared = Shared(values.as_mut_ptr());
        ranges(packed.len(), 4, |begin, end| {
            for tile in &packed[begin..end] {
                let length = tile.width * inputs * taps.len();
                // SAFETY: each tile has values of its own.
                let own =
                    unsafe { std::slice::from_raw_parts_mut(shared.at().add(tile.at), length) };
                let mut rows = own.chunks_exact_mut(tile.width);
                for tap in taps {
                    for input in 0..inputs {
                        let begin =
                            input * order.input + tap * order.tap + tile.first * order.output;
                        for (output, value) in rows.next().into_iter().flatten().enumerate() {
                            *value = weights[begin + output * order.output];
                        }
                    }
                }
            }
        });
        Self {
            values,
            tiles: packed,
            inputs,
        }
    }

    /// Returns the number of tiles.
    pub(super) fn tiles(&self) -> usize {
        self.tiles.len()
    }
}

/// A part of a product: some output positions, some tiles of output channels.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) phase: &'a Phase,
    pub(super) weights: &'a Packed,
    /// Added to every output, one a channel.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) source: &'a [f32],
    pub(super) from: Layout,
    /// First channel of the source.
    pub(super) from_channel: usize,
    pub(super) target: Shared,
    pub(super) to: Layout,
    /// First channel of the target.
    pub(super) to_channel: usize,
    /// Positions of this phase, over all blocks of images.
    pub(super) items: (usize, usize),
    pub(super) tiles: (usize, usize),
    /// As many zeros as the source has values at a position.
    pub(super) zeros: &'a [f32],
}

impl Work for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let taps = self.phase.taps.len();
        let (mut begin, end) = self.items;
        while begin < end {
            let stop = (begin + CHUNK).min(end);
            let most = self.taps_at_once(stop - begin);
            // Without a tap the outputs are still to be set.
            for first in (0..taps.max(1)).step_by(most) {
                let part = (first, (first + most).min(taps));
                for tile in &self.weights.tiles[self.tiles.0..self.tiles.1] {
                    let mut item = begin;
                    while item < stop {
                        let count = self.together(item, stop, longest(S::SUMS, tile.width));
                        // SAFETY: `items` and `tiles` lie within the layouts, and `table` within the source.
                        unsafe { self.tile::<S>(*tile, item, count, part) };
                        item += count;
                    }
                }
            }
            begin = stop;
        }
    }
}

/// Calls a method with the two counts as constants.
macro_rules! with_counts {
    ($width:expr, $count:expr, $call:ident) => {
        match ($width, $count) {
            (1, 1) => $call!(1, 1),
            (1, 2) => $call!(1, 2),
            (1, 3) => $call!(1, 3),
            (1, 4) => $call!(1, 4),
            (1, 5) => $call!(1, 5),
            (1, 6) => $call!(1, 6),
            (1, 7) => $call!(1, 7),
            (1, 8) => $call!(1, 8),
            (2, 1) => $call!(2, 1),
            (2, 2) => $call!(2, 2),
            (2, 3) => $call!(2, 3),
            (2, 4) => $call!(2, 4),
            (2, 5) => $call!(2, 5),
            (2, 6) => $call!(2, 6),
            (2, 7) => $call!(2, 7),
            (2, 8) => $call!(2, 8),
            (3, 1) => $call!(3, 1),
            (3, 2) => $call!(3, 2),
            (3, 3) => $call!(3, 3),
            (3, 4) => $call!(3, 4),
            (3, 5) => $call!(3, 5),
            (3, 6) => $call!(3, 6),
            (3, 7) => $call!(3, 7),
            (3, 8) => $call!(3, 8),
            (4, 1) => $call!(4, 1),
            (4, 2) => $call!(4, 2),
            (4, 3) => $call!(4, 3),
            (4, 4) => $call!(4, 4),
            (4, 5) => $call!(4, 5),
            (4, 6) => $call!(4, 6),
            (5, 1) => $call!(5, 1),
            (5, 2) => $call!(5, 2),
            (5, 3) => $call!(5, 3),
            (5, 4) => $call!(5, 4),
            (6, 1) => $call!(6, 1),
            (6, 2) => $call!(6, 2),
            (6, 3) => $call!(6, 3),
            (6, 4) => $call!(6, 4),
            (7, 1) => $call!(7, 1),
            (7, 2) => $call!(7, 2),
            (7, 3) => $call!(7, 3),
            (8, 1) => $call!(8, 1),
            (8, 2) => $call!(8, 2),
            (8, 3) => $call!(8, 3),
            _ => unreachable!("tiles fit the registers"),
        }
    };
}

pub(super) use with_counts;

impl Product<'_> {
    /// Computes it.
    pub(super) fn compute(self) {
        with_simd(self);
    }

    /// Returns how many taps are summed up before the next tile of outputs: all, but where each tap
    /// of a single position reads values of its own, only as many as stay in the cache.
    fn taps_at_once(&self, items: usize) -> usize {
        if self.phase.places.len() > 1 {
            return self.phase.taps.len().max(1);
        }
        (HELD / (items * self.weights.inputs * LANES)).max(1)
    }

    /// Returns the items of the next tile.
    ///
    /// On small maps they share a place, so that taps outside are left out for all of them.
    fn together(&self, item: usize, stop: usize, most: usize) -> usize {
        if !self.by_place() {
            return most.min(stop - item);
        }
        let left = (self.from.blocks - item % self.from.blocks).min(stop - item);
        left.div_ceil(left.div_ceil(most))
    }

    fn by_place(&self) -> bool {
        self.from.blocks > 1 && self.phase.places.len() <= SMALL
    }

    /// Returns the block of images and the place of an item.
    pub(super) fn whereabouts(&self, item: usize) -> (usize, usize) {
        if self.by_place() {
            return (item % self.from.blocks, item / self.from.blocks);
        }
        let places = self.phase.places.len();
        (item / places, item % places)
    }

    #[inline(always)]
    unsafe fn tile<S: Simd>(&self, tile: Tile, item: usize, count: usize, taps: (usize, usize)) {
        macro_rules! call {
            ($width:literal, $count:literal) => {
                if $width * $count <= S::SUMS && $width <= widest(S::SUMS) {
                    // SAFETY: the caller's.
                    unsafe { self.sum::<S, $width, $count>(tile, item, taps) }
                }
            };
        }
        with_counts!(tile.width, count, call);
    }

    /// Computes `O` output channels at `P` positions.
    #[inline(always)]
    unsafe fn sum<S: Simd, const O: usize, const P: usize>(
        &self,
        tile: Tile,
        item: usize,
        (first_tap, last_tap): (usize, usize),
    ) {
        let places = self.phase.places.len();
        let mut place = [0; P];
        let mut base = [std::ptr::null(); P];
        let mut out = [std::ptr::null_mut(); P];
        for p in 0..P {
            let block;
            (block, place[p]) = self.whereabouts(item + p);
            let target = block * self.to.positions + self.phase.places[place[p]] as usize;
            let source = block * self.from.positions * self.from.stride + self.from_channel;
            // SAFETY: an item names a block and a place that both layouts have.
            unsafe {
                base[p] = self.source.as_ptr().add(source * LANES);
                let target = target * self.to.stride + self.to_channel + tile.first;
                out[p] = self.target.at().add(target * LANES);
            }
        }
        for lane in (0..LANES).step_by(S::WIDTH) {
            // SAFETY: every pointer is to whole positions of its layout; `lane` is within `LANES`.
            unsafe {
                let mut sums = [[S::splat(0.0); P]; O];
                if first_tap > 0 {
                    for o in 0..O {
                        for p in 0..P {
                            sums[o][p] = S::load(out[p].add(o * LANES + lane));
                        }
                    }
                } else if let Some(bias) = self.bias {
                    for o in 0..O {
                        sums[o] = [S::splat(bias[tile.first + o]); P];
                    }
                }
                let step = self.weights.inputs * O;
                let weights = self.weights.values.as_ptr().add(tile.at);
                for tap in first_tap..last_tap {
                    let row = self.phase.table.as_ptr().add(tap * places);
                    let mut at = [std::ptr::null(); P];
                    let mut outside = 0;
                    for p in 0..P {
                        let position = *row.add(place[p]);
                        at[p] = if position == OUTSIDE {
                            outside += 1;
                            self.zeros.as_ptr()
                        } else {
                            base[p].add(position as usize * self.from.stride * LANES)
                        };
                        at[p] = at[p].add(lane);
                    }
                    if outside == P {
                        continue;
                    }
                    let mut weight = weights.add(tap * step);
                    for input in 0..self.weights.inputs {
                        let mut x = [S::splat(0.0); P];
                        for p in 0..P {
                            x[p] = S::load(at[p].add(input * LANES));
                        }
                        for o in 0..O {
                            let w = S::splat(*weight.add(o));
                            for p in 0..P {
                                sums[o][p] = S::fma(x[p], w, sums[o][p]);
                            }
                        }
                        weight = weight.add(O);
                    }
                }
                for o in 0..O {
                    for p in 0..P {
                        S::store(out[p].add(o * LANES + lane), sums[o][p]);
                    }
                }
            }
        }
    }
}
