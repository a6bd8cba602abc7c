//! `pixel_shuffle`: the computation.

use burn::module::Module;
use burn::tensor::Tensor;

use super::Value;
use super::sequence::Flow;

/// Channels laid out as larger maps.
///
/// # Shapes
/// - input `[batch, channels · scale², height, width]`
/// - output `[batch, channels, height · scale, width · scale]`
///
/// # Reference
/// `torch.nn.PixelShuffle`.
#[derive(Module, Debug)]
pub(super) struct PixelShuffle {
    #[module(skip)]
    scale: usize,
}

impl PixelShuffle {
    pub(super) fn new(scale: usize) -> Self {
        Self { scale }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        let (scale, shape) = (self.scale, value.shape());
        let (channels, height, width) = (shape[1] / (scale * scale), shape[2], shape[3]);
        let apart = [shape[0], channels, scale, scale, height, width];
        // Each row of pixels takes its places within the row before the next row comes; so do columns.
        let laid: Tensor<6> = value.into_row().reshape(apart).permute([0, 1, 4, 2, 5, 3]);
        Value::Maps(laid.reshape([shape[0], channels, height * scale, width * scale]))
    }
}
