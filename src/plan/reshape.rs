//! The layers that move values about: `flatten`, `reshape`, `pad`, `crop`, `upsample`; and
//! `scale`.

use super::context::{Context, Planned};
use super::{Counts, Operation};
use crate::config::{self, Amount, PaddingMode, Spanned, UpsampleMode};
use crate::diagnostic::Diagnostic;
use crate::shape;

/// Values added at the ends, `[before, after]` for the channels and each dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Pad {
    /// How many.
    pub amount: Vec<[usize; 2]>,
    /// What stands in them.
    pub mode: PaddingMode,
}

/// Larger maps.
#[derive(Clone, Debug, PartialEq)]
pub struct Upsample {
    /// How many times larger, per dimension.
    pub scale: Vec<usize>,
    /// How values between values are found.
    pub mode: UpsampleMode,
}

/// A learned factor and offset per channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Channels or units.
    pub channels: usize,
    /// First value of the factors.
    pub initial: f64,
    /// Whether there are offsets.
    pub bias: bool,
}

/// Plans a flattening: `[channels, height, width]` becomes `[channels · height · width]`.
pub(super) fn plan_flatten(context: &mut Context<'_, '_>) -> Option<Planned> {
    let values = shape::elements(&context.input).and_then(|values| usize::try_from(values).ok());
    let values = context.checked(values)?;
    let mut planned = Planned::unchanged(Operation::Flatten, context);
    planned.output = vec![values];
    Some(planned)
}

/// Plans another shape for the same values.
pub(super) fn plan(reshape: &config::Reshape, context: &mut Context<'_, '_>) -> Option<Planned> {
    let values = shape::elements(&context.input);
    let values = context.checked(values)?;
    let sizes = &reshape.shape.value;
    let known: Vec<usize> = sizes.iter().flatten().copied().collect();
    let known = shape::elements(&known);
    let known = context.checked(known)?;
    let rest = usize::try_from(values / known).ok()?;
    let open = sizes.iter().any(Option::is_none);
    let fits = if open {
        values.is_multiple_of(known) && rest > 0
    } else {
        values == known
    };
    if !fits {
        let received = shape::display(&context.input);
        let message = if open {
            format!("{values} values ({received}) cannot be divided into rows of {known}")
        } else {
            format!("{values} values ({received}) cannot become {known}")
        };
        context.problem(Diagnostic::error(message).at(&reshape.shape.span, ""));
        return None;
    }
    let output: Vec<usize> = sizes.iter().map(|size| size.unwrap_or(rest)).collect();
    let field = context.field.of_everything();
    let field = context.checked(field)?;
    let mut planned = Planned::unchanged(Operation::Reshape(output.clone()), context);
    if output != context.input {
        planned.field = field.over(output.get(1..).unwrap_or_default());
    }
    planned.output = output;
    Some(planned)
}

fn resolve(amount: &Spanned<Amount>, context: &mut Context<'_, '_>) -> Option<Vec<[usize; 2]>> {
    let rank = context.rank();
    let resolved = amount.value.resolve(rank);
    if resolved.is_none() {
        let message = "`amount` takes one number, or one entry per dimension";
        let label = format!(
            "needs {rank} entries, or {} with the channels in front",
            rank + 1
        );
        context.problem(Diagnostic::error(message).at(&amount.span, label));
    }
    resolved
}

/// Plans a padding.
pub(super) fn plan_pad(pad: &config::Pad, context: &mut Context<'_, '_>) -> Option<Planned> {
    if context.lacks_maps() {
        return None;
    }
    let amount = resolve(&pad.amount, context)?;
    let extents = context.input.clone();
    check_mode(
        pad.mode,
        &amount,
        &extents,
        &pad.amount.span.clone(),
        context,
    );
    let sizes = extents.iter().zip(&amount);
    let output: Option<Vec<usize>> = sizes
        .map(|(size, [before, after])| size.checked_add(*before)?.checked_add(*after))
        .collect();
    let output = context.checked(output)?;
    let field = context.field.over(&output[1..]);
    let operation = Operation::Pad(Pad {
        amount,
        mode: pad.mode,
    });
    let mut planned = Planned::unchanged(operation, context);
    planned.output = output;
    planned.field = field;
    Some(planned)
}

/// Reports padding that its mode cannot fill from the values there are.
pub(super) fn check_mode(
    mode: PaddingMode,
    padding: &[[usize; 2]],
    extents: &[usize],
    span: &crate::diagnostic::Span,
    context: &mut Context<'_, '_>,
) {
    let (word, most) = match mode {
        PaddingMode::Zeros | PaddingMode::Replicate => return,
        PaddingMode::Reflect => ("reflect", 1),
        PaddingMode::Circular => ("circular", 0),
    };
    let too_wide =
        |([before, after], size): (&[usize; 2], &usize)| (*before).max(*after) + most > *size;
    if padding.iter().zip(extents).any(too_wide) {
        let shape = shape::display(extents);
        let rule = if most == 1 { "less than" } else { "at most" };
        let message = format!("\"{word}\" padding is too wide for {shape}");
        let label = format!("must be {rule} the size on each side");
        context.problem(Diagnostic::error(message).at(span, label));
    }
}

/// Plans a crop.
pub(super) fn plan_crop(crop: &config::Crop, context: &mut Context<'_, '_>) -> Option<Planned> {
    if context.lacks_maps() {
        return None;
    }
    let amount = resolve(&crop.amount, context)?;
    let sizes = context.input.iter().zip(&amount);
    let output: Option<Vec<usize>> = sizes
        .map(|(size, [before, after])| {
            size.checked_sub(before.checked_add(*after)?)
                .filter(|size| *size > 0)
        })
        .collect();
    let Some(output) = output else {
        let message = format!(
            "a crop leaves nothing of {}",
            shape::display(&context.input)
        );
        context.problem(Diagnostic::error(message).at(&crop.amount.span, ""));
        return None;
    };
    let field = context.field.over(&output[1..]);
    let mut planned = Planned::unchanged(Operation::Crop(amount), context);
    planned.output = output;
    planned.field = field;
    Some(planned)
}

/// Plans larger maps.
pub(super) fn plan_upsample(
    upsample: &config::Upsample,
    context: &mut Context<'_, '_>,
) -> Option<Planned> {
    if context.lacks_maps() {
        return None;
    }
    let rank = context.rank();
    let Some(scale) = upsample.scale.value.resolve(rank) else {
        let message = "`scale` takes one number, or one per dimension";
        let label = format!("needs {rank} entries");
        context.problem(Diagnostic::error(message).at(&upsample.scale.span, label));
        return None;
    };
    let sizes = context.input.iter().skip(1).zip(&scale);
    let map: Option<Vec<usize>> = sizes
        .map(|(size, scale)| size.checked_mul(*scale))
        .collect();
    let map = context.checked(map)?;
    let seen = match upsample.mode {
        UpsampleMode::Nearest => 1.0,
        UpsampleMode::Linear => 2.0,
    };
    let field = context.field.after_upsample(&scale, seen, &map);
    let field = context.checked(field)?;
    let operation = Operation::Upsample(Upsample {
        scale,
        mode: upsample.mode,
    });
    let mut planned = Planned::unchanged(operation, context);
    planned.output.truncate(1);
    planned.output.extend(map);
    planned.field = field;
    Some(planned)
}

/// Plans a scale: a factor, and with `bias` an offset, for each channel or unit.
pub(super) fn plan_scale(scale: config::Scale, context: &mut Context<'_, '_>) -> Option<Planned> {
    let channels = *context.input.first()?;
    let weights = (channels as u64).checked_mul(if scale.bias { 2 } else { 1 })?;
    let operation = Operation::Scale(Scale {
        channels,
        initial: scale.initial,
        bias: scale.bias,
    });
    Some(Planned::unchanged(operation, context).with_counts(Counts::weights(weights, true)))
}
