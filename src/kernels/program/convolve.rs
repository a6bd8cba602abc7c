//! Convolutions and dense layers with bias, shortcut and activation.

use std::sync::Arc;

use super::blocks::{Block, blocks};
use super::filters::{Filters, Tile, WIDEST, widest};
use super::{Inputs, Rows, Stage};
use crate::kernels::Function;
use crate::kernels::function::value;
use crate::kernels::geometry::{Geometry, OUTSIDE, Phase};
use crate::kernels::lanes::LANES;
use crate::kernels::parallel::{Shared, ranges};
use crate::kernels::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Windows times weights, plus a bias, plus a second input if there is one, through a function.
#[derive(Debug)]
pub(crate) struct Convolve {
    geometry: Arc<Geometry>,
    from: Rows,
    to: Rows,
    filters: Filters,
    /// Whether a second input of the output's layout is added.
    adds: bool,
    function: Function,
    /// For tiles of one register of outputs, of two, …: what is summed up at once.
    blocks: Vec<Vec<Block>>,
    /// For each position of the output, where its window begins in an image, if it lies inside.
    origins: Vec<Option<usize>>,
}

/// Positions that go through all weights together.
const CHUNK: usize = 96;
/// Positions of a tile, at most.
const LONGEST: usize = 8;

impl Convolve {
    /// Lays out what a product needs.
    ///
    /// # Panics
    /// If windows or weights are of other layouts.
    #[must_use]
    pub(crate) fn new(
        geometry: Arc<Geometry>,
        [from, to]: [Rows; 2],
        filters: Filters,
        adds: bool,
        function: Function,
    ) -> Self {
        assert_eq!(
            [geometry.input, geometry.output],
            [from.positions, to.positions]
        );
        assert!(
            filters.reads(from) && filters.writes(to),
            "weights are of these channels"
        );
        let phase = &geometry.forward.phases[0];
        let places = phase.places.len();
        let column = |place: usize| phase.table.iter().skip(place).step_by(places);
        let is_inside = |place: usize| column(place).all(|position| *position != OUTSIDE);
        let first = |place: usize| column(place).next().map(|at| *at as usize * from.stride);
        let origins: Vec<Option<usize>> = (0..places)
            .map(|place| is_inside(place).then(|| first(place)).flatten())
            .collect();
        // Taps lie at the same distances in every window.
        let inside = origins.iter().position(Option::is_some);
        let distances: Vec<usize> = inside.map_or(Vec::new(), |place| {
            let begin = origins[place].unwrap_or(0);
            column(place)
                .map(|position| *position as usize * from.stride - begin)
                .collect()
        });
        let blocks = (1..=WIDEST).map(|width| blocks(&filters, width, &distances));
        Self {
            blocks: blocks.collect(),
            origins,
            geometry,
            from,
            to,
            filters,
            adds,
            function,
        }
    }
}

impl Stage for Convolve {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        self.from.check(images, inputs.get(0));
        self.to.check(images, output);
        if self.adds {
            self.to.check(images, inputs.get(1));
        }
        let items = images * self.geometry.output;
        let tiles = self.filters.tiles.len();
        let part = Part {
            conv: self,
            phase: &self.geometry.forward.phases[0],
            source: inputs.get(0),
            shortcut: self.adds.then(|| inputs.get(1)),
            target: Shared(output.as_mut_ptr()),
            items: (0, items),
            tiles: (0, tiles),
        };
        if items >= 4 * CHUNK || tiles == 1 {
            ranges(items, CHUNK.min(items.div_ceil(4)), |begin, end| {
                with_simd(Part {
                    items: (begin, end),
                    ..part
                });
            });
        } else {
            ranges(tiles, 1, |begin, end| {
                with_simd(Part {
                    tiles: (begin, end),
                    ..part
                });
            });
        }
    }
}

/// Some positions and tiles of outputs.
#[derive(Clone, Copy)]
struct Part<'a> {
    conv: &'a Convolve,
    phase: &'a Phase,
    source: &'a [f32],
    shortcut: Option<&'a [f32]>,
    target: Shared,
    items: (usize, usize),
    tiles: (usize, usize),
}

impl Work for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let (mut begin, end) = self.items;
        while begin < end {
            let stop = (begin + CHUNK).min(end);
            for tile in &self.conv.filters.tiles[self.tiles.0..self.tiles.1] {
                self.tile::<S>(*tile, begin, stop);
                self.finish::<S>(*tile, begin, stop);
            }
            begin = stop;
        }
    }
}

/// Calls a method with registers of outputs and positions as constants: as many positions as fit, half of
/// them, or one.
macro_rules! with_sizes {
    ($sizes:expr, $call:ident) => {
        match $sizes {
            (1, 8) => $call!(1, 8),
            (1, 4) => $call!(1, 4),
            (1, 1) => $call!(1, 1),
            (2, 8) => $call!(2, 8),
            (2, 6) => $call!(2, 6),
            (2, 4) => $call!(2, 4),
            (2, 3) => $call!(2, 3),
            (2, 1) => $call!(2, 1),
            (3, 8) => $call!(3, 8),
            (3, 4) => $call!(3, 4),
            (3, 1) => $call!(3, 1),
            (4, 6) => $call!(4, 6),
            (4, 3) => $call!(4, 3),
            (4, 1) => $call!(4, 1),
            _ => unreachable!("tiles fit the registers"),
        }
    };
}

impl Part<'_> {
    /// Sums up the outputs of a tile at some positions.
    #[inline(always)]
    fn tile<S: Simd>(&self, tile: Tile, begin: usize, stop: usize) {
        let most = (S::SUMS / tile.width).min(LONGEST);
        for (index, block) in self.conv.blocks[tile.width - 1].iter().enumerate() {
            let mut item = begin;
            while item < stop {
                let count = match stop - item {
                    left if left >= most => most,
                    left if left >= most / 2 => most / 2,
                    _ => 1,
                };
                macro_rules! call {
                    ($width:literal, $count:literal) => {
                        if $width * $count <= S::SUMS && $width <= widest(S::SUMS) {
                            // SAFETY: items and tiles lie within the layouts, as the table's positions do.
                            unsafe { self.sum::<S, $width, $count>(tile, item, block, index == 0) }
                        }
                    };
                }
                with_sizes!((tile.width, count), call);
                item += count;
            }
        }
    }

    /// Adds up `V` registers of outputs at `P` positions.
    #[inline(always)]
    unsafe fn sum<S: Simd, const V: usize, const P: usize>(
        &self,
        tile: Tile,
        item: usize,
        block: &Block,
        is_first: bool,
    ) {
        let Convolve {
            from, to, filters, ..
        } = self.conv;
        let places = self.conv.geometry.output;
        let mut place = [0; P];
        let mut base = [std::ptr::null(); P];
        let mut origin = [std::ptr::null(); P];
        let mut inside = 0;
        let (mut image, mut at) = (item / places, item % places);
        for p in 0..P {
            place[p] = at;
            base[p] = self
                .source
                .as_ptr()
                .wrapping_add(image * from.values() + tile.input);
            if let Some(begin) = self.conv.origins[at] {
                origin[p] = base[p].wrapping_add(begin);
                inside += 1;
            }
            // One division for all of them: each takes as long as many products.
            at += 1;
            if at == places {
                (image, at) = (image + 1, 0);
            }
        }
        let out = self
            .target
            .at()
            .wrapping_add(item * to.stride + tile.first * LANES);
        let skipped = block.taps.0 * filters.inputs + block.inputs.0;
        for lane in (0..LANES).step_by(S::WIDTH) {
            // SAFETY: every pointer is to values of its layout; `lane` is within `LANES`.
            unsafe {
                let mut sums = [[S::splat(0.0); P]; V];
                for v in 0..V {
                    for p in 0..P {
                        sums[v][p] = if is_first {
                            let bias = filters.bias.values().as_ptr();
                            S::load(bias.add((tile.first + v) * LANES + lane))
                        } else {
                            S::load(out.add(p * to.stride + v * LANES + lane))
                        };
                    }
                }
                let weights = filters.weights.values().as_ptr().add(tile.at + lane);
                let mut weights = weights.add(skipped * V * LANES);
                if inside == P {
                    for (begin, length) in &block.stretches {
                        let mut at = origin;
                        for p in 0..P {
                            at[p] = at[p].add(*begin);
                        }
                        weights = stretch::<S, V, P>(&mut sums, at, *length, weights);
                    }
                } else {
                    let length = block.inputs.1 - block.inputs.0;
                    for tap in block.taps.0..block.taps.1 {
                        let row = self.phase.table.as_ptr().add(tap * places);
                        let mut at = [filters.zeros.as_ptr(); P];
                        for p in 0..P {
                            let position = *row.add(place[p]);
                            if position != OUTSIDE {
                                at[p] =
                                    base[p].add(position as usize * from.stride + block.inputs.0);
                            }
                        }
                        weights = stretch::<S, V, P>(&mut sums, at, length, weights);
                    }
                }
                for v in 0..V {
                    for p in 0..P {
                        S::store(out.add(p * to.stride + v * LANES + lane), sums[v][p]);
                    }
                }
            }
        }
    }

    /// Adds the shortcut and applies the function.
    #[inline(always)]
    fn finish<S: Simd>(&self, tile: Tile, begin: usize, stop: usize) {
        macro_rules! each {
            ($function:expr) => {
                // SAFETY: the set is enabled where `Work` runs; the rest is the caller's.
                unsafe { self.each::<S>(tile, begin, stop, |x| value::<S>($function, x)) }
            };
        }
        match self.conv.function {
            Function::Linear if self.shortcut.is_none() => {}
            Function::Linear => each!(Function::Linear),
            Function::Relu => each!(Function::Relu),
            Function::Relu6 => each!(Function::Relu6),
            Function::Leaky(slope) => each!(Function::Leaky(slope)),
            Function::Tanh => each!(Function::Tanh),
            Function::Sigmoid => each!(Function::Sigmoid),
        }
    }

    #[inline(always)]
    unsafe fn each<S: Simd>(
        &self,
        tile: Tile,
        begin: usize,
        stop: usize,
        function: impl Fn(S::V) -> S::V,
    ) {
        let stride = self.conv.to.stride;
        for item in begin..stop {
            for at in (0..tile.width * LANES).step_by(S::WIDTH) {
                let at = item * stride + tile.first * LANES + at;
                // SAFETY: items and tiles lie within the output, and the shortcut has its layout.
                unsafe {
                    let out = self.target.at().add(at);
                    let mut x = S::load(out);
                    if let Some(shortcut) = self.shortcut {
                        x = S::add(x, S::load(shortcut.as_ptr().add(at)));
                    }
                    S::store(out, function(x));
                }
            }
        }
    }
}

/// Adds up what `length` values side by side give at each position; returns the weights after theirs.
#[inline(always)]
unsafe fn stretch<S: Simd, const V: usize, const P: usize>(
    sums: &mut [[S::V; P]; V],
    at: [*const f32; P],
    length: usize,
    mut weights: *const f32,
) -> *const f32 {
    for input in 0..length {
        // SAFETY: the caller's pointers are to as many values, and weights for each.
        unsafe {
            let mut w = [S::splat(0.0); V];
            for v in 0..V {
                w[v] = S::load(weights.add(v * LANES));
            }
            for p in 0..P {
                let x = S::splat(*at[p].add(input));
                for v in 0..V {
                    sums[v][p] = S::fma(x, w[v], sums[v][p]);
                }
            }
            weights = weights.add(V * LANES);
        }
    }
    weights
}
