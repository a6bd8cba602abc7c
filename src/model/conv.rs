//! The convolutions: the tensors and the computation.

use burn::module::{Module, Param};
use burn::tensor::module::{conv2d, conv3d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};

use super::activation::Activation;
use super::compile::{Compiler, Wire};
use super::engine::to_host;
use super::initialize::{Builder, Shape};
use super::pad::{compile_padding, padded};
use super::sequence::Flow;
use super::weight::Weight;
use super::{Packed, Value};
use crate::config::PaddingMode;
use crate::diagnostic::Result;
use crate::kernels::program::Source;
use crate::kernels::{Axis, Function, Geometry, WeightOrder};
use crate::plan;
use crate::shape::Window;

/// Convolution (cross-correlation: the kernel is not flipped).
///
/// # Shapes
/// - input `[batch, channels, …]`
/// - weight `[filters, channels / groups, kernel …]`
/// - output `[batch, filters, …]`
///
/// # Reference
/// `torch.nn.Conv1d`, `Conv2d`, `Conv3d`.
#[derive(Module, Debug)]
pub(super) struct Conv {
    weight: Weight,
    bias: Option<Param<Tensor<1>>>,
    activation: Activation,
    #[module(skip)]
    plan: plan::Conv,
}

impl Conv {
    pub(super) fn new(plan: &plan::Conv, builder: &mut Builder<'_>) -> Self {
        let inputs = plan.channels / plan.groups;
        let weight = make_weight(plan, [plan.filters, inputs], 0, builder);
        let bias = plan.bias.then(|| builder.bias(plan.filters, &plan.weights));
        Self {
            weight,
            bias,
            activation: Activation::new(plan.activation, plan.weights.trainable, builder),
            plan: plan.clone(),
        }
    }

    pub(super) fn forward(&self, value: Value, flow: &mut Flow<'_>) -> Value {
        let value = if self.plan.padding_mode == PaddingMode::Zeros {
            match Packed::of(value, flow) {
                Ok(packed) => return self.compute_packed(packed),
                Err(value) => value,
            }
        } else {
            value.plain()
        };
        let plan = &self.plan;
        let volume = matches!(value, Value::Volume(_));
        let uneven = plan.padding.iter().any(|[before, after]| before != after);
        let (value, padding) = if plan.padding_mode != PaddingMode::Zeros || (volume && uneven) {
            let amount = [vec![[0, 0]], plan.padding.clone()].concat();
            (
                padded(value, &amount, plan.padding_mode),
                vec![[0, 0]; plan.padding.len()],
            )
        } else {
            (value, plan.padding.clone())
        };
        let bias = self.bias.as_ref().map(Param::val);
        let output = match value {
            Value::Signal(signal) => {
                let maps = signal.unsqueeze_dim::<4>(2);
                let maps = conv2d(
                    maps,
                    self.planes(),
                    bias,
                    options::<2>(&plan.windows, &padding, plan.groups),
                );
                Value::Signal(maps.squeeze_dim::<3>(2))
            }
            Value::Maps(maps) => Value::Maps(conv2d(
                maps,
                self.planes(),
                bias,
                options::<2>(&plan.windows, &padding, plan.groups),
            )),
            Value::Volume(maps) => {
                let windows = least_strides(&plan.windows, &maps.dims()[2..], &padding);
                let (weight, more) = widened(self.weights(), &windows);
                let maps = volume_of(padded(Value::Volume(maps), &more, PaddingMode::Zeros));
                let options = options(&windows, &padding, plan.groups);
                Value::Volume(conv3d(maps, weight, bias, options))
            }
            Value::Row(_) | Value::Packed(_) => unreachable!("the plan gives convolutions maps"),
        };
        self.activation.apply(output)
    }

    fn compute_packed(&self, packed: Packed) -> Value {
        let plan = &self.plan;
        let shape = packed.shape();
        let sizes = shape.iter().skip(2).zip(&plan.windows).zip(&plan.padding);
        let axes: Vec<Axis> = sizes
            .map(|((input, window), padding)| axis(*input, *window, *padding))
            .collect();
        let extents: Vec<usize> = axes.iter().map(|axis| axis.output).collect();
        let taps = plan.windows.iter().map(|window| window.size).product();
        let inputs = plan.channels / plan.groups;
        let order = WeightOrder {
            output: inputs * taps,
            input: taps,
            tap: 1,
        };
        let weight = self.masked_weight([plan.filters, inputs, taps]);
        let function = self.activation.fused();
        let output = packed.convolve(
            &Geometry::of(&axes),
            (weight, self.bias.as_ref().map(Param::val)),
            [plan.filters, plan.groups],
            order,
            function.unwrap_or(Function::Linear),
            &extents,
        );
        let output = Value::Packed(Box::new(output));
        match function {
            Some(_) => output,
            None => self.activation.apply(output),
        }
    }

    /// Returns its padding, if it is of zeros and it becomes a product in a program.
    pub(super) fn border(&self) -> &[[usize; 2]] {
        let plan = &self.plan;
        if plan.padding_mode == PaddingMode::Zeros && plan.groups == 1 {
            &plan.padding
        } else {
            &[]
        }
    }

    /// Writes it as a stage of a program, if it has one.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Result<Option<Wire>> {
        let plan = &self.plan;
        let inputs = plan.channels / plan.groups;
        let taps: usize = plan.windows.iter().map(|window| window.size).product();
        let bias = self.bias.as_ref().map(|bias| to_host(bias.val()));
        let source = Source {
            values: to_host(self.masked_weight([plan.filters, inputs, taps]))?,
            bias: bias.transpose()?,
            order: WeightOrder {
                output: inputs * taps,
                input: taps,
                tap: 1,
            },
            counts: [plan.filters / plan.groups, inputs],
            taps,
            groups: plan.groups,
        };
        if !source.fits() && !source.is_depthwise() {
            return Ok(None);
        }
        let mut input = input.clone();
        let padding = if compiler.is_bordered(&input) {
            vec![[0, 0]; plan.padding.len()]
        } else if plan.padding_mode == PaddingMode::Zeros {
            plan.padding.clone()
        } else {
            input = compile_padding(&input, &plan.padding, plan.padding_mode, compiler);
            vec![[0, 0]; plan.padding.len()]
        };
        let sizes = input.shape.iter().skip(1).zip(&plan.windows).zip(&padding);
        let axes: Vec<Axis> = sizes
            .map(|((input, window), padding)| axis(*input, *window, *padding))
            .collect();
        let extents: Vec<usize> = axes.iter().map(|axis| axis.output).collect();
        if source.is_depthwise() {
            input = compiler.whole(input);
        }
        let rows = compiler.rows(&input);
        let output = compiler.convolve((&input, rows), Geometry::of(&axes), source, &extents);
        Ok(Some(self.activation.compiled(output, compiler)))
    }

    /// Returns the weight of a 2-D convolution; that of a 1-D one gets a dimension of 1.
    fn planes(&self) -> Tensor<4> {
        let shape = self.weight.shape();
        match *shape.as_slice() {
            [filters, inputs, taps] => self.masked_weight([filters, inputs, 1, taps]),
            [filters, inputs, rows, columns] => {
                self.masked_weight([filters, inputs, rows, columns])
            }
            _ => unreachable!("a weight has the rank of its maps"),
        }
    }

    fn weights(&self) -> Tensor<5> {
        let shape = self.weight.shape();
        match *shape.as_slice() {
            [a, b, c, d, e] => self.masked_weight([a, b, c, d, e]),
            _ => unreachable!("a weight has the rank of its maps"),
        }
    }

    /// Returns the weight with zeros where there are no connections, so that no gradient
    /// reaches those.
    fn masked_weight<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        let weight = self.weight.shaped(shape);
        match self.plan.connections {
            Some(_) => masked(weight, &connections(&self.plan, &self.weight)),
            None => weight,
        }
    }
}

/// Lays a window out over an input.
fn axis(input: usize, window: Window, [before, after]: [usize; 2]) -> Axis {
    let extent = window.dilation * (window.size - 1) + 1;
    Axis {
        input,
        output: (input + before + after).saturating_sub(extent) / window.stride + 1,
        taps: window.size,
        stride: window.stride,
        dilation: window.dilation,
        before,
    }
}

fn options<const N: usize>(
    windows: &[Window],
    padding: &[[usize; 2]],
    groups: usize,
) -> ConvOptions<N> {
    ConvOptions::new_with_padding(
        last(windows, 1, |window| window.stride),
        last(padding, (0, 0), |[before, after]| (*before, *after)),
        last(windows, 1, |window| window.dilation),
        groups,
    )
}

/// Takes one item for each of `N` dimensions; those in front that there are none for get `rest`.
pub(super) fn last<T, U: Copy, const N: usize>(
    items: &[T],
    rest: U,
    take: impl Fn(&T) -> U,
) -> [U; N] {
    let mut taken = [rest; N];
    for (slot, item) in taken.iter_mut().rev().zip(items.iter().rev()) {
        *slot = take(item);
    }
    taken
}

/// Shortens strides beyond the map, which have one output in any case.
fn least_strides(windows: &[Window], map: &[usize], padding: &[[usize; 2]]) -> Vec<Window> {
    let sizes = map.iter().zip(padding);
    let windows = windows.iter().zip(sizes);
    let shorter = windows.map(|(window, (size, [before, after]))| Window {
        stride: window.stride.min(size + before + after),
        ..*window
    });
    shorter.collect()
}

/// Widens the kernel of a 3-D convolution with zeros at its ends where the stride is longer than it;
/// returns what it reaches further, `[before, after]` for the channels and each dimension.
///
/// Burn's transposed 3-D convolution on `wgpu`, which is the backward of the plain one too, takes
/// such a kernel to reach no input at all.
pub(super) fn widened(weight: Tensor<5>, windows: &[Window]) -> (Tensor<5>, Vec<[usize; 2]>) {
    let taps = windows.iter().map(|window| {
        let least = window.stride.div_ceil(window.dilation);
        [0, least.saturating_sub(window.size)]
    });
    let taps: Vec<[usize; 2]> = [[0, 0]].into_iter().chain(taps).collect();
    let dilations = [1]
        .into_iter()
        .chain(windows.iter().map(|window| window.dilation));
    let reach = taps.iter().zip(dilations);
    let reach = reach
        .map(|([_, taps], dilation)| [0, taps * dilation])
        .collect();
    (
        volume_of(padded(Value::Volume(weight), &taps, PaddingMode::Zeros)),
        reach,
    )
}

fn volume_of(value: Value) -> Tensor<5> {
    match value {
        Value::Volume(tensor) => tensor,
        _ => unreachable!("padding keeps the rank"),
    }
}

/// Makes the weight `[outer, inner, kernel …]` of a convolution.
pub(super) fn make_weight(
    plan: &plan::Conv,
    [outer, inner]: [usize; 2],
    filters: usize,
    builder: &mut Builder<'_>,
) -> Weight {
    let kernel: Vec<usize> = plan.windows.iter().map(|window| window.size).collect();
    let taps: usize = kernel.iter().product();
    let sizes = [vec![outer, inner], kernel].concat();
    let connections = plan.connections.as_deref();
    let inputs = connections.map_or(inner, |lists| {
        // What a filter reads on average.
        lists
            .iter()
            .map(Vec::len)
            .sum::<usize>()
            .div_ceil(lists.len().max(1))
    });
    let shape = Shape {
        sizes: &sizes,
        fans: [inputs * taps, outer * taps],
        filters,
        connections,
    };
    let given = plan.hand_made.as_ref();
    let given = given.map(|weights| weights.iter().map(|weight| *weight as f32).collect());
    builder.weight(&shape, &plan.weights, given)
}

/// Returns one for each connection of a filter with a map, zero elsewhere.
fn connections(plan: &plan::Conv, weight: &Weight) -> Tensor<2> {
    let [filters, channels] = [plan.filters, plan.channels];
    let mut ones = vec![0.0_f32; filters * channels];
    for (filter, maps) in plan.connections.iter().flatten().enumerate() {
        for map in maps {
            if let Some(one) = ones.get_mut(filter * channels + map) {
                *one = 1.0;
            }
        }
    }
    let device = weight.shaped([filters, channels, weight.shape().iter().skip(2).product()]);
    Tensor::from_data(TensorData::new(ones, [filters, channels]), &device.device())
}

fn masked<const D: usize>(weight: Tensor<D>, connections: &Tensor<2>) -> Tensor<D> {
    let [filters, channels] = connections.dims();
    let mut shape = [1; D];
    shape[0] = filters;
    shape[1] = channels;
    let mask: Tensor<D> = connections.clone().reshape(shape);
    weight * mask
}

/// A depthwise convolution, then a 1x1 convolution.
///
/// # Reference
/// Chollet 2017, "Xception"; `keras.layers.SeparableConv2D`.
#[derive(Module, Debug)]
pub(super) struct SeparableConv {
    depthwise: Conv,
    pointwise: Conv,
    activation: Activation,
}

impl SeparableConv {
    pub(super) fn new(plan: &plan::SeparableConv, builder: &mut Builder<'_>) -> Self {
        Self {
            depthwise: Conv::new(&plan.depthwise, builder),
            pointwise: Conv::new(&plan.pointwise, builder),
            activation: Activation::new(plan.activation, plan.pointwise.weights.trainable, builder),
        }
    }

    pub(super) fn forward(&self, value: Value, flow: &mut Flow<'_>) -> Value {
        let maps = self.depthwise.forward(value, flow);
        let maps = self.pointwise.forward(maps, flow);
        self.activation.apply(maps)
    }

    /// Writes it as stages of a program, if it has them.
    ///
    /// # Errors
    /// When weights cannot be read from the device.
    pub(super) fn compile(&self, input: &Wire, compiler: &mut Compiler) -> Result<Option<Wire>> {
        let Some(maps) = self.depthwise.compile(input, compiler)? else {
            return Ok(None);
        };
        let maps = self.pointwise.compile(&maps, compiler)?;
        Ok(maps.map(|maps| self.activation.compiled(maps, compiler)))
    }
}
