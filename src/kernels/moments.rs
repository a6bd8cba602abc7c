//! Mean and variance of channels.

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::buffer::values;
use super::extension::{Keeps, Kernel, Pass};
use super::lanes::{LANES, Layout};
use super::simd::{Simd, Work, with_simd_here};
use super::sums::{over_rows, reduce};

with_simd_here!();

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
        let count = (self.batch * layout.positions).max(1) as f64;
        // Sums of squares are taken around a value of the channel, which is near the mean.
        let pivots: Vec<f32> = (0..layout.channels)
            .map(|channel| x[channel * LANES])
            .collect();
        let [sums, squares] = reduce(layout, |rows, sums| {
            with_simd(Deviations {
                moments: self,
                x,
                pivots: &pivots,
                rows,
                sums,
            });
        });
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
        Keeps::NOTHING
    }
}

/// Returns one for each image of the block that a row lies in, zero for lanes without; nothing if
/// all lanes have one.
#[inline(always)]
pub(super) fn mask(batch: usize, layout: Layout, row: usize) -> Option<[f32; LANES]> {
    let images = batch.saturating_sub(row / layout.positions * LANES);
    (images < LANES).then(|| std::array::from_fn(|lane| if lane < images { 1.0 } else { 0.0 }))
}

/// Puts zeros where a lane has no image.
///
/// SAFETY: the caller has enabled the set, and `lane` is within `LANES`.
#[inline(always)]
pub(super) unsafe fn masked<S: Simd>(mask: Option<&[f32; LANES]>, lane: usize, x: S::V) -> S::V {
    match mask {
        // SAFETY: the caller's.
        Some(mask) => unsafe {
            let zero = S::splat(0.0);
            S::if_greater(S::load(mask.as_ptr().add(lane)), zero, x, zero)
        },
        None => x,
    }
}

/// Sums up the deviations from the pivots, and their squares.
struct Deviations<'a> {
    moments: &'a Moments,
    x: &'a [f32],
    pivots: &'a [f32],
    rows: (usize, usize),
    /// Deviations, and squares.
    sums: &'a mut [Vec<f32>; 2],
}

impl Work for Deviations<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Moments { batch, layout } = *self.moments;
        // SAFETY: rows and channels lie within the layout, which is that of the values.
        unsafe {
            over_rows::<S, 2>(
                (batch, layout),
                self.rows,
                self.sums,
                |place, [sum, square]| {
                    let x = S::load(self.x.as_ptr().add(place.at));
                    let away = S::sub(x, S::splat(self.pivots[place.channel]));
                    let away = masked::<S>(place.mask, place.lane, away);
                    [S::add(sum, away), S::fma(away, away, square)]
                },
            );
        }
    }
}
