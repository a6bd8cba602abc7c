//! Kernels as pictures.

use std::path::Path;

use super::{GAP, WIDTH, range, short, too_large};
use crate::canvas::{Canvas, colour, font};
use crate::diagnostic::Result;
use crate::look::Kernels;
use crate::report::plain;

/// The sides that kernels are enlarged to, by a whole factor.
const COMFORTABLE: usize = 24;

/// Filters and channels that are drawn.
const MOST: [usize; 2] = [64, 32];

/// Writes what kernels there are and where they are drawn.
#[must_use]
pub fn render_filters(kernels: &[(&Kernels, &Path)]) -> String {
    let lines = kernels.iter().map(|(kernels, file)| {
        let [filters, channels, height, width] = kernels.shape;
        let [low, high] = range(&kernels.values).map(short);
        let shown = drawn(kernels.shape);
        let mut line = format!(
            "{}  {filters} filters {height}x{width} on {channels} channels  {low} to {high}  {}",
            plain(&kernels.name),
            plain(&file.display().to_string()),
        );
        if shown != [filters, channels] {
            let [filters, channels] = shown;
            line.push_str(&format!(
                "  (the first {filters} filters and {channels} channels are drawn)"
            ));
        }
        line + "\n"
    });
    lines.collect()
}

fn drawn([filters, channels, _, _]: [usize; 4]) -> [usize; 2] {
    [filters.min(MOST[0]), channels.min(MOST[1])]
}

/// Draws kernels: filters on three channels in colour, each stretched to its own range; others as a row a filter and a
/// column an input channel, blue below 0 and red above, the same for all.
///
/// # Errors
/// When the picture would be too large.
pub fn draw_filters(kernels: &Kernels) -> Result<Vec<u8>> {
    let [_, channels, height, width] = kernels.shape;
    let area = height * width;
    let [filters, columns] = drawn(kernels.shape);
    let factor = (COMFORTABLE / height.max(width).max(1)).max(1);
    let side = [height * factor + GAP, width * factor + GAP];
    let [low, high] = range(&kernels.values);
    let title = format!(
        "{} {} {}x{height}x{width}  {} to {}",
        kernels.name,
        kernels.type_name,
        channels,
        short(low),
        short(high)
    );
    let across = if kernels.is_of_colours {
        ((WIDTH - GAP) / side[1]).clamp(1, filters.max(1))
    } else {
        columns
    };
    let down = if kernels.is_of_colours {
        filters.div_ceil(across)
    } else {
        filters
    };
    let top = font::HEIGHT + 2 * GAP;
    let wide = (across * side[1] + GAP).max(font::width(&title) + 2 * GAP);
    let mut canvas = Canvas::new([top + down * side[0], wide]).ok_or_else(|| {
        too_large(
            "the sheet of filters",
            "name a layer with smaller kernels by `--layer`",
        )
    })?;
    canvas.text([GAP, GAP], &title, wide);
    let value = |filter: usize, channel: usize, place: usize| {
        let at = (filter * channels + channel) * area + place;
        f64::from(kernels.values.get(at).copied().unwrap_or_default())
    };
    if kernels.is_of_colours {
        for filter in 0..filters {
            let own = &kernels.values[filter * 3 * area..(filter + 1) * 3 * area];
            let [low, high] = range(own);
            let place = [
                top + filter / across * side[0],
                GAP + filter % across * side[1],
            ];
            canvas.picture(place, [height, width], factor, |row, column| {
                [0, 1, 2].map(|channel| {
                    let value = value(filter, channel, row * width + column);
                    let share = if high > low {
                        (value - low) / (high - low)
                    } else {
                        0.5
                    };
                    (share * 255.0).round() as u8
                })
            });
        }
        return canvas.png();
    }
    let most = low.abs().max(high.abs());
    for filter in 0..filters {
        for channel in 0..columns {
            let place = [top + filter * side[0], GAP + channel * side[1]];
            canvas.picture(place, [height, width], factor, |row, column| {
                let value = value(filter, channel, row * width + column);
                colour::of_signed(if most > 0.0 { value / most } else { 0.0 })
            });
        }
    }
    canvas.png()
}
