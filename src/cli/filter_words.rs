//! The words of `cnn filter`: what its options take, and what that means.

use std::sync::Arc;

use clap::ValueEnum;

use crate::config::{Function, PaddingMode, PoolKind, nearest};
use crate::diagnostic::{Source, Span};
use crate::filter::{Fusion, Padding, Pool, Scale, pointwise};

/// The longest side, stride or padding.
const MAX: usize = 16_384;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Channels {
    /// Added: one grey result, as a convolution in a network does
    Sum,
    /// Kept apart: a result in colours
    Each,
    /// Multiplied: one grey result
    Product,
}

impl From<Channels> for Fusion {
    fn from(channels: Channels) -> Self {
        match channels {
            Channels::Sum => Self::Sum,
            Channels::Each => Self::Each,
            Channels::Product => Self::Product,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Mode {
    /// Zeros
    Zeros,
    /// The picture mirrored about its outermost pixel
    Reflect,
    /// The outermost pixel
    Replicate,
    /// The other end of the picture
    Circular,
}

impl From<Mode> for PaddingMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Zeros => Self::Zeros,
            Mode::Reflect => Self::Reflect,
            Mode::Replicate => Self::Replicate,
            Mode::Circular => Self::Circular,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Levels {
    /// The smallest value is black, the largest white
    Stretch,
    /// 0 is black, 1 is white, as in the picture; what lies beyond is cut
    Clip,
    /// 0 is black, the value farthest from it white, whatever its sign
    Abs,
}

impl From<Levels> for Scale {
    fn from(levels: Levels) -> Self {
        match levels {
            Levels::Stretch => Self::Stretch,
            Levels::Clip => Self::Clip,
            Levels::Abs => Self::Absolute,
        }
    }
}

/// Reads `N`, `H,W` or `HxW`, each 1 or more.
pub(super) fn size(text: &str) -> Result<[usize; 2], String> {
    let expected = || format!("expected one number or two, `H,W`, of 1 to {MAX}");
    let size = pair(text).filter(|size| size.iter().all(|side| (1..=MAX).contains(side)));
    size.ok_or_else(expected)
}

fn pair(text: &str) -> Option<[usize; 2]> {
    let (height, width) = text.split_once([',', 'x']).unwrap_or((text, text));
    Some([height.trim().parse().ok()?, width.trim().parse().ok()?])
}

pub(super) fn padding(text: &str) -> Result<Padding, String> {
    match text {
        "valid" => Ok(Padding::Valid),
        "same" => Ok(Padding::Same),
        _ => pair(text)
            .filter(|sides| sides.iter().all(|side| *side <= MAX))
            .map(Padding::Around)
            .ok_or_else(|| format!("expected `valid`, `same`, or rows and columns up to {MAX}")),
    }
}

pub(super) fn activation(word: &str) -> Result<Function, String> {
    let words: Vec<&str> = Function::words()
        .into_iter()
        .filter(|word| pointwise(word).is_some())
        .collect();
    pointwise(word).ok_or_else(|| match nearest(word, &words) {
        Some(near) if near != word => format!("did you mean `{near}`?"),
        _ => format!("expected one of {}", words.join(", ")),
    })
}

pub(super) fn finite(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    let number = number.filter(|number| number.is_finite());
    number.ok_or_else(|| "expected a number".to_owned())
}

/// Reads `KIND:SIZE` or `KIND:SIZE:STRIDE`.
pub(super) fn pool(text: &str) -> Result<Pool, String> {
    let expected = "expected KIND:SIZE or KIND:SIZE:STRIDE, such as `max:2` or `avg:2x3:1`";
    let mut parts = text.split(':');
    let kind = match parts.next().unwrap_or_default() {
        "max" => PoolKind::Max,
        "avg" => PoolKind::Avg,
        "sum" => PoolKind::Sum,
        "min" => PoolKind::Min,
        "l2" => PoolKind::L2,
        other => {
            return Err(format!(
                "`{other}` is not max, avg, sum, min or l2; {expected}"
            ));
        }
    };
    let window = parts.next().ok_or(expected)?;
    let window = size(window).map_err(|_| expected)?;
    let stride = match parts.next() {
        Some(stride) => size(stride).map_err(|_| expected)?,
        None => window,
    };
    if parts.next().is_some() {
        return Err(expected.to_owned());
    }
    let source = Arc::new(Source {
        name: "--pool".to_owned(),
        text: text.to_owned(),
    });
    Ok(Pool {
        kind,
        size: window,
        stride,
        place: Span::new(&source, 0..text.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_pools_are_read() {
        assert_eq!(size("7"), Ok([7, 7]));
        assert_eq!(size("70,120"), Ok([70, 120]));
        assert_eq!(size("70x120"), Ok([70, 120]));
        for text in ["", "0", "1,0", "-1", "1,2,3", "99999", "x"] {
            assert!(size(text).is_err(), "{text}");
        }
        let pooling = pool("max:2").unwrap();
        assert_eq!((pooling.size, pooling.stride), ([2, 2], [2, 2]));
        let pooling = pool("l2:2x3:1").unwrap();
        assert_eq!((pooling.size, pooling.stride), ([2, 3], [1, 1]));
        for text in [
            "max",
            "max:",
            "max:0",
            "max:2:0",
            "max:2:1:1",
            "mean:2",
            "2",
        ] {
            assert!(pool(text).is_err(), "{text}");
        }
        assert_eq!(padding("0"), Ok(Padding::Around([0, 0])));
        assert_eq!(padding("1,2"), Ok(Padding::Around([1, 2])));
        assert!(padding("full").is_err() && padding("99999").is_err());
    }
}
