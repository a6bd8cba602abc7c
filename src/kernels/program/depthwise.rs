//! Convolutions with one filter for each channel.

use std::sync::Arc;

use super::{Inputs, Rows, Source, Stage};
use crate::kernels::Function;
use crate::kernels::buffer::Memory;
use crate::kernels::function::activate_part;
use crate::kernels::geometry::{Geometry, OUTSIDE};
use crate::kernels::parallel::{Shared, ranges};
use crate::kernels::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// A filter for each channel, plus a bias, through a function.
#[derive(Debug)]
pub(crate) struct Depthwise {
    geometry: Arc<Geometry>,
    from: Rows,
    to: Rows,
    /// `[taps, stride]`.
    filters: Memory,
    /// `[stride]`.
    bias: Memory,
    function: Function,
}

/// Positions a thread computes at a time.
const AT_ONCE: usize = 128;

impl Depthwise {
    /// Lays out one filter for each channel.
    pub(crate) fn new(
        geometry: Arc<Geometry>,
        rows: Rows,
        source: &Source,
        function: Function,
    ) -> Self {
        let taps = geometry.taps;
        let mut by_tap = Memory::default();
        by_tap.reserve(taps * rows.stride);
        let values = by_tap.values_mut();
        for (channel, filter) in source.values.chunks_exact(taps).enumerate() {
            for (tap, weight) in filter.iter().enumerate() {
                values[tap * rows.stride + channel] = *weight;
            }
        }
        let mut own = Memory::default();
        own.reserve(rows.stride);
        if let Some(bias) = &source.bias {
            own.values_mut()[..bias.len()].copy_from_slice(bias);
        }
        Self {
            from: rows,
            to: Rows::new(geometry.output, rows.channels),
            geometry,
            filters: by_tap,
            bias: own,
            function,
        }
    }
}

impl Stage for Depthwise {
    fn run(&self, images: usize, inputs: Inputs<'_>, output: &mut [f32]) {
        self.from.check(images, inputs.get(0));
        self.to.check(images, output);
        let target = Shared(output.as_mut_ptr());
        ranges(images * self.to.positions, AT_ONCE, |begin, end| {
            with_simd(Slide {
                stage: self,
                source: inputs.get(0),
                target,
                items: (begin, end),
            });
            let stride = self.to.stride;
            // SAFETY: each part has positions of its own.
            let own = unsafe {
                let own = target.at().add(begin * stride);
                std::slice::from_raw_parts_mut(own, (end - begin) * stride)
            };
            activate_part(self.function, own);
        });
    }
}

struct Slide<'a> {
    stage: &'a Depthwise,
    source: &'a [f32],
    target: Shared,
    items: (usize, usize),
}

/// Registers of channels that are summed up side by side.
const TOGETHER: usize = 4;

impl Work for Slide<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let stride = self.stage.to.stride;
        for item in self.items.0..self.items.1 {
            let mut at = 0;
            while at + TOGETHER * S::WIDTH <= stride {
                // SAFETY: items and channels lie within the layouts.
                unsafe { self.sum::<S, TOGETHER>(item, at) };
                at += TOGETHER * S::WIDTH;
            }
            while at < stride {
                // SAFETY: as above; a stride is whole registers.
                unsafe { self.sum::<S, 1>(item, at) };
                at += S::WIDTH;
            }
        }
    }
}

impl Slide<'_> {
    #[inline(always)]
    unsafe fn sum<S: Simd, const V: usize>(&self, item: usize, at: usize) {
        let Depthwise { from, to, .. } = self.stage;
        let phase = &self.stage.geometry.forward.phases[0];
        let (image, place) = (item / to.positions, item % to.positions);
        // SAFETY: the table names positions of the input; `at` is within a row.
        unsafe {
            let mut sums = [S::splat(0.0); V];
            for v in 0..V {
                sums[v] = S::load(self.stage.bias.values().as_ptr().add(at + v * S::WIDTH));
            }
            let source = self.source.as_ptr().add(image * from.values() + at);
            let filters = self.stage.filters.values().as_ptr().add(at);
            for tap in 0..phase.taps.len() {
                let position = *phase.table.as_ptr().add(tap * to.positions + place);
                if position == OUTSIDE {
                    continue;
                }
                let x = source.add(position as usize * from.stride);
                let w = filters.add(tap * from.stride);
                for v in 0..V {
                    let (x, w) = (S::load(x.add(v * S::WIDTH)), S::load(w.add(v * S::WIDTH)));
                    sums[v] = S::fma(x, w, sums[v]);
                }
            }
            for v in 0..V {
                S::store(
                    self.target.at().add(item * to.stride + at + v * S::WIDTH),
                    sums[v],
                );
            }
        }
    }
}
