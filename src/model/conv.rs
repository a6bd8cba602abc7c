//! `conv`: the tensors and the computation.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

use super::initialize::Builder;
use super::{Pass, Value, activation};
use crate::config::Function;
use crate::plan;

/// 2-D convolution (cross-correlation: the kernel is not flipped).
///
/// # Shapes
/// - input `[batch, channels, height, width]`
/// - weight `[filters, channels / groups, kernel height, kernel width]`
/// - output `[batch, filters, out_height, out_width]`
///
/// # Reference
/// `torch.nn.Conv2d`.
#[derive(Module, Debug)]
pub(super) struct Conv {
    weight: Param<Tensor<4>>,
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    settings: Settings,
}

#[derive(Clone, Debug)]
struct Settings {
    options: ConvOptions<2>,
    activation: Option<Function>,
}

impl Conv {
    pub(super) fn new(plan: &plan::Conv, builder: &mut Builder<'_>) -> Self {
        let [rows, columns] = super::pair(&plan.windows, |window| window.size);
        let inputs = plan.channels / plan.groups;
        let taps = rows * columns;
        let shape = [plan.filters, inputs, rows, columns];
        let weight = builder.glorot_uniform(shape, inputs * taps, plan.filters * taps);
        let bias = plan.bias.then(|| builder.constant(plan.filters, 0.0));
        let options = ConvOptions::new_with_padding(
            super::pair(&plan.windows, |window| window.stride),
            super::pair(&plan.padding, |[before, after]| (*before, *after)),
            super::pair(&plan.windows, |window| window.dilation),
            plan.groups,
        );
        let activation = plan.activation;
        Self {
            weight,
            bias,
            settings: Settings {
                options,
                activation,
            },
        }
    }

    pub(super) fn forward(&self, value: Value, _: Pass) -> Value {
        let maps = conv2d(
            value.into_maps(),
            self.weight.val(),
            self.bias.as_ref().map(Param::val),
            self.settings.options.clone(),
        );
        activation::apply_if(self.settings.activation, Value::Maps(maps))
    }
}
