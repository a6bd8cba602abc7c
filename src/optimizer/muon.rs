//! Muon: steps along the nearest orthogonal matrix.

use burn::tensor::Tensor;

use super::{Matrix, Turn};
use crate::config::{Adjust, Rule};

/// Coefficients of the quintic iteration.
const COEFFICIENTS: [f64; 3] = [3.4445, -4.775, 2.0315];

/// # Reference
/// `torch.optim.Muon`; Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural
/// networks", which flattens the weights of a convolution to a row a filter. Here the iteration
/// runs in 32 bits.
pub(super) fn muon(turn: Turn<'_>, rule: &Rule, matrix: &Matrix<'_>) -> Tensor<1> {
    let Rule::Muon {
        momentum,
        nesterov,
        iterations,
        adjust,
        ..
    } = *rule
    else {
        return turn.weight;
    };
    let mean = (turn.memory).mean("momentum_buffer", turn.gradient.clone(), momentum);
    let direction = if nesterov {
        turn.gradient * (1.0 - momentum) + mean * momentum
    } else {
        mean
    };
    // [before the filters, filters, after]: dense layers have their units last.
    let sizes = matrix.sizes;
    let filters = sizes.get(matrix.filters).copied().unwrap_or(1);
    let before: usize = sizes.iter().take(matrix.filters).product();
    let columns = direction.dims()[0] / filters.max(1);
    let after = columns / before.max(1);
    let rows: Tensor<2> = direction
        .reshape([before, filters, after])
        .swap_dims(0, 1)
        .reshape([filters, columns]);
    let rows = orthogonal(rows, iterations);
    let direction = rows
        .reshape([filters, before, after])
        .swap_dims(0, 1)
        .reshape([-1]);
    let (height, width) = (filters as f64, columns as f64);
    let size = match adjust {
        Adjust::Original => (height / width).max(1.0).sqrt(),
        Adjust::MatchRmsAdamW => 0.2 * height.max(width).sqrt(),
    };
    turn.weight - direction * (turn.rate * size)
}

/// Brings all singular values near 1.
fn orthogonal(matrix: Tensor<2>, iterations: usize) -> Tensor<2> {
    let [a, b, c] = COEFFICIENTS;
    let [rows, columns] = matrix.dims();
    let is_tall = rows > columns;
    let matrix = if is_tall { matrix.transpose() } else { matrix };
    let norm = matrix.clone().square().sum().sqrt().clamp_min(1e-7);
    let mut matrix = matrix / norm.reshape([1, 1]);
    for _ in 0..iterations {
        let gram = matrix.clone().matmul(matrix.clone().transpose());
        let update = gram.clone() * b + gram.clone().matmul(gram) * c;
        matrix = matrix.clone() * a + update.matmul(matrix);
    }
    if is_tall { matrix.transpose() } else { matrix }
}
