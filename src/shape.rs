//! Arithmetic of shapes, all of it checked: an overflow is nothing, never a wrong number.

/// Returns the product of all dimensions.
#[must_use]
pub(crate) fn elements(shape: &[usize]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |product, size| {
        product.checked_mul(u64::try_from(*size).ok()?)
    })
}

/// Returns where the values of a matrix of so many rows and columns stand, in the order of the matrix turned.
pub(crate) fn turned(rows: usize, columns: usize) -> impl Iterator<Item = usize> {
    (0..columns).flat_map(move |column| (0..rows).map(move |row| row * columns + column))
}

/// Returns what the places of an input with so many dimensions are called.
#[must_use]
pub(crate) fn places(dimensions: usize) -> &'static str {
    match dimensions {
        1 => "samples",
        3 => "voxels",
        _ => "pixels",
    }
}

/// Writes a shape the way the textbooks do: `6x28x28`.
#[must_use]
pub(crate) fn display(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    sizes.join("x")
}

/// Writes a whole number with a comma between thousands.
#[must_use]
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes the first few divisors of a number: `1, 2, 3, 6`.
#[must_use]
pub(crate) fn divisors(number: usize) -> String {
    let fitting: Vec<String> = (1..=number.min(4096))
        .filter(|divisor| number.is_multiple_of(*divisor))
        .take(8)
        .map(|divisor| divisor.to_string())
        .collect();
    fitting.join(", ")
}

/// One dimension of a window that slides over an input: a kernel or a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Taps.
    pub size: usize,
    /// Step between two positions.
    pub stride: usize,
    /// Distance between two taps.
    pub dilation: usize,
}

impl Window {
    /// Returns how many inputs the window spans: `dilation·(size − 1) + 1`.
    #[must_use]
    pub(crate) fn extent(self) -> Option<usize> {
        self.size
            .checked_sub(1)?
            .checked_mul(self.dilation)?
            .checked_add(1)
    }

    /// Returns the padding that makes the output `⌈input / stride⌉`, the odd one at the end.
    ///
    /// # Reference
    /// TensorFlow's `padding="SAME"`.
    #[must_use]
    pub(crate) fn same_padding(self, input: usize) -> Option<[usize; 2]> {
        let output = input.div_ceil(self.stride);
        let needed = output
            .checked_sub(1)?
            .checked_mul(self.stride)?
            .checked_add(self.extent()?)?;
        let total = needed.saturating_sub(input);
        Some([total / 2, total - total / 2])
    }

    /// Returns `⌊(input + before + after − extent) / stride⌋ + 1`, or nothing when the window
    /// does not fit.
    ///
    /// # Reference
    /// Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", relationship 6.
    #[must_use]
    pub(crate) fn output(self, input: usize, padding: [usize; 2]) -> Option<usize> {
        let room = padded(input, padding)?.checked_sub(self.extent()?)?;
        Some(room / self.stride + 1)
    }

    /// Returns the output size rounded up; the last window begins inside the input or the
    /// padding before it.
    ///
    /// # Reference
    /// `ceil_mode` of `torch.nn.MaxPool2d`.
    #[must_use]
    pub(crate) fn output_rounded_up(self, input: usize, padding: [usize; 2]) -> Option<usize> {
        let room = padded(input, padding)?.checked_sub(self.extent()?)?;
        let output = room.div_ceil(self.stride).checked_add(1)?;
        let last_start = (output - 1).checked_mul(self.stride)?;
        let begins_outside = last_start >= input.checked_add(padding[0])?;
        Some(if begins_outside { output - 1 } else { output })
    }

    /// Returns how many inputs `output` windows span from the first tap to the last.
    #[must_use]
    pub(crate) fn covered(self, output: usize) -> Option<usize> {
        output
            .checked_sub(1)?
            .checked_mul(self.stride)?
            .checked_add(self.extent()?)
    }
}

fn padded(input: usize, padding: [usize; 2]) -> Option<usize> {
    input.checked_add(padding[0])?.checked_add(padding[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: usize, window: (usize, usize, usize), padding: [usize; 2], output: usize) {
        let (size, stride, dilation) = window;
        let window = Window {
            size,
            stride,
            dilation,
        };
        assert_eq!(window.output(input, padding), Some(output));
    }

    #[test]
    fn output_follows_the_textbook() {
        check(32, (5, 1, 1), [0, 0], 28);
        check(28, (2, 2, 1), [0, 0], 14);
        check(70, (7, 1, 1), [0, 0], 64);
        check(120, (7, 1, 1), [0, 0], 114);
        check(224, (7, 2, 1), [3, 3], 112);
        check(224, (11, 4, 1), [2, 2], 55);
        check(13, (3, 2, 1), [0, 0], 6);
        check(10, (3, 1, 2), [0, 0], 6);
        check(5, (5, 1, 1), [0, 0], 1);
    }

    #[test]
    fn a_window_beyond_the_input_has_no_output() {
        let window = Window {
            size: 5,
            stride: 1,
            dilation: 1,
        };
        assert_eq!(window.output(3, [0, 1]), None);
        assert_eq!(window.output(3, [1, 1]), Some(1));
        assert_eq!(window.output(usize::MAX, [1, 0]), None);
    }

    #[test]
    fn same_padding_gives_input_over_stride_rounded_up() {
        for input in 1..40 {
            for size in 1..8 {
                for stride in 1..6 {
                    for dilation in 1..4 {
                        let window = Window {
                            size,
                            stride,
                            dilation,
                        };
                        let padding = window.same_padding(input).unwrap();
                        assert_eq!(window.output(input, padding), Some(input.div_ceil(stride)));
                        assert!(padding[1] - padding[0] <= 1);
                    }
                }
            }
        }
    }

    #[test]
    fn rounding_up_never_begins_a_window_outside() {
        let window = |size, stride| Window {
            size,
            stride,
            dilation: 1,
        };
        assert_eq!(window(3, 2).output_rounded_up(6, [0, 0]), Some(3));
        assert_eq!(window(2, 2).output_rounded_up(5, [0, 0]), Some(3));
        // PyTorch: MaxPool2d(2, stride=3, padding=1, ceil_mode=True) on 5 gives 2.
        assert_eq!(window(2, 3).output_rounded_up(5, [1, 1]), Some(2));
        assert_eq!(window(1, 4).output_rounded_up(5, [0, 0]), Some(2));
    }

    #[test]
    fn products_are_checked() {
        assert_eq!(elements(&[6, 28, 28]), Some(4704));
        assert_eq!(elements(&[1 << 40, 1 << 40]), None);
        assert_eq!(display(&[6, 28, 28]), "6x28x28");
    }
}
