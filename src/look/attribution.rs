//! Gradients of a logit at the input: saliency, `SmoothGrad`, integrated gradients.

use super::Subject;
use crate::diagnostic::Result;
use crate::random::{Purpose, Random};

/// Inputs of one pass.
const BATCH: usize = 16;

/// Returns the size of the gradient at each pixel, the largest over channels.
pub(super) fn saliency(subject: &Subject<'_>, class: usize) -> Result<Vec<f64>> {
    let gradient = subject.at_inputs(subject.picture.input.clone(), class)?;
    let gradient: Vec<f64> = gradient.into_iter().map(f64::from).collect();
    Ok(largest(&gradient, subject.area()))
}

/// Returns the same of the mean gradient over inputs with noise.
pub(super) fn smooth_grad(
    subject: &Subject<'_>,
    class: usize,
    samples: usize,
    noise: f64,
    seed: u64,
) -> Result<Vec<f64>> {
    let input = &subject.picture.input;
    let bounds = input
        .iter()
        .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| {
            [low.min(*value), high.max(*value)]
        });
    let deviation = noise * f64::from(bounds[1] - bounds[0]);
    let noisy = |sample: usize| {
        let mut random = Random::new(Purpose::Noise, &[seed, sample as u64]);
        let values = input.iter();
        values
            .map(|value| (f64::from(*value) + deviation * random.normal()) as f32)
            .collect()
    };
    let mean = mean_gradient(subject, class, samples, noisy)?;
    Ok(largest(&mean, subject.area()))
}

/// Returns each pixel's share in the logit's difference from that of a black picture, summed over channels, and that
/// difference.
pub(super) fn integrated(
    subject: &Subject<'_>,
    class: usize,
    steps: usize,
) -> Result<(Vec<f64>, f64)> {
    let [input, black] = [&subject.picture.input, &subject.picture.black];
    let between = |step: usize| {
        let part = (step as f64 + 0.5) / steps as f64;
        let values = input.iter().zip(black);
        values
            .map(|(to, from)| {
                let [from, to] = [from, to].map(|value| f64::from(*value));
                (from + part * (to - from)) as f32
            })
            .collect()
    };
    let mean = mean_gradient(subject, class, steps, between)?;
    let area = subject.area();
    let mut map = vec![0.0; area];
    for (place, gradient) in mean.iter().enumerate() {
        map[place % area] += gradient * f64::from(input[place] - black[place]);
    }
    let logits = subject.logits(&[input.as_slice(), black].concat())?;
    let of = |row: usize| {
        logits
            .chunks(logits.len() / 2)
            .nth(row)
            .map(|row| row[class])
    };
    let difference = of(0)
        .zip(of(1))
        .map_or(0.0, |(own, none)| f64::from(own - none));
    Ok((map, difference))
}

/// Returns the mean gradient over inputs.
fn mean_gradient(
    subject: &Subject<'_>,
    class: usize,
    count: usize,
    input: impl Fn(usize) -> Vec<f32>,
) -> Result<Vec<f64>> {
    let size = subject.picture.input.len();
    let mut sum = vec![0.0; size];
    for first in (0..count).step_by(BATCH) {
        let inputs = (first..count.min(first + BATCH)).flat_map(&input).collect();
        let gradients = subject.at_inputs(inputs, class)?;
        for (place, gradient) in gradients.into_iter().enumerate() {
            sum[place % size] += f64::from(gradient);
        }
    }
    Ok(sum.into_iter().map(|sum| sum / count as f64).collect())
}

/// Returns the largest size over channels, pixel by pixel.
fn largest(values: &[f64], area: usize) -> Vec<f64> {
    let mut map = vec![0.0_f64; area];
    for (place, value) in values.iter().enumerate() {
        map[place % area] = map[place % area].max(value.abs());
    }
    map
}
