//! Receptive fields.

use crate::shape::Window;

/// Receptive field of a layer's outputs, per dimension of the input.
///
/// Fractions arise where maps are made larger: two outputs then share an input pixel.
///
/// # Reference
/// Araujo, Norris & Sim, "Computing receptive fields of convolutional neural networks",
/// Distill 2019.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Input pixels that one output value sees.
    size: Vec<f64>,
    /// Input pixels between two neighbouring outputs.
    jump: Vec<f64>,
    /// The map that the next layer slides over; it outlives `flatten`.
    map: Vec<usize>,
}

/// The largest size that is counted exactly.
const LIMIT: f64 = 9_007_199_254_740_992.0;

impl Field {
    pub(super) fn of_input(input: &[usize]) -> Self {
        let map = input.get(1..).unwrap_or_default().to_vec();
        Self {
            size: vec![1.0; map.len()],
            jump: vec![1.0; map.len()],
            map,
        }
    }

    /// Returns the pixels that one output value sees, whole pixels.
    #[must_use]
    pub fn size(&self) -> Vec<u64> {
        // Ten steps of a tenth of a pixel are one pixel, whatever floats make of them.
        let whole = |size: &f64| (size - 1e-6).ceil() as u64;
        self.size.iter().map(whole).collect()
    }

    /// Returns the pixels that one output value sees, with the parts of pixels that arise where
    /// maps were made larger.
    #[must_use]
    pub fn exact_size(&self) -> &[f64] {
        &self.size
    }

    /// Returns the pixels between two neighbouring outputs.
    #[must_use]
    pub fn jump(&self) -> &[f64] {
        &self.jump
    }

    /// Returns the field after each dimension saw `reach` neighbours more, and a jump `factor`
    /// times as long; nothing beyond what is counted exactly.
    fn grown(&self, grow: impl Iterator<Item = (f64, f64)>, map: &[usize]) -> Option<Self> {
        let mut next = self.clone();
        next.map = map.to_vec();
        for ((size, jump), (reach, factor)) in next.size.iter_mut().zip(&mut next.jump).zip(grow) {
            *size += reach * *jump;
            *jump *= factor;
            if *size > LIMIT || *jump > LIMIT {
                return None;
            }
        }
        Some(next)
    }

    /// Returns the field after a window; nothing on overflow.
    pub(super) fn after_windows(&self, windows: &[Window], map: &[usize]) -> Option<Self> {
        let extents: Option<Vec<usize>> = windows.iter().map(|window| window.extent()).collect();
        let grow = extents?.into_iter().zip(windows);
        let grow = grow.map(|(extent, window)| ((extent - 1) as f64, window.stride as f64));
        self.grown(grow, map)
    }

    /// Returns the field after a transposed window, whose outputs each see ⌈extent / stride⌉ inputs.
    pub(super) fn after_transposed(&self, windows: &[Window], map: &[usize]) -> Option<Self> {
        let extents: Option<Vec<usize>> = windows.iter().map(|window| window.extent()).collect();
        let grow = extents?.into_iter().zip(windows).map(|(extent, window)| {
            let seen = extent.div_ceil(window.stride);
            ((seen - 1) as f64, 1.0 / window.stride as f64)
        });
        self.grown(grow, map)
    }

    /// Returns the field after maps were made larger, from `seen` neighbours each.
    pub(super) fn after_upsample(&self, scale: &[usize], seen: f64, map: &[usize]) -> Option<Self> {
        let grow = scale.iter().map(|scale| {
            let reach = if *scale > 1 { seen - 1.0 } else { 0.0 };
            (reach, 1.0 / *scale as f64)
        });
        self.grown(grow, map)
    }

    /// Returns the field after windows of `widths` that bring maps of one size to another.
    pub(super) fn after_adaptive(
        &self,
        widths: &[usize],
        from: &[usize],
        to: &[usize],
    ) -> Option<Self> {
        let steps = from
            .iter()
            .zip(to)
            .map(|(from, to)| *from as f64 / *to as f64);
        let grow = widths.iter().map(|width| (*width - 1) as f64).zip(steps);
        self.grown(grow, to)
    }

    /// Returns the field of values that may come from anywhere, so that windows over them see no
    /// more.
    pub(super) fn of_everything(&self) -> Option<Self> {
        let mut next = self.of_whole_map()?;
        next.jump.fill(0.0);
        Some(next)
    }

    /// Returns the same field over a map of another size.
    pub(super) fn over(&self, map: &[usize]) -> Self {
        Self {
            map: map.to_vec(),
            ..self.clone()
        }
    }

    /// Returns the field of a value that sees the whole map.
    pub(super) fn of_whole_map(&self) -> Option<Self> {
        let grow = self
            .map
            .iter()
            .map(|extent| ((extent.saturating_sub(1)) as f64, 1.0));
        self.grown(grow, &vec![1; self.map.len()])
    }

    /// Returns the field of a value made of two: the larger, the longest path.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let larger = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a.max(*b)).collect();
        Self {
            size: larger(&self.size, &other.size),
            jump: larger(&self.jump, &other.jump),
            map: self.map.clone(),
        }
    }

    /// Returns whether the field covers the whole input.
    #[must_use]
    pub fn is_full(&self, input: &[usize]) -> bool {
        let extents = input.get(1..).unwrap_or_default();
        let covers = |(size, extent): (&f64, &usize)| *size >= *extent as f64;
        self.size.iter().zip(extents).all(covers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adaptive_pool_steps_by_the_ratio_of_its_sizes() {
        let field = Field::of_input(&[1, 28]);
        let larger = field.after_adaptive(&[2], &[28], &[40]).unwrap();
        assert_eq!(larger.size(), [2]);
        let smaller = larger.after_adaptive(&[8], &[40], &[5]).unwrap();
        assert_eq!(smaller.size(), [7]);
        assert!((smaller.jump()[0] - 5.6).abs() < 1e-12);
    }

    #[test]
    fn tenths_of_pixels_add_up_to_whole_ones() {
        let field = Field::of_input(&[1, 5]);
        let mut field = field.after_upsample(&[10], 1.0, &[50]).unwrap();
        let window = Window {
            size: 2,
            stride: 1,
            dilation: 1,
        };
        for _ in 0..10 {
            field = field.after_windows(&[window], &[49]).unwrap();
        }
        assert_eq!(field.size(), [2]);
    }

    #[test]
    fn windows_over_values_from_anywhere_see_no_more_than_all() {
        let field = Field::of_input(&[1, 28, 28]).of_everything().unwrap();
        let window = Window {
            size: 3,
            stride: 1,
            dilation: 1,
        };
        let next = field.after_windows(&[window], &[26]).unwrap();
        assert_eq!(next.size(), [28, 28]);
    }
}
