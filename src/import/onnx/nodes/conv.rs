//! The nodes with kernels.

use super::super::graph::{Context, Translated};
use super::super::item::Draft;
use super::super::setting::{Setting, list};
use crate::shape::{Window, turned};

/// Kernel, stride, dilation and padding of a node per dimension.
#[derive(Clone, Debug)]
pub(in super::super) struct Windows {
    pub(in super::super) windows: Vec<Window>,
    /// `[before, after]`; what `auto_pad` stands for is worked out.
    pub(in super::super) padding: Vec<[usize; 2]>,
}

impl Windows {
    /// Reads the attributes of a node over maps of some extents.
    pub(super) fn read(
        context: &Context<'_>,
        kernel: &[usize],
        extents: &[usize],
    ) -> Result<Self, String> {
        let rank = extents.len();
        let given = context.integers("kernel_shape");
        if given.is_some_and(|given| super::sizes(&given).as_deref() != Some(kernel)) {
            return Err("its `kernel_shape` is not that of its weight".to_owned());
        }
        if kernel.len() != rank || !(1..=3).contains(&rank) {
            return Err(format!(
                "a kernel of {} dimensions over maps of {rank}",
                kernel.len()
            ));
        }
        let each = |name: &str| -> Result<Vec<usize>, String> {
            let given = context.integers(name).unwrap_or_else(|| vec![1; rank]);
            let given =
                super::sizes(&given).filter(|given| given.len() == rank && !given.contains(&0));
            given.ok_or_else(|| format!("`{name}` does not hold {rank} sizes of 1 or more"))
        };
        let (strides, dilations) = (each("strides")?, each("dilations")?);
        let sizes = kernel.iter().zip(strides).zip(dilations);
        let windows = sizes.map(|((size, stride), dilation)| Window {
            size: *size,
            stride,
            dilation,
        });
        let windows: Vec<Window> = windows.collect();
        let padding = match context.text("auto_pad").as_deref() {
            None | Some("NOTSET" | "") => read_pads(context, rank)?,
            Some("VALID") => vec![[0, 0]; rank],
            Some(same @ ("SAME_UPPER" | "SAME_LOWER")) => {
                let pairs = windows.iter().zip(extents).map(|(window, size)| {
                    let [small, large] = window.same_padding(*size)?;
                    Some(if same == "SAME_UPPER" {
                        [small, large]
                    } else {
                        [large, small]
                    })
                });
                let pairs: Option<Vec<[usize; 2]>> = pairs.collect();
                pairs.ok_or("its padding is too large to count")?
            }
            Some(other) => return Err(format!("`auto_pad` \"{other}\" is unknown")),
        };
        Ok(Self { windows, padding })
    }

    /// Returns the extents of the output.
    pub(super) fn output(&self, extents: &[usize], ceil: bool) -> Result<Vec<usize>, String> {
        let axes = self.windows.iter().zip(&self.padding).zip(extents);
        let sizes = axes.map(|((window, padding), size)| {
            if ceil {
                window.output_rounded_up(*size, *padding)
            } else {
                window.output(*size, *padding)
            }
        });
        let sizes: Option<Vec<usize>> = sizes.collect();
        sizes.ok_or_else(|| "its kernel is larger than its padded input".to_owned())
    }

    /// Writes the settings that layers share.
    pub(in super::super) fn write(&self, mut layer: Draft, size_key: &'static str) -> Draft {
        let of = |take: fn(&Window) -> usize| self.windows.iter().map(take).collect::<Vec<usize>>();
        let (size, stride, dilation) = (
            of(|window| window.size),
            of(|window| window.stride),
            of(|window| window.dilation),
        );
        layer = layer.set(size_key, Setting::Sizes(size.clone()));
        // A pool's windows lie side by side if nothing is said.
        let default = if size_key == "size" {
            size
        } else {
            vec![1; stride.len()]
        };
        if stride != default {
            layer = layer.set("stride", Setting::Sizes(stride));
        }
        if self.padding.iter().flatten().any(|side| *side > 0) {
            layer = layer.set("padding", Setting::Pairs(self.padding.clone()));
        }
        if dilation.iter().any(|dilation| *dilation > 1) {
            layer = layer.set("dilation", Setting::Sizes(dilation));
        }
        layer
    }
}

fn read_pads(context: &Context<'_>, rank: usize) -> Result<Vec<[usize; 2]>, String> {
    let pads = context
        .integers("pads")
        .unwrap_or_else(|| vec![0; 2 * rank]);
    let pads = super::sizes(&pads).filter(|pads| pads.len() == 2 * rank);
    let pads =
        pads.ok_or_else(|| format!("`pads` does not hold {} sizes of 0 or more", 2 * rank))?;
    Ok((0..rank)
        .map(|index| [pads[index], pads[index + rank]])
        .collect())
}

pub(super) fn conv(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let (weight_shape, weight) = context.weight(1)?;
    let input = context.shape(from);
    let (&[channels, ref extents @ ..], &[filters, per_group, ref kernel @ ..]) =
        (input, &weight_shape[..])
    else {
        return Err("its weight is no kernel".to_owned());
    };
    let windows = Windows::read(context, kernel, extents)?;
    let groups = groups(context)?;
    if per_group.checked_mul(groups) != Some(channels) || !filters.is_multiple_of(groups) {
        return Err(format!(
            "{groups} groups of {per_group} maps are not {channels}"
        ));
    }
    let output = [vec![filters], windows.output(extents, false)?].concat();
    let layer = if groups == channels && channels > 1 {
        Draft::new("depthwise_conv").set_unless(1, "multiplier", filters / channels)
    } else {
        let layer = Draft::new("conv").set("filters", filters);
        layer.set_unless(1, "groups", groups)
    };
    let layer = windows.write(layer, "kernel_size");
    let layer = with_bias(
        context,
        layer.weight("weight", &weight_shape, weight),
        filters,
    )?;
    Ok(Translated::layer(from, named(context, layer), output))
}

pub(super) fn transposed(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let (weight_shape, weight) = context.weight(1)?;
    let input = context.shape(from);
    let (&[channels, ref extents @ ..], &[inputs, per_group, ref kernel @ ..]) =
        (input, &weight_shape[..])
    else {
        return Err("its weight is no kernel".to_owned());
    };
    let groups = groups(context)?;
    if inputs != channels || !channels.is_multiple_of(groups) {
        return Err(format!(
            "its weight is for {inputs} maps, and it receives {channels} in {groups} groups"
        ));
    }
    let filters = per_group
        .checked_mul(groups)
        .ok_or("its filters are too many to count")?;
    let mut windows = Windows::read(context, kernel, extents)?;
    let rank = extents.len();
    let more = context
        .integers("output_padding")
        .unwrap_or_else(|| vec![0; rank]);
    let more = super::sizes(&more).filter(|more| more.len() == rank);
    let mut more = more.ok_or_else(|| format!("`output_padding` does not hold {rank} sizes"))?;
    let mut output = fit_output(context, &mut windows, &mut more, extents)?;
    output.insert(0, filters);
    let layer = Draft::new("conv_transpose").set("filters", filters);
    let layer = layer.set_unless(1, "groups", groups);
    let mut layer = windows.write(layer, "kernel_size");
    if more.iter().any(|more| *more > 0) {
        layer = layer.set("output_padding", Setting::Sizes(more));
    }
    let layer = with_bias(
        context,
        layer.weight("weight", &weight_shape, weight),
        filters,
    )?;
    Ok(Translated::layer(from, named(context, layer), output))
}

/// Returns the size of each side that a transposed convolution gives. Where a node asks for sizes, what is too much
/// is cut by padding, and what is missing is added at the end.
fn fit_output(
    context: &Context<'_>,
    windows: &mut Windows,
    more: &mut [usize],
    extents: &[usize],
) -> Result<Vec<usize>, String> {
    let asked = context.integers("output_shape");
    let asked = asked.map(|sizes| {
        let sizes = super::sizes(&sizes).filter(|sizes| sizes.len() == extents.len());
        sizes.ok_or("`output_shape` is no shape")
    });
    let asked = asked.transpose()?;
    let same = context.text("auto_pad");
    let same = same.filter(|word| word.starts_with("SAME"));
    let mut output = Vec::new();
    for (index, extent) in extents.iter().enumerate() {
        let window = windows.windows[index];
        let full = window.covered(*extent);
        let full = full.and_then(|full| full.checked_add(more[index]));
        let full = full.ok_or("its output is too large to count")?;
        let wanted = match (&asked, &same) {
            (Some(asked), _) => Some(asked[index]),
            (None, Some(_)) => extent.checked_mul(window.stride),
            (None, None) => None,
        };
        let Some(wanted) = wanted else {
            let [before, after] = windows.padding[index];
            let size = full.checked_sub(before + after);
            output.push(size.ok_or("its padding cuts everything away")?);
            continue;
        };
        let cut = full.saturating_sub(wanted);
        more[index] += wanted.saturating_sub(full);
        let [small, large] = [cut / 2, cut - cut / 2];
        windows.padding[index] = match same.as_deref() {
            Some("SAME_UPPER") => [small, large],
            _ => [large, small],
        };
        output.push(wanted);
    }
    Ok(output)
}

pub(super) fn gemm(context: &Context<'_>) -> Result<Translated, String> {
    context.only("transA", 0, 0)?;
    let from = context.flowing(0)?;
    let (shape, weight) = context.weight(1)?;
    let is_turned = context.integer("transB").unwrap_or(0) != 0;
    let (inputs, units, mut values) = matrix(context.shape(from), &shape, weight, is_turned)?;
    let alpha = context.float("alpha").unwrap_or(1.0);
    let beta = context.float("beta").unwrap_or(1.0);
    for value in &mut values {
        *value *= alpha;
    }
    let layer = Draft::new("dense").set("units", units);
    let layer = layer.weight("weight", &[inputs, units], values);
    let layer = match context.optional_weight(2)? {
        None => layer.set("bias", false),
        Some((shape, bias)) => {
            let is_row = shape.iter().rev().skip(1).all(|size| *size == 1);
            let bias = match bias.len() {
                1 => vec![bias[0]; units],
                own if own == units && is_row => bias,
                _ => {
                    return Err(format!(
                        "its bias is {}, and not one number a unit",
                        list(&shape)
                    ));
                }
            };
            layer.weight(
                "bias",
                &[units],
                bias.iter().map(|bias| bias * beta).collect(),
            )
        }
    };
    Ok(Translated::layer(from, named(context, layer), vec![units]))
}

pub(super) fn matmul(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let (shape, weight) = context.weight(1)?;
    let (inputs, units, values) = matrix(context.shape(from), &shape, weight, false)?;
    let layer = Draft::new("dense").set("units", units).set("bias", false);
    let layer = layer.weight("weight", &[inputs, units], values);
    Ok(Translated::layer(from, named(context, layer), vec![units]))
}

/// Brings a matrix into the order `[inputs, units]`.
fn matrix(
    input: &[usize],
    shape: &[usize],
    values: Vec<f32>,
    is_turned: bool,
) -> Result<(usize, usize, Vec<f32>), String> {
    let (&[received], &[rows, columns]) = (input, shape) else {
        return Err(format!(
            "`dense` multiplies rows with a matrix, not {} with {}",
            list(input),
            list(shape)
        ));
    };
    let (inputs, units) = if is_turned {
        (columns, rows)
    } else {
        (rows, columns)
    };
    if inputs != received {
        return Err(format!(
            "it multiplies {inputs} values, and receives {received}"
        ));
    }
    if !is_turned {
        return Ok((inputs, units, values));
    }
    let turned = turned(units, inputs).map(|place| values[place]);
    Ok((inputs, units, turned.collect()))
}

fn groups(context: &Context<'_>) -> Result<usize, String> {
    let groups = context.integer("group").unwrap_or(1);
    let groups = usize::try_from(groups).ok().filter(|groups| *groups > 0);
    groups.ok_or_else(|| "`group` is no number of 1 or more".to_owned())
}

fn with_bias(context: &Context<'_>, layer: Draft, filters: usize) -> Result<Draft, String> {
    match context.optional_weight(2)? {
        None => Ok(layer.set("bias", false)),
        Some((_, bias)) if bias.len() == filters => Ok(layer.weight("bias", &[filters], bias)),
        Some((shape, _)) => Err(format!(
            "its bias is {} for {filters} filters",
            list(&shape)
        )),
    }
}

/// Takes the layer's name over from its weight, `C1` of `C1.weight`.
pub(super) fn named(context: &Context<'_>, layer: Draft) -> Draft {
    let weight = context
        .node
        .input
        .get(1)
        .and_then(|name| name.strip_suffix(".weight"));
    let is_name = |name: &&str| {
        let mut letters = name.chars();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
    };
    Draft {
        name: weight.filter(is_name).map(str::to_owned),
        ..layer
    }
}
