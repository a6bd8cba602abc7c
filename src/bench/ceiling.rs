//! What the machine can do: products of matrices.

use std::time::Instant;

use burn::tensor::{Device, Tensor};

use super::repeat;
use crate::diagnostic::Result;
use crate::measure::wait;

/// Seconds that the products are repeated for.
const SECS: f64 = 0.3;

/// Seconds that one product takes at least, so that its threads come to their full work.
const ENOUGH_SECS: f64 = 0.005;

/// Rows of the smallest and the largest matrix.
const SIDES: [usize; 2] = [96, 1536];

/// Returns the fastest that Burn multiplies two square matrices of single-precision numbers on the
/// device, in GFLOP/s: what the layers are held against, not the peak of the processor's sheet.
///
/// # Errors
/// When the device fails.
pub(super) fn sgemm_gflops(device: &Device) -> Result<f64> {
    let [mut side, largest] = SIDES;
    while side < largest && fastest(side, 0.0, device)? < ENOUGH_SECS {
        side *= 2;
    }
    let secs = fastest(side, SECS, device)?;
    Ok(2.0 * (side as f64).powi(3) / secs.max(f64::MIN_POSITIVE) / 1e9)
}

/// Returns the seconds of the fastest of some products.
fn fastest(side: usize, secs: f64, device: &Device) -> Result<f64> {
    let matrix = Tensor::<2>::ones([side, side], device);
    let times = repeat(secs, 3, || {
        let begin = Instant::now();
        let product = matrix.clone().matmul(matrix.clone());
        wait(device)?;
        let secs = begin.elapsed().as_secs_f64();
        drop(product);
        Ok(secs)
    })?;
    Ok(times.into_iter().fold(f64::INFINITY, f64::min))
}
