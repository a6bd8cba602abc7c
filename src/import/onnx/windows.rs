//! Windows over maps or channels that are several nodes.

use super::item::{Draft, Item, Pool};
use super::setting::Setting;
use crate::plan::adaptive_window;

/// How far a factor may be from its share where it has 16 bits.
const IN_HALF: f32 = 1e-3;

/// Makes a pool of smallest values of one of largest between two changes of sign.
pub(super) fn least(pool: &Item) -> Option<Vec<Item>> {
    match pool {
        Item::Pool(pool) if pool.kind == "max" => {
            let pool = Pool {
                kind: "min",
                ..pool.clone()
            };
            Some(vec![Item::Pool(pool)])
        }
        _ => None,
    }
}

/// Makes a pool of sums of one of means and the number of values.
pub(super) fn sum(pool: &Pool, scale: &[f32]) -> Option<Vec<Item>> {
    let taps: usize = pool
        .windows
        .windows
        .iter()
        .map(|window| window.size)
        .product();
    let is_sum =
        pool.kind == "avg" && pool.is_plain() && scale.iter().all(|scale| *scale == taps as f32);
    is_sum.then(|| {
        vec![Item::Pool(Pool {
            kind: "sum",
            skips_padding: false,
            ..pool.clone()
        })]
    })
}

/// Recognizes windows of unequal sizes, whose values were put side by side.
pub(super) fn adaptive(
    dimension: usize,
    size: usize,
    places: &[i64],
    factors: Option<&Vec<f32>>,
    pool: &Pool,
) -> Option<Vec<Item>> {
    let windows = &pool.windows.windows;
    let widest = windows.get(dimension)?.size;
    let is_max = pool.kind == "max";
    let lie_side_by_side = windows.iter().enumerate().all(|(index, window)| {
        window.stride == window.size && (index == dimension || window.size == 1)
    });
    let is_whole = places.len().is_multiple_of(widest)
        && factors.is_none_or(|factors| factors.len() == places.len());
    let count = places.len() / widest;
    if !matches!(pool.kind, "max" | "avg")
        || is_max != factors.is_none()
        || !pool.is_plain()
        || !lie_side_by_side
        || !is_whole
        || count == 0
    {
        return None;
    }
    for (at, row) in places.chunks(widest).enumerate() {
        let (begin, end) = adaptive_window(at, count, size);
        let expected = (0..widest).map(|step| (begin + step).min(end - 1) as i64);
        let shares = |step: usize| {
            if begin + step < end {
                widest as f32 / (end - begin) as f32
            } else {
                0.0
            }
        };
        let fits = factors.is_none_or(|factors| {
            let mut own = factors.iter().skip(at * widest).take(widest).enumerate();
            own.all(|(step, factor)| (factor - shares(step)).abs() < IN_HALF)
        });
        // A window wider than the widest would lose its end.
        if end - begin > widest || !row.iter().copied().eq(expected) || !fits {
            return None;
        }
    }
    // The other dimensions stay as they are, whatever they are: they are filled in when it is written.
    let mut output = vec![0; windows.len()];
    *output.get_mut(dimension)? = count;
    Some(vec![Item::Adaptive { is_max, output }])
}

/// Recognizes local response normalization over an even number of channels: a convolution of squares with ones around
/// the diagonal.
pub(super) fn neighbours(conv: &Draft, beta: f32) -> Option<Draft> {
    let [weight, bias] = &conv.weights[..] else {
        return None;
    };
    let is_plain = |(key, value): &(&str, Setting)| match *key {
        "filters" => true,
        "kernel_size" => value.is_all(1),
        _ => false,
    };
    if conv.kind != "conv" || !conv.settings.iter().all(is_plain) {
        return None;
    }
    let (&[channels, inputs, ..], k) = (&weight.shape[..], *bias.values.first()?) else {
        return None;
    };
    let share = weight.values.iter().copied().fold(0.0, f32::max);
    let first = weight
        .values
        .get(..inputs)?
        .iter()
        .filter(|value| **value > 0.0)
        .count();
    // A first channel sees itself and what comes after it.
    let (after, size) = (first.checked_sub(1)?, 2 * first);
    let before = size / 2;
    let is_band = weight.values.iter().enumerate().all(|(index, value)| {
        let (to, from) = (index / channels, index % channels);
        *value
            == if from + before >= to && from <= to + after {
                share
            } else {
                0.0
            }
    });
    if channels != inputs
        || channels <= after
        || !is_band
        || bias.values.iter().any(|own| *own != k)
    {
        return None;
    }
    let layer = Draft::new("local_response_norm")
        .set("size", size)
        .set("alpha", share * size as f32);
    Some(layer.set("beta", beta).set("k", k))
}
