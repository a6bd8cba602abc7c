//! Convolutions and dense layers with bias, shortcut and activation.

use std::sync::Arc;

use super::blocks::{Block, blocks};
use super::filters::{Filters, Tile, WIDEST};
use super::places::Places;
use super::pool::{Pool, Reduce};
use super::sums::{Sums, Target};
use super::{Inputs, Rows, Stage};
use crate::kernels::Function;
use crate::kernels::buffer::Scratch;
use crate::kernels::function::value;
use crate::kernels::geometry::Geometry;
use crate::kernels::lanes::LANES;
use crate::kernels::parallel::{Shared, ranges};
use crate::kernels::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Windows times weights, plus a bias, plus a second input if there is one, through a function, and pooled if
/// a pool follows.
#[derive(Debug)]
pub(crate) struct Convolve {
    pub(super) places: Places,
    pub(super) from: Rows,
    pub(super) to: Rows,
    pub(super) filters: Filters,
    /// Whether a second input of the output's layout is added.
    pub(super) adds: bool,
    pub(super) function: Function,
    pool: Option<Pool>,
    /// For tiles of one register of outputs, of two, …: what is summed up at once.
    pub(super) blocks: Vec<Vec<Block>>,
}

/// Windows that go through all weights together, at most.
const CHUNK: usize = 96;

/// Windows that are pooled at once, at most: larger pools leave too little to share out among threads.
const POOLED: usize = 16;

/// Sums that a pool makes one of, for each thread.
static UNPOOLED: Scratch = Scratch::new();

impl Convolve {
    /// Lays out what a product needs. Of a pool the windows must fit ([`Convolve::takes`]).
    ///
    /// # Panics
    /// If windows or weights are of other layouts.
    #[must_use]
    pub(crate) fn new(
        geometry: Arc<Geometry>,
        [from, to]: [Rows; 2],
        filters: Filters,
        (adds, function, pool): (bool, Function, Option<Pool>),
    ) -> Self {
        assert_eq!(geometry.input, from.positions);
        match &pool {
            Some(pool) => {
                assert!(Self::takes(pool) && !adds, "a pool of maps without gaps");
                let positions = [pool.geometry.input, pool.geometry.output];
                assert_eq!(positions, [geometry.output, to.positions]);
            }
            None => assert_eq!(geometry.output, to.positions),
        }
        assert!(
            filters.reads(from) && filters.writes(to),
            "weights are of these channels"
        );
        let places = Places::new(geometry, pool.as_ref(), from.stride);
        let blocks = (1..=WIDEST).map(|width| blocks(&filters, width, &places.distances));
        Self {
            blocks: blocks.collect(),
            places,
            from,
            to,
            filters,
            adds,
            function,
            pool,
        }
    }

    /// Returns whether a pool can be taken in: one whose windows do not overlap, lie inside and are not too large.
    #[must_use]
    pub(crate) fn takes(pool: &Pool) -> bool {
        let geometry = &pool.geometry;
        geometry.is_disjoint && geometry.is_inside() && geometry.taps <= POOLED
    }

    /// Holds inputs and output to their layouts.
    pub(super) fn check(&self, images: usize, inputs: Inputs<'_>, output: &[f32]) {
        self.from.check(images, inputs.get(0));
        self.to.check(images, output);
        if self.adds {
            self.to.check(images, inputs.get(1));
        }
    }

    /// Computes some of the images, on one thread.
    pub(super) fn images(&self, images: (usize, usize), inputs: Inputs<'_>, target: Shared) {
        self.part(images, inputs, target).over(|_| {});
    }

    fn part<'a>(
        &'a self,
        (first, last): (usize, usize),
        inputs: Inputs<'a>,
        target: Shared,
    ) -> Part<'a> {
        Part {
            conv: self,
            source: inputs.get(0),
            shortcut: self.adds.then(|| inputs.get(1)),
            target,
            items: (first * self.to.positions, last * self.to.positions),
            tiles: (0, self.filters.tiles.len()),
        }
    }

    /// Returns the windows that make one position of the output.
    #[inline(always)]
    fn pooled(&self) -> usize {
        self.places.count / self.to.positions.max(1)
    }
}

impl Stage for Convolve {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        self.check(images, inputs, output);
        let part = self.part((0, images), inputs, Shared(output.as_mut_ptr()));
        let (items, tiles) = (part.items.1, part.tiles.1);
        let chunk = CHUNK / self.pooled().max(1);
        if items >= 4 * chunk || tiles == 1 {
            ranges(items, chunk.min(items.div_ceil(4)), |begin, end| {
                part.over(|part| part.items = (begin, end));
            });
        } else {
            ranges(tiles, 1, |begin, end| {
                part.over(|part| part.tiles = (begin, end));
            });
        }
    }
}

/// Some positions of the output and tiles of its channels.
#[derive(Clone, Copy)]
struct Part<'a> {
    conv: &'a Convolve,
    source: &'a [f32],
    shortcut: Option<&'a [f32]>,
    target: Shared,
    items: (usize, usize),
    tiles: (usize, usize),
}

impl Part<'_> {
    /// Computes a part of it.
    fn over(mut self, of: impl FnOnce(&mut Self)) {
        of(&mut self);
        if self.conv.pool.is_none() {
            with_simd(Chunks(self, std::ptr::null_mut()));
            return;
        }
        UNPOOLED.with(CHUNK * WIDEST * LANES, |sums| {
            with_simd(Chunks(self, sums.as_mut_ptr()));
        });
    }
}

/// A part, and room for the sums of a chunk if they are pooled.
struct Chunks<'a>(Part<'a>, *mut f32);

impl Work for Chunks<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self(part, unpooled) = self;
        let pooled = part.conv.pooled();
        let chunk = CHUNK / pooled.max(1);
        let (mut begin, end) = part.items;
        while begin < end {
            let stop = (begin + chunk).min(end);
            for tile in &part.conv.filters.tiles[part.tiles.0..part.tiles.1] {
                // SAFETY: items and tiles lie within the output; the room is for a chunk of the widest tile.
                unsafe { part.tile::<S>(*tile, (begin, stop), unpooled) };
            }
            begin = stop;
        }
    }
}

impl Part<'_> {
    #[inline(always)]
    unsafe fn tile<S: Simd>(&self, tile: Tile, (begin, stop): (usize, usize), unpooled: *mut f32) {
        let conv = self.conv;
        let stride = conv.to.stride;
        let own = begin * stride + tile.first * LANES;
        // SAFETY: the caller's.
        let output = Target {
            at: unsafe { self.target.at().add(own) },
            stride,
        };
        let sums = |target: Target| Sums {
            conv,
            source: self.source,
            target,
        };
        let count = stop - begin;
        let Some(pool) = &conv.pool else {
            let shortcut = self.shortcut.map(|values| values[own..].as_ptr());
            // SAFETY: the caller's; the shortcut has the layout of the output.
            unsafe {
                sums(output).tile::<S>(tile, begin, stop);
                self.finish::<S>(tile, output, count, shortcut);
            }
            return;
        };
        let pooled = conv.pooled();
        let every = Target {
            at: unpooled,
            stride: tile.width * LANES,
        };
        // SAFETY: the room is for the sums of a chunk; as many are written as are pooled.
        unsafe {
            sums(every).tile::<S>(tile, begin * pooled, stop * pooled);
            // No function falls: the largest value is that of the largest sum.
            let is_last = matches!(pool.reduce, Reduce::Max | Reduce::Min);
            if !is_last {
                self.finish::<S>(tile, every, count * pooled, None);
            }
            self.pool::<S>(pool, tile, (every, output), (begin, stop));
            if is_last {
                self.finish::<S>(tile, output, count, None);
            }
        }
    }

    /// Makes one position of the sums of each window.
    #[inline(always)]
    unsafe fn pool<S: Simd>(
        &self,
        pool: &Pool,
        tile: Tile,
        (every, output): (Target, Target),
        (begin, stop): (usize, usize),
    ) {
        let pooled = self.conv.pooled();
        macro_rules! each {
            ($reduce:expr) => {
                for item in begin..stop {
                    let share = pool.shares[item % pool.to.positions];
                    for at in (0..tile.width * LANES).step_by(S::WIDTH) {
                        // SAFETY: the caller's; `at` is within the tile.
                        unsafe {
                            let from = every.at.add((item - begin) * pooled * every.stride + at);
                            let mut kept = $reduce.start::<S>();
                            for window in 0..pooled {
                                let x = S::load(from.add(window * every.stride));
                                kept = $reduce.take::<S>(kept, x);
                            }
                            let to = output.at.add((item - begin) * output.stride + at);
                            S::store(to, $reduce.end::<S>(kept, share));
                        }
                    }
                }
            };
        }
        match pool.reduce {
            Reduce::Max => each!(Reduce::Max),
            Reduce::Min => each!(Reduce::Min),
            Reduce::Sum => each!(Reduce::Sum),
            Reduce::Norm => each!(Reduce::Norm),
        }
    }

    /// Adds the shortcut and applies the function.
    #[inline(always)]
    unsafe fn finish<S: Simd>(
        &self,
        tile: Tile,
        target: Target,
        count: usize,
        shortcut: Option<*const f32>,
    ) {
        macro_rules! each {
            ($function:expr) => {
                for item in 0..count {
                    for at in (0..tile.width * LANES).step_by(S::WIDTH) {
                        let at = item * target.stride + at;
                        // SAFETY: the caller's.
                        unsafe {
                            let out = target.at.add(at);
                            let mut x = S::load(out);
                            if let Some(shortcut) = shortcut {
                                x = S::add(x, S::load(shortcut.add(at)));
                            }
                            S::store(out, value::<S>($function, x));
                        }
                    }
                }
            };
        }
        match self.conv.function {
            Function::Linear if shortcut.is_none() => {}
            Function::Linear => each!(Function::Linear),
            Function::Relu => each!(Function::Relu),
            Function::Relu6 => each!(Function::Relu6),
            Function::Leaky(slope) => each!(Function::Leaky(slope)),
            Function::Tanh => each!(Function::Tanh),
            Function::Sigmoid => each!(Function::Sigmoid),
        }
    }
}
