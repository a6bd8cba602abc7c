//! Neighbours that are one layer here.

use std::collections::HashSet;

use super::item::{Draft, Entry, Id, Item, Joining};
use super::setting::Setting;
use super::windows::{adaptive, least, neighbours, sum};
use crate::config::{Function, Join};

/// How far a constant may be from the one that a formula has.
const CLOSE: f32 = 1e-6;

/// Makes one layer of neighbours that are one, in a list and in what it holds; `kept` values are taken up again later.
pub(super) fn tidy(entries: Vec<Entry>, kept: &HashSet<Id>) -> Vec<Entry> {
    let mut done: Vec<Entry> = Vec::new();
    for mut entry in entries {
        if let Item::Branches { lists, .. } = &mut entry.item {
            for list in lists {
                *list = tidy(std::mem::take(list), kept);
            }
        }
        done.push(alone(entry, kept));
        while shorten(&mut done, kept) {}
    }
    done
}

/// Returns the values that merges take.
pub(super) fn kept(entries: &[Entry]) -> HashSet<Id> {
    let mut found = HashSet::new();
    for entry in entries {
        match &entry.item {
            Item::Merge { from, .. } => found.extend(from),
            Item::Branches { lists, .. } => found.extend(lists.iter().flat_map(|list| kept(list))),
            _ => {}
        }
    }
    found
}

/// Recognizes a function in branches that are multiplied or divided.
fn alone(entry: Entry, kept: &HashSet<Id>) -> Entry {
    let Item::Branches { lists, join, .. } = &entry.item else {
        return entry;
    };
    if lists
        .iter()
        .flatten()
        .any(|inner| kept.contains(&inner.output))
    {
        return entry;
    }
    let items: Vec<Vec<&Item>> = lists
        .iter()
        .map(|list| list.iter().map(|entry| &entry.item).collect())
        .collect();
    let (plain, other) = match &items[..] {
        [plain, other] if plain.len() <= other.len() => (plain, other),
        [other, plain] => (plain, other),
        _ => return entry,
    };
    let item = match (join, &plain[..], &other[..]) {
        (Joining::Join(Join::Multiply), [], [Item::Activation(function)]) => match function {
            Function::Sigmoid => Item::Activation(Function::Silu),
            Function::HardSigmoid => Item::Activation(Function::HardSwish),
            _ => return entry,
        },
        (
            Joining::Join(Join::Multiply),
            [],
            [
                Item::Activation(Function::Softplus),
                Item::Activation(Function::Tanh),
            ],
        ) => Item::Activation(Function::Mish),
        (Joining::Join(Join::Multiply), [], [inner, Item::Erf, outer])
            if is_affine(inner, std::f32::consts::FRAC_1_SQRT_2, 0.0)
                && is_affine(outer, 0.5, 0.5) =>
        {
            Item::Activation(Function::Gelu)
        }
        (Joining::Join(Join::Multiply), [half], [inner, Item::Erf, outer])
            if is_affine(half, 0.5, 0.0)
                && is_affine(inner, std::f32::consts::FRAC_1_SQRT_2, 0.0)
                && is_affine(outer, 1.0, 1.0) =>
        {
            Item::Activation(Function::Gelu)
        }
        (Joining::Divide, [], [Item::Square, Item::Layer(conv), Item::Power(beta)])
            if items[0].is_empty() =>
        {
            match neighbours(conv, *beta) {
                Some(layer) => Item::Layer(layer),
                None => return entry,
            }
        }
        _ => return entry,
    };
    Entry { item, ..entry }
}

/// Makes one of the last entries, if they are one.
fn shorten(done: &mut Vec<Entry>, kept: &HashSet<Id>) -> bool {
    let count = done.len();
    for taken in [3, 2] {
        let Some(begin) = count.checked_sub(taken) else {
            continue;
        };
        if done[begin..count - 1]
            .iter()
            .any(|entry| kept.contains(&entry.output))
        {
            continue;
        }
        let one = match &done[begin..] {
            [a, b, c] => three(&a.item, &b.item, &c.item),
            [a, b] => two(&a.item, &b.item),
            _ => None,
        };
        if let Some(items) = one {
            let last = done.split_off(begin).pop();
            if let Some(last) = last {
                done.extend(items.into_iter().map(|item| Entry {
                    item,
                    ..last.clone()
                }));
            }
            return true;
        }
    }
    false
}

fn three(a: &Item, b: &Item, c: &Item) -> Option<Vec<Item>> {
    match (a, b, c) {
        (inner, Item::Activation(Function::Tanh), outer)
            if is_affine(inner, 2.0 / 3.0, 0.0) && is_affine(outer, 1.7159, 0.0) =>
        {
            Some(vec![Item::Activation(Function::ScaledTanh)])
        }
        (before, pool, after) if is_affine(before, -1.0, 0.0) && is_affine(after, -1.0, 0.0) => {
            least(pool)
        }
        (
            Item::Places {
                dimension,
                size,
                places,
            },
            Item::Shares {
                dimension: along,
                factors,
            },
            Item::Pool(pool),
        ) if along == dimension => adaptive(*dimension, *size, places, Some(factors), pool),
        _ => None,
    }
}

fn two(a: &Item, b: &Item) -> Option<Vec<Item>> {
    match (a, b) {
        (
            Item::Scale { scale, shift },
            Item::Scale {
                scale: more,
                shift: further,
            },
        ) => Some(vec![both_scales([scale, shift], [more, further])]),
        (
            Item::Branches {
                lists,
                join: Joining::Join(Join::Multiply),
                ..
            },
            half,
        ) if is_affine(half, 0.5, 0.0) && is_error_gate(lists) => {
            Some(vec![Item::Activation(Function::Gelu)])
        }
        (Item::Layer(norm), Item::Scale { scale, shift }) if norm.kind == "group_norm" => {
            Some(scaled(norm, scale, shift))
        }
        (Item::Layer(layer), Item::Scale { scale, shift })
            if scale.iter().all(|scale| *scale == 1.0) =>
        {
            biased(layer, shift)
        }
        (Item::Layer(layer), Item::Activation(function)) if has_activation(layer) => {
            let layer = layer.clone().word("activation", function.word());
            Some(vec![Item::Layer(layer)])
        }
        (
            Item::Branches {
                lists,
                join: join @ Joining::Join(Join::Add),
                activation: None,
            },
            Item::Activation(function),
        ) if lists.len() == 2 => {
            let (lists, activation) = (lists.clone(), Some(*function));
            Some(vec![Item::Branches {
                lists,
                join: *join,
                activation,
            }])
        }
        (Item::Pool(pool), Item::Scale { scale, shift })
            if shift.iter().all(|shift| *shift == 0.0) =>
        {
            sum(pool, scale)
        }
        (Item::Adaptive { is_max, output, .. }, Item::Flatten)
            if output.iter().all(|size| *size == 1) =>
        {
            Some(vec![Item::Layer(
                Draft::new("global_pool").word("kind", if *is_max { "max" } else { "avg" }),
            )])
        }
        // Values lie in the same order whatever shape they had on the way.
        (Item::Reshape(_), last @ (Item::Flatten | Item::Reshape(_))) => Some(vec![last.clone()]),
        (Item::Layer(row), Item::Flatten) if ["global_pool", "dense"].contains(&row.kind) => {
            Some(vec![a.clone()])
        }
        (Item::Pad { amount, mode }, Item::Layer(conv)) => padded(amount, mode, conv),
        (
            Item::Places {
                dimension,
                size,
                places,
            },
            Item::Pool(pool),
        ) => adaptive(*dimension, *size, places, None, pool),
        _ => None,
    }
}

/// Returns two scales with shifts, one after the other, as one.
fn both_scales([scale, shift]: [&[f32]; 2], [more, further]: [&[f32]; 2]) -> Item {
    let count = scale.len().max(more.len());
    let at = |values: &[f32], index: usize| values[index % values.len()];
    let scales = (0..count).map(|index| at(scale, index) * at(more, index));
    let shifts = (0..count).map(|index| at(shift, index) * at(more, index) + at(further, index));
    Item::Scale {
        scale: scales.collect(),
        shift: shifts.collect(),
    }
}

/// Returns whether lists make `x·(1 + erf(x/√2))`, half of which is `gelu`.
fn is_error_gate(lists: &[Vec<Entry>]) -> bool {
    let [plain, gate] = lists else { return false };
    let gate = if plain.is_empty() { gate } else { plain };
    let [inner, error, outer] = &gate[..] else {
        return false;
    };
    plain.len() + lists[1].len() == 3
        && is_affine(&inner.item, std::f32::consts::FRAC_1_SQRT_2, 0.0)
        && matches!(error.item, Item::Erf)
        && is_affine(&outer.item, 1.0, 1.0)
}

fn is_affine(item: &Item, factor: f32, offset: f32) -> bool {
    let is_close = |values: &[f32], wanted: f32| {
        values
            .iter()
            .all(|value| (value - wanted).abs() <= CLOSE * wanted.abs().max(1.0))
    };
    matches!(item, Item::Scale { scale, shift } if is_close(scale, factor) && is_close(shift, offset))
}

fn has_activation(layer: &Draft) -> bool {
    let takes = ["conv", "depthwise_conv", "conv_transpose", "dense"].contains(&layer.kind);
    takes && layer.setting("activation").is_none()
}

/// Takes offsets as the bias of a layer without one.
fn biased(layer: &Draft, shift: &[f32]) -> Option<Vec<Item>> {
    if layer.setting("bias") != Some(&Setting::Flag(false)) || layer.setting("activation").is_some()
    {
        return None;
    }
    let weight = layer.weights.first()?;
    let count = match (layer.kind, &weight.shape[..]) {
        ("dense", [_, units]) => *units,
        ("conv" | "depthwise_conv", [filters, ..]) => *filters,
        _ => return None,
    };
    let shift = if shift.len() == 1 {
        vec![shift[0]; count]
    } else {
        shift.to_vec()
    };
    let mut layer = layer.clone().weight("bias", &[count], shift);
    layer.remove("bias");
    Some(vec![Item::Layer(layer)])
}

/// Takes factors and offsets of channels into those of a normalization.
fn scaled(norm: &Draft, scale: &[f32], shift: &[f32]) -> Vec<Item> {
    let mut norm = norm.clone();
    for weight in &mut norm.weights {
        let offset = if weight.part == "bias" { shift } else { &[0.0] };
        let pairs = scale.iter().cycle().zip(offset.iter().cycle());
        for (value, (scale, offset)) in weight.values.iter_mut().zip(pairs) {
            *value = *value * scale + offset;
        }
    }
    vec![Item::Layer(norm)]
}

/// Makes padding a part of the convolution behind it.
fn padded(amount: &[[usize; 2]], mode: &str, conv: &Draft) -> Option<Vec<Item>> {
    let (channels, sides) = amount.split_first()?;
    let takes =
        ["conv", "depthwise_conv"].contains(&conv.kind) && conv.setting("padding").is_none();
    if !takes || *channels != [0, 0] {
        return None;
    }
    let mut layer = conv.clone().set("padding", Setting::Pairs(sides.to_vec()));
    if mode != "zeros" {
        layer = layer.word("padding_mode", mode);
    }
    Some(vec![Item::Layer(layer)])
}

/// Writes what is a layer by itself as one.
pub(super) fn layer_of(item: &Item, shape: &[usize]) -> Result<Draft, &'static str> {
    Ok(match item {
        Item::Layer(layer) => layer.clone(),
        Item::Activation(function) => Draft::new("activation").word("fn", function.word()),
        Item::Scale { scale, shift } => {
            let channels = shape.first().copied().unwrap_or(1);
            let each = |values: &[f32]| {
                if values.len() == 1 {
                    vec![values[0]; channels]
                } else {
                    values.to_vec()
                }
            };
            let layer = Draft::new("scale").weight("weight", &[channels], each(scale));
            if shift.iter().all(|shift| *shift == 0.0) {
                layer
            } else {
                layer
                    .set("bias", true)
                    .weight("bias", &[channels], each(shift))
            }
        }
        Item::Pad { amount, mode } => {
            let layer = Draft::new("pad").set("amount", Setting::sides(amount));
            if *mode == "zeros" {
                layer
            } else {
                layer.word("mode", mode)
            }
        }
        Item::Pool(pool) => pool.draft(),
        Item::Adaptive { is_max, output, .. } => {
            let filled = output
                .iter()
                .zip(&shape[1..])
                .map(|(own, size)| if *own == 0 { *size } else { *own });
            let filled: Vec<usize> = filled.collect();
            let layer = Draft::new("adaptive_pool");
            let layer = if *is_max {
                layer.word("kind", "max")
            } else {
                layer
            };
            layer.set("output", Setting::Sizes(filled))
        }
        Item::Flatten => Draft::new("flatten"),
        Item::Reshape(shape) => Draft::new("reshape").set("shape", Setting::Shape(shape.clone())),
        Item::Places { .. } => return Err("no layer here picks values by their places"),
        Item::Shares { .. } => return Err("no layer here has factors that vary over the map"),
        Item::Erf => return Err("the error function is a part of `gelu` alone here"),
        Item::Square | Item::Power(_) => return Err("no layer here has powers"),
        Item::Branches { .. } | Item::Merge { .. } => return Err("it holds others"),
    })
}
