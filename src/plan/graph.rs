//! The layers that hold or join others: `residual`, `branches`, `merge`.

use super::context::{Context, Planned};
use super::network::{Arriving, Named};
use super::{Counts, Field, Layer, Operation};
use crate::config::{self, Function, Join};
use crate::diagnostic::{Diagnostic, in_backticks};
use crate::shape;

/// Layers whose output is added to what arrives, or to what a shortcut makes of it.
#[derive(Clone, Debug)]
pub struct Residual {
    /// The layers.
    pub layers: Vec<Layer>,
    /// The shortcut; empty for the input itself.
    pub shortcut: Vec<Layer>,
    /// Activation of the sum.
    pub activation: Option<Function>,
}

/// Lists of layers side by side.
#[derive(Clone, Debug)]
pub struct Branches {
    /// The lists; an empty one passes the value on.
    pub branches: Vec<Vec<Layer>>,
    /// How their outputs become one.
    pub join: Join,
}

/// A joint of the value with outputs of earlier layers.
#[derive(Clone, Debug)]
pub struct Merge {
    /// The layers, by [`Layer::index`].
    pub from: Vec<usize>,
    /// How the values become one.
    pub join: Join,
}

/// The shape and field of a list's output.
fn end<'b>(layers: &'b [Layer], input: (&'b [usize], &'b Field)) -> (&'b [usize], &'b Field) {
    layers
        .last()
        .map_or(input, |last| (&last.output, &last.field))
}

fn sum<'b>(layers: impl IntoIterator<Item = &'b Layer>) -> Option<Counts> {
    let mut counts = layers.into_iter().map(|layer| &layer.counts);
    counts.try_fold(Counts::default(), |sum, counts| sum.plus(counts))
}

/// Plans a residual: the layers, the shortcut, and their sum.
pub(super) fn plan_residual(
    residual: &config::Residual,
    context: &mut Context<'_, '_>,
) -> Option<Planned> {
    let layer = context.layer;
    let config::LayerKind::Residual(lists) = &layer.kind else {
        return None;
    };
    let (input, field) = (context.input.clone(), context.field.clone());
    let arriving = |key: &str, context: &Context<'_, '_>| Arriving {
        shape: &input,
        field: &field,
        prefix: format!("{}.{key}.", context.path),
        depth: context.depth + 1,
    };
    let inner = arriving("layers", context);
    let layers = context.network.list(&lists.layers, &inner);
    let around = arriving("shortcut", context);
    let shortcut = context.network.list(&lists.shortcut, &around);
    let (layers, shortcut) = (layers?, shortcut?);
    let (output, long) = end(&layers, (&input, &field));
    let (skipped, short) = end(&shortcut, (&input, &field));
    if output != skipped {
        let (output, skipped) = (output.to_vec(), skipped.to_vec());
        mismatch(&output, &skipped, &input, shortcut.is_empty(), context);
        return None;
    }
    let counts = sum(layers.iter().chain(&shortcut));
    let learned = residual.activation.map_or(0, Function::weights);
    let counts = counts.and_then(|counts| counts.plus(&Counts::weights(learned, true)));
    let counts = context.checked(counts)?;
    let (output, field) = (output.to_vec(), long.joined(short));
    Some(Planned {
        operation: Operation::Residual(Residual {
            layers,
            shortcut,
            activation: residual.activation,
        }),
        output,
        counts,
        field,
        padding: Vec::new(),
        ignored: Vec::new(),
    })
}

/// Reports a sum of two shapes, with the shortcut that mends it.
fn mismatch(
    output: &[usize],
    skipped: &[usize],
    input: &[usize],
    identity: bool,
    context: &mut Context<'_, '_>,
) {
    let show = shape::display;
    let what = if identity {
        "its input"
    } else {
        "the shortcut"
    };
    let message = format!(
        "the layers of `residual` give {}, and {what} is {}: they cannot be added",
        show(output),
        show(skipped)
    );
    let help = match shortcut_for(input, output) {
        Some(shortcut) => format!("set `shortcut = [{shortcut}]`"),
        None => "make both the same, for example with `padding = \"same\"`".to_owned(),
    };
    let span = context.layer.span.clone();
    context.problem(Diagnostic::error(message).at(&span, "").help(help));
}

/// Returns the layer that turns one shape into the other, if a 1x1 convolution or a dense layer does.
fn shortcut_for(input: &[usize], output: &[usize]) -> Option<String> {
    if input.len() != output.len() {
        return None;
    }
    let filters = output.first()?;
    if input.len() == 1 {
        return Some(format!("{{ type = \"dense\", units = {filters} }}"));
    }
    let strides: Option<Vec<usize>> = input
        .iter()
        .zip(output)
        .skip(1)
        .map(|(&from, &to)| {
            let stride = from.div_ceil(to);
            (from.div_ceil(stride) == to).then_some(stride)
        })
        .collect();
    let strides = strides?;
    let first = *strides.first()?;
    let stride = match () {
        () if strides.iter().all(|stride| *stride == 1) => String::new(),
        () if strides.iter().all(|stride| *stride == first) => format!(", stride = {first}"),
        () => format!(", stride = {strides:?}"),
    };
    Some(format!(
        "{{ type = \"conv\", filters = {filters}, kernel_size = 1{stride} }}"
    ))
}

/// Plans branches: every list from the same input, and their joint.
pub(super) fn plan_branches(
    branches: &config::Branches,
    context: &mut Context<'_, '_>,
) -> Option<Planned> {
    let layer = context.layer;
    let config::LayerKind::Branches(lists) = &layer.kind else {
        return None;
    };
    let (input, field) = (context.input.clone(), context.field.clone());
    let mut planned = Vec::new();
    for (number, list) in lists.branches.iter().enumerate() {
        let arriving = Arriving {
            shape: &input,
            field: &field,
            prefix: format!("{}.branches.{number}.", context.path),
            depth: context.depth + 1,
        };
        planned.push(context.network.list(list, &arriving));
    }
    let planned: Vec<Vec<Layer>> = planned.into_iter().collect::<Option<_>>()?;
    let ends: Vec<(&[usize], &Field)> = planned
        .iter()
        .map(|list| end(list, (&input, &field)))
        .collect();
    let span = layer.span.clone();
    let (output, field) = join(branches.join, &ends, &span, context)?;
    let counts = sum(planned.iter().flatten());
    let counts = context.checked(counts)?;
    Some(Planned {
        operation: Operation::Branches(Branches {
            branches: planned,
            join: branches.join,
        }),
        output,
        counts,
        field,
        padding: Vec::new(),
        ignored: Vec::new(),
    })
}

/// Plans a joint with earlier layers.
pub(super) fn plan_merge(merge: &config::Merge, context: &mut Context<'_, '_>) -> Option<Planned> {
    let mut found: Vec<Named> = Vec::new();
    for name in &merge.from.value {
        match context.network.named.get(name.as_str()) {
            Some(named) => found.push(named.clone()),
            None => unknown(name, merge, context),
        }
    }
    if found.len() != merge.from.value.len() {
        return None;
    }
    let (input, field) = (context.input.clone(), context.field.clone());
    let mut ends: Vec<(&[usize], &Field)> = vec![(&input, &field)];
    ends.extend(
        found
            .iter()
            .map(|named| (named.shape.as_slice(), &named.field)),
    );
    let (output, field) = join(merge.join, &ends, &merge.from.span, context)?;
    let from = found.iter().map(|named| named.index).collect();
    let operation = Operation::Merge(Merge {
        from,
        join: merge.join,
    });
    Some(Planned {
        output,
        field,
        ..Planned::unchanged(operation, context)
    })
}

/// Reports a name that no earlier layer has.
fn unknown(name: &str, merge: &config::Merge, context: &mut Context<'_, '_>) {
    let own = context.layer.name.as_ref();
    let diagnostic = if own.is_some_and(|own| own.value == name) {
        Diagnostic::error(format!("`merge` takes its own output, `{name}`: a circle"))
    } else if context.network.names.contains(&name) {
        Diagnostic::error(format!(
            "layer `{name}` is not done where `merge` takes it: a circle"
        ))
        .help("name a layer that ends before this one")
    } else {
        let message = format!("`merge` takes from `{name}`, and no layer has that name");
        let mut known: Vec<&str> = context.network.named.keys().copied().collect();
        known.sort_unstable();
        let nearest = config::nearest(name, &known);
        match nearest {
            Some(near) => Diagnostic::error(message).help(format!("did you mean `{near}`?")),
            None if known.is_empty() => Diagnostic::error(message)
                .help(format!("give an earlier layer `name = \"{name}\"`")),
            None => {
                let known = in_backticks(known.iter().take(12));
                Diagnostic::error(message).note(format!("earlier layers are {known}"))
            }
        }
    };
    context.problem(diagnostic.at(&merge.from.span, ""));
}

/// Returns the shape and field of several values made one, or reports what does not fit.
fn join(
    join: Join,
    ends: &[(&[usize], &Field)],
    span: &crate::diagnostic::Span,
    context: &mut Context<'_, '_>,
) -> Option<(Vec<usize>, Field)> {
    let shapes: Vec<&[usize]> = ends.iter().map(|(shape, _)| *shape).collect();
    // A row of factors scales maps; the field is over the maps.
    let (widest, first) = *ends
        .iter()
        .max_by_key(|(shape, _)| shape::elements(shape))?;
    let output = match join {
        Join::Concat => concat(&shapes),
        Join::Add => shapes
            .iter()
            .all(|shape| *shape == shapes[0])
            .then(|| widest.to_vec()),
        Join::Multiply => shapes
            .iter()
            .all(|shape| scales(shape, widest))
            .then(|| widest.to_vec()),
    };
    let Some(output) = output else {
        let shown: Vec<String> = shapes.iter().map(|shape| shape::display(shape)).collect();
        let (verb, help) = match join {
            Join::Concat => (
                "concatenated",
                "all sizes but the channels must be the same",
            ),
            Join::Add => ("added", "all sizes must be the same"),
            Join::Multiply => (
                "multiplied",
                "all sizes must be the same, or one value per channel",
            ),
        };
        let message = format!("{} cannot be {verb}", shown.join(" and "));
        context.problem(Diagnostic::error(message).at(span, "").help(help));
        return None;
    };
    let field = ends
        .iter()
        .fold(first.clone(), |field, (_, other)| field.joined(other));
    Some((output, field))
}

fn concat(shapes: &[&[usize]]) -> Option<Vec<usize>> {
    let (first, rest) = shapes.split_first()?;
    let alike = |shape: &&[usize]| shape.len() == first.len() && shape.get(1..) == first.get(1..);
    if !rest.iter().all(alike) {
        return None;
    }
    let channels = shapes
        .iter()
        .try_fold(0_usize, |sum, shape| sum.checked_add(*shape.first()?))?;
    let mut output = first.to_vec();
    *output.first_mut()? = channels;
    Some(output)
}

/// Returns whether a value is of the same shape, or has one value per channel.
fn scales(shape: &[usize], widest: &[usize]) -> bool {
    let single = shape.iter().skip(1).all(|size| *size == 1);
    let ranks = shape.len() == 1 || shape.len() == widest.len();
    shape == widest || (single && ranks && shape.first() == widest.first())
}
