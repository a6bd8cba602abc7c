//! The pools.

use super::super::graph::{Context, Translated};
use super::super::item::{Draft, Item, Pool};
use super::conv::Windows;

pub(super) fn sliding(context: &Context<'_>, kind: &'static str) -> Result<Translated, String> {
    if context
        .node
        .output
        .get(1)
        .is_some_and(|indices| !indices.is_empty())
    {
        return Err("no layer here gives the places of what it keeps".to_owned());
    }
    if kind == "l2" {
        context.only("p", 2, 2)?;
    }
    let from = context.flowing(0)?;
    let input = context.shape(from);
    let extents = input.get(1..).unwrap_or_default();
    let kernel = context
        .integers("kernel_shape")
        .and_then(|sizes| super::sizes(&sizes));
    let kernel = kernel
        .filter(|kernel| !kernel.contains(&0))
        .ok_or("its `kernel_shape` holds no sizes of 1 or more")?;
    let windows = Windows::read(context, &kernel, extents)?;
    if windows.windows.iter().any(|window| window.dilation > 1) {
        return Err("no pool here has a dilation".to_owned());
    }
    let is_wide = |(pair, size): (&[usize; 2], &usize)| pair.iter().any(|side| side >= size);
    if windows.padding.iter().zip(&kernel).any(is_wide) {
        return Err("no pool here has windows wholly in the padding".to_owned());
    }
    // Where padding follows from the size, sizes are rounded as it says.
    let is_given = matches!(
        context.text("auto_pad").as_deref(),
        None | Some("NOTSET" | "")
    );
    let ceil = is_given && context.integer("ceil_mode").unwrap_or(0) != 0;
    let output = [&input[..1], &windows.output(extents, ceil)?].concat();
    let has_rest = ceil || windows.padding.iter().flatten().any(|side| *side > 0);
    let counts = context.integer("count_include_pad").unwrap_or(0) != 0;
    let pool = Pool {
        kind,
        windows,
        ceil,
        skips_padding: kind == "avg" && !counts && has_rest,
    };
    Ok(Translated::Items {
        from,
        items: vec![Item::Pool(pool)],
        shape: output,
    })
}

pub(super) fn global(context: &Context<'_>, kind: &'static str) -> Result<Translated, String> {
    if kind == "l2" {
        context.only("p", 2, 2)?;
    }
    let from = context.flowing(0)?;
    whole(context, kind, true).map(|(items, shape)| Translated::Items { from, items, shape })
}

pub(super) fn reduced(context: &Context<'_>, kind: &'static str) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let rank = context.shape(from).len() as i64 + 1;
    let axes = context
        .whole_numbers(1, "axes")
        .ok_or("it reduces everything to one number")?;
    let mut axes: Vec<i64> = axes
        .iter()
        .map(|axis| if *axis < 0 { axis + rank } else { *axis })
        .collect();
    axes.sort_unstable();
    if axes != (2..rank).collect::<Vec<i64>>() {
        return Err("no layer here reduces other dimensions than all of the maps".to_owned());
    }
    let keeps = context.integer("keepdims").unwrap_or(1) != 0;
    whole(context, kind, keeps).map(|(items, shape)| Translated::Items { from, items, shape })
}

/// Pools whole maps, to maps of one value or to a row.
fn whole(
    context: &Context<'_>,
    kind: &'static str,
    keeps: bool,
) -> Result<(Vec<Item>, Vec<usize>), String> {
    let input = context.shape(context.flowing(0)?);
    if input.len() < 2 {
        return Err("it receives rows, and pools maps".to_owned());
    }
    let mut one = input.to_vec();
    one[1..].fill(1);
    let row = input[..1].to_vec();
    if keeps && matches!(kind, "avg" | "max") {
        let output = vec![1; input.len() - 1];
        let pool = Item::Adaptive {
            is_max: kind == "max",
            output,
        };
        return Ok((vec![pool], one));
    }
    let pool = Item::Layer(Draft::new("global_pool").word("kind", kind));
    if keeps {
        return Ok((vec![pool, Item::Reshape(one.clone())], one));
    }
    Ok((vec![pool], row))
}
