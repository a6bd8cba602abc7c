//! What is done to each value for itself: factors, offsets, sums, activations.

use super::{Inputs, Rows, Stage};
use crate::kernels::Function;
use crate::kernels::buffer::Memory;
use crate::kernels::function::activate_part;
use crate::kernels::parallel::{Shared, ranges};
use crate::kernels::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// `function(x · scale + shift + other)`, a factor and an offset for each channel.
#[derive(Debug)]
pub(crate) struct Affine {
    rows: Rows,
    /// Factors and offsets, `[stride]` each.
    factors: Option<[Memory; 2]>,
    /// How a second input is joined.
    join: Option<Join>,
    function: Function,
}

/// How two values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// Their sum.
    Add,
    /// Their product.
    Multiply,
    /// Their product, the second one value for each channel of an image.
    MultiplyMaps,
}

/// Positions a thread computes at a time.
const AT_ONCE: usize = 256;

impl Affine {
    /// Factors and offsets, one for each channel.
    #[must_use]
    pub(crate) fn of_channels(
        rows: Rows,
        scale: &[f32],
        shift: &[f32],
        function: Function,
    ) -> Self {
        let factors = [scale, shift].map(|values| {
            let mut memory = Memory::default();
            memory.reserve(rows.stride);
            memory.values_mut()[..values.len()].copy_from_slice(values);
            memory
        });
        Self {
            rows,
            factors: Some(factors),
            join: None,
            function,
        }
    }

    /// A function of two values, or of one.
    #[must_use]
    pub(crate) fn joined(rows: Rows, join: Option<Join>, function: Function) -> Self {
        Self {
            rows,
            factors: None,
            join,
            function,
        }
    }
}

impl Stage for Affine {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        self.rows.check(images, inputs.get(0));
        self.rows.check(images, output);
        match self.join {
            Some(Join::Add | Join::Multiply) => self.rows.check(images, inputs.get(1)),
            Some(Join::MultiplyMaps) => {
                let one = Rows::new(1, self.rows.channels);
                one.check(images, inputs.get(1));
            }
            None => {}
        }
        let target = Shared(output.as_mut_ptr());
        let stride = self.rows.stride;
        ranges(images * self.rows.positions, AT_ONCE, |begin, end| {
            with_simd(Each {
                stage: self,
                source: inputs.get(0),
                other: self.join.map(|_| inputs.get(1)),
                target,
                items: (begin, end),
            });
            // SAFETY: each part has positions of its own.
            let own = unsafe {
                let own = target.at().add(begin * stride);
                std::slice::from_raw_parts_mut(own, (end - begin) * stride)
            };
            activate_part(self.function, own);
        });
    }
}

struct Each<'a> {
    stage: &'a Affine,
    source: &'a [f32],
    other: Option<&'a [f32]>,
    target: Shared,
    items: (usize, usize),
}

impl Work for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let rows = self.stage.rows;
        for item in self.items.0..self.items.1 {
            let own = item * rows.stride;
            let other = match self.stage.join {
                Some(Join::MultiplyMaps) => item / rows.positions * rows.stride,
                _ => own,
            };
            for at in (0..rows.stride).step_by(S::WIDTH) {
                // SAFETY: items lie within the layouts; `at` is within a row of whole registers.
                unsafe {
                    let mut x = S::load(self.source.as_ptr().add(own + at));
                    if let Some([scale, shift]) = &self.stage.factors {
                        let scale = S::load(scale.values().as_ptr().add(at));
                        let shift = S::load(shift.values().as_ptr().add(at));
                        x = S::fma(x, scale, shift);
                    }
                    if let Some(values) = self.other {
                        let y = S::load(values.as_ptr().add(other + at));
                        x = match self.stage.join {
                            Some(Join::Add) | None => S::add(x, y),
                            Some(Join::Multiply | Join::MultiplyMaps) => S::mul(x, y),
                        };
                    }
                    S::store(self.target.at().add(own + at), x);
                }
            }
        }
    }
}
