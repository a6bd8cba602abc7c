//! Values added and taken away at the ends of dimensions.

use burn::tensor::Tensor;

use super::Value;
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
