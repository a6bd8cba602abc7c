//! Numbers as Python writes them, and padding as PyTorch's modules take it.

use crate::config::PaddingMode;

/// Writes one number for all dimensions, or a tuple.
pub(super) fn sizes(sizes: &[usize]) -> String {
    match sizes {
        [first, rest @ ..] if rest.iter().all(|size| size == first) => first.to_string(),
        _ => tuple(sizes),
    }
}

/// Writes a tuple.
pub(super) fn tuple(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    match &numbers[..] {
        [one] => format!("({one},)"),
        all => format!("({})", all.join(", ")),
    }
}

/// Writes a keyword and its value, unless that is what the module takes anyway.
pub(super) fn keyword(word: &str, values: &[usize], default: usize) -> String {
    if values.iter().all(|value| *value == default) {
        return String::new();
    }
    format!(", {word}={}", sizes(values))
}

/// Returns the padding of each dimension, if it is the same on both sides.
pub(super) fn even(padding: &[[usize; 2]]) -> Option<Vec<usize>> {
    let is_even = padding.iter().all(|[before, after]| before == after);
    is_even.then(|| padding.iter().map(|[before, _]| *before).collect())
}

/// Writes padding as `torch.nn.functional.pad` takes it: the last dimension first.
pub(super) fn reversed(padding: &[[usize; 2]]) -> String {
    let sides: Vec<usize> = padding.iter().rev().flatten().copied().collect();
    tuple(&sides)
}

/// Writes a module that pads, with `fill` in place of zeros.
pub(super) fn pad(padding: &[[usize; 2]], mode: PaddingMode, fill: &str) -> String {
    let (rank, sides) = (padding.len(), reversed(padding));
    match mode {
        PaddingMode::Zeros => format!("nn.ConstantPad{rank}d({sides}, {fill})"),
        PaddingMode::Reflect => format!("nn.ReflectionPad{rank}d({sides})"),
        PaddingMode::Replicate => format!("nn.ReplicationPad{rank}d({sides})"),
        PaddingMode::Circular => format!("nn.CircularPad{rank}d({sides})"),
    }
}
