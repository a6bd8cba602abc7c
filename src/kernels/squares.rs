//! Sums of squares: one pass over each tensor, in 64 bits.

use burn::backend::flex::Flex;
use burn::tensor::Tensor;

use super::buffer::{contiguous, values};
use super::lanes::LANES;
use super::parallel::map_ranges;
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Returns the sum of the squares of a tensor's values, on the flex device.
///
/// # Panics
/// If the tensor lies on another device.
#[must_use]
pub fn sum_of_squares(tensor: Tensor<1>) -> f64 {
    let tensor = match tensor.try_into_primitive::<Flex>() {
        Ok(tensor) => contiguous(tensor),
        Err(error) => unreachable!("kernels see the flex device alone: {error:?}"),
    };
    let values = values(&tensor);
    let parts = map_ranges(values.len(), AT_ONCE, |begin, end| {
        with_simd(Squares(&values[begin..end]))
    });
    parts.into_iter().sum()
}

/// Values that a thread takes at a time.
const AT_ONCE: usize = 1 << 16;

/// The sum of the squares of some values; the same bits with any instructions, which the compiler finds by itself.
struct Squares<'a>(&'a [f32]);

impl Work for Squares<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self) -> f64 {
        let mut sums = [0.0; LANES];
        let (whole, rest) = self.0.as_chunks::<LANES>();
        for values in whole {
            for lane in 0..LANES {
                let value = f64::from(values[lane]);
                sums[lane] += value * value;
            }
        }
        for (sum, value) in sums.iter_mut().zip(rest) {
            *sum += f64::from(*value) * f64::from(*value);
        }
        sums.into_iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn every_value_counts_once_and_none_is_too_large() {
        for length in [0, 1, 15, 16, 17, 3 * AT_ONCE + 5] {
            let values: Vec<f32> = (0..length).map(|at| (at % 7) as f32 * 1e25).collect();
            let expected = values.iter().map(|value| f64::from(*value).powi(2));
            let expected: f64 = expected.sum();
            let tensor = Tensor::from_data(TensorData::new(values, [length]), &Device::flex());
            let sum = sum_of_squares(tensor);
            assert!((sum - expected).abs() <= 1e-12 * expected, "{length}");
        }
    }
}
