//! Batch normalization with what often follows it: a sum with a shortcut, and an activation.

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::buffer::{unset, values};
use super::extension::{Keeps, Kernel, Pass};
use super::function::{Function, value};
use super::lanes::{LANES, Layout};
use super::parallel::ranges;
use super::product::Shared;
use super::simd::{Simd, Work, with_simd};
use super::sums::reduce;

/// Mean and biased variance of each channel, `[2, channels]`, over all positions and images.
///
/// Inputs: values `[blocks, positions, stride, lanes]`.
#[derive(Debug)]
pub(super) struct Moments {
    pub(super) batch: usize,
    pub(super) layout: Layout,
}

impl Kernel for Moments {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        let x = values(&inputs[0]);
        let layout = self.layout;
        let row = layout.stride * LANES;
        let count = (self.batch * layout.positions).max(1) as f64;
        // Sums of squares are taken around a value of the channel, which is near the mean.
        let pivots: Vec<f32> = (0..layout.channels)
            .map(|channel| x[channel * LANES])
            .collect();
        let sums: [Vec<f64>; 2] = reduce(layout, |index, [sums, squares]| {
            let images = images(self.batch, index / layout.positions);
            with_simd(Deviations {
                x: &x[index * row..],
                pivots: &pivots,
                sums,
                squares,
                mask: mask(images),
            });
        });
        let [sums, squares] = sums;
        let means = sums
            .iter()
            .zip(&pivots)
            .map(|(sum, pivot)| (sum / count + f64::from(*pivot)) as f32);
        let variances = sums.iter().zip(&squares).map(|(sum, square)| {
            let mean = sum / count;
            // Not `max`, which would hide what is not a number.
            let variance = square / count - mean * mean;
            (if variance < 0.0 { 0.0 } else { variance }) as f32
        });
        let moments: Vec<f32> = means.chain(variances).collect();
        FlexTensor::from_data(TensorData::new(moments, [2, layout.channels]))
    }

    fn backward(&self, _: &Pass<'_>) -> Vec<FlexTensor> {
        unreachable!("the moments' part of the gradient is the normalization's")
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            inputs: false,
            output: false,
        }
    }
}

/// Returns the images of a block.
fn images(batch: usize, block: usize) -> usize {
    batch.saturating_sub(block * LANES).min(LANES)
}

/// Returns one for each image, zero for lanes without.
fn mask(images: usize) -> [f32; LANES] {
    std::array::from_fn(|lane| if lane < images { 1.0 } else { 0.0 })
}

/// Adds the deviations from the pivots, and their squares, of one position.
struct Deviations<'a> {
    x: &'a [f32],
    pivots: &'a [f32],
    sums: &'a mut [f32],
    squares: &'a mut [f32],
    mask: [f32; LANES],
}

impl Work for Deviations<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for (channel, pivot) in self.pivots.iter().enumerate() {
            for lane in (0..LANES).step_by(S::WIDTH) {
                let at = channel * LANES + lane;
                // SAFETY: there are `LANES` values for each channel in all three.
                unsafe {
                    let away = S::sub(S::load(self.x.as_ptr().add(at)), S::splat(*pivot));
                    // A lane without an image may hold anything.
                    let is_image = S::load(self.mask.as_ptr().add(lane));
                    let away = S::if_greater(is_image, S::splat(0.0), away, S::splat(0.0));
                    let sum = self.sums.as_mut_ptr().add(at);
                    S::store(sum, S::add(S::load(sum), away));
                    let square = self.squares.as_mut_ptr().add(at);
                    S::store(square, S::fma(away, away, S::load(square)));
                }
            }
        }
    }
}

/// `function((x − mean) / √(variance + ε) · weight + bias + shortcut)`.
///
/// Inputs: values, moments `[2, channels]`, weight, bias, and the shortcut if there is one.
#[derive(Debug)]
pub(super) struct Normalize {
    pub(super) batch: usize,
    pub(super) layout: Layout,
    pub(super) epsilon: f64,
    pub(super) function: Function,
    /// Whether the moments are those of the values: then they depend on them.
    pub(super) is_of_batch: bool,
}

/// Positions a thread takes at a time.
const AT_ONCE: usize = 64;

impl Normalize {
    /// Returns, for each channel, mean and `1 / √(variance + ε)`.
    fn moments(&self, moments: &FlexTensor) -> (Vec<f32>, Vec<f32>) {
        let (means, variances) = values(moments).split_at(self.layout.channels);
        let inverse = variances
            .iter()
            .map(|variance| (1.0 / (f64::from(*variance) + self.epsilon).sqrt()) as f32);
        (means.to_vec(), inverse.collect())
    }
}

impl Kernel for Normalize {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        let layout = self.layout;
        let (means, inverse) = self.moments(&inputs[1]);
        let [weight, bias] = [values(&inputs[2]), values(&inputs[3])];
        let scale: Vec<f32> = weight.iter().zip(&inverse).map(|(w, i)| w * i).collect();
        let shift = bias.iter().zip(&means).zip(&scale);
        let shift: Vec<f32> = shift
            .map(|((bias, mean), scale)| bias - mean * scale)
            .collect();
        let mut output = unset([layout.blocks, layout.positions, layout.stride, LANES]);
        let to = Shared(output.storage_mut::<f32>().as_mut_ptr());
        let x = values(&inputs[0]);
        let shortcut = inputs.get(4).map(values);
        ranges(layout.blocks * layout.positions, AT_ONCE, |begin, end| {
            with_simd(Forward {
                layout,
                function: self.function,
                x,
                shortcut,
                scale: &scale,
                shift: &shift,
                to,
                rows: (begin, end),
            });
        });
        output
    }

    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        let layout = self.layout;
        let shape = [layout.blocks, layout.positions, layout.stride, LANES];
        let row = layout.stride * LANES;
        let [x, moments, weight] = [&pass.kept[0], &pass.kept[1], &pass.kept[2]];
        let y = pass.kept.last().map_or(&[][..], values);
        let (means, inverse) = self.moments(moments);
        let (x, g) = (values(x), values(pass.gradient));
        // The gradient after the sum, before the function.
        let before = (self.function != Function::Linear).then(|| {
            let mut before = unset(shape);
            super::function::slopes(self.function, y, g, before.storage_mut::<f32>());
            before
        });
        let before = before.unwrap_or_else(|| pass.gradient.clone());
        let g = values(&before);
        let sums: [Vec<f64>; 2] = reduce(layout, |index, [sums, products]| {
            with_simd(Products {
                x: &x[index * row..],
                g: &g[index * row..],
                means: &means,
                sums,
                products,
            });
        });
        let products = sums[1].iter().zip(&inverse);
        let products: Vec<f64> = products
            .map(|(sum, inverse)| sum * f64::from(*inverse))
            .collect();
        let mut gradients = Vec::new();
        for (index, _) in pass
            .needed
            .iter()
            .enumerate()
            .filter(|(_, needed)| **needed)
        {
            gradients.push(match index {
                0 => {
                    let parts = [sums[0].as_slice(), products.as_slice()];
                    self.of_input(x, g, parts, (&means, &inverse, values(weight)))
                }
                2 => of_channels(&products),
                3 => of_channels(&sums[0]),
                _ => before.clone(),
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

fn of_channels(sums: &[f64]) -> FlexTensor {
    let values: Vec<f32> = sums.iter().map(|sum| *sum as f32).collect();
    FlexTensor::from_data(TensorData::new(values, [sums.len()]))
}

impl Normalize {
    /// # Reference
    /// Ioffe & Szegedy 2015, section 3, with the terms of the moments gathered.
    fn of_input(
        &self,
        x: &[f32],
        g: &[f32],
        [sums, products]: [&[f64]; 2],
        (means, inverse, weight): (&[f32], &[f32], &[f32]),
    ) -> FlexTensor {
        let layout = self.layout;
        let count = (self.batch * layout.positions).max(1) as f64;
        // gradient = g · a + x · b + c.
        let [mut a, mut b, mut c] = std::array::from_fn(|_| Vec::with_capacity(layout.channels));
        for channel in 0..layout.channels {
            let scale = f64::from(weight[channel]) * f64::from(inverse[channel]);
            a.push(scale as f32);
            if self.is_of_batch {
                let tilt = scale * products[channel] / count * f64::from(inverse[channel]);
                b.push(-tilt as f32);
                let shift = tilt * f64::from(means[channel]) - scale * sums[channel] / count;
                c.push(shift as f32);
            } else {
                b.push(0.0);
                c.push(0.0);
            }
        }
        let mut output = unset([layout.blocks, layout.positions, layout.stride, LANES]);
        let to = Shared(output.storage_mut::<f32>().as_mut_ptr());
        ranges(layout.blocks * layout.positions, AT_ONCE, |begin, end| {
            with_simd(Backward {
                normalize: self,
                x,
                g,
                factors: [&a, &b, &c],
                to,
                rows: (begin, end),
            });
        });
        output
    }
}

struct Forward<'a> {
    layout: Layout,
    function: Function,
    x: &'a [f32],
    shortcut: Option<&'a [f32]>,
    scale: &'a [f32],
    shift: &'a [f32],
    to: Shared,
    rows: (usize, usize),
}

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for row in self.rows.0..self.rows.1 {
            for channel in 0..self.layout.channels {
                for lane in (0..LANES).step_by(S::WIDTH) {
                    let at = (row * self.layout.stride + channel) * LANES + lane;
                    // SAFETY: all have the layout; each part has its own rows.
                    unsafe {
                        let x = S::load(self.x.as_ptr().add(at));
                        let [scale, shift] =
                            [S::splat(self.scale[channel]), S::splat(self.shift[channel])];
                        let mut y = S::fma(x, scale, shift);
                        if let Some(shortcut) = self.shortcut {
                            y = S::add(y, S::load(shortcut.as_ptr().add(at)));
                        }
                        S::store(self.to.at().add(at), value::<S>(self.function, y));
                    }
                }
            }
        }
    }
}

/// Adds gradients, and their products with deviations from the mean, of one position.
struct Products<'a> {
    x: &'a [f32],
    g: &'a [f32],
    means: &'a [f32],
    sums: &'a mut [f32],
    products: &'a mut [f32],
}

impl Work for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for (channel, mean) in self.means.iter().enumerate() {
            for lane in (0..LANES).step_by(S::WIDTH) {
                let at = channel * LANES + lane;
                // SAFETY: there are `LANES` values for each channel in all.
                unsafe {
                    let g = S::load(self.g.as_ptr().add(at));
                    let away = S::sub(S::load(self.x.as_ptr().add(at)), S::splat(*mean));
                    // Lanes without an image have no gradient, but may hold anything.
                    let zero = S::splat(0.0);
                    let away = S::if_equal(g, zero, zero, away);
                    let sum = self.sums.as_mut_ptr().add(at);
                    S::store(sum, S::add(S::load(sum), g));
                    let product = self.products.as_mut_ptr().add(at);
                    S::store(product, S::fma(g, away, S::load(product)));
                }
            }
        }
    }
}

struct Backward<'a> {
    normalize: &'a Normalize,
    x: &'a [f32],
    g: &'a [f32],
    factors: [&'a [f32]; 3],
    to: Shared,
    rows: (usize, usize),
}

impl Work for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Normalize { layout, batch, .. } = *self.normalize;
        let [a, b, c] = self.factors;
        for row in self.rows.0..self.rows.1 {
            let mask = mask(images(batch, row / layout.positions));
            for channel in 0..layout.channels {
                for lane in (0..LANES).step_by(S::WIDTH) {
                    let at = (row * layout.stride + channel) * LANES + lane;
                    // SAFETY: all have the layout; each part has its own rows.
                    unsafe {
                        let x = S::load(self.x.as_ptr().add(at));
                        let g = S::load(self.g.as_ptr().add(at));
                        let rest = S::fma(x, S::splat(b[channel]), S::splat(c[channel]));
                        let gradient = S::fma(g, S::splat(a[channel]), rest);
                        let is_image = S::load(mask.as_ptr().add(lane));
                        let zero = S::splat(0.0);
                        let gradient = S::if_greater(is_image, zero, gradient, zero);
                        S::store(self.to.at().add(at), gradient);
                    }
                }
            }
        }
    }
}
