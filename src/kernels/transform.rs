//! Winograd's transforms for four outputs of three taps, along each of two dimensions.
//!
//! A tile of 6x6 values `d` and a kernel `g` become `Bᵀ d B` and `G g Gᵀ`; of their products value by value,
//! `m`, the 4x4 outputs are `Aᵀ m A`. The polynomials behind them are taken at 0, 1, −1, 2, −2 and infinity.

use super::simd::Simd;

/// Outputs of a tile along each dimension.
pub(super) const SIDE: usize = 4;
/// Inputs of a tile, and values of its transform, along each dimension.
pub(super) const REACH: usize = SIDE + 2;
/// Values of a transformed tile.
pub(super) const VALUES: usize = REACH * REACH;
/// The value of a transform that goes into every output as it is: that of 1 along both dimensions.
pub(super) const EVEN: usize = REACH + 1;

/// Kernels side by side that are transformed together.
pub(super) const TOGETHER: usize = 8;

/// Values of kernels side by side.
type Side = [f32; TOGETHER];

/// Returns `G g Gᵀ` of kernels side by side.
#[inline(always)]
pub(super) fn of_kernels(taps: &[Side; 9]) -> [Side; VALUES] {
    let mut rows = [[[0.0; TOGETHER]; 3]; REACH];
    for column in 0..3 {
        let line = line_of_kernels(&taps[column], &taps[3 + column], &taps[6 + column]);
        for row in 0..REACH {
            rows[row][column] = line[row];
        }
    }
    let mut values = [[0.0; TOGETHER]; VALUES];
    for (row, [a, b, c]) in rows.iter().enumerate() {
        values[row * REACH..][..REACH].copy_from_slice(&line_of_kernels(a, b, c));
    }
    values
}

/// `G g`.
#[inline(always)]
fn line_of_kernels(a: &Side, b: &Side, c: &Side) -> [Side; REACH] {
    let mut line = [[0.0; TOGETHER]; REACH];
    for side in 0..TOGETHER {
        let [a, b, c] = [a[side], b[side], c[side]];
        let [even, odd] = [(a + c) * (-1.0 / 6.0), b * (1.0 / 6.0)];
        let [far, near] = [a * (1.0 / 24.0) + c * (1.0 / 6.0), b * (1.0 / 12.0)];
        let of = [a * 0.25, even - odd, even + odd, far + near, far - near, c];
        for (value, of) in line.iter_mut().zip(of) {
            value[side] = of;
        }
    }
    line
}

/// Returns `Bᵀ d B`.
///
/// SAFETY: the caller has enabled the set.
#[inline(always)]
pub(super) unsafe fn of_inputs<S: Simd>(d: [[S::V; REACH]; REACH]) -> [[S::V; REACH]; REACH] {
    // SAFETY: only registers are touched.
    unsafe {
        let mut half = d;
        for column in 0..REACH {
            let mut line = [d[0][column]; REACH];
            for row in 1..REACH {
                line[row] = d[row][column];
            }
            let line = line_of_inputs::<S>(line);
            for row in 0..REACH {
                half[row][column] = line[row];
            }
        }
        for row in 0..REACH {
            half[row] = line_of_inputs::<S>(half[row]);
        }
        half
    }
}

/// `Bᵀ d`.
#[inline(always)]
unsafe fn line_of_inputs<S: Simd>(d: [S::V; REACH]) -> [S::V; REACH] {
    // SAFETY: only registers are touched.
    unsafe {
        let [two, minus_two] = [S::splat(2.0), S::splat(-2.0)];
        let [four, minus_four, minus_five] = [S::splat(4.0), S::splat(-4.0), S::splat(-5.0)];
        let even = S::fma(d[2], minus_four, d[4]);
        let odd = S::fma(d[1], minus_four, d[3]);
        let far = S::sub(d[4], d[2]);
        let near = S::sub(d[3], d[1]);
        [
            S::fma(d[0], four, S::fma(d[2], minus_five, d[4])),
            S::add(even, odd),
            S::sub(even, odd),
            S::fma(near, two, far),
            S::fma(near, minus_two, far),
            S::fma(d[1], four, S::fma(d[3], minus_five, d[5])),
        ]
    }
}

/// Returns `Aᵀ m A`.
///
/// SAFETY: the caller has enabled the set.
#[inline(always)]
pub(super) unsafe fn to_outputs<S: Simd>(m: [[S::V; REACH]; REACH]) -> [[S::V; SIDE]; SIDE] {
    // SAFETY: only registers are touched.
    unsafe {
        let mut half = [m[0]; SIDE];
        for column in 0..REACH {
            let mut line = [m[0][column]; REACH];
            for row in 1..REACH {
                line[row] = m[row][column];
            }
            let line = line_to_outputs::<S>(line);
            for row in 0..SIDE {
                half[row][column] = line[row];
            }
        }
        [
            line_to_outputs::<S>(half[0]),
            line_to_outputs::<S>(half[1]),
            line_to_outputs::<S>(half[2]),
            line_to_outputs::<S>(half[3]),
        ]
    }
}

/// `Aᵀ m`.
#[inline(always)]
unsafe fn line_to_outputs<S: Simd>(m: [S::V; REACH]) -> [S::V; SIDE] {
    // SAFETY: only registers are touched.
    unsafe {
        let [sum, difference] = [S::add(m[1], m[2]), S::sub(m[1], m[2])];
        let [far_sum, far_difference] = [S::add(m[3], m[4]), S::sub(m[3], m[4])];
        [
            S::add(m[0], S::add(sum, far_sum)),
            S::fma(far_difference, S::splat(2.0), difference),
            S::fma(far_sum, S::splat(4.0), sum),
            S::fma(far_difference, S::splat(8.0), S::add(difference, m[5])),
        ]
    }
}

/// Returns `A e Aᵀ`: the transpose of [`to_outputs`].
///
/// SAFETY: the caller has enabled the set.
#[inline(always)]
pub(super) unsafe fn of_gradients<S: Simd>(e: [[S::V; SIDE]; SIDE]) -> [[S::V; REACH]; REACH] {
    // SAFETY: only registers are touched.
    unsafe {
        let mut half = [e[0]; REACH];
        for column in 0..SIDE {
            let line =
                line_of_gradients::<S>([e[0][column], e[1][column], e[2][column], e[3][column]]);
            for row in 0..REACH {
                half[row][column] = line[row];
            }
        }
        let mut values = [[half[0][0]; REACH]; REACH];
        for row in 0..REACH {
            values[row] = line_of_gradients::<S>(half[row]);
        }
        values
    }
}

/// `A e`.
#[inline(always)]
unsafe fn line_of_gradients<S: Simd>(e: [S::V; SIDE]) -> [S::V; REACH] {
    // SAFETY: only registers are touched.
    unsafe {
        let [two, four] = [S::splat(2.0), S::splat(4.0)];
        let [even, odd] = [S::add(e[0], e[2]), S::add(e[1], e[3])];
        let far_even = S::fma(e[2], four, e[0]);
        let far_odd = S::mul(S::fma(e[3], four, e[1]), two);
        [
            e[0],
            S::add(even, odd),
            S::sub(even, odd),
            S::add(far_even, far_odd),
            S::sub(far_even, far_odd),
            e[3],
        ]
    }
}

/// Returns the taps `Gᵀ m G` of sums of products: the transpose of [`of_kernels`].
pub(super) fn of_sums(values: &[f32; VALUES]) -> [f32; 9] {
    let mut half = [[0.0; REACH]; 3];
    for column in 0..REACH {
        let mut line = [0.0; REACH];
        for (row, value) in line.iter_mut().enumerate() {
            *value = values[row * REACH + column];
        }
        for (row, value) in line_of_sums(line).into_iter().enumerate() {
            half[row][column] = value;
        }
    }
    let mut taps = [0.0; 9];
    for (row, line) in half.into_iter().enumerate() {
        taps[row * 3..][..3].copy_from_slice(&line_of_sums(line));
    }
    taps
}

/// `Gᵀ m`.
fn line_of_sums([a, b, c, d, e, f]: [f32; REACH]) -> [f32; 3] {
    let [near, far] = [b + c, d + e];
    [
        a * 0.25 - near * (1.0 / 6.0) + far * (1.0 / 24.0),
        (c - b) * (1.0 / 6.0) + (d - e) * (1.0 / 12.0),
        (far - near) * (1.0 / 6.0) + f,
    ]
}
