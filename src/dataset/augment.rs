//! Random changes of training pictures.

use crate::random::{Purpose, Random};

/// Random changes of training pictures; each draw depends on the seed, the epoch and the sample alone.
///
/// The default changes nothing.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Augment {
    /// Greatest shift in whole pixels each way, rows then columns; uniform.
    pub shift: [usize; 2],
    /// Greatest turn in degrees each way; uniform.
    pub rotate: f32,
}

/// What one sample gets in one epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    /// Down, then to the right, in whole pixels.
    pub(super) shift: [i64; 2],
    /// The turn about the centre, counterclockwise; 0 is exact.
    pub(super) angle_radians: f64,
}

impl Augment {
    /// Draws the change of one sample.
    pub(super) fn draw(&self, seed: u64, epoch: u64, sample: u64) -> Change {
        let mut random = Random::new(Purpose::Augment, &[seed, epoch, sample]);
        // All are drawn every time, so that turning one change off leaves the others as they were.
        let shift = self.shift.map(|most| {
            let most = (most as u64).min(1 << 32);
            random.below(2 * most + 1).cast_signed() - most.cast_signed()
        });
        let turn = 2.0 * random.unit() - 1.0;
        let most = if self.rotate > 0.0 { self.rotate } else { 0.0 };
        Change {
            shift,
            angle_radians: (turn * f64::from(most)).to_radians(),
        }
    }
}

/// Copies one plane shifted by whole pixels; what comes from outside is `fill`.
pub(super) fn shift_plane(plane: &[u8], width: usize, shift: [i64; 2], fill: u8, out: &mut [u8]) {
    out.fill(fill);
    let height = plane.len().checked_div(width).unwrap_or(0);
    let [(from_row, to_row), (from_column, to_column)] = shift.map(|by| {
        let distance = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        if by < 0 { (distance, 0) } else { (0, distance) }
    });
    let rows = height.saturating_sub(from_row.max(to_row));
    let columns = width.saturating_sub(from_column.max(to_column));
    if rows == 0 || columns == 0 {
        return;
    }
    let sources = plane.chunks_exact(width).skip(from_row);
    let targets = out.chunks_exact_mut(width).skip(to_row).take(rows);
    for (source, target) in sources.zip(targets) {
        target[to_column..to_column + columns]
            .copy_from_slice(&source[from_column..from_column + columns]);
    }
}

/// Turns one plane about its centre and shifts it, in one bilinear resample; outside is `fill`.
pub(super) fn turn_plane(plane: &[u8], width: usize, change: Change, fill: u8, out: &mut [f32]) {
    let height = plane.len().checked_div(width).unwrap_or(0);
    let centre = [height, width].map(|size| (size as f64 - 1.0) / 2.0);
    let (sine, cosine) = change.angle_radians.sin_cos();
    let fill = f64::from(fill);
    let pair = |row: i64, left: i64| {
        let row = usize::try_from(row).ok().filter(|row| *row < height);
        let Some(line) = row.map(|row| &plane[row * width..(row + 1) * width]) else {
            return [fill; 2];
        };
        [left, left + 1].map(|column| {
            let value = usize::try_from(column)
                .ok()
                .and_then(|column| line.get(column));
            value.map_or(fill, |value| f64::from(*value))
        })
    };
    for (row, line) in out.chunks_exact_mut(width.max(1)).enumerate() {
        let down = row as f64 - change.shift[0] as f64 - centre[0];
        for (column, target) in line.iter_mut().enumerate() {
            let right = column as f64 - change.shift[1] as f64 - centre[1];
            let source_row = cosine * down + sine * right + centre[0];
            let source_column = cosine * right - sine * down + centre[1];
            let (top, left) = (floor(source_row), floor(source_column));
            let (below, beside) = (source_row - top as f64, source_column - left as f64);
            let mix = |[left, right]: [f64; 2]| left * (1.0 - beside) + right * beside;
            let (upper, lower) = (mix(pair(top, left)), mix(pair(top + 1, left)));
            *target = (upper * (1.0 - below) + lower * below) as f32;
        }
    }
}

/// Rounds down; `f64::floor` is a slow call on processors without SSE 4.1, for which we build.
fn floor(value: f64) -> i64 {
    let whole = value as i64;
    whole - i64::from(whole as f64 > value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]; // 3 rows, 4 columns

    fn shifted(shift: [i64; 2]) -> Vec<u8> {
        let mut out = vec![0; PLANE.len()];
        shift_plane(&PLANE, 4, shift, 99, &mut out);
        out
    }

    fn turned(angle_degrees: f64, shift: [i64; 2], plane: &[u8], width: usize) -> Vec<f32> {
        let angle_radians = angle_degrees.to_radians();
        let change = Change {
            shift,
            angle_radians,
        };
        let mut out = vec![0.0; plane.len()];
        turn_plane(plane, width, change, 0, &mut out);
        out
    }

    #[test]
    fn shift_is_exact() {
        assert_eq!(shifted([0, 0]), PLANE);
        assert_eq!(
            shifted([1, 0]),
            [99, 99, 99, 99, 1, 2, 3, 4, 5, 6, 7, 8] //
        );
        assert_eq!(
            shifted([-1, 2]),
            [99, 99, 5, 6, 99, 99, 9, 10, 99, 99, 99, 99]
        );
        assert_eq!(shifted([0, -1]), [2, 3, 4, 99, 6, 7, 8, 99, 10, 11, 12, 99]);
        assert_eq!(shifted([3, 0]), [99; 12]);
        assert_eq!(shifted([0, -40]), [99; 12]);
    }

    #[test]
    fn turn_by_zero_is_the_identity_and_shifts_alike() {
        assert_eq!(turned(0.0, [0, 0], &PLANE, 4), PLANE.map(f32::from));
        let mut exact = vec![0; PLANE.len()];
        shift_plane(&PLANE, 4, [-1, 2], 0, &mut exact);
        let exact: Vec<f32> = exact.into_iter().map(f32::from).collect();
        assert_eq!(turned(0.0, [-1, 2], &PLANE, 4), exact);
    }

    #[test]
    fn a_quarter_turn_moves_the_corners() {
        let plane = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let expected = [3.0, 6.0, 9.0, 2.0, 5.0, 8.0, 1.0, 4.0, 7.0];
        for (value, expected) in turned(90.0, [0, 0], &plane, 3).iter().zip(expected) {
            assert!((value - expected).abs() < 1e-5, "{value} {expected}");
        }
        let back = turned(-90.0, [0, 0], &plane, 3);
        assert!((back[0] - 7.0).abs() < 1e-5);
    }

    #[test]
    fn draws_stay_in_range_and_reach_the_ends() {
        let augment = Augment {
            shift: [2, 1],
            rotate: 10.0,
        };
        let mut seen = [Vec::new(), Vec::new()];
        for sample in 0..500 {
            let change = augment.draw(1, 2, sample);
            assert_eq!(change, augment.draw(1, 2, sample));
            assert!(change.shift[0].abs() <= 2 && change.shift[1].abs() <= 1);
            assert!(change.angle_radians.abs() <= 10_f64.to_radians());
            seen[0].push(change.shift[0]);
            seen[1].push(change.shift[1]);
        }
        for values in &mut seen {
            values.sort_unstable();
            values.dedup();
        }
        assert_eq!(seen[0], [-2, -1, 0, 1, 2]);
        assert_eq!(seen[1], [-1, 0, 1]);
        assert_ne!(augment.draw(1, 2, 0), augment.draw(1, 3, 0));
        assert_ne!(augment.draw(1, 2, 0), augment.draw(2, 2, 0));
        let still = Augment::default().draw(1, 2, 3);
        assert_eq!(still.shift, [0, 0]);
        assert!(still.angle_radians.abs() < f64::EPSILON);
    }
}
