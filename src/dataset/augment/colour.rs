//! Brightness, contrast and saturation.

use super::draw::Change;

/// Weights of red, green and blue in a grey value (ITU-R 601-2).
const GREY: [f32; 3] = [0.299, 0.587, 0.114];

/// Changes the colours of a picture, `[channel, row, column]` of raw values 0 … 255, in this order: brightness is a
/// factor, contrast a factor of the distance from the mean grey, saturation one of the distance from each pixel's grey.
/// What leaves the range is clipped after each.
///
/// # Reference
/// `torchvision.transforms.functional.adjust_brightness`, `adjust_contrast` and `adjust_saturation`, which equal
/// Pillow's `ImageEnhance` without its rounding.
pub(super) fn change_colours(values: &mut [f32], channels: usize, change: &Change) {
    let [brightness, contrast, saturation] = change.colours.map(|factor| factor as f32);
    if is_off(brightness) && is_off(contrast) && is_off(saturation) {
        return;
    }
    if !is_off(brightness) {
        blend(values, brightness, 0.0);
    }
    let plane = values.len().checked_div(channels).unwrap_or(0);
    let (red, rest) = values.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane.min(rest.len()));
    if !is_off(contrast) {
        let sum = |plane: &[f32]| plane.iter().map(|value| f64::from(*value)).sum::<f64>();
        let mean = if channels == 3 {
            let sums = [sum(red), sum(green), sum(blue)];
            let weighted = sums
                .iter()
                .zip(GREY)
                .map(|(sum, weight)| sum * f64::from(weight));
            weighted.sum::<f64>() / plane.max(1) as f64
        } else {
            (sum(red) + sum(green) + sum(blue)) / (plane * channels).max(1) as f64
        };
        for plane in [&mut *red, &mut *green, &mut *blue] {
            blend(plane, contrast, mean as f32);
        }
    }
    if !is_off(saturation) && channels == 3 {
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            let grey = GREY[0] * *red + GREY[1] * *green + GREY[2] * *blue;
            for value in [red, green, blue] {
                *value = mixed(*value, saturation, grey);
            }
        }
    }
}

fn is_off(factor: f32) -> bool {
    (factor - 1.0).abs() < f32::EPSILON
}

fn blend(values: &mut [f32], factor: f32, other: f32) {
    for value in values {
        *value = mixed(*value, factor, other);
    }
}

fn mixed(value: f32, factor: f32, other: f32) -> f32 {
    (factor * value + (1.0 - factor) * other).clamp(0.0, 255.0)
}
