//! Padding.

use burn::backend::flex::FlexTensor;

use super::buffer::{unset, values, zeros};
use super::extension::{Keeps, Kernel, Pass};
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, ranges};

/// Positions and channels moved; zeros where nothing comes.
///
/// Inputs: values `[blocks, positions, stride, lanes]`.
#[derive(Debug)]
pub(super) struct Move {
    /// For each position of the output the one of the input; none twice.
    pub(super) positions: Vec<Option<usize>>,
    /// Channels of the output before those of the input.
    pub(super) before: usize,
    pub(super) from: Layout,
    pub(super) to: Layout,
}

/// Positions a thread copies at a time.
const AT_ONCE: usize = 128;

impl Kernel for Move {
    fn forward(&self, inputs: &[FlexTensor]) -> FlexTensor {
        let Self {
            from, to, before, ..
        } = *self;
        let (first, length) = (before * LANES, from.channels * LANES);
        let x = values(&inputs[0]);
        let mut output = unset([to.blocks, to.positions, to.stride, LANES]);
        let y = Shared(output.storage_mut::<f32>().as_mut_ptr());
        let row = to.stride * LANES;
        ranges(to.blocks * to.positions, AT_ONCE, |begin, end| {
            for index in begin..end {
                // SAFETY: each part has its own positions.
                let y = unsafe { std::slice::from_raw_parts_mut(y.at().add(index * row), row) };
                y.fill(0.0);
                let (block, position) = (index / to.positions, index % to.positions);
                if let Some(position) = self.positions[position] {
                    let x = &x[(block * from.positions + position) * from.stride * LANES..];
                    y[first..][..length].copy_from_slice(&x[..length]);
                }
            }
        });
        output
    }

    fn backward(&self, pass: &Pass<'_>) -> Vec<FlexTensor> {
        let Self {
            from, to, before, ..
        } = *self;
        let (first, length) = (before * LANES, from.channels * LANES);
        let g = values(pass.gradient);
        let mut output = zeros([from.blocks, from.positions, from.stride, LANES]);
        let x = Shared(output.storage_mut::<f32>().as_mut_ptr());
        let row = from.stride * LANES;
        ranges(to.blocks * to.positions, AT_ONCE, |begin, end| {
            for index in begin..end {
                let (block, position) = (index / to.positions, index % to.positions);
                if let Some(position) = self.positions[position] {
                    let at = (block * from.positions + position) * row;
                    // SAFETY: no two positions of the output come from one of the input.
                    let x = unsafe { std::slice::from_raw_parts_mut(x.at().add(at), row) };
                    let g = &g[index * to.stride * LANES..];
                    x[..length].copy_from_slice(&g[first..][..length]);
                }
            }
        });
        vec![output]
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
}
