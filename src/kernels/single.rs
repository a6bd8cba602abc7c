//! Gradients of weights where a window has one position: a convolution over the whole map, a dense layer.
//!
//! There is little to sum up for each weight, so weights lie in the lanes, not images: what goes
//! along with neighbouring weights is turned to lie side by side, and the other factor is spread over a register.

use super::convolve::Convolve;
use super::geometry::OUTSIDE;
use super::lanes::{LANES, Layout};
use super::parallel::{Shared, ranges};
use super::product::{tiles, widest};
use super::simd::{Simd, Work, with_simd_here};

with_simd_here!();

/// Registers of columns that are summed up together.
const REGISTERS: usize = 3;

/// Computes the gradient of a weight of `size` values, if it is of this kind.
pub(super) fn of_weight(conv: &Convolve, x: &[f32], g: &[f32], size: usize) -> Option<Vec<f32>> {
    let phase = &conv.geometry.forward.phases[0];
    if phase.places.len() != 1 || conv.groups != 1 {
        return None;
    }
    let [outputs, inputs] = conv.channels();
    // Which value of a block is read for each output, and for each tap and input.
    let of_outputs: Vec<Option<usize>> = (0..outputs).map(|output| Some(output * LANES)).collect();
    let of_inputs = |tap: usize, input: usize| {
        let position = phase.table[tap];
        (position != OUTSIDE).then(|| (position as usize * conv.from.stride + input) * LANES)
    };
    let (gradients, values) = (Source::new(g, conv.to), Source::new(x, conv.from));
    let taps = phase.taps.len();
    let (rows, columns);
    if conv.order.output == 1 {
        let pairs = (0..taps).flat_map(|tap| (0..inputs).map(move |input| (tap, input)));
        let pairs = pairs.map(|(tap, input)| Row {
            read: of_inputs(tap, input),
            write: tap * conv.order.tap + input * conv.order.input,
        });
        rows = (values, pairs.collect());
        columns = Columns::new(gradients, &of_outputs);
    } else if conv.order.tap == 1 && conv.order.input == taps {
        let rows_of = of_outputs.iter().enumerate().map(|(output, read)| Row {
            read: *read,
            write: output * conv.order.output,
        });
        rows = (gradients, rows_of.collect());
        let pairs = (0..inputs).flat_map(|input| (0..taps).map(move |tap| (tap, input)));
        let reads: Vec<_> = pairs.map(|(tap, input)| of_inputs(tap, input)).collect();
        columns = Columns::new(values, &reads);
    } else {
        return None;
    }
    let (source, rows): (Source<'_>, Vec<Row>) = rows;
    // A row without anything to read stays 0.
    let rows: Vec<Row> = rows.into_iter().filter(|row| row.read.is_some()).collect();
    let mut gradient = vec![0.0; size];
    let to = Shared(gradient.as_mut_ptr());
    ranges(
        rows.len(),
        rows.len().div_ceil(4).max(AT_ONCE),
        |begin, end| {
            with_simd(Products {
                source,
                rows: &rows[begin..end],
                columns: &columns,
                to,
            });
        },
    );
    Some(gradient)
}

/// Rows that a thread computes at a time, at least.
const AT_ONCE: usize = 16;

/// Values of blocks of images.
#[derive(Clone, Copy)]
struct Source<'a> {
    values: &'a [f32],
    blocks: usize,
    /// Values of a block.
    size: usize,
}

impl<'a> Source<'a> {
    fn new(values: &'a [f32], layout: Layout) -> Self {
        Self {
            values,
            blocks: layout.blocks,
            size: layout.positions * layout.stride * LANES,
        }
    }
}

/// Weights side by side in memory that share one factor.
#[derive(Clone, Copy)]
struct Row {
    /// Where a block has the factor of its images, if anywhere.
    read: Option<usize>,
    /// The first weight.
    write: usize,
}

/// The other factor, `[images, columns]`, in whole groups of registers.
struct Columns {
    values: Vec<f32>,
    count: usize,
    stride: usize,
}

impl Columns {
    fn new(source: Source<'_>, reads: &[Option<usize>]) -> Self {
        let stride = reads.len().next_multiple_of(REGISTERS * LANES);
        let mut values = vec![0.0; source.blocks * LANES * stride];
        let shared = Shared(values.as_mut_ptr());
        ranges(source.blocks, BLOCKS, |begin, end| {
            for block in begin..end {
                let from = &source.values[block * source.size..][..source.size];
                // SAFETY: each block has images of its own.
                let to = unsafe {
                    let first = shared.at().add(block * LANES * stride);
                    std::slice::from_raw_parts_mut(first, LANES * stride)
                };
                for (column, read) in reads.iter().enumerate() {
                    let Some(read) = *read else { continue };
                    for (lane, value) in from[read..read + LANES].iter().enumerate() {
                        to[lane * stride + column] = *value;
                    }
                }
            }
        });
        Self {
            values,
            count: reads.len(),
            stride,
        }
    }
}

/// Blocks of images that a thread turns at a time.
const BLOCKS: usize = 4;

/// The sums over images of the products of rows and columns.
struct Products<'a> {
    source: Source<'a>,
    rows: &'a [Row],
    columns: &'a Columns,
    to: Shared,
}

impl Work for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        // As many columns as stay in the nearest cache while all rows go by.
        for column in (0..self.columns.count).step_by(REGISTERS * S::WIDTH) {
            for (first, count) in tiles(self.rows.len(), widest(S::SUMS)) {
                macro_rules! call {
                    ($($count:literal),*) => {
                        match count {
                            // SAFETY: rows and columns lie within the layouts and the weight.
                            $($count if $count <= widest(S::SUMS) => unsafe {
                                self.sum::<S, $count>(first, column);
                            },)*
                            _ => unreachable!("tiles fit the registers"),
                        }
                    };
                }
                call!(1, 2, 3, 4, 5, 6, 7, 8);
            }
        }
    }
}

impl Products<'_> {
    /// Sums up `R` rows times some registers of columns.
    #[inline(always)]
    unsafe fn sum<S: Simd, const R: usize>(&self, first: usize, column: usize) {
        let rows = &self.rows[first..first + R];
        let mut at = [self.source.values.as_ptr(); R];
        for r in 0..R {
            at[r] = at[r].wrapping_add(rows[r].read.unwrap_or_default());
        }
        // SAFETY: rows name values of each block; columns come in whole groups of registers.
        unsafe {
            let mut sums = [[S::splat(0.0); REGISTERS]; R];
            let mut columns = self.columns.values.as_ptr().add(column);
            for _ in 0..self.source.blocks {
                for lane in 0..LANES {
                    let mut others = [S::splat(0.0); REGISTERS];
                    for q in 0..REGISTERS {
                        others[q] = S::load(columns.add(q * S::WIDTH));
                    }
                    for r in 0..R {
                        let factor = S::splat(*at[r].add(lane));
                        for q in 0..REGISTERS {
                            sums[r][q] = S::fma(others[q], factor, sums[r][q]);
                        }
                    }
                    columns = columns.add(self.columns.stride);
                }
                for r in 0..R {
                    at[r] = at[r].wrapping_add(self.source.size);
                }
            }
            for r in 0..R {
                let to = self.to.at().add(rows[r].write + column);
                for q in 0..REGISTERS {
                    let left = self.columns.count.saturating_sub(column + q * S::WIDTH);
                    if left >= S::WIDTH {
                        S::store(to.add(q * S::WIDTH), sums[r][q]);
                    } else if left > 0 {
                        let mut last = [0.0_f32; LANES];
                        S::store(last.as_mut_ptr(), sums[r][q]);
                        std::ptr::copy_nonoverlapping(last.as_ptr(), to.add(q * S::WIDTH), left);
                    }
                }
            }
        }
    }
}
