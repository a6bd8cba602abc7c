//! What convolutions and pools share: windows that slide over padded maps.

use super::context::Context;
use crate::config::{Padding, Size, Spanned};
use crate::diagnostic::Diagnostic;
use crate::shape::Window;

/// Settings of a window as the config has them.
pub(super) struct Settings<'a> {
    pub(super) size: (&'static str, &'a Spanned<Size>),
    pub(super) stride: &'a Spanned<Size>,
    pub(super) dilation: Option<&'a Spanned<Size>>,
    pub(super) padding: &'a Spanned<Padding>,
    pub(super) ceil: bool,
}

/// Windows in every dimension, and what they make of the maps.
pub(super) struct Sliding {
    pub(super) windows: Vec<Window>,
    pub(super) padding: Vec<[usize; 2]>,
    pub(super) output: Vec<usize>,
    pub(super) ignored: Vec<usize>,
}

/// Resolves sizes, strides and dilations over the maps that arrive; returns the windows and the
/// extents of the maps.
pub(super) fn windows(
    size: &Spanned<Size>,
    stride: &Spanned<Size>,
    dilation: &Spanned<Size>,
    context: &mut Context<'_, '_>,
) -> Option<(Vec<Window>, Vec<usize>)> {
    let extents = context.input.get(1..)?.to_vec();
    let rank = extents.len();
    let sizes = per_dimension("kernel_size", size, rank, context);
    let strides = per_dimension("stride", stride, rank, context);
    let dilations = per_dimension("dilation", dilation, rank, context);
    let (sizes, strides, dilations) = (sizes?, strides?, dilations?);
    Some((together(&sizes, &strides, &dilations), extents))
}

fn together(sizes: &[usize], strides: &[usize], dilations: &[usize]) -> Vec<Window> {
    sizes
        .iter()
        .zip(strides)
        .zip(dilations)
        .map(|((&size, &stride), &dilation)| Window {
            size,
            stride,
            dilation,
        })
        .collect()
}

/// Resolves a window over the maps that arrive; reports what does not fit.
pub(super) fn slide(settings: &Settings<'_>, context: &mut Context<'_, '_>) -> Option<Sliding> {
    let extents = context.input.get(1..)?.to_vec();
    let rank = extents.len();
    let sizes = per_dimension(settings.size.0, settings.size.1, rank, context);
    let strides = per_dimension("stride", settings.stride, rank, context);
    let dilations = match settings.dilation {
        Some(dilation) => per_dimension("dilation", dilation, rank, context),
        None => Some(vec![1; rank]),
    };
    let (sizes, strides, dilations) = (sizes?, strides?, dilations?);
    let windows = together(&sizes, &strides, &dilations);
    let pairs = padding_pairs(settings.padding, &windows, context)?;
    let mut sliding = Sliding {
        padding: Vec::with_capacity(rank),
        output: Vec::with_capacity(rank),
        ignored: Vec::with_capacity(rank),
        windows,
    };
    for (index, (&window, &input)) in sliding.windows.iter().zip(&extents).enumerate() {
        let padding = match pairs.get(index) {
            Some(pair) => Some(*pair),
            None => window.same_padding(input),
        };
        let Some(padding) = padding else {
            context.overflow();
            return None;
        };
        let output = if settings.ceil {
            window.output_rounded_up(input, padding)
        } else {
            window.output(input, padding)
        };
        let (Some(output), Some(extent)) = (output, window.extent()) else {
            misfit(settings, &sizes, &dilations, &extents, context);
            return None;
        };
        let span = window.covered(output).unwrap_or(extent);
        let end = padding[0].saturating_add(input);
        sliding.padding.push(padding);
        sliding.output.push(output);
        sliding.ignored.push(end.saturating_sub(span));
    }
    Some(sliding)
}

/// Returns one size per dimension, or reports that their number does not fit.
pub(super) fn per_dimension(
    key: &str,
    size: &Spanned<Size>,
    rank: usize,
    context: &mut Context<'_, '_>,
) -> Option<Vec<usize>> {
    let resolved = size.value.resolve(rank);
    if resolved.is_none() {
        wrong_count(key, &size.span.clone(), rank, context);
    }
    resolved
}

fn wrong_count(
    key: &str,
    span: &crate::diagnostic::Span,
    rank: usize,
    context: &mut Context<'_, '_>,
) {
    context.problem(
        Diagnostic::error(format!("`{key}` takes one number, or one per dimension"))
            .at(span, format!("needs {rank} entries")),
    );
}

/// Returns `[before, after]` per dimension; an empty list stands for "same".
pub(super) fn padding_pairs(
    padding: &Spanned<Padding>,
    windows: &[Window],
    context: &mut Context<'_, '_>,
) -> Option<Vec<[usize; 2]>> {
    let rank = windows.len();
    let pairs = match &padding.value {
        Padding::Same => Some(Vec::new()),
        Padding::Causal => {
            let [window] = windows else {
                let message =
                    "`\"causal\"` padding is for 1-D input, where one value comes after another";
                context.problem(
                    Diagnostic::error(message)
                        .at(&padding.span, "")
                        .help("use `\"same\"`"),
                );
                return None;
            };
            let reach = window.extent().map(|extent| vec![[extent - 1, 0]]);
            return context.checked(reach);
        }
        Padding::Valid => Some(vec![[0, 0]; rank]),
        Padding::Both(size) => size
            .resolve(rank)
            .map(|sizes| sizes.iter().map(|&size| [size, size]).collect()),
        Padding::Pairs(pairs) => (pairs.len() == rank).then(|| pairs.clone()),
    };
    if pairs.is_none() {
        wrong_count("padding", &padding.span.clone(), rank, context);
    }
    pairs
}

fn misfit(
    settings: &Settings<'_>,
    sizes: &[usize],
    dilations: &[usize],
    extents: &[usize],
    context: &mut Context<'_, '_>,
) {
    let (key, size) = settings.size;
    let what = if key == "size" { "window" } else { "kernel" };
    let reach: Option<Vec<usize>> = sizes
        .iter()
        .zip(dilations)
        .map(|(&size, &dilation)| {
            Window {
                size,
                stride: 1,
                dilation,
            }
            .extent()
        })
        .collect();
    let Some(reach) = reach else {
        context.overflow();
        return;
    };
    let show = crate::shape::display;
    let mut message = format!(
        "{what} {} does not fit the {} input of `{}`",
        show(sizes),
        show(extents),
        context.layer.kind.type_name()
    );
    if reach != sizes {
        message.push_str(&format!(", dilated to {}", show(&reach)));
    }
    let first = if key == "size" {
        "make the window smaller"
    } else {
        "set `padding = \"same\"`"
    };
    let help = if context.network.pooled {
        format!("{first}, or drop a pooling layer")
    } else {
        first.to_owned()
    };
    context.problem(
        Diagnostic::error(message)
            .at(&size.span, format!("needs at least {}", show(&reach)))
            .help(help),
    );
}
