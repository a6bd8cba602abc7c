//! Values added and taken away at the ends of dimensions.

use burn::tensor::Tensor;

use super::Value;
use super::compile::{Compiler, Wire};
use crate::config::PaddingMode;

/// Adds values at the ends, `[before, after]` for the channels and each dimension.
///
/// # Reference
/// `numpy.pad` with the modes `constant`, `reflect`, `edge` and `wrap`.
pub(super) fn padded(value: Value, amount: &[[usize; 2]], mode: PaddingMode) -> Value {
    let mut value = value;
    for (index, [before, after]) in amount.iter().enumerate() {
        if *before > 0 || *after > 0 {
            // The batch stands in front.
            let (shape, dimension) = (value.shape(), index + 1);
            let lined = pad_middle(&value.along(dimension), [*before, *after], mode);
            value = Value::from_along(lined, shape, dimension);
        }
    }
    value
}

/// Pads the dimension in the middle.
fn pad_middle(x: &Tensor<3>, [before, after]: [usize; 2], mode: PaddingMode) -> Tensor<3> {
    let [rows, size, columns] = x.dims();
    let part = |start, length| x.clone().narrow(1, start, length);
    let zeros = |length| Tensor::zeros([rows, length, columns], &x.device());
    let (front, back) = match mode {
        PaddingMode::Zeros => (
            (before > 0).then(|| zeros(before)),
            (after > 0).then(|| zeros(after)),
        ),
        PaddingMode::Replicate => (
            (before > 0).then(|| part(0, 1).repeat_dim(1, before)),
            (after > 0).then(|| part(size - 1, 1).repeat_dim(1, after)),
        ),
        PaddingMode::Reflect => (
            (before > 0).then(|| part(1, before).flip([1])),
            (after > 0).then(|| part(size - 1 - after, after).flip([1])),
        ),
        PaddingMode::Circular => (
            (before > 0).then(|| part(size - before, before)),
            (after > 0).then(|| part(0, after)),
        ),
    };
    let parts: Vec<Tensor<3>> = front.into_iter().chain([x.clone()]).chain(back).collect();
    Tensor::cat(parts, 1)
}

/// Takes values away at the ends, `[before, after]` for the channels and each dimension.
pub(super) fn cropped(value: Value, amount: &[[usize; 2]]) -> Value {
    let mut value = value;
    for (index, [before, after]) in amount.iter().enumerate() {
        if *before > 0 || *after > 0 {
            let (shape, dimension) = (value.shape(), index + 1);
            let kept = shape[dimension] - before - after;
            let lined = value.along(dimension).narrow(1, *before, kept);
            value = Value::from_along(lined, shape, dimension);
        }
    }
    value
}

/// Writes padding as a stage of a program, `[before, after]` for each dimension of the maps.
pub(super) fn compile_padding(
    input: &Wire,
    amount: &[[usize; 2]],
    mode: PaddingMode,
    compiler: &mut Compiler,
) -> Wire {
    let mut shape = input.shape.clone();
    let mut lines = Vec::new();
    for (index, size) in input.shape.iter().enumerate().skip(1) {
        let [before, after] = amount.get(index - 1).copied().unwrap_or([0, 0]);
        shape[index] = before + size + after;
        let line = (0..shape[index]).map(|at| source_of(at, before, *size, mode));
        lines.push(line.collect());
    }
    let positions = positions_of(&input.shape[1..], &lines);
    compiler.moved(input.clone(), positions, (0, 0), shape)
}

/// Returns the value that stands at a place of a padded dimension.
fn source_of(at: usize, before: usize, size: usize, mode: PaddingMode) -> Option<usize> {
    let inside = at.checked_sub(before).filter(|at| *at < size);
    match mode {
        PaddingMode::Zeros => inside,
        PaddingMode::Replicate => Some(at.saturating_sub(before).min(size - 1)),
        PaddingMode::Circular => Some((at + size - before) % size),
        PaddingMode::Reflect => Some(if at < before {
            before - at
        } else if at - before < size {
            at - before
        } else {
            2 * (size - 1) - (at - before)
        }),
    }
}

/// Returns the position of each place of a grid, given the one that each place of a dimension was.
pub(super) fn positions_of(sizes: &[usize], lines: &[Vec<Option<usize>>]) -> Vec<Option<usize>> {
    let mut positions = vec![Some(0)];
    for (size, line) in sizes.iter().zip(lines) {
        positions = positions
            .iter()
            .flat_map(|outer| line.iter().map(move |at| Some((*outer)? * size + (*at)?)))
            .collect();
    }
    positions
}
