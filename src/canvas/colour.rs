//! Colours for numbers, that colour-blind readers can tell apart and that grow lighter evenly.

use super::Colour;

/// Nine points of matplotlib's `viridis`, evenly spaced.
const VIRIDIS: [Colour; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// Nine points of matplotlib's `inferno`, evenly spaced.
const INFERNO: [Colour; 9] = [
    [0, 0, 4],
    [31, 12, 72],
    [85, 15, 109],
    [136, 34, 106],
    [186, 54, 85],
    [227, 89, 51],
    [249, 140, 10],
    [249, 201, 50],
    [252, 255, 164],
];

/// Blue, white and vermilion of Okabe and Ito.
const SIGNED: [Colour; 3] = [[0, 114, 178], [255, 255, 255], [213, 94, 0]];

/// Colours a value between 0 and 1, for maps of features.
pub(crate) fn of_value(value: f64) -> Colour {
    between(&VIRIDIS, value)
}

/// Colours a value between 0 and 1, for heat laid over a picture.
pub(crate) fn of_heat(value: f64) -> Colour {
    between(&INFERNO, value)
}

/// Colours a value between -1 and 1; 0 is white.
pub(crate) fn of_signed(value: f64) -> Colour {
    between(&SIGNED, f64::midpoint(value, 1.0))
}

/// Mixes two colours: all of the second at 1.
pub(crate) fn mixed(first: Colour, second: Colour, share: f64) -> Colour {
    std::array::from_fn(|part| {
        let [from, to] = [first, second].map(|colour| f64::from(colour[part]));
        (from + share * (to - from)).round().clamp(0.0, 255.0) as u8
    })
}

fn between(points: &[Colour], value: f64) -> Colour {
    let last = points.len() - 1;
    // What is not a number is drawn as the smallest.
    let value = if value.is_nan() { 0.0 } else { value };
    let place = value.clamp(0.0, 1.0) * last as f64;
    let first = (place as usize).min(last - 1);
    mixed(points[first], points[first + 1], place - first as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_colours() {
        assert_eq!(of_value(0.0), VIRIDIS[0]);
        assert_eq!(of_value(0.5), VIRIDIS[4]);
        assert_eq!(of_value(7.0), VIRIDIS[8]);
        assert_eq!(of_value(f64::NAN), VIRIDIS[0]);
        assert_eq!(of_heat(1.0), INFERNO[8]);
        assert_eq!(of_signed(0.0), [255; 3]);
        assert_eq!(of_signed(-0.5), [128, 185, 217]);
    }

    #[test]
    fn larger_values_are_lighter() {
        let light = |[red, green, blue]: Colour| {
            0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)
        };
        for points in [VIRIDIS, INFERNO] {
            let lights: Vec<f64> = points.into_iter().map(light).collect();
            assert!(lights.is_sorted(), "{lights:?}");
        }
    }
}
