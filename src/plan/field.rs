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
    /// Where the first output begins to see: before the input's first pixel by what padding adds.
    start: Vec<f64>,
    /// The map that the next layer slides over; it outlives `flatten`.
    map: Vec<usize>,
}

/// The largest size that is counted exactly.
const LIMIT: f64 = 9_007_199_254_740_992.0;

/// What a layer does to a field in one dimension, counted in neighbours on the map before it.
struct Growth {
    shift: f64,
    reach: f64,
    factor: f64,
}

impl Field {
    pub(super) fn of_input(input: &[usize]) -> Self {
        let map = input.get(1..).unwrap_or_default().to_vec();
        Self {
            size: vec![1.0; map.len()],
            jump: vec![1.0; map.len()],
            start: vec![0.0; map.len()],
            map,
        }
    }

    /// Returns the input pixels that an output sees, first and one past the last for each dimension; less than the whole
    /// size at an edge.
    #[must_use]
    pub fn seen(&self, at: &[usize], input: &[usize]) -> Vec<[usize; 2]> {
        let extents = input.get(1..).unwrap_or_default();
        let sides = self.size.iter().zip(&self.jump).zip(&self.start);
        sides
            .zip(at)
            .zip(extents)
            .map(|((((size, jump), start), at), extent)| {
                let first = start + *at as f64 * jump;
                let inside = |pixel: f64| pixel.clamp(0.0, *extent as f64) as usize;
                // Ten steps of a tenth of a pixel are one pixel, whatever floats make of them.
                let first = (first + 1e-6).floor();
                [inside(first), inside((first + size - 1e-6).ceil())]
            })
            .collect()
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

    /// Returns the field after each dimension began to see `shift` neighbours later, saw `reach` neighbours more, and a jump
    /// became `factor` times as long; nothing beyond what is counted exactly.
    fn grown(&self, grow: impl Iterator<Item = Growth>, map: &[usize]) -> Option<Self> {
        let mut next = self.clone();
        next.map = map.to_vec();
        let sides = next.size.iter_mut().zip(&mut next.jump);
        for (((size, jump), start), growth) in sides.zip(&mut next.start).zip(grow) {
            *start += growth.shift * *jump;
            *size += growth.reach * *jump;
            *jump *= growth.factor;
            if *size > LIMIT || *jump > LIMIT || start.abs() > LIMIT {
                return None;
            }
        }
        Some(next)
    }

    /// Returns the field after a window; nothing on overflow.
    pub(super) fn after_windows(
        &self,
        windows: &[Window],
        padding: &[[usize; 2]],
        map: &[usize],
    ) -> Option<Self> {
        let extents: Option<Vec<usize>> = windows.iter().map(|window| window.extent()).collect();
        let grow = extents?.into_iter().zip(windows).zip(padding);
        let grow = grow.map(|((extent, window), [before, _])| Growth {
            shift: -(*before as f64),
            reach: (extent - 1) as f64,
            factor: window.stride as f64,
        });
        self.grown(grow, map)
    }

    /// Returns the field after a transposed window, whose outputs each see ⌈extent / stride⌉ inputs; `cut` is what is taken
    /// away of its outputs.
    pub(super) fn after_transposed(
        &self,
        windows: &[Window],
        cut: &[[usize; 2]],
        map: &[usize],
    ) -> Option<Self> {
        let extents: Option<Vec<usize>> = windows.iter().map(|window| window.extent()).collect();
        let grow = extents?.into_iter().zip(windows).zip(cut);
        let grow = grow.map(|((extent, window), [before, _])| {
            let stride = window.stride as f64;
            Growth {
                shift: ((*before as f64 - (extent - 1) as f64) / stride).ceil(),
                reach: (extent.div_ceil(window.stride) - 1) as f64,
                factor: 1.0 / stride,
            }
        });
        self.grown(grow, map)
    }

    /// Returns the field after maps were made larger, from `seen` neighbours each.
    pub(super) fn after_upsample(&self, scale: &[usize], seen: f64, map: &[usize]) -> Option<Self> {
        let grow = scale.iter().map(|scale| {
            let reach = if *scale > 1 { seen - 1.0 } else { 0.0 };
            Growth {
                shift: -(reach / 2.0).ceil(),
                reach,
                factor: 1.0 / *scale as f64,
            }
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
        let grow = widths.iter().zip(steps).map(|(width, factor)| Growth {
            shift: 0.0,
            reach: (*width - 1) as f64,
            factor,
        });
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

    /// Returns the field after so many neighbours were put before each dimension, or taken away where negative.
    pub(super) fn shifted(&self, before: impl Iterator<Item = f64>, map: &[usize]) -> Option<Self> {
        let grow = before.map(|before| Growth {
            shift: -before,
            reach: 0.0,
            factor: 1.0,
        });
        self.grown(grow, map)
    }

    /// Returns the field of a value that sees the whole map.
    pub(super) fn of_whole_map(&self) -> Option<Self> {
        let grow = self.map.iter().map(|extent| Growth {
            shift: 0.0,
            reach: (extent.saturating_sub(1)) as f64,
            factor: 1.0,
        });
        self.grown(grow, &vec![1; self.map.len()])
    }

    /// Returns the field of a value made of two: the larger, the longest path.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let larger = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a.max(*b)).collect();
        let smaller = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a.min(*b)).collect();
        Self {
            size: larger(&self.size, &other.size),
            jump: larger(&self.jump, &other.jump),
            start: smaller(&self.start, &other.start),
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
    fn an_output_sees_its_pixels_and_none_outside() {
        // LeNet-5's C1, S2 and C3, the first with padding.
        let window = |size, stride| Window {
            size,
            stride,
            dilation: 1,
        };
        let field = Field::of_input(&[1, 28]);
        let field = field
            .after_windows(&[window(5, 1)], &[[2, 2]], &[28])
            .unwrap();
        assert_eq!(field.seen(&[0], &[1, 28]), [[0, 3]]);
        assert_eq!(field.seen(&[27], &[1, 28]), [[25, 28]]);
        let field = field
            .after_windows(&[window(2, 2)], &[[0, 0]], &[14])
            .unwrap();
        assert_eq!(field.seen(&[3], &[1, 28]), [[4, 10]]);
        let field = field
            .after_windows(&[window(5, 1)], &[[0, 0]], &[10])
            .unwrap();
        assert_eq!(field.seen(&[4], &[1, 28]), [[6, 20]]);
        let wider = field.after_upsample(&[2], 1.0, &[20]).unwrap();
        assert_eq!(wider.seen(&[8], &[1, 28]), [[6, 20]]);
        assert_eq!(
            field.of_whole_map().unwrap().seen(&[0], &[1, 28]),
            [[0, 28]]
        );
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
            field = field.after_windows(&[window], &[[0, 0]], &[49]).unwrap();
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
        let next = field.after_windows(&[window], &[[0, 0]], &[26]).unwrap();
        assert_eq!(next.size(), [28, 28]);
    }
}
