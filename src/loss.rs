//! Losses.

use burn::tensor::{Int, Tensor, TensorData, activation};

/// Returns the mean cross-entropy of `logits` `[batch, classes]` with the classes of `labels`.
///
/// # Reference
/// `torch.nn.functional.cross_entropy`.
#[must_use]
pub fn cross_entropy(logits: Tensor<2>, labels: &[u32]) -> Tensor<1> {
    let labels: Vec<i64> = labels.iter().map(|label| i64::from(*label)).collect();
    let count = labels.len();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [count]), &logits.device());
    let logs = activation::log_softmax(logits, 1);
    logs.gather(1, labels.unsqueeze_dim(1)).mean().neg()
}
