//! Transposed convolutions: the tensors and the computation.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::{conv_transpose2d, conv_transpose3d};
use burn::tensor::ops::ConvTransposeOptions;

use super::Value;
use super::activation::Activation;
use super::conv::{last, make_weight, widened};
use super::initialize::Builder;
use super::pad::{cropped, padded};
use super::sequence::Flow;
use super::value::{per_channel, same_rank};
use super::weight::Weight;
use crate::config::PaddingMode;
use crate::plan;
use crate::shape::Window;

/// Transposed convolution: what a convolution does to gradients.
///
/// # Shapes
/// - input `[batch, channels, …]`
/// - weight `[channels, filters / groups, kernel …]`
/// - output `[batch, filters, …]`
///
/// # Reference
/// `torch.nn.ConvTranspose1d`, `ConvTranspose2d`, `ConvTranspose3d`.
#[derive(Module, Debug)]
pub(super) struct TransposedConv {
    weight: Weight,
    bias: Option<Param<Tensor<1>>>,
    activation: Activation,
    #[module(skip)]
    plan: plan::TransposedConv,
}

impl TransposedConv {
    pub(super) fn new(plan: &plan::TransposedConv, builder: &mut Builder<'_>) -> Self {
        let conv = &plan.conv;
        let outputs = conv.filters / conv.groups;
        Self {
            weight: make_weight(conv, [conv.channels, outputs], 1, builder),
            bias: conv.bias.then(|| builder.bias(conv.filters, &conv.weights)),
            activation: Activation::new(conv.activation, conv.weights.trainable, builder),
            plan: plan.clone(),
        }
    }

    pub(super) fn forward(&self, value: Value, _: &mut Flow<'_>) -> Value {
        let shape = self.weight.shape();
        // Padding cuts the ends off, which may be other at either end; so that is done here.
        let whole = match (value, shape.as_slice()) {
            (Value::Signal(signal), &[a, b, c]) => {
                let weight: Tensor<4> = self.weight.shaped([a, b, 1, c]);
                let maps = signal.unsqueeze_dim::<4>(2);
                let maps =
                    conv_transpose2d(maps, weight, None, self.options(&self.plan.conv.windows));
                Value::Signal(maps.squeeze_dim::<3>(2))
            }
            (Value::Maps(maps), &[a, b, c, d]) => {
                let weight = self.weight.shaped([a, b, c, d]);
                Value::Maps(conv_transpose2d(
                    maps,
                    weight,
                    None,
                    self.options(&self.plan.conv.windows),
                ))
            }
            (Value::Volume(maps), &[a, b, c, d, e]) => {
                let weight = self.weight.shaped([a, b, c, d, e]);
                let mut windows = self.plan.conv.windows.clone();
                for (window, size) in windows.iter_mut().zip(&maps.dims()[2..]) {
                    if *size == 1 {
                        // A single input has no step to the next.
                        window.stride = 1;
                    }
                }
                let (weight, more) = widened(weight, &windows);
                let whole = conv_transpose3d(maps, weight, None, self.options(&windows));
                cropped(Value::Volume(whole), &more)
            }
            _ => unreachable!("a weight has the rank of its maps"),
        };
        let more = self.plan.output_padding.iter().map(|more| [0, *more]);
        let more: Vec<[usize; 2]> = [[0, 0]].into_iter().chain(more).collect();
        let whole = padded(whole, &more, PaddingMode::Zeros);
        let cut = [vec![[0, 0]], self.plan.conv.padding.clone()].concat();
        let output = cropped(whole, &cut);
        let output = match &self.bias {
            Some(bias) => same_rank!(output, tensor => tensor + per_channel(bias.val())),
            None => output,
        };
        self.activation.apply(output)
    }

    fn options<const N: usize>(&self, windows: &[Window]) -> ConvTransposeOptions<N> {
        ConvTransposeOptions::new(
            last(windows, 1, |window| window.stride),
            [0; N],
            [0; N],
            last(windows, 1, |window| window.dilation),
            self.plan.conv.groups,
        )
    }
}
