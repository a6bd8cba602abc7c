//! 3x3 convolutions of stride 1 by Winograd's algorithm, sixteen channels of one image to a register.
//!
//! # Reference
//! Lavin & Gray 2015, "Fast algorithms for convolutional neural networks", F(4x4, 3x3).

use std::sync::atomic::AtomicBool;

use super::convolve::Convolve;
use super::filters::Source;
use super::tiles::Chunk;
use super::{Inputs, Rows, Stage};
use crate::kernels::buffer::{Memory, Scratch};
use crate::kernels::geometry::Geometry;
use crate::kernels::lanes::LANES;
use crate::kernels::parallel::{Shared, is_alone, ranges, threads};
use crate::kernels::transform::{TOGETHER, VALUES, of_kernels};
use crate::kernels::winograd::{Plane, step};
use crate::plan::WinogradCosts;

/// A convolution in tiles of 4x4 outputs, with shortcut and activation.
#[derive(Debug)]
pub(crate) struct Winograd {
    pub(super) plane: Plane,
    /// The same without tiles, for images with a sum that is not finite.
    pub(super) direct: Convolve,
    /// Transformed kernels `[values, tiles of outputs, inputs, registers of the tile, 16]`, and floats from one
    /// value to the next.
    pub(super) kernels: (Memory, usize),
    /// Tiles that go together.
    at_once: usize,
}

/// Transforms of the chunk at work, one for each thread.
static CHUNKS: Scratch = Scratch::new();

/// Bytes that the transforms of a chunk may take, so that they stay in the cache of a core.
const HELD: usize = 1 << 20;

impl Winograd {
    /// Returns the plane if the algorithm is for these windows and takes less time for one image.
    ///
    /// The rule sees one image, so that an answer does not depend on how many there are.
    #[must_use]
    pub(crate) fn plane(geometry: &Geometry, from: Rows, source: &Source) -> Option<Plane> {
        let is_fit = source.groups == 1 && from == Rows::new(from.positions, from.channels);
        let plane = Plane::of(geometry.axes()).filter(|_| is_fit)?;
        let [outputs, inputs] = source.counts;
        let [rows, columns] = plane.tiles();
        let costs = WinogradCosts {
            tiles: rows * columns,
            outputs,
            inputs,
            products: geometry.reads,
        };
        costs.pays_for_answers().then_some(plane)
    }

    /// Transforms the kernels of a convolution.
    #[must_use]
    pub(crate) fn new(plane: Plane, direct: Convolve, source: &Source) -> Self {
        let inputs = source.counts[1];
        let tiles = &direct.filters.tiles;
        let step = step(tiles.iter().map(|tile| tile.width * LANES * inputs).sum());
        let mut kernels = Memory::default();
        kernels.reserve(VALUES * step);
        let values = kernels.values_mut();
        for tile in tiles {
            let begin = tile.at / source.taps;
            for input in 0..inputs {
                for lane in (0..tile.width * LANES).step_by(TOGETHER) {
                    let first = tile.first * LANES + lane;
                    let mut taps = [[0.0; TOGETHER]; 9];
                    for (tap, taps) in taps.iter_mut().enumerate() {
                        for (output, weight) in taps.iter_mut().enumerate() {
                            if first + output < source.counts[0] {
                                *weight = source.weight(first + output, input, tap);
                            }
                        }
                    }
                    let to = begin + input * tile.width * LANES + lane;
                    for (value, of) in of_kernels(&taps).iter().enumerate() {
                        values[value * step + to..][..TOGETHER].copy_from_slice(of);
                    }
                }
            }
        }
        let channels = direct.from.stride + direct.to.stride;
        let bytes = VALUES * channels * size_of::<f32>();
        Self {
            plane,
            direct,
            kernels: (kernels, step),
            at_once: (HELD / bytes).clamp(12, 48) / 12 * 12,
        }
    }

    /// Computes images by tiles; returns whether all sums are finite.
    fn tiles(&self, (first, last): (usize, usize), inputs: Inputs<'_>, target: Shared) -> bool {
        let [rows, columns] = self.plane.tiles();
        let tiles = rows * columns;
        let is_finite = AtomicBool::new(true);
        let chunk = |begin: usize, end: usize, is_shared: bool| {
            let count = end - begin;
            let steps = [self.direct.from, self.direct.to].map(|rows| step(count * rows.stride));
            CHUNKS.with(VALUES * (steps[0] + steps[1]), |values| {
                let (of_inputs, of_outputs) = values.split_at_mut(VALUES * steps[0]);
                let chunk = Chunk {
                    whole: self,
                    source: inputs.get(0),
                    shortcut: self.direct.adds.then(|| inputs.get(1)),
                    target,
                    tiles: (begin, count),
                    inputs: (Shared(of_inputs.as_mut_ptr()), steps[0]),
                    outputs: (Shared(of_outputs.as_mut_ptr()), steps[1]),
                    is_finite: &is_finite,
                };
                chunk.compute(is_shared);
            });
        };
        let (first, last) = (first * tiles, last * tiles);
        if !is_alone() && last - first < threads() * self.at_once {
            for begin in (first..last).step_by(self.at_once) {
                chunk(begin, last.min(begin + self.at_once), true);
            }
        } else {
            ranges(last - first, self.at_once, |begin, end| {
                let end = first + end;
                for begin in (first + begin..end).step_by(self.at_once) {
                    chunk(begin, end.min(begin + self.at_once), false);
                }
            });
        }
        is_finite.into_inner()
    }
}

impl Stage for Winograd {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        self.direct.check(images, inputs, output);
        let target = Shared(output.as_mut_ptr());
        if self.tiles((0, images), inputs, target) {
            return;
        }
        // What is not finite in a tile reaches outputs that it should not: such images are computed directly.
        for image in 0..images {
            let image = (image, image + 1);
            if !self.tiles(image, inputs, target) {
                self.direct.images(image, inputs, target);
            }
        }
    }
}
