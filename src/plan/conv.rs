//! The convolutions: output shape, weights and multiply-adds.

use super::context::{Context, Planned};
use super::window::{self, Settings, Sliding};
use super::{Counts, Operation, kernel, reshape, transposed};
use crate::config::{self, ConvKind, Function, PaddingMode, Size, Spanned, Weights};
use crate::diagnostic::Diagnostic;
use crate::shape::{self, Window};

/// Convolution with every size resolved; `depthwise_conv` is one with as many groups as channels.
///
/// # Shapes
/// - input `[batch, channels, …]`
/// - weight `[filters, channels / groups, kernel …]`
/// - output `[batch, filters, …]`
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the output.
    pub filters: usize,
    /// Kernel, stride and dilation per dimension.
    pub windows: Vec<Window>,
    /// Padding, `[before, after]` per dimension.
    pub padding: Vec<[usize; 2]>,
    /// What stands in the padding.
    pub padding_mode: PaddingMode,
    /// Channel groups.
    pub groups: usize,
    /// Which input maps each filter reads; all of its group if absent.
    pub connections: Option<Vec<Vec<usize>>>,
    /// Whether there is a bias.
    pub bias: bool,
    /// Activation of the output.
    pub activation: Option<Function>,
    /// First values, penalties and constraints.
    pub weights: Weights,
    /// Weights made by hand, in the shape of the weight.
    pub hand_made: Option<Vec<f64>>,
}

/// A depthwise convolution and a 1x1 convolution of its maps.
#[derive(Clone, Debug, PartialEq)]
pub struct SeparableConv {
    /// The filters of each map, without a bias.
    pub depthwise: Conv,
    /// The 1x1 convolution, with the bias.
    pub pointwise: Conv,
    /// Activation of the output.
    pub activation: Option<Function>,
}

/// Plans a convolution.
///
/// Parameters: `filters · channels / groups · kernel` and one bias a filter.
/// Multiply-adds: `filters · channels / groups · kernel` for each output position.
pub(super) fn plan(conv: &config::Conv, context: &mut Context<'_, '_>) -> Option<Planned> {
    if context.lacks_maps() {
        return None;
    }
    let size = kernel::size(conv, context)?;
    match &conv.kind {
        ConvKind::Plain {
            groups,
            connections,
            ..
        } => {
            let filters = kernel::filters(conv, context)?;
            check_groups(groups, filters, context);
            let connections = connections.as_ref();
            let connections =
                connections.map(|lists| check_connections(lists, groups, filters, context));
            let sliding = slide(conv, &size, context)?;
            let planned = resolve(conv, filters, groups.value, &sliding, context);
            let mut planned = planned?;
            planned.connections = connections;
            finish(planned, sliding, context, Operation::Conv)
        }
        ConvKind::Depthwise { multiplier } => {
            let channels = *context.input.first()?;
            let filters = channels.checked_mul(multiplier.value);
            let filters = context.checked(filters)?;
            let sliding = slide(conv, &size, context)?;
            let planned = resolve(conv, filters, channels, &sliding, context)?;
            finish(planned, sliding, context, Operation::Conv)
        }
        ConvKind::Separable {
            filters,
            multiplier,
        } => plan_separable(
            conv,
            filters.as_ref()?.value,
            multiplier.value,
            &size,
            context,
        ),
        ConvKind::Transposed {
            groups,
            output_padding,
            ..
        } => {
            let filters = kernel::filters(conv, context)?;
            check_groups(groups, filters, context);
            transposed::plan(conv, filters, groups.value, output_padding, &size, context)
        }
    }
}

fn slide(
    conv: &config::Conv,
    size: &Spanned<Size>,
    context: &mut Context<'_, '_>,
) -> Option<Sliding> {
    let sliding = window::slide(
        &Settings {
            size: ("kernel_size", size),
            stride: &conv.stride,
            dilation: Some(&conv.dilation),
            padding: &conv.padding,
            ceil: false,
        },
        context,
    )?;
    let extents = context.input[1..].to_vec();
    let mode = &conv.padding_mode;
    let span = if mode.value == PaddingMode::Zeros {
        &conv.padding.span
    } else {
        &mode.span
    };
    reshape::check_mode(mode.value, &sliding.padding, &extents, span, context);
    Some(sliding)
}

/// Puts together what is known of a convolution.
pub(super) fn resolve(
    conv: &config::Conv,
    filters: usize,
    groups: usize,
    sliding: &Sliding,
    context: &mut Context<'_, '_>,
) -> Option<Conv> {
    let channels = *context.input.first()?;
    let (outer, inner) = match conv.kind {
        ConvKind::Transposed { .. } => (channels, filters / groups.max(1)),
        _ => (filters, channels / groups.max(1)),
    };
    let hand_made = match &conv.kernel {
        Some(made) => Some(kernel::expand(
            made,
            [outer, inner],
            sliding,
            conv,
            context,
        )?),
        None => None,
    };
    Some(Conv {
        channels,
        filters,
        windows: sliding.windows.clone(),
        padding: sliding.padding.clone(),
        padding_mode: conv.padding_mode.value,
        groups,
        connections: None,
        bias: conv.bias,
        activation: conv.activation,
        weights: conv.weights.clone(),
        hand_made,
    })
}

fn finish(
    conv: Conv,
    sliding: Sliding,
    context: &mut Context<'_, '_>,
    operation: fn(Conv) -> Operation,
) -> Option<Planned> {
    let mut output = vec![conv.filters];
    output.extend(&sliding.output);
    let counts = conv.counts(&context.input, &output);
    let counts = context.checked(counts)?;
    let field = context.field.after_windows(&conv.windows, &sliding.output);
    let field = context.checked(field)?;
    Some(Planned {
        operation: operation(conv),
        output,
        counts,
        field,
        padding: sliding.padding,
        ignored: sliding.ignored,
    })
}

fn plan_separable(
    conv: &config::Conv,
    filters: usize,
    multiplier: usize,
    size: &Spanned<Size>,
    context: &mut Context<'_, '_>,
) -> Option<Planned> {
    let channels = *context.input.first()?;
    let maps = channels.checked_mul(multiplier);
    let maps = context.checked(maps)?;
    let sliding = slide(conv, size, context)?;
    let depthwise = Conv {
        bias: false,
        activation: None,
        ..resolve(conv, maps, channels, &sliding, context)?
    };
    let point = Window {
        size: 1,
        stride: 1,
        dilation: 1,
    };
    let pointwise = Conv {
        channels: maps,
        filters,
        windows: vec![point; sliding.windows.len()],
        padding: vec![[0, 0]; sliding.windows.len()],
        groups: 1,
        bias: conv.bias,
        ..depthwise.clone()
    };
    let between = [vec![maps], sliding.output.clone()].concat();
    let output = [vec![filters], sliding.output.clone()].concat();
    let first = depthwise.counts(&context.input, &between);
    let second = pointwise.counts(&between, &output);
    let learned = conv.activation.map_or(0, Function::weights);
    let learned = Counts::weights(learned, conv.weights.trainable);
    let counts = first
        .zip(second)
        .and_then(|(first, second)| first.plus(&second));
    let counts = counts.and_then(|counts| counts.plus(&learned));
    let counts = context.checked(counts)?;
    let dense = depthwise.dense_equivalent(&context.input, &output);
    let field = context
        .field
        .after_windows(&depthwise.windows, &sliding.output);
    let field = context.checked(field)?;
    Some(Planned {
        operation: Operation::SeparableConv(SeparableConv {
            depthwise,
            pointwise,
            activation: conv.activation,
        }),
        output,
        counts: Counts {
            dense_equivalent: dense?,
            ..counts
        },
        field,
        padding: sliding.padding,
        ignored: sliding.ignored,
    })
}

fn check_groups(groups: &Spanned<usize>, filters: usize, context: &mut Context<'_, '_>) {
    let channels = context.input.first().copied().unwrap_or(1);
    let mut check = |what: &str, number: usize| {
        if number.is_multiple_of(groups.value) {
            return;
        }
        let message = format!(
            "{} groups do not divide the number of {what}, {number}",
            groups.value
        );
        let help = format!("`groups` must divide {number}: {}", shape::divisors(number));
        context.problem(Diagnostic::error(message).at(&groups.span, "").help(help));
    };
    check("input channels", channels);
    check("filters", filters);
}

/// Reports connections that do not fit the maps; returns them.
fn check_connections(
    lists: &Spanned<Vec<Vec<usize>>>,
    groups: &Spanned<usize>,
    filters: usize,
    context: &mut Context<'_, '_>,
) -> Vec<Vec<usize>> {
    let channels = context.input.first().copied().unwrap_or(0);
    if groups.value != 1 {
        let message = "`connections` and `groups` both say which maps a filter reads";
        context.problem(
            Diagnostic::error(message)
                .at(&lists.span, "")
                .help("remove `groups`"),
        );
    }
    if lists.value.len() != filters {
        let message = format!(
            "`connections` has {} lists for {filters} filters",
            lists.value.len()
        );
        context.problem(
            Diagnostic::error(message)
                .at(&lists.span, "")
                .help("write one list a filter"),
        );
    }
    let beyond = lists.value.iter().flatten().find(|map| **map >= channels);
    if let Some(map) = beyond {
        let message = format!("`connections` names map {map}, there are {channels}");
        let help = format!("maps are counted from 0 to {}", channels.saturating_sub(1));
        context.problem(Diagnostic::error(message).at(&lists.span, "").help(help));
    }
    lists.value.clone()
}

impl Conv {
    /// Returns whether Winograd's F(4x4, 3x3) is for it: 3x3 in two dimensions, neither strided nor dilated nor in groups,
    /// every window with a tap inside at the upper left.
    pub(crate) fn fits_winograd(&self) -> bool {
        let is_fit = |window: &Window| [window.size, window.stride, window.dilation] == [3, 1, 1];
        let fits_before = self.padding.iter().all(|[before, _]| *before <= 2);
        let is_plane = self.groups == 1 && self.windows.len() == 2;
        is_plane && fits_before && self.windows.iter().all(is_fit)
    }

    /// Returns the weights that one output position is made with, over all filters.
    fn weights_at_a_position(&self) -> Option<u64> {
        let taps: Vec<usize> = self.windows.iter().map(|window| window.size).collect();
        let taps = shape::elements(&taps)?;
        let maps = match &self.connections {
            Some(lists) => lists.iter().map(Vec::len).sum::<usize>() as u64,
            None => {
                ((self.channels / self.groups.max(1)) as u64).checked_mul(self.filters as u64)?
            }
        };
        taps.checked_mul(maps)
    }

    fn counts(&self, input: &[usize], output: &[usize]) -> Option<Counts> {
        let positions = shape::elements(output.get(1..).unwrap_or_default())?;
        self.counts_at(positions, input, output)
    }

    pub(super) fn counts_at(
        &self,
        positions: u64,
        input: &[usize],
        output: &[usize],
    ) -> Option<Counts> {
        let weights = self.weights_at_a_position()?;
        let bias = if self.bias { self.filters as u64 } else { 0 };
        let learned = self.activation.map_or(0, Function::weights);
        let parameters = weights.checked_add(bias)?.checked_add(learned)?;
        Some(Counts {
            macs: weights.checked_mul(positions)?,
            dense_equivalent: self.dense_equivalent(input, output)?,
            ..Counts::weights(parameters, self.weights.trainable)
        })
    }

    /// Returns the weights of a dense layer from the same input to the same output.
    fn dense_equivalent(&self, input: &[usize], output: &[usize]) -> Option<u64> {
        let outputs = shape::elements(output)?;
        let bias = if self.bias { outputs } else { 0 };
        let weights = shape::elements(input)?.checked_mul(outputs);
        let weights = weights.and_then(|weights| weights.checked_add(bias));
        Some(weights.unwrap_or(u64::MAX))
    }
}
