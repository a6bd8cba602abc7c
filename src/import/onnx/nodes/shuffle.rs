//! `DepthToSpace`.

use super::super::graph::{Context, Translated};
use super::super::item::Draft;
use super::super::setting::list;

pub(super) fn depth_to_space(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let scale = context.integer("blocksize").unwrap_or(0);
    let scale = usize::try_from(scale).ok().filter(|scale| *scale > 0);
    let scale = scale.ok_or("`blocksize` is no number of 1 or more")?;
    let shape = context.shape(from);
    let fits = |channels: usize| Some(channels / scale.checked_mul(scale)?);
    let output = match *shape {
        [channels, height, width] => fits(channels)
            .filter(|maps| *maps > 0 && channels == maps * scale * scale)
            .zip(height.checked_mul(scale).zip(width.checked_mul(scale))),
        _ => None,
    };
    let (maps, (height, width)) = output.ok_or_else(|| {
        format!(
            "it cannot lay out samples of {} in blocks of {scale} by {scale}",
            list(shape)
        )
    })?;
    let mode = context.text("mode").unwrap_or_else(|| "DCR".to_owned());
    // One map has no order.
    if mode != "CRD" && maps > 1 {
        let reason = "`pixel_shuffle` takes the channels of a block from each other's neighbours, as `mode` \"CRD\"";
        return Err(format!("{reason}, not \"{mode}\""));
    }
    let layer = Draft::new("pixel_shuffle").set("scale", scale);
    Ok(Translated::layer(from, layer, vec![maps, height, width]))
}
