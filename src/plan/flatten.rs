//! `flatten`: maps to one row.

use super::{Context, Operation, Planned};
use crate::shape;

/// Plans a flattening: `[channels, height, width]` becomes `[channels · height · width]`.
pub(super) fn plan(context: &mut Context<'_>) -> Option<Planned> {
    let Some(values) =
        shape::elements(&context.input).and_then(|values| usize::try_from(values).ok())
    else {
        context.overflow();
        return None;
    };
    let mut planned = Planned::unchanged(Operation::Flatten, context);
    planned.output = vec![values];
    Some(planned)
}
