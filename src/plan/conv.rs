//! `conv`: output shape, weights and multiply-adds.

use super::window::{self, Settings};
use super::{Context, Counts, Operation, Planned};
use crate::config::{self, Function};
use crate::diagnostic::Diagnostic;
use crate::shape::{self, Window};

/// 2-D convolution with every size resolved.
///
/// # Shapes
/// - input `[batch, channels, height, width]`
/// - weight `[filters, channels / groups, kernel height, kernel width]`
/// - output `[batch, filters, out_height, out_width]`
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the output.
    pub filters: usize,
    /// Kernel, stride and dilation per dimension.
    pub windows: Vec<Window>,
    /// Zeros added, `[before, after]` per dimension.
    pub padding: Vec<[usize; 2]>,
    /// Channel groups.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
    /// Activation of the output.
    pub activation: Option<Function>,
}

/// Plans a convolution.
///
/// Parameters: `filters · channels / groups · kernel` and one bias a filter.
/// Multiply-adds: `filters · channels / groups · kernel` for each output position.
pub(super) fn plan(conv: &config::Conv, context: &mut Context<'_>) -> Option<Planned> {
    if context.needs_maps() {
        return None;
    }
    let channels = *context.input.first()?;
    check_groups(conv, channels, context);
    let sliding = window::slide(
        &Settings {
            size: ("kernel_size", &conv.kernel_size),
            stride: &conv.stride,
            dilation: Some(&conv.dilation),
            padding: &conv.padding,
            ceil: false,
        },
        context,
    )?;
    let filters = conv.filters.value;
    let mut output = vec![filters];
    output.extend(&sliding.output);
    let counts = count(conv, channels, &sliding.windows, &context.input, &output);
    let field = context
        .field
        .after_windows(&sliding.windows, &sliding.output);
    let (Some(counts), Some(field)) = (counts, field) else {
        context.overflow();
        return None;
    };
    Some(Planned {
        operation: Operation::Conv(Conv {
            channels,
            filters,
            windows: sliding.windows,
            padding: sliding.padding.clone(),
            groups: conv.groups.value,
            bias: conv.bias,
            activation: conv.activation,
        }),
        output,
        counts,
        field,
        padding: sliding.padding,
        ignored: sliding.ignored,
    })
}

fn check_groups(conv: &config::Conv, channels: usize, context: &mut Context<'_>) {
    let groups = conv.groups.value;
    let mut check = |what: &str, number: usize| {
        if number.is_multiple_of(groups) {
            return;
        }
        let fitting: Vec<String> = (1..=number.min(4096))
            .filter(|divisor| number.is_multiple_of(*divisor))
            .take(8)
            .map(|divisor| divisor.to_string())
            .collect();
        context.problem(
            Diagnostic::error(format!(
                "{groups} groups do not divide the number of {what}, {number}"
            ))
            .at(&conv.groups.span, "")
            .help(format!(
                "`groups` must divide {number}: {}",
                fitting.join(", ")
            )),
        );
    };
    check("input channels", channels);
    check("filters", conv.filters.value);
}

fn count(
    conv: &config::Conv,
    channels: usize,
    windows: &[Window],
    input: &[usize],
    output: &[usize],
) -> Option<Counts> {
    let taps: Vec<usize> = windows.iter().map(|window| window.size).collect();
    let per_filter = shape::elements(&taps)?.checked_mul((channels / conv.groups.value) as u64)?;
    let filters = conv.filters.value as u64;
    let bias = if conv.bias { filters } else { 0 };
    let outputs = shape::elements(output)?;
    let dense_bias = if conv.bias { outputs } else { 0 };
    Some(Counts {
        trainable: per_filter.checked_mul(filters)?.checked_add(bias)?,
        buffers: 0,
        macs: per_filter.checked_mul(outputs)?,
        dense_equivalent: shape::elements(input)?
            .checked_mul(outputs)
            .and_then(|weights| weights.checked_add(dense_bias))
            .unwrap_or(u64::MAX),
    })
}
