//! What PyTorch wrote of training, on every device.

use std::panic::AssertUnwindSafe;

use burn::tensor::Device;

use super::{losses, optimizers};
use crate::devices::on_every_device;

/// What is computed on a device, by name.
const CHECKS: &[(&str, fn(&Device))] = &[
    ("LeNet-5", super::logits_loss_and_gradients_of_lenet5),
    ("five steps on LeNet-5", super::five_steps_on_lenet5),
    ("every optimizer", optimizers::ten_steps_of_every_optimizer),
    (
        "rates by layers",
        optimizers::rates_by_layers_are_pytorchs_groups,
    ),
    ("a moving average", optimizers::a_moving_average_is_pytorchs),
    (
        "clipping",
        optimizers::gradients_are_clipped_as_pytorch_clips_them,
    ),
    (
        "a restored optimizer",
        optimizers::a_restored_optimizer_takes_the_same_next_step,
    ),
    ("losses", losses::losses_and_their_gradients_equal_pytorch),
    (
        "a slope at zero",
        losses::the_slope_of_binary_cross_entropy_at_zero,
    ),
];

/// Runs every check on a device; each says for itself what it is off by.
#[track_caller]
pub fn check_all(device: &Device) {
    let fails = |(_, check): &&(&str, fn(&Device))| {
        std::panic::catch_unwind(AssertUnwindSafe(|| check(device))).is_err()
    };
    let failed: Vec<&str> = CHECKS.iter().filter(fails).map(|(name, _)| *name).collect();
    assert!(failed.is_empty(), "failed on {device:?}: {failed:?}");
}

on_every_device!(check_all);
