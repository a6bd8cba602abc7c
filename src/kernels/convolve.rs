//! Convolutions and dense layers: bias and activation included, forward and back.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::buffer::{unset, values};
use super::extension::{Keeps, Kernel, Pass};
use super::function::{Function, activate_part, slopes};
use super::geometry::{Gather, Geometry};
use super::gradient::{Gradient, output_tiles};
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, map_ranges, ranges};
use super::product::{Order, Packed, Product};
use super::{depthwise, single, winograd, winograd_gradient};
use crate::plan::WinogradCosts;

/// Windows times weights, plus a bias, through a function.
///
/// Inputs: values `[blocks, positions, stride, lanes]`, the weight, and the bias `[filters]` if there is one.
#[derive(Debug)]
pub(super) struct Convolve {
    pub(super) geometry: Arc<Geometry>,
    pub(super) groups: usize,
    pub(super) from: Layout,
    pub(super) to: Layout,
    /// Where the weights of a group lie.
    pub(super) order: Order,
    pub(super) function: Function,
}

/// Weights up to which every thread sums up a gradient of its own.
const SMALL: usize = 1 << 16;
/// Positions a thread computes at a time, at least.
const AT_ONCE: usize = 96;

impl Kernel for Convolve {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        let bias = inputs.get(2).map(values);
        let [x, weights] = [values(&inputs[0]), values(&inputs[1])];
        let mut output = unset([self.to.blocks, self.to.positions, self.to.stride, LANES]);
        let y = output.storage_mut::<f32>();
        if self.is_depthwise() {
            depthwise::forward(self, x, weights, bias, y);
        } else if !self.by_tiles(x, weights, bias, y) {
            let [outputs, inputs] = self.channels();
            for group in 0..self.groups {
                let product = Whole {
                    gather: &self.geometry.forward,
                    weights: &weights[group * outputs * self.weights_of_an_output()..],
                    order: self.order,
                    counts: [outputs, inputs],
                    bias: bias.map(|bias| &bias[group * outputs..]),
                    from: (self.from, group * inputs),
                    to: (self.to, group * outputs),
                    function: if self.groups == 1 {
                        self.function
                    } else {
                        Function::Linear
                    },
                };
                product.compute(x, y);
            }
            if self.groups > 1 {
                super::function::activate(self.function, y);
            }
        }
        output
    }

    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        let [x, weight] = [values(&pass.kept[0]), values(&pass.kept[1])];
        let before = match (self.function, pass.kept.last()) {
            (Function::Linear, _) | (_, None) => None,
            (function, Some(output)) => {
                let shape = [self.to.blocks, self.to.positions, self.to.stride, LANES];
                let mut before = unset(shape);
                let to = before.storage_mut::<f32>();
                slopes(function, values(output), values(pass.gradient), to);
                Some(before)
            }
        };
        let g = values(before.as_ref().unwrap_or(pass.gradient));
        let mut gradients = Vec::new();
        for (index, _) in pass
            .needed
            .iter()
            .enumerate()
            .filter(|(_, needed)| **needed)
        {
            gradients.push(match index {
                0 => self.of_input(weight, g),
                1 => self.of_weight(&pass.kept[1], x, g),
                _ => self.of_bias(g),
            });
        }
        gradients
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            inputs: true,
            output: self.function != Function::Linear,
        }
    }
}

impl Convolve {
    /// Returns outputs and inputs of a group.
    pub(super) fn channels(&self) -> [usize; 2] {
        [
            self.to.channels / self.groups,
            self.from.channels / self.groups,
        ]
    }

    /// Returns the plane for Winograd's algorithm, where it takes less time.
    fn winograd(&self) -> Option<winograd::Plane> {
        let plane = winograd::Plane::of(self.geometry.axes()).filter(|_| self.groups == 1)?;
        self.costs(&plane).pays().then_some(plane)
    }

    /// Returns what decides whether Winograd's algorithm is taken.
    pub(super) fn costs(&self, plane: &winograd::Plane) -> WinogradCosts {
        let blocks = self.to.blocks;
        plane.costs(blocks, self.channels(), blocks * self.geometry.reads)
    }

    /// Computes the outputs by Winograd's algorithm where that takes less time. Returns whether it did.
    fn by_tiles(&self, x: &[f32], weights: &[f32], bias: Option<&[f32]>, y: &mut [f32]) -> bool {
        let convolution = self.winograd().map(|plane| winograd::Convolution {
            plane,
            weights,
            order: self.order,
            is_turned: false,
            bias,
            function: self.function,
            source: x,
            from: self.from,
            target: Shared(y.as_mut_ptr()),
            to: self.to,
        });
        convolution.is_some_and(winograd::Convolution::compute)
    }

    /// Returns whether every channel has one filter of its own.
    fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.channels() == [1, 1]
    }

    /// Returns the weights of one output.
    fn weights_of_an_output(&self) -> usize {
        self.order.output
    }

    fn of_input(&self, weights: &[f32], g: &[f32]) -> FlexTensor {
        let mut output = unset([
            self.from.blocks,
            self.from.positions,
            self.from.stride,
            LANES,
        ]);
        let to = output.storage_mut::<f32>();
        if self.is_depthwise() {
            depthwise::of_input(self, g, weights, to);
            return output;
        }
        let [outputs, inputs] = self.channels();
        let order = Order {
            output: self.order.input,
            input: self.order.output,
            tap: self.order.tap,
        };
        if let Some(plane) = self.winograd() {
            let convolution = winograd::Convolution {
                plane: plane.turned(),
                weights,
                order,
                is_turned: true,
                bias: None,
                function: Function::Linear,
                source: g,
                from: self.to,
                target: Shared(to.as_mut_ptr()),
                to: self.from,
            };
            if convolution.compute() {
                return output;
            }
        }
        for group in 0..self.groups {
            let product = Whole {
                gather: self.geometry.backward(),
                weights: &weights[group * outputs * self.weights_of_an_output()..],
                order,
                counts: [inputs, outputs],
                bias: None,
                from: (self.to, group * outputs),
                to: (self.from, group * inputs),
                function: Function::Linear,
            };
            product.compute(g, to);
        }
        output
    }

    fn of_weight(&self, weight: &FlexTensor, x: &[f32], g: &[f32]) -> FlexTensor {
        let size = values(weight).len();
        let gradient = if self.is_depthwise() {
            let mut gradient = vec![0.0; size];
            depthwise::of_weight(self, x, g, &mut gradient);
            gradient
        } else if let Some(gradient) = single::of_weight(self, x, g, size) {
            gradient
        } else if let Some(gradient) = winograd_gradient::of_weight(self, x, g, size) {
            gradient
        } else if size <= SMALL && self.to.blocks > 1 {
            // Each thread sums up images of its own, which stay in the cache.
            let parts = map_ranges(self.to.blocks, self.to.blocks.div_ceil(8), |begin, end| {
                let mut part = vec![0.0; size];
                self.of_blocks((begin, end), x, g, &mut part);
                part
            });
            let mut parts = parts.into_iter();
            let mut sum = parts.next().unwrap_or_default();
            for part in parts {
                for (sum, more) in sum.iter_mut().zip(part) {
                    *sum += more;
                }
            }
            sum
        } else {
            let mut gradient = vec![0.0; size];
            self.of_blocks((0, self.to.blocks), x, g, &mut gradient);
            gradient
        };
        let shape = weight.layout().shape().clone();
        FlexTensor::from_data(TensorData::new(gradient, shape))
    }

    /// Computes what some blocks of images add to the gradient of the weight.
    fn of_blocks(&self, blocks: (usize, usize), x: &[f32], g: &[f32], gradient: &mut [f32]) {
        for group in 0..self.groups {
            self.of_group(group, blocks, x, g, gradient);
        }
    }

    fn of_group(
        &self,
        group: usize,
        blocks: (usize, usize),
        x: &[f32],
        g: &[f32],
        gradient: &mut [f32],
    ) {
        let [outputs, inputs] = self.channels();
        let phase = &self.geometry.forward.phases[0];
        let weights =
            Shared(gradient[group * outputs * self.weights_of_an_output()..].as_mut_ptr());
        let taps = phase.taps.len();
        let tiles = output_tiles(outputs);
        let part = Gradient {
            phase,
            inputs: x,
            from: self.from,
            from_channels: (group * inputs, inputs),
            gradients: g,
            to: self.to,
            to_channels: (group * outputs, outputs),
            items: (blocks.0 * self.to.positions, blocks.1 * self.to.positions),
            tiles: (0, tiles),
            taps: (0, taps),
            weights,
            order: self.order,
        };
        if blocks.1 - blocks.0 < self.to.blocks {
            // Shared out by blocks already.
            part.sum_up();
            return;
        }
        // Each pair of a tile and a tap is summed up by one thread, in the order of positions.
        let taps_each = if tiles >= 4 { taps } else { taps.div_ceil(4) };
        let parts = taps.div_ceil(taps_each);
        ranges(tiles * parts, 1, |begin, end| {
            for index in begin..end {
                let (tile, some) = (index / parts, index % parts);
                let own = Gradient {
                    tiles: (tile, tile + 1),
                    taps: (some * taps_each, ((some + 1) * taps_each).min(taps)),
                    ..part
                };
                own.sum_up();
            }
        });
    }

    fn of_bias(&self, g: &[f32]) -> FlexTensor {
        let sums = super::sums::per_channel(g, self.to);
        FlexTensor::from_data(TensorData::new(sums, [self.to.channels]))
    }
}

/// A product of one group, shared out among threads.
struct Whole<'a> {
    gather: &'a Gather,
    weights: &'a [f32],
    order: Order,
    /// Outputs and inputs.
    counts: [usize; 2],
    bias: Option<&'a [f32]>,
    /// The layout and the first channel.
    from: (Layout, usize),
    to: (Layout, usize),
    function: Function,
}

impl Whole<'_> {
    fn compute(&self, source: &[f32], target: &mut [f32]) {
        let (from, from_channel) = self.from;
        let (to, to_channel) = self.to;
        let shared = Shared(target.as_mut_ptr());
        let zeros = vec![0.0; from.stride * LANES];
        for phase in &self.gather.phases {
            let packed = Packed::new(self.weights, self.order, self.counts, &phase.taps);
            let items = from.blocks * phase.places.len();
            let product = Product {
                phase,
                weights: &packed,
                bias: self.bias,
                source,
                from,
                from_channel,
                target: shared,
                to,
                to_channel,
                items: (0, items),
                tiles: (0, packed.tiles()),
                zeros: &zeros,
            };
            if items >= 4 * AT_ONCE {
                ranges(items, items.div_ceil(8).max(AT_ONCE), |begin, end| {
                    let part = Product {
                        items: (begin, end),
                        ..product
                    };
                    part.compute();
                    part.activate(self.function);
                });
            } else {
                ranges(packed.tiles(), packed.tiles().div_ceil(8), |begin, end| {
                    let own = Product {
                        tiles: (begin, end),
                        ..product
                    };
                    own.compute();
                });
                product.activate(self.function);
            }
        }
    }
}

impl Product<'_> {
    /// Puts all channels of its positions through a function.
    fn activate(&self, function: Function) {
        if function == Function::Linear {
            return;
        }
        let row = self.to.stride * LANES;
        for item in self.items.0..self.items.1 {
            let (block, place) = self.whereabouts(item);
            let position = block * self.to.positions + self.phase.places[place] as usize;
            // SAFETY: the part has these positions to itself.
            let values = unsafe {
                std::slice::from_raw_parts_mut(
                    self.target.at().add(position * row),
                    self.to.channels * LANES,
                )
            };
            activate_part(function, values);
        }
    }
}
