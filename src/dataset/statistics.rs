//! Figures over the samples of a split.

use super::preprocess::{BorderMean, Preprocessing};
use super::samples::{Samples, Values};
use crate::diagnostic::Result;

/// How many samples tell the border of those that are decoded each time they are asked for.
const BORDER_SAMPLES: usize = 256;

/// Returns the mean raw value of the border pixels; 0 if there are none.
pub(super) fn border_mean(samples: &Samples) -> Result<f32> {
    let mut border = BorderMean::new(samples.shape());
    let step = if samples.is_streamed() {
        samples.len().div_ceil(BORDER_SAMPLES).max(1)
    } else {
        1
    };
    for index in (0..samples.len()).step_by(step) {
        if let Some(Values::Bytes(bytes)) = samples.values(index)? {
            border.add(&bytes);
        }
    }
    Ok(border.mean())
}

/// Puts the samples' own mean and standard deviation, a pair for each channel, into the preprocessing.
///
/// A channel of one value throughout gets the deviation 1.
///
/// # Errors
/// When the file of a sample cannot be decoded.
pub fn normalize_by(samples: &Samples, preprocessing: &mut Preprocessing) -> Result<()> {
    let moments = moments(samples)?;
    let rescale = f64::from(preprocessing.rescale);
    preprocessing.mean = moments
        .iter()
        .map(|moments| (moments.mean() * rescale) as f32)
        .collect();
    preprocessing.std = moments
        .iter()
        .map(|moments| moments.deviation() * rescale)
        .map(|deviation| {
            if deviation > 0.0 {
                deviation as f32
            } else {
                1.0
            }
        })
        .collect();
    Ok(())
}

/// Mean and deviation of raw values.
#[derive(Clone, Debug, Default)]
struct Moments {
    /// How often each byte occurs.
    bytes: Vec<u64>,
    count: u64,
    mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
}

impl Moments {
    fn add_bytes(&mut self, bytes: &[u8]) {
        self.bytes.resize(256, 0);
        for byte in bytes {
            self.bytes[usize::from(*byte)] += 1;
        }
    }

    /// Adds values one by one, without the loss of precision that sums of squares bring.
    ///
    /// # Reference
    /// Welford, "Note on a method for calculating corrected sums of squares and products".
    fn add_times(&mut self, value: f64, times: u64) {
        if times == 0 {
            return;
        }
        self.count += times;
        let distance = value - self.mean;
        self.mean += distance * times as f64 / self.count as f64;
        self.squares += distance * (value - self.mean) * times as f64;
    }

    fn finish(mut self) -> Self {
        for (byte, times) in std::mem::take(&mut self.bytes).into_iter().enumerate() {
            self.add_times(byte as f64, times);
        }
        self
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn deviation(&self) -> f64 {
        (self.squares / self.count.max(1) as f64).sqrt()
    }
}

fn moments(samples: &Samples) -> Result<Vec<Moments>> {
    let channels = samples.shape().first().copied().unwrap_or(0);
    let plane_len = (samples.sample_len() / channels.max(1)).max(1);
    let mut moments = vec![Moments::default(); channels];
    for index in 0..samples.len() {
        match samples.values(index)? {
            Some(Values::Bytes(bytes)) => {
                for (moments, plane) in moments.iter_mut().zip(bytes.chunks_exact(plane_len)) {
                    moments.add_bytes(plane);
                }
            }
            Some(Values::Floats(floats)) => {
                for (moments, plane) in moments.iter_mut().zip(floats.chunks_exact(plane_len)) {
                    for value in plane {
                        moments.add_times(f64::from(*value), 1);
                    }
                }
            }
            None => {}
        }
    }
    Ok(moments.into_iter().map(Moments::finish).collect())
}
