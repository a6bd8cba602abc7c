//! Where a sample lies in the network's input, with zeros around it.

use super::preprocess::{Preprocessing, Table};

/// The size of a sample once padded, and where the sample lies in it.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    /// Channels and extents of the sample.
    shape: Vec<usize>,
    /// The extents with padding.
    padded: Vec<usize>,
    /// Zeros before the values along each dimension.
    before: Vec<usize>,
}

impl Canvas {
    pub(super) fn new(preprocessing: &Preprocessing) -> Self {
        let padded = preprocessing.input_shape();
        let before = preprocessing.padding.iter().map(|[before, _]| *before);
        Self {
            shape: preprocessing.shape.clone(),
            before: before.chain([0; 3]).take(padded.len().max(1) - 1).collect(),
            padded: padded.get(1..).unwrap_or_default().to_vec(),
        }
    }

    /// Returns the extent of the last dimension with padding.
    pub(super) fn width(&self) -> usize {
        self.padded.last().copied().unwrap_or(1)
    }

    /// Returns the number of values of one channel.
    pub(super) fn plane_len(&self) -> usize {
        self.padded.iter().product()
    }

    /// Returns the number of values of all channels.
    pub(super) fn len(&self) -> usize {
        self.shape.first().copied().unwrap_or(0) * self.plane_len()
    }

    /// Returns the number of values of one channel of the sample.
    fn sample_plane_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// Writes each value of a channel, mapped, where it belongs in the padded channel.
    pub(super) fn place<T: Copy, U>(&self, plane: &[T], map: impl Fn(T) -> U, out: &mut [U]) {
        let extents = self.shape.get(1..).unwrap_or_default();
        let width = extents.last().copied().unwrap_or(1);
        for (line, source) in plane.chunks_exact(width.max(1)).enumerate() {
            let start = self.line_start(line, extents);
            let target = out.get_mut(start..start + width).unwrap_or_default();
            for (target, value) in target.iter_mut().zip(source) {
                *target = map(*value);
            }
        }
    }

    /// Returns where a line along the last dimension begins in the padded channel.
    fn line_start(&self, mut line: usize, extents: &[usize]) -> usize {
        let last = extents.len().max(1) - 1;
        let (mut start, mut stride) = (self.before.get(last).copied().unwrap_or(0), self.width());
        for dimension in (0..last).rev() {
            let extent = extents[dimension].max(1);
            start += (line % extent + self.before[dimension]) * stride;
            stride *= self.padded[dimension];
            line /= extent;
        }
        start
    }

    /// Pads and normalizes bytes into `out`, which holds [`len`](Self::len) values.
    pub(super) fn normalize(&self, sample: &[u8], table: &Table, out: &mut [f32]) {
        self.each_channel(sample, out, |channel, plane, target| {
            let table = &table[channel];
            if plane.len() != target.len() {
                target.fill(table[0]);
            }
            self.place(plane, |value| table[usize::from(value)], target);
        });
    }

    /// Pads and normalizes floats into `out`, which holds [`len`](Self::len) values.
    pub(super) fn normalize_floats(
        &self,
        sample: &[f32],
        preprocessing: &Preprocessing,
        out: &mut [f32],
    ) {
        self.each_channel(sample, out, |channel, plane, target| {
            if plane.len() != target.len() {
                target.fill(preprocessing.normalize(channel, 0.0));
            }
            self.place(
                plane,
                |value| preprocessing.normalize(channel, value),
                target,
            );
        });
    }

    fn each_channel<T>(
        &self,
        sample: &[T],
        out: &mut [f32],
        work: impl Fn(usize, &[T], &mut [f32]),
    ) {
        let planes = sample.chunks_exact(self.sample_plane_len().max(1));
        let targets = out.chunks_exact_mut(self.plane_len().max(1));
        for (channel, (plane, target)) in planes.zip(targets).enumerate() {
            work(channel, plane, target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::picture::tests::preprocessing;

    #[test]
    fn padding_places_the_picture_and_normalizes_zeros() {
        let mut preprocessing = preprocessing(1, 2, 2);
        preprocessing.rescale = 1.0;
        preprocessing.mean = vec![1.0];
        preprocessing.padding = vec![[1, 0], [0, 2]];
        let canvas = Canvas::new(&preprocessing);
        let mut out = vec![0.0; canvas.len()];
        canvas.normalize(&[5, 6, 7, 8], &preprocessing.table(1), &mut out);
        let expected = [
            -1.0, -1.0, -1.0, -1.0, //
            4.0, 5.0, -1.0, -1.0, //
            6.0, 7.0, -1.0, -1.0,
        ];
        assert_eq!(out, expected);
        preprocessing.padding = vec![[1, 1], [0, 0]];
        let canvas = Canvas::new(&preprocessing);
        let mut out = vec![0.0; canvas.len()];
        canvas.normalize(&[5, 6, 7, 8], &preprocessing.table(1), &mut out);
        assert_eq!(out, [-1.0, -1.0, 4.0, 5.0, 6.0, 7.0, -1.0, -1.0]);
    }

    #[test]
    fn signals_and_volumes_are_padded_too() {
        let mut preprocessing = preprocessing(1, 1, 1);
        preprocessing.rescale = 1.0;
        preprocessing.shape = vec![2, 2];
        preprocessing.padding = vec![[1, 2]];
        let canvas = Canvas::new(&preprocessing);
        let mut out = vec![9.0; canvas.len()];
        canvas.normalize_floats(&[1.0, 2.0, 3.0, 4.0], &preprocessing, &mut out);
        assert_eq!(out, [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
        preprocessing.shape = vec![1, 2, 1, 2];
        preprocessing.padding = vec![[0, 1], [1, 0], [0, 1]];
        let canvas = Canvas::new(&preprocessing);
        let mut out = vec![9.0; canvas.len()];
        canvas.normalize(&[1, 2, 3, 4], &preprocessing.table(1), &mut out);
        let expected = [
            [0.0, 0.0, 0.0, 1.0, 2.0, 0.0],
            [0.0, 0.0, 0.0, 3.0, 4.0, 0.0],
            [0.0; 6],
        ];
        assert_eq!(out, expected.concat());
    }
}
