//! Smooth random displacements.

use crate::config::Elastic;
use crate::random::Random;

/// Displacements of every pixel, down and to the right.
///
/// # Reference
/// Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks applied to visual document
/// analysis".
#[derive(Default)]
pub(super) struct Field {
    fields: [Vec<f32>; 2],
    smoothed: Vec<f32>,
    weights: Vec<f32>,
}

impl Field {
    /// Draws displacements from −1 to 1, smooths them and multiplies them by α.
    pub(super) fn draw(&mut self, mut random: Random, size: [usize; 2], elastic: Elastic) {
        let count = size[0] * size[1];
        for field in &mut self.fields {
            field.clear();
            field.extend((0..count).map(|_| (2.0 * random.unit() - 1.0) as f32));
        }
        self.smooth(size, elastic);
    }

    /// Returns the displacement of the pixel at a place.
    pub(super) fn displacement(&self, at: usize) -> [f32; 2] {
        let [down, right] = &self.fields;
        [down[at], right[at]]
    }

    /// Smooths with a Gaussian cut off at four deviations, 0 around the picture, and multiplies by α.
    ///
    /// # Reference
    /// `scipy.ndimage.gaussian_filter(field, sigma, mode="constant") * alpha`.
    fn smooth(&mut self, [height, width]: [usize; 2], elastic: Elastic) {
        self.weigh(elastic.sigma);
        let alpha = elastic.alpha as f32;
        for field in &mut self.fields {
            // Down the columns, a row at a time, so that neighbours in memory are worked on together.
            self.smoothed.clear();
            self.smoothed.resize(field.len(), 0.0);
            let lines = self.smoothed.chunks_exact_mut(width.max(1));
            for (row, line) in lines.enumerate() {
                let reach = self.weights.len() - 1;
                for other in row.saturating_sub(reach)..height.min(row + reach + 1) {
                    let weight = self.weights[row.abs_diff(other)];
                    let source = &field[other * width..(other + 1) * width];
                    for (target, value) in line.iter_mut().zip(source) {
                        *target += weight * value;
                    }
                }
            }
            let lines = self.smoothed.chunks_exact(width.max(1));
            for (source, target) in lines.zip(field.chunks_exact_mut(width.max(1))) {
                smooth_line(source, &self.weights, alpha, target);
            }
        }
    }

    /// Works out half of the Gaussian, from its middle on.
    fn weigh(&mut self, sigma: f64) {
        let radius = (4.0 * sigma + 0.5) as usize;
        let weight = |distance: usize| {
            let distance = distance as f64 / sigma;
            (-0.5 * distance * distance).exp()
        };
        let sides: f64 = (1..=radius).map(weight).sum();
        let total = 1.0 + 2.0 * sides;
        self.weights.clear();
        self.weights
            .extend((0..=radius).map(|distance| (weight(distance) / total) as f32));
    }
}

fn smooth_line(source: &[f32], weights: &[f32], factor: f32, target: &mut [f32]) {
    let (middle, sides) = weights.split_first().unwrap_or((&0.0, &[]));
    for (target, value) in target.iter_mut().zip(source) {
        *target = middle * value;
    }
    for (distance, weight) in (1..source.len()).zip(sides) {
        // Each pixel gets its neighbour on either side.
        for (target, value) in target.iter_mut().skip(distance).zip(source) {
            *target += weight * value;
        }
        for (target, value) in target.iter_mut().zip(source.iter().skip(distance)) {
            *target += weight * value;
        }
    }
    for target in target {
        *target *= factor;
    }
}

#[cfg(test)]
impl Field {
    /// Smooths given displacements: all downwards, then all to the right.
    pub(super) fn of(displacements: &[f32], size: [usize; 2], elastic: Elastic) -> Self {
        let mut field = Self::default();
        let (down, right) = displacements.split_at(size[0] * size[1]);
        field.fields = [down.to_vec(), right.to_vec()];
        field.smooth(size, elastic);
        field
    }
}
