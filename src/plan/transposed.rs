//! `conv_transpose`: output shape, weights and multiply-adds.

use super::Operation;
use super::context::{Context, Planned};
use super::conv::{Conv, resolve};
use super::window::{self, Sliding};
use crate::config::{self, Padding, Size, Spanned};
use crate::diagnostic::Diagnostic;
use crate::shape::{self, Window};

/// Transposed convolution with every size resolved.
///
/// # Shapes
/// - input `[batch, channels, …]`
/// - weight `[channels, filters / groups, kernel …]`
/// - output `[batch, filters, …]`, `(in − 1)·stride + extent` cut by the padding
#[derive(Clone, Debug, PartialEq)]
pub struct TransposedConv {
    /// What it is the transpose of, with the channels of this layer's own input and output;
    /// [`Conv::padding`] is what is cut off at the ends.
    pub conv: Conv,
    /// Rows and columns of zeros more at the end, before the bias.
    pub output_padding: Vec<usize>,
}

/// Plans a transposed convolution.
///
/// Multiply-adds: every input position meets every weight of its group.
pub(super) fn plan(
    conv: &config::Conv,
    filters: usize,
    groups: usize,
    output_padding: &Spanned<Size>,
    size: &Spanned<Size>,
    context: &mut Context<'_, '_>,
) -> Option<Planned> {
    let (windows, extents) = window::windows(size, &conv.stride, &conv.dilation, context)?;
    let more = window::per_dimension("output_padding", output_padding, windows.len(), context)?;
    let longest = |(window, more): (&Window, &usize)| *more >= window.stride.max(window.dilation);
    if windows.iter().zip(&more).any(longest) {
        let message = "`output_padding` must be smaller than `stride` or `dilation`";
        context.problem(Diagnostic::error(message).at(&output_padding.span, ""));
    }
    if conv.padding.value == Padding::Causal {
        let message = "`conv_transpose` has no causal padding";
        context.problem(Diagnostic::error(message).at(&conv.padding.span, ""));
        return None;
    }
    let cut = window::padding_pairs(&conv.padding, &windows, context)?;
    let mut sliding = Sliding {
        windows,
        padding: Vec::new(),
        output: Vec::new(),
        ignored: Vec::new(),
    };
    let mut output_padding = Vec::new();
    for (index, (&window, &input)) in sliding.windows.iter().zip(&extents).enumerate() {
        let full = window.covered(input);
        let extent = window.extent();
        let (full, extent) = context.checked(full.zip(extent))?;
        let mut more = more.get(index).copied().unwrap_or(0);
        let cut = cut.get(index).copied().unwrap_or_else(|| {
            // "same": an output of input · stride.
            let total = extent.saturating_sub(window.stride);
            more = more.max(window.stride.saturating_sub(extent));
            [total / 2, total - total / 2]
        });
        let output = full.checked_add(more);
        let output = context.checked(output)?;
        let taken = cut[0].checked_add(cut[1]).filter(|taken| *taken < output);
        let Some(taken) = taken else {
            let message = format!("the padding of `conv_transpose` leaves nothing of {output}");
            context.problem(Diagnostic::error(message).at(&conv.padding.span, ""));
            return None;
        };
        sliding.padding.push(cut);
        sliding.output.push(output - taken);
        sliding.ignored.push(0);
        output_padding.push(more);
    }
    let planned = resolve(conv, filters, groups, &sliding, context)?;
    let output = [vec![filters], sliding.output.clone()].concat();
    // Every input meets every weight of its group.
    let positions = shape::elements(&extents);
    let counts = planned.counts_at(positions?, &context.input, &output);
    let counts = context.checked(counts)?;
    let field = context
        .field
        .after_transposed(&sliding.windows, &sliding.output);
    let field = context.checked(field)?;
    Some(Planned {
        operation: Operation::TransposedConv(TransposedConv {
            conv: planned,
            output_padding,
        }),
        output,
        counts,
        field,
        padding: sliding.padding,
        ignored: sliding.ignored,
    })
}
