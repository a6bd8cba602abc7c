//! `pixel_shuffle`: its output and its field.

use super::Operation;
use super::context::{Context, Planned};
use crate::config;
use crate::diagnostic::Diagnostic;
use crate::shape;

/// Plans channels that become pixels: `[channels · scale², height, width]` becomes
/// `[channels, height · scale, width · scale]`.
pub(super) fn plan(
    shuffle: &config::PixelShuffle,
    context: &mut Context<'_, '_>,
) -> Option<Planned> {
    if context.lacks_maps() {
        return None;
    }
    let (scale, span) = (shuffle.scale.value, shuffle.scale.span.clone());
    let &[channels, height, width] = &context.input[..] else {
        let received = shape::display(&context.input);
        let message =
            format!("`pixel_shuffle` needs maps of height and width, received {received}");
        let span = context.layer.span.clone();
        let help = "`upsample` makes signals and volumes larger";
        context.problem(Diagnostic::error(message).at(&span, "").help(help));
        return None;
    };
    let pixels = context.checked(scale.checked_mul(scale))?;
    if !channels.is_multiple_of(pixels) {
        let message = format!("{channels} channels are no multiple of {scale}² = {pixels}");
        let label = format!("each channel of the output takes {pixels}");
        let diagnostic = Diagnostic::error(message).at(&span, label);
        context.problem(match channels.checked_next_multiple_of(pixels) {
            Some(fitting) => diagnostic.help(format!("give it {fitting} channels")),
            None => diagnostic,
        });
        return None;
    }
    let map = height.checked_mul(scale).zip(width.checked_mul(scale));
    let (height, width) = context.checked(map)?;
    // A pixel of the output is one value of the input.
    let field = context
        .field
        .after_upsample(&[scale, scale], 1.0, &[height, width]);
    let field = context.checked(field)?;
    let mut planned = Planned::unchanged(Operation::PixelShuffle(scale), context);
    planned.output = vec![channels / pixels, height, width];
    planned.field = field;
    Some(planned)
}
