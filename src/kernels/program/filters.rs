//! Weights of a convolution as its product reads them.

use super::Rows;
use crate::kernels::buffer::Memory;
use crate::kernels::lanes::LANES;
use crate::kernels::product::{Order, tiles};
use crate::kernels::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Registers of outputs that a tile has, at most.
pub(super) const WIDEST: usize = 4;

/// Weights `[tiles, taps, inputs, registers of the tile, 16]`, and one bias for each output.
#[derive(Debug)]
pub(crate) struct Filters {
    pub(super) weights: Memory,
    pub(super) bias: Memory,
    /// What is read outside a map.
    pub(super) zeros: Vec<f32>,
    pub(super) tiles: Vec<Tile>,
    pub(super) taps: usize,
    /// Inputs of a group.
    pub(super) inputs: usize,
}

/// Some outputs, sixteen to a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    /// First register.
    pub(super) first: usize,
    pub(super) width: usize,
    /// Where its weights begin.
    pub(super) at: usize,
    /// First channel of the input.
    pub(super) input: usize,
}

/// What a batch normalization after a convolution does to each output: `x · scale + shift`.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    /// Factors.
    pub(crate) scale: Vec<f32>,
    /// Offsets.
    pub(crate) shift: Vec<f32>,
}

/// Weights as a layer has them.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) values: Vec<f32>,
    pub(crate) bias: Option<Vec<f32>>,
    pub(crate) order: Order,
    /// Outputs and inputs of a group.
    pub(crate) counts: [usize; 2],
    pub(crate) taps: usize,
    pub(crate) groups: usize,
}

impl Filters {
    /// Returns whether the inputs of all groups are channels of a layout.
    pub(super) fn reads(&self, from: Rows) -> bool {
        let ends = self.tiles.iter().map(|tile| tile.input + self.inputs);
        ends.max().is_none_or(|end| end <= from.channels)
    }

    /// Returns whether the registers of all outputs lie within a row of a layout.
    pub(super) fn writes(&self, to: Rows) -> bool {
        let ends = self.tiles.iter().map(|tile| tile.first + tile.width);
        ends.max().is_none_or(|end| end * LANES <= to.stride)
    }
}

struct Widest;

impl Work for Widest {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self) -> usize {
        widest(S::SUMS)
    }
}

/// Returns how many registers of outputs a tile has at most where `sums` registers hold sums.
#[inline(always)]
pub(super) fn widest(sums: usize) -> usize {
    if sums >= 6 * WIDEST { WIDEST } else { 2 }
}

impl Source {
    /// Returns whether every channel has one filter of its own.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.counts == [1, 1]
    }

    /// Returns whether the groups fill whole registers.
    pub(crate) fn fits(&self) -> bool {
        self.groups == 1 || self.counts[0].is_multiple_of(LANES)
    }

    /// Returns a weight where all outputs are one group.
    pub(super) fn weight(&self, output: usize, input: usize, tap: usize) -> f32 {
        let Order {
            output: by_output,
            input: by_input,
            tap: by_tap,
        } = self.order;
        self.values[output * by_output + input * by_input + tap * by_tap]
    }

    /// Multiplies outputs and moves them.
    pub(crate) fn fold(&mut self, fold: &Fold) {
        let outputs = self.counts[0] * self.groups;
        let group = self.values.len() / self.groups.max(1);
        for output in 0..outputs {
            let begin = output / self.counts[0] * group;
            let own = output % self.counts[0] * self.order.output;
            for input in 0..self.counts[1] {
                for tap in 0..self.taps {
                    let at = begin + own + input * self.order.input + tap * self.order.tap;
                    self.values[at] *= fold.scale[output];
                }
            }
        }
        let bias = self.bias.get_or_insert_with(|| vec![0.0; outputs]);
        for (output, bias) in bias.iter_mut().enumerate() {
            *bias = *bias * fold.scale[output] + fold.shift[output];
        }
    }

    /// Packs the weights.
    pub(crate) fn pack(&self) -> Filters {
        let [outputs, inputs] = self.counts;
        let vectors = outputs.div_ceil(LANES);
        let widest = with_simd(Widest);
        let mut all = Vec::new();
        let mut at = 0;
        for group in 0..self.groups {
            for (first, width) in tiles(vectors, widest) {
                all.push(Tile {
                    first: group * vectors + first,
                    width,
                    at,
                    input: group * inputs,
                });
                at += self.taps * inputs * width * LANES;
            }
        }
        let mut weights = Memory::default();
        weights.reserve(at);
        let values = weights.values_mut();
        let group = self.values.len() / self.groups.max(1);
        for tile in &all {
            let begin = tile.first / vectors * group;
            let first = tile.first % vectors * LANES;
            let length = self.taps * inputs * tile.width * LANES;
            let rows = values[tile.at..][..length].chunks_exact_mut(tile.width * LANES);
            for (row, weights) in rows.enumerate() {
                let (tap, input) = (row / inputs, row % inputs);
                let from = begin + input * self.order.input + tap * self.order.tap;
                for (index, weight) in weights.iter_mut().enumerate() {
                    let output = first + index;
                    *weight = if output < outputs {
                        self.values[from + output * self.order.output]
                    } else {
                        0.0
                    };
                }
            }
        }
        let mut bias = Memory::default();
        bias.reserve(vectors * self.groups * LANES);
        if let Some(own) = &self.bias {
            bias.values_mut()[..own.len()].copy_from_slice(own);
        }
        Filters {
            weights,
            bias,
            zeros: vec![0.0; inputs.next_multiple_of(LANES)],
            tiles: all,
            taps: self.taps,
            inputs,
        }
    }
}
