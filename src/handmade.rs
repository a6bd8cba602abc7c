//! Filters that people made by hand, by name.

/// A matrix of weights, row by row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Kernel {
    /// The word of the language.
    pub name: &'static str,
    /// What it brings out.
    pub about: &'static str,
    /// Numbers in a row.
    pub columns: usize,
    /// The numbers, each to be divided by [`Kernel::divisor`].
    pub numbers: &'static [i16],
    /// What the numbers are divided by.
    pub divisor: u16,
}

impl Kernel {
    /// Returns the kernel of a name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KERNELS.iter().find(|kernel| kernel.name == name)
    }

    /// Returns the number of rows.
    #[must_use]
    pub(crate) fn rows(&self) -> usize {
        self.numbers.len() / self.columns
    }

    /// Returns the weights, row by row.
    pub(crate) fn weights(&self) -> impl Iterator<Item = f64> {
        let divisor = f64::from(self.divisor);
        self.numbers
            .iter()
            .map(move |number| f64::from(*number) / divisor)
    }
}

const fn kernel(
    name: &'static str,
    about: &'static str,
    columns: usize,
    numbers: &'static [i16],
    divisor: u16,
) -> Kernel {
    Kernel {
        name,
        about,
        columns,
        numbers,
        divisor,
    }
}

/// A white line of one pixel in the middle of 7x7.
const COLUMN: [i16; 49] = line(true);
const ROW: [i16; 49] = line(false);

const fn line(upright: bool) -> [i16; 49] {
    let mut numbers = [0; 49];
    let mut index = 0;
    while index < 7 {
        numbers[if upright {
            index * 7 + 3
        } else {
            3 * 7 + index
        }] = 1;
        index += 1;
    }
    numbers
}

/// Every kernel there is; the responses are those of a correlation, the kernel not flipped.
#[rustfmt::skip]
pub(crate) const KERNELS: &[Kernel] = &[
    kernel("identity", "the picture itself", 3, &[0, 0, 0, 0, 1, 0, 0, 0, 0], 1),
    kernel("sobel_x", "upright edges, brighter on the right (Sobel & Feldman 1968)", 3,
        &[-1, 0, 1, -2, 0, 2, -1, 0, 1], 1),
    kernel("sobel_y", "level edges, brighter below (Sobel & Feldman 1968)", 3,
        &[-1, -2, -1, 0, 0, 0, 1, 2, 1], 1),
    kernel("prewitt_x", "upright edges, brighter on the right (Prewitt 1970)", 3,
        &[-1, 0, 1, -1, 0, 1, -1, 0, 1], 1),
    kernel("prewitt_y", "level edges, brighter below (Prewitt 1970)", 3,
        &[-1, -1, -1, 0, 0, 0, 1, 1, 1], 1),
    kernel("scharr_x", "upright edges, closer to the same in all directions (Scharr 2000)", 3,
        &[-3, 0, 3, -10, 0, 10, -3, 0, 3], 1),
    kernel("scharr_y", "level edges, closer to the same in all directions (Scharr 2000)", 3,
        &[-3, -10, -3, 0, 0, 0, 3, 10, 3], 1),
    kernel("roberts_x", "edges from top left to bottom right (Roberts 1963)", 2, &[1, 0, 0, -1], 1),
    kernel("roberts_y", "edges from top right to bottom left (Roberts 1963)", 2, &[0, 1, -1, 0], 1),
    kernel("laplacian", "edges of all directions, by four neighbours", 3,
        &[0, 1, 0, 1, -4, 1, 0, 1, 0], 1),
    kernel("laplacian_8", "edges of all directions, by eight neighbours", 3,
        &[1, 1, 1, 1, -8, 1, 1, 1, 1], 1),
    kernel("sharpen", "the picture with its edges raised", 3, &[0, -1, 0, -1, 5, -1, 0, -1, 0], 1),
    kernel("box_blur", "the mean of 3x3 pixels", 3, &[1, 1, 1, 1, 1, 1, 1, 1, 1], 9),
    kernel("gaussian_blur", "a mean that falls off with distance, 3x3", 3,
        &[1, 2, 1, 2, 4, 2, 1, 2, 1], 16),
    kernel("gaussian_blur_5", "a mean that falls off with distance, 5x5", 5,
        &[1, 4, 6, 4, 1, 4, 16, 24, 16, 4, 6, 24, 36, 24, 6, 4, 16, 24, 16, 4, 1, 4, 6, 4, 1], 256),
    kernel("emboss", "relief lit from the top left", 3, &[-2, -1, 0, -1, 1, 1, 0, 1, 2], 1),
    kernel("line_vertical", "upright lines: 7x7 with a white column in the middle", 7, &COLUMN, 1),
    kernel("line_horizontal", "level lines: 7x7 with a white row in the middle", 7, &ROW, 1),
    kernel("oblique", "strokes that rise to the right", 3, &[0, 0, 1, 0, 1, 0, 1, 0, 0], 1),
    kernel("oblique_down", "strokes that fall to the right", 3, &[1, 0, 0, 0, 1, 0, 0, 0, 1], 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_a_whole_matrix_with_a_name_of_its_own() {
        for (index, kernel) in KERNELS.iter().enumerate() {
            assert_eq!(
                kernel.rows() * kernel.columns,
                kernel.numbers.len(),
                "{}",
                kernel.name
            );
            assert!(
                KERNELS[..index]
                    .iter()
                    .all(|other| other.name != kernel.name)
            );
        }
    }

    #[test]
    fn blurs_keep_brightness_and_edges_answer_nothing_on_even_ground() {
        for kernel in KERNELS {
            let sum: f64 = kernel.weights().sum();
            if kernel.name.contains("blur")
                || ["identity", "sharpen", "emboss"].contains(&kernel.name)
            {
                assert!((sum - 1.0).abs() < 1e-12, "{}", kernel.name);
            }
            let edges = ["sobel", "prewitt", "scharr", "roberts", "laplacian"];
            if edges.iter().any(|edge| kernel.name.starts_with(edge)) {
                assert!(sum.abs() < 1e-12, "{}", kernel.name);
            }
        }
    }
}
