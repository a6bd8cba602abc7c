//! Pictures and bars in a terminal: two pixels a character, one above the other.

use crate::look::Picture;

/// From dark to light, where there are no colours.
const RAMP: &[u8] = b" .:-=+*#%@";

/// The widest a picture is drawn, in columns.
const WIDEST: usize = 64;

/// Parts of a full block, from an eighth on.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Draws a picture as its network gets it: in colour with half blocks, or with letters where there are no colours.
#[must_use]
pub fn picture(picture: &Picture, in_colour: bool) -> String {
    let [height, width] = picture.size();
    let every = width.div_ceil(WIDEST).max(1);
    let [rows, columns] = [height.div_ceil(every), width.div_ceil(every)];
    let pixel =
        |row: usize, column: usize| picture.pixel((row * every).min(height - 1), column * every);
    let mut text = String::new();
    for row in (0..rows).step_by(2) {
        for column in 0..columns {
            let upper = pixel(row, column);
            let lower = pixel((row + 1).min(rows - 1), column);
            if in_colour {
                let [[r, g, b], [lower_r, lower_g, lower_b]] = [upper, lower];
                text.push_str(&format!(
                    "\u{1b}[38;2;{r};{g};{b}m\u{1b}[48;2;{lower_r};{lower_g};{lower_b}m▀"
                ));
            } else {
                let sum: u32 = upper
                    .iter()
                    .chain(&lower)
                    .map(|part| u32::from(*part))
                    .sum();
                let place = sum as usize * (RAMP.len() - 1) / (6 * 255);
                text.push(char::from(RAMP[place]));
            }
        }
        text.push_str(if in_colour { "\u{1b}[0m\n" } else { "\n" });
    }
    text
}

/// Draws a share as a bar of so many columns at most.
#[must_use]
pub fn bar(share: f64, columns: usize) -> String {
    let eighths = (share.clamp(0.0, 1.0) * (columns * 8) as f64).round() as usize;
    let mut text = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        text.push(EIGHTHS[eighths % 8]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(in_colour: bool) -> String {
        let shown = vec![0.0, 255.0, 255.0, 0.0, 0.0, 0.0, 255.0, 255.0];
        let picture_of = Picture {
            name: String::new(),
            shape: [1, 4, 2],
            input: Vec::new(),
            shown,
            black: Vec::new(),
            grey: Vec::new(),
        };
        picture(&picture_of, in_colour)
    }

    #[test]
    fn two_pixels_share_a_character() {
        // The first two rows average to half, and so do the others.
        assert_eq!(drawn(false), "==\n==\n");
        let coloured = drawn(true);
        assert_eq!(coloured.matches('▀').count(), 4);
        assert!(coloured.starts_with("\u{1b}[38;2;0;0;0m\u{1b}[48;2;255;255;255m▀"));
        assert!(coloured.ends_with("\u{1b}[0m\n"));
    }

    #[test]
    fn bars_are_as_long_as_their_shares() {
        assert_eq!(bar(0.5, 4), "██");
        assert_eq!(bar(1.0, 3), "███");
        assert_eq!(bar(0.0, 8), "");
        assert_eq!(bar(0.3, 10), "███");
        assert_eq!(bar(0.5, 1), "▌");
    }
}
