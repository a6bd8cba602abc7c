//! The pools: output shape.

use super::context::{Context, Planned};
use super::window::{self, Settings};
use super::{Counts, Operation};
use crate::config::{self, PoolKind};
use crate::diagnostic::Diagnostic;
use crate::shape::Window;

/// Pooling with every size resolved.
///
/// # Shapes
/// - input `[batch, channels, …]`
/// - output `[batch, channels, …]`
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// What is kept of each window.
    pub kind: PoolKind,
    /// Size and stride per dimension.
    pub windows: Vec<Window>,
    /// Padding, `[before, after]` per dimension: never the largest or smallest, zeros otherwise.
    pub padding: Vec<[usize; 2]>,
    /// Whether a last window may hang over the end.
    pub ceil: bool,
    /// Whether a mean counts the padding.
    pub count_padding: bool,
    /// Size of the output per dimension.
    pub output: Vec<usize>,
}

/// Pooling to a given size, with every size resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptivePool {
    /// What is kept of each window.
    pub kind: PoolKind,
    /// Size of the output per dimension.
    pub output: Vec<usize>,
}

/// Plans a pool.
pub(super) fn plan(pool: &config::Pool, context: &mut Context<'_, '_>) -> Option<Planned> {
    if context.lacks_maps() {
        return None;
    }
    let sliding = window::slide(
        &Settings {
            size: ("size", &pool.size),
            stride: pool.stride.as_ref().unwrap_or(&pool.size),
            dilation: None,
            padding: &pool.padding,
            ceil: pool.ceil,
        },
        context,
    )?;
    let too_wide = sliding
        .windows
        .iter()
        .zip(&sliding.padding)
        .any(|(window, padding)| padding.iter().any(|&side| side >= window.size));
    if too_wide {
        context.problem(
            Diagnostic::error("a window of `pool` would lie wholly in the padding")
                .at(&pool.padding.span, "")
                .help("`padding` must be smaller than `size` on each side"),
        );
    }
    let mut output = vec![*context.input.first()?];
    output.extend(&sliding.output);
    let field = context
        .field
        .after_windows(&sliding.windows, &sliding.output);
    let field = context.checked(field)?;
    Some(Planned {
        operation: Operation::Pool(Pool {
            kind: pool.kind,
            windows: sliding.windows,
            padding: sliding.padding.clone(),
            ceil: pool.ceil,
            count_padding: pool.count_padding,
            output: sliding.output,
        }),
        output,
        counts: Counts::default(),
        field,
        padding: sliding.padding,
        ignored: sliding.ignored,
    })
}

/// Plans a pool over whole maps: `[channels, …]` becomes `[channels]`.
pub(super) fn plan_global(
    pool: &config::GlobalPool,
    context: &mut Context<'_, '_>,
) -> Option<Planned> {
    if context.lacks_maps() {
        return None;
    }
    let field = context.field.of_whole_map();
    let field = context.checked(field)?;
    let mut planned = Planned::unchanged(Operation::GlobalPool(pool.kind), context);
    planned.output.truncate(1);
    planned.field = field;
    Some(planned)
}

/// Plans a pool to a given size.
pub(super) fn plan_adaptive(
    pool: &config::AdaptivePool,
    context: &mut Context<'_, '_>,
) -> Option<Planned> {
    if context.lacks_maps() {
        return None;
    }
    let extents = context.input.get(1..)?.to_vec();
    let rank = extents.len();
    let Some(output) = pool.output.value.resolve(rank) else {
        let message = "`output` takes one number, or one per dimension";
        let label = format!("needs {rank} entries");
        context.problem(Diagnostic::error(message).at(&pool.output.span, label));
        return None;
    };
    let sizes = extents.iter().zip(&output);
    let widths: Vec<usize> = sizes
        .map(|(input, output)| widest(*input, *output))
        .collect();
    let field = context.field.after_adaptive(&widths, &extents, &output);
    let field = context.checked(field)?;
    let operation = Operation::AdaptivePool(AdaptivePool {
        kind: pool.kind,
        output: output.clone(),
    });
    let mut planned = Planned::unchanged(operation, context);
    planned.output.truncate(1);
    planned.output.extend(output);
    planned.field = field;
    Some(planned)
}

/// Returns the bounds of window `index` of `count` over `size` values: ⌊i·size/count⌋ up to, but
/// not including, ⌈(i + 1)·size/count⌉.
///
/// # Reference
/// `torch.nn.AdaptiveAvgPool2d`.
#[must_use]
pub(crate) fn adaptive_window(index: usize, count: usize, size: usize) -> (usize, usize) {
    let at = |index: usize| index as u128 * size as u128;
    let count = count as u128;
    (
        (at(index) / count) as usize,
        at(index + 1).div_ceil(count) as usize,
    )
}

/// Returns the width of the widest window.
fn widest(size: usize, count: usize) -> usize {
    if size.is_multiple_of(count) {
        return size / count;
    }
    // Windows repeat after count steps at most; a look at the first few thousand is exact for
    // every output that is computed.
    (0..count.min(4096))
        .map(|index| adaptive_window(index, count, size))
        .map(|(begin, end)| end - begin)
        .max()
        .unwrap_or(1)
}
