//! Where pixels come from: whole moves, and affine maps with one bilinear resample.

use super::frame::Frame;

/// A map of places: `matrix · [row, column] + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Map {
    matrix: [[f64; 2]; 2],
    offset: [f64; 2],
}

impl Map {
    /// The map that leaves every place where it is.
    pub(super) const IDENTITY: Self = Self {
        matrix: [[1.0, 0.0], [0.0, 1.0]],
        offset: [0.0, 0.0],
    };

    /// Returns this map followed by a linear one.
    pub(super) fn then(self, matrix: [[f64; 2]; 2]) -> Self {
        let times = |[row, column]: [f64; 2]| {
            matrix.map(|[by_row, by_column]| by_row * row + by_column * column)
        };
        let [[a, b], [c, d]] = self.matrix;
        let [first, second] = [times([a, c]), times([b, d])];
        Self {
            matrix: [[first[0], second[0]], [first[1], second[1]]],
            offset: times(self.offset),
        }
    }

    /// Returns this map followed by a move.
    pub(super) fn then_move(self, [down, right]: [f64; 2]) -> Self {
        let [row, column] = self.offset;
        Self {
            offset: [row + down, column + right],
            ..self
        }
    }

    /// Returns the place that a place is mapped to.
    fn of(&self, [row, column]: [f64; 2]) -> [f64; 2] {
        let [[a, b], [c, d]] = self.matrix;
        let [down, right] = self.offset;
        [a * row + b * column + down, c * row + d * column + right]
    }
}

/// Copies the values of a plane, mirrored and then shifted by whole pixels; what comes from outside is left alone.
pub(super) fn move_plane<T>(
    plane: &[u8],
    width: usize,
    [upside_down, mirrored]: [bool; 2],
    shift: [i64; 2],
    write: impl Fn(u8, &mut T),
    out: &mut [T],
) {
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
    let targets = out.chunks_exact_mut(width).skip(to_row).take(rows);
    for (row, target) in targets.enumerate() {
        let row = from_row + row;
        let row = if upside_down { height - 1 - row } else { row };
        let source = &plane[row * width..(row + 1) * width];
        let targets = target[to_column..to_column + columns].iter_mut();
        if mirrored {
            let source = source.iter().rev().skip(from_column);
            source
                .zip(targets)
                .for_each(|(value, target)| write(*value, target));
        } else {
            let source = source[from_column..].iter();
            source
                .zip(targets)
                .for_each(|(value, target)| write(*value, target));
        }
    }
}

/// The planes of a padded picture with a border of the background, so that every place within a pixel of it has four neighbours.
#[derive(Default)]
pub(super) struct Bordered {
    height: usize,
    width: usize,
    values: Vec<f32>,
    taps: Taps,
    near: [Vec<f32>; 4],
}

/// Where the values of one row of the result come from; a list for each part, so that many are found at a time.
#[derive(Default)]
struct Taps {
    /// The places of the upper left neighbours; a plane has fewer than 2³¹ values.
    starts: Vec<u32>,
    down: Vec<f32>,
    right: Vec<f32>,
}

impl Taps {
    fn resize(&mut self, width: usize) {
        self.starts.resize(width, 0);
        self.down.resize(width, 0.0);
        self.right.resize(width, 0.0);
    }
}

/// Pixels of background before and after each row and column: one before; after, one and another for its neighbour.
const BORDER: usize = 3;

impl Bordered {
    /// Takes a picture, `[channel, row, column]`; its padding is 0, and around it is `fill`.
    pub(super) fn fill(&mut self, frame: &Frame, picture: &[f32], fill: f32) {
        (self.height, self.width) = (frame.height, frame.width);
        let (stride, plane_len) = (self.stride(), self.plane_len());
        self.values.clear();
        self.values.resize(frame.channels * plane_len, fill);
        let planes = picture.chunks_exact(frame.picture_len());
        let targets = self.values.chunks_exact_mut(plane_len);
        for (plane, target) in planes.zip(targets) {
            let lines = target.chunks_exact_mut(stride).skip(1).take(frame.height);
            for (row, line) in lines.enumerate() {
                let line = &mut line[1..=frame.width];
                if frame.len() != picture.len() {
                    line.fill(0.0);
                }
                let source = row.checked_sub(frame.top);
                if let Some(row) = source.filter(|row| *row < frame.rows) {
                    line[frame.left..frame.left + frame.columns]
                        .copy_from_slice(&plane[row * frame.columns..(row + 1) * frame.columns]);
                }
            }
        }
    }

    fn stride(&self) -> usize {
        self.width + BORDER
    }

    fn plane_len(&self) -> usize {
        (self.height + BORDER) * self.stride()
    }

    /// Writes each value of the result from the place that `map` gives it, after a displacement in pixels;
    /// between pixels it is bilinear.
    pub(super) fn resample(
        &mut self,
        map: &Map,
        displacement: impl Fn(usize) -> [f32; 2],
        out: &mut [f32],
    ) {
        let mut taps = std::mem::take(&mut self.taps);
        taps.resize(self.width);
        for near in &mut self.near {
            near.resize(self.width, 0.0);
        }
        for row in 0..self.height {
            if self.height.max(self.width) < LARGEST_QUICK {
                self.find_taps(map, row, &displacement, quick_floor, &mut taps);
            } else {
                self.find_taps(map, row, &displacement, floor, &mut taps);
            }
            self.blend(&taps, row, out);
        }
        self.taps = taps;
    }

    /// Finds where the values of one row of the result come from; beyond the border all is alike.
    ///
    /// Rows begin in 64 bits, and along a row 32 do: a thousandth of a pixel at the longest.
    fn find_taps(
        &self,
        map: &Map,
        row: usize,
        displacement: impl Fn(usize) -> [f32; 2],
        floor: impl Fn(f32) -> (f32, u32),
        taps: &mut Taps,
    ) {
        let [first_row, first_column] = map.of([row as f64, 0.0]).map(|place| place as f32 + 1.0);
        let [[a, b], [c, d]] = map.matrix.map(|row| row.map(|factor| factor as f32));
        let [last_row, last_column] = [self.height, self.width].map(|size| size as f32 + 1.0);
        let stride = self.stride() as u32;
        let parts = taps.starts.iter_mut().zip(&mut taps.down);
        let parts = parts.zip(&mut taps.right);
        for (column, ((start, below), beside)) in (0_i32..).zip(parts) {
            let [down, right] = displacement(row * self.width + column.cast_unsigned() as usize);
            let right = column as f32 + right;
            let row = within(first_row + a * down + b * right, last_row);
            let column = within(first_column + c * down + d * right, last_column);
            let ((top, row_index), (left, column_index)) = (floor(row), floor(column));
            // No more than a plane has.
            *start = row_index.wrapping_mul(stride).wrapping_add(column_index);
            *below = row - top;
            *beside = column - left;
        }
    }

    /// Writes one row of each plane of the result from its neighbours.
    fn blend(&mut self, taps: &Taps, row: usize, out: &mut [f32]) {
        let (width, stride, plane_len) = (self.width, self.stride(), self.plane_len());
        let planes = self.values.chunks_exact(plane_len.max(1));
        let targets = out.chunks_exact_mut((self.height * width).max(1));
        for (plane, target) in planes.zip(targets) {
            let target = &mut target[row * width..(row + 1) * width];
            // Two loops: the first reads here and there, the second takes many at a time.
            let [first, second, third, fourth] = &mut self.near;
            let upper = first.iter_mut().zip(second.iter_mut());
            let lower = third.iter_mut().zip(fourth.iter_mut());
            for (start, (upper, lower)) in taps.starts.iter().zip(upper.zip(lower)) {
                let start = *start as usize;
                // One slice, so that one check of its bounds does for all four.
                let near = &plane[start..start + stride + 2];
                (*upper.0, *upper.1) = (near[0], near[1]);
                (*lower.0, *lower.1) = (near[stride], near[stride + 1]);
            }
            let upper = first.iter().zip(second.iter());
            let lower = third.iter().zip(fourth.iter());
            let parts = taps.down.iter().zip(&taps.right);
            for ((target, (down, right)), (upper, lower)) in
                target.iter_mut().zip(parts).zip(upper.zip(lower))
            {
                let upper = upper.0 + (upper.1 - upper.0) * right;
                let lower = lower.0 + (lower.1 - lower.0) * right;
                *target = upper + (lower - upper) * down;
            }
        }
    }
}

/// Holds a number between 0 and `most`, without the checks of `clamp` at each number; what is none becomes 0.
#[inline]
fn within(number: f32, most: f32) -> f32 {
    let number = if number > 0.0 { number } else { 0.0 };
    if number > most { most } else { number }
}

/// Pictures with fewer rows and columns take [`quick_floor`].
const LARGEST_QUICK: usize = 1 << 22;

/// Rounds down what is not negative, and returns it as an index too.
#[inline]
fn floor(number: f32) -> (f32, u32) {
    let index = number as u32;
    (index as f32, index)
}

/// Returns what [`floor`] does of numbers up to 2²², in instructions that every processor has for many numbers at a time:
/// neither `f32::floor` nor a cast is one.
#[inline]
fn quick_floor(number: f32) -> (f32, u32) {
    /// From here on to its double a number of 32 bits is whole, and its lowest bits count.
    const WHOLE: f32 = (1_u32 << 23) as f32;
    let rounded = (number + WHOLE) - WHOLE;
    let whole = rounded - if rounded > number { 1.0 } else { 0.0 };
    (
        whole,
        (whole + WHOLE).to_bits().wrapping_sub(WHOLE.to_bits()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]; // 3 rows, 4 columns

    fn moved(flip: [bool; 2], shift: [i64; 2]) -> Vec<u8> {
        let mut out = vec![99; PLANE.len()];
        move_plane(&PLANE, 4, flip, shift, |value, out| *out = value, &mut out);
        out
    }

    #[test]
    fn whole_moves_are_exact() {
        let shifted = |shift| moved([false, false], shift);
        assert_eq!(shifted([0, 0]), PLANE);
        assert_eq!(shifted([1, 0]), [99, 99, 99, 99, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(
            shifted([-1, 2]),
            [99, 99, 5, 6, 99, 99, 9, 10, 99, 99, 99, 99]
        );
        assert_eq!(shifted([0, -1]), [2, 3, 4, 99, 6, 7, 8, 99, 10, 11, 12, 99]);
        assert_eq!(shifted([3, 0]), [99; 12]);
        assert_eq!(shifted([0, -40]), [99; 12]);
        assert_eq!(
            moved([true, false], [0, 0]),
            [9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4]
        );
        assert_eq!(
            moved([false, true], [0, 1]),
            [99, 4, 3, 2, 99, 8, 7, 6, 99, 12, 11, 10]
        );
        assert_eq!(
            moved([true, true], [1, 0]),
            [99, 99, 99, 99, 12, 11, 10, 9, 8, 7, 6, 5]
        );
    }

    #[test]
    fn quick_rounding_is_rounding() {
        let steps = (0..100_000).map(|step| step as f32 * 0.037);
        let near = |whole: u32| {
            [-1, 0, 1].map(|by| f32::from_bits((whole as f32).to_bits().wrapping_add_signed(by)))
        };
        let bounds = [
            1,
            2,
            7,
            1 << 12,
            (1 << 21) - 1,
            1 << 21,
            LARGEST_QUICK as u32,
        ];
        for number in steps
            .chain([0.0, f32::MIN_POSITIVE])
            .chain(bounds.into_iter().flat_map(near))
        {
            assert_eq!(quick_floor(number), floor(number), "{number}");
            assert_eq!(floor(number).0.to_bits(), number.floor().to_bits());
        }
    }

    #[test]
    fn maps_compose_in_order() {
        let map = Map::IDENTITY
            .then_move([1.0, 2.0])
            .then([[0.0, 1.0], [-1.0, 0.0]])
            .then_move([10.0, 20.0]);
        let of = |map: &Map, place| map.of(place).map(|number| number as i64);
        assert_eq!(of(&map, [0.0, 0.0]), [12, 19]);
        assert_eq!(of(&map, [3.0, 5.0]), [17, 16]);
        assert_eq!(of(&Map::IDENTITY, [3.0, 5.0]), [3, 5]);
    }
}
