//! Maps of importance laid over the picture.

use super::{GAP, too_large};
use crate::canvas::{Canvas, Colour, colour, font};
use crate::diagnostic::Result;
use crate::look::{Explanation, Picture, Seen};

/// The sides that pictures are enlarged to, by a whole factor.
const COMFORTABLE: usize = 256;

/// How much of the heat covers the picture.
const COVER: f64 = 0.55;

/// The edge of a receptive field: bluish green of Okabe and Ito.
const EDGE: Colour = [0, 158, 115];

/// Draws the picture, the map, and the map over the picture, side by side: maps with values below 0 blue against and red
/// for the class, others dark to light.
///
/// # Errors
/// When the picture would be too large.
pub fn draw_explanation(
    picture: &Picture,
    explanation: &Explanation,
    title: &str,
) -> Result<Vec<u8>> {
    let map = resized(&explanation.map, explanation.size, picture.size());
    let is_signed = explanation.map.iter().any(|value| *value < 0.0);
    let most = map
        .iter()
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    let share = |place: usize| if most > 0.0 { map[place] / most } else { 0.0 };
    let width = picture.size()[1];
    let heat = |row: usize, column: usize| {
        let share = share(row * width + column);
        if is_signed {
            colour::of_signed(share)
        } else {
            colour::of_heat(share)
        }
    };
    let over = |row: usize, column: usize| {
        let cover = if is_signed {
            COVER * share(row * width + column).abs().sqrt()
        } else {
            COVER
        };
        colour::mixed(picture.pixel(row, column), heat(row, column), cover)
    };
    let (canvas, _, _) = panels(picture, title, [&heat, &over])?;
    canvas.png()
}

/// Draws the picture with the theoretical field of a place as a box, and the effective field as heat, beside each other.
///
/// # Errors
/// When the picture would be too large.
pub fn draw_field(picture: &Picture, seen: &Seen, title: &str) -> Result<Vec<u8>> {
    let width = picture.size()[1];
    // Far from the middle little is left; its root is still seen.
    let heat =
        |row: usize, column: usize| colour::of_heat(seen.effect[row * width + column].sqrt());
    let over = |row: usize, column: usize| {
        colour::mixed(picture.pixel(row, column), heat(row, column), COVER)
    };
    let (mut canvas, lefts, factor) = panels(picture, title, [&heat, &over])?;
    let top = font::HEIGHT + 2 * GAP;
    let [rows, columns] = seen.part.map(|part| part.map(|place| place * factor));
    for left in lefts {
        canvas.frame(
            rows.map(|row| top + row),
            columns.map(|column| left + column),
            EDGE,
        );
    }
    canvas.png()
}

/// Draws the picture and two more of its size; returns where each begins, and how much they are enlarged.
fn panels(
    picture: &Picture,
    title: &str,
    others: [&dyn Fn(usize, usize) -> Colour; 2],
) -> Result<(Canvas, [usize; 3], usize)> {
    let size = picture.size();
    let factor = (COMFORTABLE / size[0].max(size[1]).max(1)).max(1);
    let top = font::HEIGHT + 2 * GAP;
    let step = size[1] * factor + GAP;
    let wide = (3 * step + GAP).max(font::width(title) + 2 * GAP);
    let mut canvas = Canvas::new([top + size[0] * factor + GAP, wide])
        .ok_or_else(|| too_large("the picture", "resize it in `[data]`"))?;
    canvas.text([GAP, GAP], title, wide);
    let lefts = [0, 1, 2].map(|number| GAP + number * step);
    let own = |row: usize, column: usize| picture.pixel(row, column);
    let all: [&dyn Fn(usize, usize) -> Colour; 3] = [&own, others[0], others[1]];
    for (left, colour) in lefts.into_iter().zip(all) {
        canvas.picture([top, left], size, factor, colour);
    }
    Ok((canvas, lefts, factor))
}

/// Brings a map to another size, bilinear between the middles of its values.
///
/// # Reference
/// `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`.
fn resized(map: &[f64], from: [usize; 2], to: [usize; 2]) -> Vec<f64> {
    if from == to {
        return map.to_vec();
    }
    let places = [0, 1].map(|side| {
        let (from, to) = (from[side], to[side]);
        let place = move |at: usize| {
            let middle = ((at as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
            let first = (middle as usize).min(from.saturating_sub(1));
            (
                first,
                (first + 1).min(from.saturating_sub(1)),
                middle - first as f64,
            )
        };
        (0..to).map(place).collect::<Vec<_>>()
    });
    let value = |row: usize, column: usize| map[row * from[1] + column];
    let mut values = Vec::with_capacity(to[0] * to[1]);
    for (top, bottom, down) in &places[0] {
        for (left, right, along) in &places[1] {
            let upper = value(*top, *left) * (1.0 - along) + value(*top, *right) * along;
            let lower = value(*bottom, *left) * (1.0 - along) + value(*bottom, *right) * along;
            values.push(upper * (1.0 - down) + lower * down);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_grow_as_in_pytorch() {
        // torch.nn.functional.interpolate(torch.tensor([[[[1., 2.], [3., 5.]]]]), (4, 3), mode="bilinear")
        let grown = resized(&[1.0, 2.0, 3.0, 5.0], [2, 2], [4, 3]);
        let wanted = [
            1.0, 1.5, 2.0, 1.5, 2.125, 2.75, 2.5, 3.375, 4.25, 3.0, 4.0, 5.0,
        ];
        for (value, wanted) in grown.iter().zip(wanted) {
            assert!((value - wanted).abs() < 1e-12, "{grown:?}");
        }
    }
}
