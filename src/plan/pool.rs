//! `pool`: output shape.

use super::window::{self, Settings};
use super::{Context, Counts, Operation, Planned};
use crate::config::{self, PoolKind};
use crate::diagnostic::Diagnostic;
use crate::shape::Window;

/// Pooling with every size resolved.
///
/// # Shapes
/// - input `[batch, channels, height, width]`
/// - output `[batch, channels, out_height, out_width]`
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// What is kept of each window.
    pub kind: PoolKind,
    /// Size and stride per dimension.
    pub windows: Vec<Window>,
    /// Padding, `[before, after]` per dimension: zeros for the mean, nothing for the maximum.
    pub padding: Vec<[usize; 2]>,
    /// Whether a last window may hang over the end.
    pub ceil: bool,
}

/// Plans a pool.
pub(super) fn plan(pool: &config::Pool, context: &mut Context<'_>) -> Option<Planned> {
    if context.needs_maps() {
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
    let Some(field) = context
        .field
        .after_windows(&sliding.windows, &sliding.output)
    else {
        context.overflow();
        return None;
    };
    Some(Planned {
        operation: Operation::Pool(Pool {
            kind: pool.kind,
            windows: sliding.windows,
            padding: sliding.padding.clone(),
            ceil: pool.ceil,
        }),
        output,
        counts: Counts::default(),
        field,
        padding: sliding.padding,
        ignored: sliding.ignored,
    })
}
