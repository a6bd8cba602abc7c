//! Hand-made weights, fitted to the layer that has them.

use super::context::Context;
use super::window::Sliding;
use crate::config::{self, HandMade, Size, Spanned};
use crate::diagnostic::Diagnostic;
use crate::shape;

/// Returns the number of filters: what the config says, or what the hand-made weights have.
pub(super) fn filters(conv: &config::Conv, context: &mut Context<'_, '_>) -> Option<usize> {
    let told = conv.filters();
    let rank = context.rank();
    let Some(kernel) = &conv.kernel else {
        return told.map(|filters| filters.value);
    };
    let shape = &kernel.value.shape;
    let own = match (shape.len().saturating_sub(rank), &conv.kind) {
        (0, _) => None,
        (2, config::ConvKind::Transposed { groups, .. }) => shape
            .get(1)
            .and_then(|outputs| outputs.checked_mul(groups.value)),
        _ => shape.first().copied(),
    };
    match (told, own) {
        (Some(told), Some(own)) if told.value != own => {
            let message = format!("`filters` is {}, and `kernel` has {own}", told.value);
            context.problem(
                Diagnostic::error(message)
                    .at(&told.span, "")
                    .help("remove `filters`"),
            );
            None
        }
        (Some(told), _) => Some(told.value),
        (None, Some(own)) => Some(own),
        // One matrix alone is one filter.
        (None, None) => Some(1),
    }
}

/// Returns the kernel's size: what the config says, or the size of the hand-made weights.
pub(super) fn size(conv: &config::Conv, context: &mut Context<'_, '_>) -> Option<Spanned<Size>> {
    let rank = context.rank();
    let Some(kernel) = &conv.kernel else {
        return conv.kernel_size.clone();
    };
    let shape = &kernel.value.shape;
    if kernel.value.is_named() && rank != 2 {
        let message = format!("a kernel with a name is a matrix, and the maps are {rank}-D");
        let help = "write the weights out as an array of numbers";
        context.problem(Diagnostic::error(message).at(&kernel.span, "").help(help));
        return None;
    }
    if !(rank..=rank + 2).contains(&shape.len()) {
        let message = format!(
            "`kernel` is an array {} deep, for {rank}-D maps it must be {rank} to {} deep",
            shape.len(),
            rank + 2
        );
        let help =
            "one deeper than the maps for an entry per filter, two for one per filter and channel";
        context.problem(Diagnostic::error(message).at(&kernel.span, "").help(help));
        return None;
    }
    let own = Size::Each(shape[shape.len() - rank..].to_vec());
    if let Some(size) = &conv.kernel_size
        && size.value.resolve(rank) != own.resolve(rank)
    {
        let message = "`kernel_size` is another than the size of `kernel`";
        let label = format!("the weights are {}", shape::display(&own.resolve(rank)?));
        let help = "remove `kernel_size`";
        context.problem(Diagnostic::error(message).at(&size.span, label).help(help));
    }
    Some(Spanned {
        value: own,
        span: kernel.span.clone(),
    })
}

/// Writes hand-made weights out in the shape of a weight `[outer, inner, taps …]`.
pub(super) fn expand(
    kernel: &Spanned<HandMade>,
    [outer, inner]: [usize; 2],
    sliding: &Sliding,
    conv: &config::Conv,
    context: &mut Context<'_, '_>,
) -> Option<Vec<f64>> {
    let made = &kernel.value;
    let taps: Vec<usize> = sliding.windows.iter().map(|window| window.size).collect();
    let full = [vec![outer, inner], taps.clone()].concat();
    let extra = made.shape.len().saturating_sub(taps.len());
    // The filters of a transposed convolution are numbered within each group.
    let groups = match &conv.kind {
        config::ConvKind::Transposed { groups, .. } => Some(groups.value),
        _ => None,
    };
    let fits = match (extra, groups) {
        (0, _) => true,
        (1, Some(groups)) => made.shape.first() == inner.checked_mul(groups).as_ref(),
        (1, None) => made.shape.first() == Some(&outer),
        _ => made.shape == full,
    };
    if !fits {
        let message = format!(
            "`kernel` is {}, the weights of the layer are {}",
            shape::display(&made.shape),
            shape::display(&full)
        );
        context.problem(Diagnostic::error(message).at(&kernel.span, ""));
        return None;
    }
    let size = usize::try_from(shape::elements(&taps)?).ok()?;
    let total = shape::elements(&full);
    // Far beyond any weight that is written by hand.
    let total = context.checked(total.filter(|total| *total <= 1 << 28))?;
    let mut weights = Vec::with_capacity(usize::try_from(total).ok()?);
    for first in 0..outer {
        for second in 0..inner {
            let start = match (extra, groups) {
                (0, _) => 0,
                (1, Some(groups)) => first / (outer / groups).max(1) * inner + second,
                (1, None) => first,
                _ => first * inner + second,
            } * size;
            weights.extend_from_slice(made.weights.get(start..start + size)?);
        }
    }
    Some(weights)
}
