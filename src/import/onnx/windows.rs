//! Windows over maps or channels that are several nodes.

use super::item::{Draft, Item, number};
use super::tidy::CLOSE;
use crate::plan::adaptive_window;

/// Makes a pool of smallest values of one of largest between two changes of sign.
pub(super) fn least(pool: &Item) -> Option<Vec<Item>> {
    match pool {
        Item::Layer(pool) if pool.setting("kind") == Some("\"max\"") => {
            let mut pool = pool.clone();
            pool.remove("kind");
            let mut own = Draft {
                settings: Vec::new(),
                ..pool.clone()
            }
            .word("kind", "min");
            own.settings.extend(pool.settings);
            Some(vec![Item::Layer(own)])
        }
        _ => None,
    }
}

/// Makes a pool of sums of one of means and the number of values.
pub(super) fn sum(pool: &Draft, scale: &[f32]) -> Option<Vec<Item>> {
    let is_plain = pool.kind == "pool"
        && pool.setting("kind") == Some("\"avg\"")
        && pool.setting("padding").is_none();
    let size = pool
        .setting("size")
        .filter(|_| is_plain && pool.setting("ceil").is_none())?;
    let sizes: Vec<f32> = size
        .trim_matches(['[', ']'])
        .split(", ")
        .filter_map(|size| size.parse().ok())
        .collect();
    let each: f32 = sizes.iter().product();
    // One number stands for two dimensions, or one, or three.
    let fits = |count: f32| scale.iter().all(|scale| *scale == count);
    if each < 2.0
        || !(fits(each) || sizes.len() == 1 && (fits(each * each) || fits(each * each * each)))
    {
        return None;
    }
    let mut own = Draft::new("pool").word("kind", "sum");
    let rest = pool
        .settings
        .iter()
        .filter(|(key, _)| !matches!(*key, "kind" | "count_padding"));
    own.settings.extend(rest.cloned());
    Some(vec![Item::Layer(own)])
}

/// Recognizes windows of unequal sizes, whose values were put side by side.
pub(super) fn adaptive(
    dimension: usize,
    size: usize,
    places: &[i64],
    factors: Option<&Vec<f32>>,
    pool: &Draft,
) -> Option<Vec<Item>> {
    let own: Vec<usize> = pool
        .setting("size")?
        .trim_matches(['[', ']'])
        .split(", ")
        .filter_map(|size| size.parse().ok())
        .collect();
    let widest = *own.get(dimension.min(own.len() - 1))?;
    let count = places.len().checked_div(widest)?;
    let is_max = pool.setting("kind") == Some("\"max\"");
    if pool.kind != "pool" || is_max != factors.is_none() || count == 0 || count > size {
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
            (0..widest).all(|step| (factors[at * widest + step] - shares(step)).abs() < CLOSE)
        });
        if !row.iter().copied().eq(expected) || !fits {
            return None;
        }
    }
    // The other dimensions stay as they are, whatever they are: they are filled in when it is written.
    let mut output = vec![0; own.len()];
    *output.get_mut(dimension)? = count;
    Some(vec![Item::Adaptive { is_max, output }])
}

/// Recognizes local response normalization over an even number of channels: a convolution of squares with ones around
/// the diagonal.
pub(super) fn neighbours(conv: &Draft, beta: f32) -> Option<Draft> {
    let [weight, bias] = &conv.weights[..] else {
        return None;
    };
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
        .set("alpha", number(share * size as f32));
    Some(layer.set("beta", number(beta)).set("k", number(k)))
}
