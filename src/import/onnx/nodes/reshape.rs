//! The nodes that move values about.

use super::super::constant::{BATCH, clamped, resolved};
use super::super::graph::{Context, Translated};
use super::super::item::{Draft, Id, Item};
use super::super::setting::{Setting, list};
use super::norm;

/// Gives samples another shape.
fn shaped(context: &Context<'_>, from: Id, shape: Vec<usize>) -> Result<Translated, String> {
    let own = context.shape(from);
    if own == shape {
        return Ok(Translated::Same(from));
    }
    let item = match shape.len() {
        1 => Item::Flatten,
        2..=4 => Item::Reshape(shape.clone()),
        other => {
            return Err(format!(
                "samples have one to four dimensions here, not {other}"
            ));
        }
    };
    Ok(Translated::Items {
        from,
        items: vec![item],
        shape,
    })
}

pub(super) fn flatten(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let shape = context.shape(from);
    let axis = context.integer("axis").unwrap_or(1);
    let axis = if axis < 0 {
        axis + shape.len() as i64 + 1
    } else {
        axis
    };
    if axis != 1 {
        return Err(format!(
            "`flatten` keeps the batch alone, not all before axis {axis}"
        ));
    }
    shaped(context, from, vec![shape.iter().product()])
}

pub(super) fn reshape(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let own = context.shape(from);
    let sizes = context
        .whole_numbers(1, "shape")
        .ok_or("its new shape is not known beforehand")?;
    let (&first, rest) = sizes
        .split_first()
        .ok_or("it makes one number of everything")?;
    // The batch comes first, whatever it is called; a 0 stands for the size in the same place.
    let is_batch = match first {
        0 => context.integer("allowzero").unwrap_or(0) == 0,
        -1 => !rest.contains(&-1),
        _ => first == BATCH || Some(first) == context.graph.batch,
    };
    let rest = if is_batch {
        let with_batch = [&[1], rest].concat();
        let from = [&[1], own].concat();
        resolved(&with_batch, &from).map(|shape| shape[1..].to_vec())
    } else {
        None
    };
    let rest = rest.ok_or_else(|| {
        format!(
            "samples of {} do not become {sizes:?} each by itself",
            list(own)
        )
    })?;
    match norm::grouped(context, from, &rest) {
        Some(translated) => Ok(translated),
        None => shaped(context, from, rest),
    }
}

/// Returns axes of a batch of samples without those of the batch.
fn axes(context: &Context<'_>, rank: usize) -> Result<Vec<usize>, String> {
    let axes = context
        .whole_numbers(1, "axes")
        .ok_or("its axes are not known beforehand")?;
    let axes: Option<Vec<usize>> = axes
        .iter()
        .map(|axis| if *axis < 0 { axis + rank as i64 } else { *axis })
        .map(|axis| {
            usize::try_from(axis)
                .ok()?
                .checked_sub(1)
                .filter(|axis| *axis + 1 < rank)
        })
        .collect();
    axes.ok_or_else(|| "it changes the batch".to_owned())
}

pub(super) fn squeeze(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let shape = context.shape(from);
    let axes = if context.is_given(1) || context.integers("axes").is_some() {
        axes(context, shape.len() + 1)?
    } else {
        (0..shape.len()).filter(|axis| shape[*axis] == 1).collect()
    };
    let kept = shape
        .iter()
        .enumerate()
        .filter(|(axis, _)| !axes.contains(axis));
    let kept: Vec<usize> = kept.map(|(_, size)| *size).collect();
    if kept.is_empty() || axes.iter().any(|axis| shape[*axis] != 1) {
        return Err(format!("it leaves nothing of samples of {}", list(shape)));
    }
    shaped(context, from, kept)
}

pub(super) fn unsqueeze(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let mut shape = context.shape(from).to_vec();
    let count = context
        .whole_numbers(1, "axes")
        .map_or(0, |axes| axes.len());
    let mut axes = axes(context, shape.len() + 1 + count)?;
    axes.sort_unstable();
    for axis in axes {
        if axis > shape.len() {
            return Err("its axes are beyond its dimensions".to_owned());
        }
        shape.insert(axis, 1);
    }
    shaped(context, from, shape)
}

pub(super) fn transpose(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let rank = context.shape(from).len() as i64 + 1;
    let order = context
        .integers("perm")
        .unwrap_or_else(|| (0..rank).rev().collect());
    if order.iter().copied().eq(0..rank) {
        return Ok(Translated::Same(from));
    }
    Err(format!(
        "no layer here changes the order of dimensions to {order:?}"
    ))
}

pub(super) fn pad(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let shape = context.shape(from);
    let rank = shape.len() + 1;
    let given = context
        .whole_numbers(1, "pads")
        .ok_or("its `pads` are not known beforehand")?;
    let axes: Vec<usize> = if context.is_given(3) {
        let axes = context
            .constant(3)
            .and_then(|axes| axes.integers())
            .ok_or("its axes are not known beforehand")?;
        axes.iter()
            .map(|axis| if *axis < 0 { axis + rank as i64 } else { *axis } as usize)
            .collect()
    } else {
        (0..rank).collect()
    };
    if given.len() != 2 * axes.len() || axes.iter().any(|axis| *axis >= rank) {
        return Err(format!(
            "{} pads for {} dimensions",
            given.len(),
            axes.len()
        ));
    }
    let mut amount = vec![[0; 2]; rank];
    for (index, axis) in axes.iter().enumerate() {
        let [before, after] = [given[index], given[index + axes.len()]];
        let side = |side: i64| {
            usize::try_from(side).map_err(|_| "no layer here pads by less than nothing")
        };
        amount[*axis] = [side(before)?, side(after)?];
    }
    let amount = match amount.split_first() {
        Some(([0, 0], rest)) => rest.to_vec(),
        _ => return Err("it pads the batch".to_owned()),
    };
    let mode = match context.text("mode").as_deref() {
        None | Some("constant") => "zeros",
        Some("reflect") => "reflect",
        Some("edge") => "replicate",
        Some("wrap") => "circular",
        Some(other) => return Err(format!("no layer here has `mode` \"{other}\"")),
    };
    let filled = context
        .optional_weight(2)?
        .and_then(|(_, values)| values.first().copied());
    let filled = filled.or_else(|| context.float("value")).unwrap_or(0.0);
    if mode == "zeros" && filled != 0.0 {
        return Err(format!("`pad` adds zeros here, not {filled}"));
    }
    if shape.len() == 1 {
        return Err("it pads rows".to_owned());
    }
    let sizes = shape.iter().zip(&amount);
    let output: Option<Vec<usize>> = sizes
        .map(|(size, [before, after])| size.checked_add(*before)?.checked_add(*after))
        .collect();
    let output = output.ok_or("its output is too large to count")?;
    Ok(Translated::Items {
        from,
        items: vec![Item::Pad { amount, mode }],
        shape: output,
    })
}

pub(super) fn slice(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let shape = context.shape(from);
    let rank = shape.len() as i64 + 1;
    let unknown = "where it begins and ends is not known beforehand";
    let begins = context.whole_numbers(1, "starts").ok_or(unknown)?;
    let ends = context.whole_numbers(2, "ends").ok_or(unknown)?;
    let axes = context
        .whole_numbers(3, "axes")
        .unwrap_or_else(|| (0..begins.len() as i64).collect());
    let steps = context
        .whole_numbers(4, "steps")
        .unwrap_or_else(|| vec![1; begins.len()]);
    if ends.len() != begins.len()
        || axes.len() != begins.len()
        || steps.iter().any(|step| *step != 1)
    {
        return Err("`crop` takes values at the ends away, and none between".to_owned());
    }
    let mut amount = vec![[0; 2]; shape.len()];
    for (axis, (begin, end)) in axes.iter().zip(begins.iter().zip(&ends)) {
        let axis = if *axis < 0 { axis + rank } else { *axis };
        let inner = usize::try_from(axis.saturating_sub(1))
            .ok()
            .filter(|axis| *axis < shape.len());
        let Some(inner) = inner else {
            if axis == 0 && *begin == 0 && *end >= i64::from(i32::MAX) {
                continue;
            }
            return Err("it cuts the batch".to_owned());
        };
        let size = shape[inner];
        amount[inner] = [clamped(*begin, size), size - clamped(*end, size)];
    }
    let sizes = shape.iter().zip(&amount);
    let output: Option<Vec<usize>> = sizes
        .map(|(size, [before, after])| size.checked_sub(before + after).filter(|size| *size > 0))
        .collect();
    let output = output.ok_or("it leaves nothing")?;
    if output == shape {
        return Ok(Translated::Same(from));
    }
    if shape.len() == 1 {
        return Err("it cuts rows".to_owned());
    }
    // Without the channels where they stay whole.
    let sides = Setting::sides(&amount);
    Ok(Translated::layer(
        from,
        Draft::new("crop").set("amount", sides),
        output,
    ))
}

/// Reads places of one dimension, which a pool behind it may stand for.
pub(super) fn gather(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let mut shape = context.shape(from).to_vec();
    let refused = "no layer here picks values by their places";
    let places = context
        .constant(1)
        .and_then(|places| places.integers())
        .ok_or(refused)?;
    let axis = usize::try_from(context.integer("axis").unwrap_or(0)).map_err(|_| refused)?;
    let dimension = axis
        .checked_sub(2)
        .filter(|dimension| dimension + 1 < shape.len())
        .ok_or(refused)?;
    let size = shape[dimension + 1];
    if context
        .constant(1)
        .is_some_and(|places| places.shape().len() != 1)
    {
        return Err(refused.to_owned());
    }
    shape[dimension + 1] = places.len();
    let item = Item::Places {
        dimension,
        size,
        places: places.to_vec(),
    };
    Ok(Translated::Items {
        from,
        items: vec![item],
        shape,
    })
}

pub(super) fn resize(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let shape = context.shape(from);
    if context.integer("antialias").unwrap_or(0) != 0 || context.integers("axes").is_some() {
        return Err("no layer here has `antialias` or `axes`".to_owned());
    }
    let by_sizes = context.is_given(3);
    let policy = context.text("keep_aspect_ratio_policy");
    if policy.is_some_and(|policy| policy != "stretch") {
        return Err("no layer here has `keep_aspect_ratio_policy`".to_owned());
    }
    let index = if context.node.op_type == "Upsample" || context.opset < 11 {
        1
    } else {
        2
    };
    let scales: Option<Vec<usize>> = if by_sizes {
        let sizes = context.constant(3).and_then(|sizes| sizes.integers());
        let sizes = sizes.ok_or("its sizes are not known beforehand")?;
        let pairs = sizes.iter().skip(1).zip(shape);
        let factors = pairs.map(|(to, from)| {
            let to = usize::try_from(*to).ok()?;
            to.is_multiple_of(*from).then(|| to / from)
        });
        (sizes.len() == shape.len() + 1)
            .then(|| factors.collect())
            .flatten()
    } else {
        let (_, scales) = context.weight(index)?;
        let is_whole = |scale: &f32| scale.fract() == 0.0 && (1.0..1e6).contains(scale);
        let is_fitting =
            scales.len() == shape.len() + 1 && scales.iter().all(is_whole) && scales[0] == 1.0;
        is_fitting.then(|| scales.iter().skip(1).map(|scale| *scale as usize).collect())
    };
    let scales = scales.filter(|scales| scales.first() == Some(&1) && !scales.contains(&0));
    let scales = scales.ok_or("`upsample` makes maps larger by whole factors")?;
    let older = context.node.op_type == "Upsample" || context.opset < 11;
    let place = context.text("coordinate_transformation_mode");
    let place = place.unwrap_or_else(|| if older { "asymmetric" } else { "half_pixel" }.to_owned());
    let nearest = context
        .text("nearest_mode")
        .unwrap_or_else(|| if older { "floor" } else { "round_prefer_floor" }.to_owned());
    let most = scales.iter().max().copied().unwrap_or(1);
    let mode = context.text("mode").unwrap_or_else(|| "nearest".to_owned());
    let is_half = matches!(place.as_str(), "half_pixel" | "pytorch_half_pixel");
    let word = match mode.as_str() {
        "nearest" if is_half && nearest.starts_with("round") => "nearest",
        "nearest" if place == "asymmetric" && nearest == "floor" => "nearest",
        "nearest" if place == "asymmetric" && nearest == "round_prefer_floor" && most <= 2 => {
            "nearest"
        }
        "linear" if is_half => "linear",
        _ => {
            return Err(format!(
                "no layer here has `mode` \"{mode}\" with \"{place}\" and \"{nearest}\""
            ));
        }
    };
    let output = shape
        .iter()
        .zip(&scales)
        .map(|(size, scale)| size.checked_mul(*scale));
    let output: Option<Vec<usize>> = output.collect();
    let output = output.ok_or("its output is too large to count")?;
    if output == shape {
        return Ok(Translated::Same(from));
    }
    let layer = Draft::new("upsample").set("scale", Setting::Sizes(scales[1..].to_vec()));
    let layer = if word == "linear" {
        layer.word("mode", "linear")
    } else {
        layer
    };
    Ok(Translated::layer(from, layer, output))
}
