//! Batch normalization with what often follows it: a sum with a shortcut, and an activation.

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::buffer::{unset, values};
use super::extension::{Keeps, Kernel, Pass};
use super::function::{Function, slope, value};
use super::lanes::{LANES, Layout};
use super::moments::{mask, masked};
use super::parallel::{Shared, ranges};
use super::simd::{Simd, Work, with_simd_here};
use super::sums::{over_rows, reduce};

with_simd_here!();

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
    pub(super) has_shortcut: bool,
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

    /// Returns whether the way back computes the output once more, which takes less time than to read it.
    fn recomputes(&self) -> bool {
        let is_cheap = matches!(
            self.function,
            Function::Relu | Function::Relu6 | Function::Leaky(_)
        );
        is_cheap && !self.has_shortcut
    }
}

impl Kernel for Normalize {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        let layout = self.layout;
        let moments = self.moments(&inputs[1]);
        let line = Affine::new(&moments, [&inputs[2], &inputs[3]]);
        let mut output = unset([layout.blocks, layout.positions, layout.stride, LANES]);
        let to = Shared(output.storage_mut::<f32>().as_mut_ptr());
        let x = values(&inputs[0]);
        let shortcut = inputs.get(4).map(values);
        assert_eq!(shortcut.is_some(), self.has_shortcut, "told of a shortcut");
        ranges(layout.blocks * layout.positions, AT_ONCE, |begin, end| {
            with_simd(Forward {
                normalize: self,
                x,
                shortcut,
                line: &line,
                to,
                rows: (begin, end),
            });
        });
        output
    }

    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        let layout = self.layout;
        let [x, weight, bias] = [&pass.kept[0], &pass.kept[2], &pass.kept[3]];
        let moments = self.moments(&pass.kept[1]);
        let line = Affine::new(&moments, [weight, bias]);
        let (means, inverse) = moments;
        let slopes = Slopes {
            normalize: self,
            x: values(x),
            y: match self.function {
                Function::Linear => Output::Unasked,
                _ if self.recomputes() => Output::Computed(&line),
                _ => Output::Kept(values(&pass.kept[pass.kept.len() - 1])),
            },
            g: values(pass.gradient),
        };
        let sums: [Vec<f64>; 2] = reduce(layout, |rows, sums| {
            with_simd(Products {
                slopes,
                means: &means,
                rows,
                sums,
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
                    self.of_input(slopes, parts, (&means, &inverse, values(weight)))
                }
                2 => of_channels(&products),
                3 => of_channels(&sums[0]),
                4 => self.of_shortcut(slopes, pass.gradient),
                _ => unreachable!("moments have no gradient of their own"),
            });
        }
        gradients
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            inputs: true,
            output: self.function != Function::Linear && !self.recomputes(),
        }
    }
}

/// `scale · x + shift` of each channel.
struct Affine {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Affine {
    fn new((means, inverse): &(Vec<f32>, Vec<f32>), parameters: [&FlexTensor; 2]) -> Self {
        let [weight, bias] = parameters.map(values);
        let scale: Vec<f32> = weight.iter().zip(inverse).map(|(w, i)| w * i).collect();
        let shift = bias.iter().zip(means).zip(&scale);
        let shift = shift.map(|((bias, mean), scale)| bias - mean * scale);
        let shift = shift.collect();
        Self { scale, shift }
    }

    /// SAFETY: the caller has enabled the set.
    #[inline(always)]
    unsafe fn at<S: Simd>(&self, channel: usize, x: S::V) -> S::V {
        // SAFETY: the caller's.
        unsafe {
            S::fma(
                x,
                S::splat(self.scale[channel]),
                S::splat(self.shift[channel]),
            )
        }
    }
}

fn of_channels(sums: &[f64]) -> FlexTensor {
    let values: Vec<f32> = sums.iter().map(|sum| *sum as f32).collect();
    FlexTensor::from_data(TensorData::new(values, [sums.len()]))
}

impl Normalize {
    /// The gradient after the sum, before the function.
    fn of_shortcut(&self, slopes: Slopes<'_>, gradient: &FlexTensor) -> FlexTensor {
        let y = match slopes.y {
            Output::Unasked => return gradient.clone(),
            Output::Kept(y) => y,
            Output::Computed(_) => unreachable!("it is not computed where there is a shortcut"),
        };
        let layout = self.layout;
        let mut output = unset([layout.blocks, layout.positions, layout.stride, LANES]);
        super::function::slopes(self.function, y, slopes.g, output.storage_mut::<f32>());
        output
    }

    /// # Reference
    /// Ioffe & Szegedy 2015, section 3, with the terms of the moments gathered.
    fn of_input(
        &self,
        slopes: Slopes<'_>,
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
                slopes,
                factors: [&a, &b, &c],
                to,
                rows: (begin, end),
            });
        });
        output
    }
}

/// What the gradient before the function is computed of.
#[derive(Clone, Copy)]
struct Slopes<'a> {
    normalize: &'a Normalize,
    x: &'a [f32],
    y: Output<'a>,
    g: &'a [f32],
}

/// The output of the function, whose slope it tells.
#[derive(Clone, Copy)]
enum Output<'a> {
    /// There is no function.
    Unasked,
    Kept(&'a [f32]),
    Computed(&'a Affine),
}

impl Slopes<'_> {
    /// Returns `x` at a place, and the gradient before the function.
    ///
    /// SAFETY: the caller has enabled the set, and `at` is a register's place in the layout.
    #[inline(always)]
    unsafe fn at<S: Simd>(&self, at: usize, channel: usize) -> [S::V; 2] {
        let function = self.normalize.function;
        // SAFETY: the caller's.
        unsafe {
            let x = S::load(self.x.as_ptr().add(at));
            let g = S::load(self.g.as_ptr().add(at));
            let y = match self.y {
                Output::Unasked => return [x, g],
                Output::Kept(y) => S::load(y.as_ptr().add(at)),
                Output::Computed(line) => value::<S>(function, line.at::<S>(channel, x)),
            };
            [x, slope::<S>(function, y, g)]
        }
    }
}

struct Forward<'a> {
    normalize: &'a Normalize,
    x: &'a [f32],
    shortcut: Option<&'a [f32]>,
    line: &'a Affine,
    to: Shared,
    rows: (usize, usize),
}

impl Work for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Normalize {
            batch,
            layout,
            function,
            ..
        } = *self.normalize;
        for row in self.rows.0..self.rows.1 {
            // Lanes without an image are 0, lest they grow from layer to layer beyond all numbers.
            let mask = mask(batch, layout, row);
            for channel in 0..layout.channels {
                for lane in (0..LANES).step_by(S::WIDTH) {
                    let at = (row * layout.stride + channel) * LANES + lane;
                    // SAFETY: all have the layout; each part has its own rows.
                    unsafe {
                        let x = S::load(self.x.as_ptr().add(at));
                        let mut y = self.line.at::<S>(channel, x);
                        if let Some(shortcut) = self.shortcut {
                            y = S::add(y, S::load(shortcut.as_ptr().add(at)));
                        }
                        let y = masked::<S>(mask.as_ref(), lane, value::<S>(function, y));
                        S::store(self.to.at().add(at), y);
                    }
                }
            }
        }
    }
}

/// Sums up gradients, and their products with deviations from the mean.
struct Products<'a> {
    slopes: Slopes<'a>,
    means: &'a [f32],
    rows: (usize, usize),
    /// Gradients, and products.
    sums: &'a mut [Vec<f32>; 2],
}

impl Work for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Normalize { batch, layout, .. } = *self.slopes.normalize;
        // SAFETY: rows and channels lie within the layout, which is that of the values.
        unsafe {
            over_rows::<S, 2>(
                (batch, layout),
                self.rows,
                self.sums,
                |place, [sum, product]| {
                    let [x, g] = self.slopes.at::<S>(place.at, place.channel);
                    // Lanes without an image have no gradient, but may hold anything.
                    let away = S::sub(x, S::splat(self.means[place.channel]));
                    let away = masked::<S>(place.mask, place.lane, away);
                    [S::add(sum, g), S::fma(g, away, product)]
                },
            );
        }
    }
}

struct Backward<'a> {
    slopes: Slopes<'a>,
    factors: [&'a [f32]; 3],
    to: Shared,
    rows: (usize, usize),
}

impl Work for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Normalize { layout, batch, .. } = *self.slopes.normalize;
        let [a, b, c] = self.factors;
        for row in self.rows.0..self.rows.1 {
            let mask = mask(batch, layout, row);
            for channel in 0..layout.channels {
                for lane in (0..LANES).step_by(S::WIDTH) {
                    let at = (row * layout.stride + channel) * LANES + lane;
                    // SAFETY: all have the layout; each part has its own rows.
                    unsafe {
                        let [x, g] = self.slopes.at::<S>(at, channel);
                        let rest = S::fma(x, S::splat(b[channel]), S::splat(c[channel]));
                        let gradient = S::fma(g, S::splat(a[channel]), rest);
                        let gradient = masked::<S>(mask.as_ref(), lane, gradient);
                        S::store(self.to.at().add(at), gradient);
                    }
                }
            }
        }
    }
}
