//! The normalizations.

use super::super::graph::{Context, Translated, Work};
use super::super::item::{Draft, Id, Item};
use super::super::setting::list;
use super::conv::named;

fn epsilon(context: &Context<'_>, layer: Draft) -> Draft {
    match context.float("epsilon").unwrap_or(1e-5) {
        1e-5 => layer,
        own => layer.set("epsilon", own),
    }
}

/// Returns a weight of so many values, one a channel.
fn channels(context: &Context<'_>, index: usize, count: usize) -> Result<Vec<f32>, String> {
    let (shape, values) = context.weight(index)?;
    if values.len() != count {
        return Err(format!(
            "its input {index} is {} for {count} channels",
            list(&shape)
        ));
    }
    Ok(values)
}

pub(super) fn batch(context: &Context<'_>) -> Result<Translated, String> {
    context.only("training_mode", 0, 0)?;
    // Up to set 13, further outputs stood for training.
    if context.opset < 14
        && context
            .node
            .output
            .iter()
            .filter(|name| !name.is_empty())
            .count()
            > 1
    {
        return Err("it normalizes by the batch, as if it were trained".to_owned());
    }
    let from = context.flowing(0)?;
    let shape = context.shape(from);
    let count = shape[0];
    let mut layer = epsilon(context, Draft::new("batch_norm"));
    // ONNX gives the share that is kept; PyTorch's default, 0.1 of the newest, is the default here.
    let momentum = 1.0 - f64::from(context.float("momentum").unwrap_or(0.9));
    if (momentum - 0.1).abs() > 1e-6 {
        layer = layer.set("momentum", ((momentum * 1e6).round() / 1e6) as f32);
    }
    for (index, part) in ["weight", "bias", "running_mean", "running_var"]
        .into_iter()
        .enumerate()
    {
        layer = layer.weight(part, &[count], channels(context, index + 1, count)?);
    }
    Ok(Translated::layer(
        from,
        named(context, layer),
        shape.to_vec(),
    ))
}

pub(super) fn layer(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let shape = context.shape(from).to_vec();
    let rank = shape.len() as i64 + 1;
    let axis = context.integer("axis").unwrap_or(-1);
    let axis = if axis < 0 { axis + rank } else { axis };
    if axis != 1 {
        return Err(format!(
            "`layer_norm` normalizes whole samples here, not from axis {axis} on"
        ));
    }
    let (scale_shape, scale) = context.weight(1)?;
    let bias = context
        .optional_weight(2)?
        .map_or_else(|| vec![0.0; scale.len()], |(_, bias)| bias);
    let count: usize = shape.iter().product();
    if scale.len() != count || bias.len() != count {
        return Err(format!(
            "its factors are {} for samples of {}",
            list(&scale_shape),
            list(&shape)
        ));
    }
    let layer = epsilon(context, Draft::new("layer_norm"));
    let layer = layer
        .weight("weight", &shape, scale)
        .weight("bias", &shape, bias);
    Ok(Translated::layer(from, named(context, layer), shape))
}

pub(super) fn instance(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let shape = context.shape(from).to_vec();
    let layer = epsilon(context, Draft::new("instance_norm"));
    affine(context, layer, shape, 1).map(|(layer, shape)| Translated::layer(from, layer, shape))
}

pub(super) fn group(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let shape = context.shape(from).to_vec();
    let groups = context
        .integer("num_groups")
        .and_then(|groups| usize::try_from(groups).ok());
    let groups = groups.filter(|groups| *groups > 0 && shape[0].is_multiple_of(*groups));
    let groups = groups.ok_or("`num_groups` does not divide its channels")?;
    let layer = epsilon(context, Draft::new("group_norm").set("groups", groups));
    // Before 21, one factor a group.
    let repeats = if context.opset < 21 {
        shape[0] / groups
    } else {
        1
    };
    affine(context, layer, shape, repeats)
        .map(|(layer, shape)| Translated::layer(from, layer, shape))
}

/// Recognizes groups of channels that were brought to the shape of single ones, normalized, and are brought back: how sets of
/// operators without group normalization have it.
pub(super) fn grouped(context: &Context<'_>, from: Id, shape: &[usize]) -> Option<Translated> {
    let made = |id: Id| {
        let op = context.graph.ops.iter().find(|op| op.output == id)?;
        match (&op.work, &op.inputs[..]) {
            (Work::Items(items), &[input]) => Some((items, input)),
            _ => None,
        }
    };
    let (items, inner) = made(from)?;
    let ([Item::Layer(norm)], (before, origin)) = (&items[..], made(inner)?) else {
        return None;
    };
    let groups = context.shape(inner)[0];
    let (&channels, maps) = shape.split_first()?;
    let is_one = norm.kind == "instance_norm"
        && matches!(before[..], [Item::Reshape(_)])
        && context.shape(origin) == shape
        && !maps.is_empty()
        && channels.is_multiple_of(groups);
    if !is_one {
        return None;
    }
    let mut layer = Draft::new("group_norm").set("groups", groups);
    layer.settings.extend(norm.settings.iter().cloned());
    for weight in &norm.weights {
        let values = weight.values.iter();
        let each = values.flat_map(|value| vec![*value; channels / groups]);
        layer = layer.weight(weight.part, &[channels], each.collect());
    }
    Some(Translated::layer(origin, layer, shape.to_vec()))
}

fn affine(
    context: &Context<'_>,
    mut layer: Draft,
    shape: Vec<usize>,
    repeats: usize,
) -> Result<(Draft, Vec<usize>), String> {
    let count = shape[0];
    for (index, part) in [(1, "weight"), (2, "bias")] {
        let values = channels(context, index, count / repeats)?;
        let values = values
            .iter()
            .flat_map(|value| vec![*value; repeats])
            .collect();
        layer = layer.weight(part, &[count], values);
    }
    Ok((named(context, layer), shape))
}

pub(super) fn local_response(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let given = context.integer("size").unwrap_or(0);
    let size = usize::try_from(given).ok().filter(|size| size % 2 == 1);
    let size = size.ok_or_else(|| {
        format!(
            "`local_response_norm` begins an even sum one channel earlier than ONNX, `size` {given}"
        )
    })?;
    let of = |name: &str, default: f32| context.float(name).unwrap_or(default);
    let layer = Draft::new("local_response_norm")
        .set("size", size)
        .set("alpha", of("alpha", 1e-4))
        .set("beta", of("beta", 0.75))
        .set("k", of("bias", 1.0));
    Ok(Translated::layer(from, layer, context.shape(from).to_vec()))
}
