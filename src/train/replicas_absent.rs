//! What stands in the place of `replicas.rs` in a program without `remote`.

use burn::tensor;

use super::Options;
use crate::dataset::Batch;
use crate::diagnostic::Result;
use crate::loss::Loss;
use crate::model::{Model, remote};
use crate::optimizer::Gradients;

/// Several devices, of which there are none here.
pub(super) enum Replicas {}

impl Replicas {
    /// Refuses more than one device.
    pub(super) fn open(options: &Options<'_>, _: &tensor::Device) -> Result<Option<Self>> {
        if options.others.is_empty() {
            return Ok(None);
        }
        Err(remote::not_built())
    }

    /// Cannot be asked.
    pub(super) fn learn(
        &self,
        _: &Model,
        _: &Loss,
        _: &Batch,
        _: &[usize],
        _: (u64, u64),
    ) -> Result<(Vec<f32>, Gradients)> {
        match *self {}
    }
}
