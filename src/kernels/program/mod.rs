//! Networks compiled for answers alone: no gradients, no tensors, memory planned beforehand.
//!
//! Images go through all stages few at a time, so that what one stage writes is still in the cache
//! when the next reads it; threads take images of their own, or share one where there are few. Each value is
//! summed up in the same order however images are shared out: an answer does not depend on the batch or the threads.
//!
//! Sixteen channels of one image lie side by side. `model/compile.rs` writes a program: each layer has a `compile` beside its
//! `forward`, and what a convolution can take in (normalization, shortcut, activation, pool) becomes a part of it. A layer
//! without one runs as Burn's operation.

mod affine;
mod blocks;
mod convolve;
mod depthwise;
mod filters;
mod moves;
mod places;
mod pool;
mod rows;
mod sums;
mod tiles;
mod winograd;

pub(crate) use affine::{Affine, Join};
pub(crate) use convolve::Convolve;
pub(crate) use depthwise::Depthwise;
pub(crate) use filters::{Fold, Source};
pub(crate) use moves::{Concat, Line, Move};
pub(crate) use pool::{Pool, Reduce};
pub(crate) use rows::Rows;
pub(crate) use winograd::Winograd;

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::buffer::Memory;
use super::parallel::{alone, is_alone, on_threads, threads};

/// One operation on the values of some images.
pub(crate) trait Stage: Debug + Send + Sync {
    /// Computes the output of `images` images, whose values lie one image after the other.
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]);
}

/// What a stage reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    buffers: &'a [Memory],
    /// Which buffers they are.
    places: &'a [usize],
}

impl<'a> Inputs<'a> {
    /// Returns the values of an input, by its place in the stage's list.
    #[must_use]
    pub(crate) fn get(self, index: usize) -> &'a [f32] {
        self.buffers[self.places[index]].values()
    }
}

/// A stage, and which values (later: buffers) it reads and writes, by number.
#[derive(Debug)]
struct Node {
    stage: Box<dyn Stage>,
    inputs: Vec<usize>,
    output: usize,
    /// The number of the layer that it belongs to.
    layer: usize,
}

/// A program that is being written: stages in the order in which they run.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    nodes: Vec<Node>,
    values: Vec<Rows>,
    /// The values that images become, and which position each of theirs is there.
    input: (usize, Vec<usize>),
}

impl Draft {
    /// Adds values, and returns their number.
    pub(crate) fn value(&mut self, rows: Rows) -> usize {
        self.values.push(rows);
        self.values.len() - 1
    }

    /// Says which values images become, and where their positions lie in them; all others are zeros.
    pub(crate) fn set_input(&mut self, value: usize, positions: Vec<usize>) {
        self.input = (value, positions);
    }

    /// Returns how values lie.
    #[must_use]
    pub(crate) fn rows(&self, value: usize) -> Rows {
        self.values[value]
    }

    /// Says that values lie otherwise than was thought: nothing reads them yet.
    pub(crate) fn set_rows(&mut self, value: usize, rows: Rows) {
        self.values[value] = rows;
    }

    /// Adds a stage of a layer that makes values.
    pub(crate) fn stage(
        &mut self,
        layer: usize,
        stage: impl Stage + 'static,
        inputs: &[usize],
        output: usize,
    ) {
        self.nodes.push(Node {
            stage: Box::new(stage),
            inputs: inputs.to_vec(),
            output,
            layer,
        });
    }
}

/// A network compiled for answers.
#[derive(Debug)]
pub(crate) struct Program {
    nodes: Vec<Node>,
    /// The buffer, and how values lie in it.
    input: (usize, Rows),
    /// Which position each of an image's is there.
    positions: Vec<usize>,
    output: (usize, Rows),
    /// Floats of each buffer for one image.
    sizes: Vec<usize>,
    /// Images that go through the stages together, at most, where each thread has its own.
    at_once: usize,
    idle: Mutex<Vec<Vec<Memory>>>,
}

/// Floats that the buffers of a thread may have in all, for the cache's sake.
const CACHED: usize = 3 << 17;
/// Images that are worth going together however large they are: their weights are read once.
const TOGETHER: usize = 4;

impl Program {
    /// Plans the memory of a draft.
    #[must_use]
    pub(crate) fn new(draft: Draft, output: usize) -> Self {
        let Draft {
            mut nodes,
            values,
            input: (input, positions),
        } = draft;
        let (places, sizes) = placed(&nodes, &values, output);
        for node in &mut nodes {
            node.inputs
                .iter_mut()
                .for_each(|value| *value = places[*value]);
            node.output = places[node.output];
        }
        let image: usize = sizes.iter().sum();
        Self {
            input: (places[input], values[input]),
            positions,
            output: (places[output], values[output]),
            nodes,
            at_once: (CACHED / image.max(1)).max(TOGETHER),
            sizes,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Returns the floats of an answer.
    #[must_use]
    pub(crate) fn answer(&self) -> usize {
        self.output.1.channels * self.output.1.positions
    }

    /// Computes the answers to images `[batch, channels, positions]` as `[batch, channels, positions]`.
    pub(crate) fn run(&self, inputs: &[f32], answers: &mut [f32]) {
        let image = self.input.1.channels * self.positions.len();
        let images = inputs.len() / image.max(1);
        let threads = threads();
        if images < 2 * threads || is_alone() {
            self.part(images, inputs, answers);
            return;
        }
        let parts = images.div_ceil(self.at_once * threads) * threads;
        let size = images.div_ceil(parts);
        let inputs = inputs.par_chunks(size * image);
        let answers = answers.par_chunks_mut(size * self.answer());
        on_threads(inputs.zip(answers), |(inputs, answers)| {
            alone(|| self.part(inputs.len() / image.max(1), inputs, answers));
        });
    }

    fn part(&self, images: usize, inputs: &[f32], answers: &mut [f32]) {
        self.observed(images, inputs, answers, &mut |_| {});
    }

    /// Computes answers with all images going through a stage before the next; `observe` hears of the
    /// layer of each stage after it ran.
    pub(crate) fn observed(
        &self,
        images: usize,
        inputs: &[f32],
        answers: &mut [f32],
        observe: &mut dyn FnMut(usize),
    ) {
        let mut buffers = self.buffers(images);
        let (place, rows) = self.input;
        let plain = inputs.chunks_exact((inputs.len() / images.max(1)).max(1));
        let packed = buffers[place].values_mut();
        for (plain, packed) in plain.zip(packed.chunks_exact_mut(rows.values())) {
            if self.positions.len() < rows.positions {
                packed.fill(0.0);
            }
            for (channel, plane) in plain.chunks_exact(self.positions.len()).enumerate() {
                for (position, value) in self.positions.iter().zip(plane) {
                    packed[position * rows.stride + channel] = *value;
                }
            }
        }
        for node in &self.nodes {
            // Its own buffer is none of those it reads.
            let mut output = std::mem::take(&mut buffers[node.output]);
            let inputs = Inputs {
                buffers: &buffers,
                places: &node.inputs,
            };
            node.stage.run(images, inputs, output.values_mut());
            buffers[node.output] = output;
            observe(node.layer);
        }
        let (place, rows) = self.output;
        let packed = buffers[place].values();
        let plain = answers.chunks_exact_mut(self.answer().max(1));
        for (plain, packed) in plain.zip(packed.chunks_exact(rows.values())) {
            rows.unpack(packed, plain);
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(buffers);
    }

    /// Returns buffers for some images: those of a batch before, if there are any.
    fn buffers(&self, images: usize) -> Vec<Memory> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffers = idle.pop().unwrap_or_default();
        drop(idle);
        buffers.resize_with(self.sizes.len(), Memory::default);
        for (buffer, size) in buffers.iter_mut().zip(&self.sizes) {
            buffer.reserve(size * images);
        }
        buffers
    }
}

/// Gives each of the values a buffer that no other needs while they are read; returns the buffers'
/// sizes too.
fn placed(nodes: &[Node], values: &[Rows], answer: usize) -> (Vec<usize>, Vec<usize>) {
    let mut last_use: Vec<usize> = vec![0; values.len()];
    for (index, node) in nodes.iter().enumerate() {
        for input in &node.inputs {
            last_use[*input] = index;
        }
    }
    last_use[answer] = nodes.len();
    let mut places = vec![usize::MAX; values.len()];
    let mut sizes: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut place = |value: usize, free: &mut Vec<usize>, places: &mut Vec<usize>| {
        let needed = values[value].values();
        // The one that has to grow least, or is least too large.
        let best = free
            .iter()
            .enumerate()
            .min_by_key(|(_, buffer)| sizes[**buffer].abs_diff(needed))
            .map(|(at, _)| at);
        let buffer = if let Some(at) = best {
            free.swap_remove(at)
        } else {
            sizes.push(0);
            sizes.len() - 1
        };
        sizes[buffer] = sizes[buffer].max(needed);
        places[value] = buffer;
    };
    let made: Vec<usize> = nodes.iter().map(|node| node.output).collect();
    for value in (0..values.len()).filter(|value| !made.contains(value)) {
        place(value, &mut free, &mut places);
    }
    for (index, node) in nodes.iter().enumerate() {
        place(node.output, &mut free, &mut places);
        let mut done: Vec<usize> = node.inputs.clone();
        done.push(node.output);
        done.sort_unstable();
        done.dedup();
        for value in done {
            if last_use[value] <= index && value != answer {
                free.push(places[value]);
            }
        }
    }
    (places, sizes)
}
