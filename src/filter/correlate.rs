//! The sliding window: correlation of a plane with a matrix, and pooling.

use rayon::iter::{IndexedParallelIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSliceMut as _;

use super::matrix::Matrix;
use crate::config::{PaddingMode, PoolKind};

/// How a window moves over a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// Rows and columns of the plane.
    pub(super) input: [usize; 2],
    /// Rows and columns around the plane, before its first.
    pub(super) before: [usize; 2],
    /// What stands around the plane.
    pub(super) mode: PaddingMode,
    /// Rows and columns from one place of the window to the next.
    pub(super) stride: [usize; 2],
    /// Rows and columns from one weight to the next.
    pub(super) dilation: usize,
    /// Rows and columns of the result.
    pub(super) output: [usize; 2],
}

/// Correlates a plane with a matrix, which is not flipped: `Σ weight[u, v] · plane[y + u, x + v]`.
///
/// # Reference
/// `scipy.signal.correlate` for zeros, `scipy.ndimage.correlate` for the other modes (`mirror`,
/// `nearest` and `wrap` there).
pub(super) fn correlate(plane: &[f64], matrix: &Matrix, walk: &Walk) -> Vec<f64> {
    let [height, width] = walk.input;
    let [rows, columns] = walk.output;
    let padded_width = (columns - 1) * walk.stride[1] + (matrix.columns - 1) * walk.dilation + 1;
    let sources: Vec<Option<usize>> = (0..padded_width)
        .map(|column| source(walk.mode, column, walk.before[1], width))
        .collect();
    let mut result = vec![0.0; rows * columns];
    let fill = |(row, target): (usize, &mut [f64])| {
        let mut line = vec![0.0; padded_width];
        for (step, weights) in matrix.weights.chunks(matrix.columns).enumerate() {
            let place = row * walk.stride[0] + step * walk.dilation;
            let Some(from) = source(walk.mode, place, walk.before[0], height) else {
                continue;
            };
            let values = &plane[from * width..(from + 1) * width];
            for (target, source) in line.iter_mut().zip(&sources) {
                *target = source.map_or(0.0, |column| values[column]);
            }
            for (step, weight) in weights.iter().enumerate() {
                if *weight != 0.0 {
                    let line = &line[step * walk.dilation..];
                    add_scaled(target, *weight, line, walk.stride[1]);
                }
            }
        }
    };
    result.par_chunks_mut(columns).enumerate().for_each(fill);
    result
}

fn add_scaled(target: &mut [f64], weight: f64, line: &[f64], stride: usize) {
    // The common case apart, which the compiler vectorizes.
    if stride == 1 {
        for (target, value) in target.iter_mut().zip(line) {
            *target += weight * value;
        }
    } else {
        for (target, value) in target.iter_mut().zip(line.iter().step_by(stride)) {
            *target += weight * value;
        }
    }
}

/// Returns which of `len` values stands at a place that counts from the padding on; none is 0.
fn source(mode: PaddingMode, place: usize, before: usize, len: usize) -> Option<usize> {
    let round = |period: usize| (place + period - before % period) % period;
    match mode {
        PaddingMode::Zeros => place.checked_sub(before).filter(|place| *place < len),
        PaddingMode::Replicate => Some(place.saturating_sub(before).min(len - 1)),
        PaddingMode::Circular => Some(round(len)),
        PaddingMode::Reflect if len == 1 => Some(0),
        PaddingMode::Reflect => {
            let period = 2 * (len - 1);
            let place = round(period);
            Some(place.min(period - place))
        }
    }
}

/// Pools a plane; windows that do not fit at the end are left out.
pub(super) fn pool(
    plane: &[f64],
    kind: PoolKind,
    size: [usize; 2],
    stride: [usize; 2],
    [width, rows, columns]: [usize; 3],
) -> Vec<f64> {
    let mut result = vec![0.0; rows * columns];
    let fill = |(row, target): (usize, &mut [f64])| {
        for (column, target) in target.iter_mut().enumerate() {
            let window = (0..size[0]).flat_map(|step| {
                let begin = (row * stride[0] + step) * width + column * stride[1];
                plane[begin..begin + size[1]].iter().copied()
            });
            let count = (size[0] * size[1]) as f64;
            *target = match kind {
                PoolKind::Max => window.fold(f64::NEG_INFINITY, f64::max),
                PoolKind::Min => window.fold(f64::INFINITY, f64::min),
                PoolKind::Sum => window.sum(),
                PoolKind::Avg => window.sum::<f64>() / count,
                PoolKind::L2 => window.map(|value| value * value).sum::<f64>().sqrt(),
            };
        }
    };
    result.par_chunks_mut(columns).enumerate().for_each(fill);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_continues_a_line_as_it_should() {
        let line = |mode, before: usize, len: usize| -> String {
            let name = |place| {
                let letter = source(mode, place, before, len)?;
                char::from_digit(10 + u32::try_from(letter).unwrap(), 36)
            };
            (0..2 * before + len)
                .map(|place| name(place).unwrap_or('0'))
                .collect()
        };
        assert_eq!(line(PaddingMode::Zeros, 2, 3), "00abc00");
        assert_eq!(line(PaddingMode::Replicate, 2, 3), "aaabccc");
        assert_eq!(line(PaddingMode::Circular, 2, 3), "bcabcab");
        assert_eq!(line(PaddingMode::Reflect, 2, 3), "cbabcba");
        assert_eq!(line(PaddingMode::Circular, 5, 2), "babababababa");
        assert_eq!(line(PaddingMode::Reflect, 4, 2), "ababababab");
        assert_eq!(line(PaddingMode::Reflect, 2, 1), "aaaaa");
    }

    #[test]
    fn a_stride_and_a_dilation_skip_values() {
        // 1 2 3 4 5 6 7, weights 1 . 10, two on: 1 + 30, 3 + 50, 5 + 70.
        let plane: Vec<f64> = (1..=7).map(f64::from).collect();
        let matrix = Matrix {
            columns: 2,
            weights: vec![1.0, 10.0],
        };
        let walk = Walk {
            input: [1, 7],
            before: [0, 0],
            mode: PaddingMode::Zeros,
            stride: [1, 2],
            dilation: 2,
            output: [1, 3],
        };
        assert_eq!(correlate(&plane, &matrix, &walk), [31.0, 53.0, 75.0]);
    }

    #[test]
    fn pools_keep_what_their_names_say() {
        let plane = [3.0, 0.0, 1.0, 0.0, 2.0, 0.0, 1.0, 0.0, -4.0];
        let of = |kind| pool(&plane, kind, [2, 2], [1, 1], [3, 2, 2]);
        assert_eq!(of(PoolKind::Max), [3.0, 2.0, 2.0, 2.0]);
        assert_eq!(of(PoolKind::Min), [0.0, 0.0, 0.0, -4.0]);
        assert_eq!(of(PoolKind::Sum), [5.0, 3.0, 3.0, -2.0]);
        assert_eq!(of(PoolKind::Avg), [1.25, 0.75, 0.75, -0.5]);
        let l2 = of(PoolKind::L2);
        assert!((l2[0] - 13_f64.sqrt()).abs() < 1e-12 && (l2[3] - 20_f64.sqrt()).abs() < 1e-12);
        let apart = pool(&plane, PoolKind::Max, [2, 1], [1, 2], [3, 2, 2]);
        assert_eq!(apart, [3.0, 1.0, 1.0, 0.0]);
    }
}
