//! Constants, and what nodes compute of them: shapes, mostly.

use std::sync::Arc;

use super::graph::{Context, Translated, Value};
use crate::onnx::{self, Tensor, data_type};
use crate::shape::{self, turned};

/// The longest list that is computed: of sizes and sides of padding.
const MOST: usize = 64;

/// The length of the batch in a shape that is computed.
pub(super) const BATCH: i64 = i64::MIN;

/// A tensor that does not depend on the input.
#[derive(Clone, Debug)]
pub(super) enum Constant {
    /// Shared, as several names may stand for one.
    Floats {
        shape: Vec<usize>,
        values: Arc<[f32]>,
    },
    Integers {
        shape: Vec<usize>,
        values: Vec<i64>,
    },
}

impl Constant {
    /// Reads a tensor.
    pub(super) fn of(tensor: &Tensor) -> Result<Self, String> {
        if matches!(
            tensor.data_type,
            data_type::INT32 | data_type::INT64 | data_type::BOOL
        ) {
            let values = onnx::integers(tensor)?;
            let shape = tensor.dims.iter().map(|size| *size as usize).collect();
            return Ok(Self::Integers { shape, values });
        }
        let (shape, values) = onnx::floats(tensor)?;
        Ok(Self::Floats {
            shape,
            values: values.into(),
        })
    }

    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Self::Floats { shape, .. } | Self::Integers { shape, .. } => shape,
        }
    }

    pub(super) fn floats(&self) -> Result<Vec<f32>, String> {
        match self {
            Self::Floats { values, .. } => Ok(values.to_vec()),
            Self::Integers { values, .. } if values.contains(&BATCH) => {
                Err("it computes with the length of the batch".to_owned())
            }
            Self::Integers { values, .. } => Ok(values.iter().map(|value| *value as f32).collect()),
        }
    }

    /// Returns how many numbers it holds.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Floats { values, .. } => values.len(),
            Self::Integers { values, .. } => values.len(),
        }
    }

    pub(super) fn integers(&self) -> Option<&[i64]> {
        match self {
            Self::Integers { values, .. } => Some(values),
            Self::Floats { .. } => None,
        }
    }

    /// Gives the values another shape; nothing if there are not so many.
    fn reshaped(&self, shape: Vec<usize>) -> Option<Self> {
        let fits = shape::elements(&shape) == shape::elements(self.shape());
        fits.then(|| match self {
            Self::Floats { values, .. } => Self::Floats {
                shape,
                values: values.clone(),
            },
            Self::Integers { values, .. } => Self::Integers {
                shape,
                values: values.clone(),
            },
        })
    }

    /// Picks values by their places.
    fn picked(&self, shape: Vec<usize>, places: impl Iterator<Item = usize>) -> Self {
        match self {
            Self::Floats { values, .. } => Self::Floats {
                shape,
                values: places.map(|place| values[place]).collect(),
            },
            Self::Integers { values, .. } => Self::Integers {
                shape,
                values: places.map(|place| values[place]).collect(),
            },
        }
    }

    fn list(values: Vec<i64>) -> Self {
        Self::Integers {
            shape: vec![values.len()],
            values,
        }
    }
}

/// Computes a node that takes constants alone, or only the shape of what flows; nothing if it does neither.
pub(super) fn computed(context: &Context<'_>) -> Result<Option<Translated>, String> {
    let made = |constant: Constant| Ok(Some(Translated::Constant(constant)));
    match context.node.op_type.as_str() {
        "Constant" => return made(of_attribute(context)?),
        "Shape" => {
            if let Some(Value::Flowing(id)) = context.input(0) {
                let sizes = context.graph.shapes[*id].iter().map(|size| *size as i64);
                let sizes: Vec<i64> = [BATCH].into_iter().chain(sizes).collect();
                return made(Constant::list(window(context, &sizes)));
            }
        }
        _ => {}
    }
    let inputs: Option<Vec<&Constant>> = (0..context.node.input.len())
        .filter(|index| context.is_given(*index))
        .map(|index| context.constant(index))
        .collect();
    let Some(inputs) = inputs.filter(|inputs| !inputs.is_empty()) else {
        return Ok(None);
    };
    let refused = || format!("{} of constants is not computed", context.node.op_type);
    let first = inputs[0];
    match context.node.op_type.as_str() {
        "Identity" => made(first.clone()),
        "Cast" => made(cast(context, first).ok_or_else(refused)?),
        // Shapes are lists, and so are single sizes.
        "Unsqueeze" | "Squeeze" | "Flatten" if first.integers().is_some() => made(Constant::list(
            first.integers().unwrap_or_default().to_vec(),
        )),
        "Concat" if inputs.iter().map(|input| input.len()).sum::<usize>() <= MOST => {
            let is_list = |input: &&Constant| input.shape().len() == 1;
            if !inputs.iter().all(is_list) {
                return Err(refused());
            }
            let lists: Option<Vec<&[i64]>> = inputs.iter().map(|input| input.integers()).collect();
            made(Constant::list(lists.ok_or_else(refused)?.concat()))
        }
        "Gather" if first.shape().len() == 1 => made(gathered(&inputs).ok_or_else(refused)?),
        "Slice" => made(sliced(context, first).ok_or_else(refused)?),
        "Transpose"
            if context
                .integers("perm")
                .is_some_and(|perm| perm.iter().copied().eq(0..perm.len() as i64)) =>
        {
            made(first.clone())
        }
        "Transpose" if first.shape().len() == 2 => {
            let [rows, columns] = [first.shape()[0], first.shape()[1]];
            made(first.picked(vec![columns, rows], turned(rows, columns)))
        }
        "Reshape" => {
            let sizes = inputs
                .get(1)
                .and_then(|sizes| sizes.integers())
                .ok_or_else(refused)?;
            let shape = resolved(sizes, first.shape());
            made(
                shape
                    .and_then(|shape| first.reshaped(shape))
                    .ok_or_else(refused)?,
            )
        }
        "Unsqueeze" => made(unsqueezed(context, first).ok_or_else(refused)?),
        "ConstantOfShape" => made(filled(context, first).ok_or_else(refused)?),
        _ => Err(refused()),
    }
}

/// Takes numbers of a list.
fn gathered(inputs: &[&Constant]) -> Option<Constant> {
    let values = inputs.first()?.integers()?;
    let places = inputs.get(1)?.integers()?;
    let picked: Option<Vec<i64>> = places.iter().map(|place| at(values, *place)).collect();
    picked.map(Constant::list)
}

/// Adds axes of one.
fn unsqueezed(context: &Context<'_>, first: &Constant) -> Option<Constant> {
    let axes = context.whole_numbers(1, "axes")?;
    let rank = first.shape().len() + axes.len();
    let places = axes
        .iter()
        .map(|axis| place(*axis, rank).filter(|place| *place < rank));
    let mut places: Vec<usize> = places.collect::<Option<_>>()?;
    places.sort_unstable();
    let mut shape = first.shape().to_vec();
    for place in places {
        shape.insert(place.min(shape.len()), 1);
    }
    first.reshaped(shape)
}

/// Makes floats of whole numbers; the other way they would be cut.
fn cast(context: &Context<'_>, first: &Constant) -> Option<Constant> {
    let to = i32::try_from(context.integer("to")?).ok()?;
    let whole = matches!(to, data_type::INT32 | data_type::INT64);
    match first {
        Constant::Integers { .. } if whole => Some(first.clone()),
        Constant::Integers { shape, .. } if to == data_type::FLOAT => Some(Constant::Floats {
            shape: shape.clone(),
            values: first.floats().ok()?.into(),
        }),
        Constant::Floats { .. } if !whole && to != data_type::BOOL && to != data_type::UINT8 => {
            Some(first.clone())
        }
        _ => None,
    }
}

/// Cuts or turns around a list, or the rows of a table: what is computed of the amounts of padding.
fn sliced(context: &Context<'_>, first: &Constant) -> Option<Constant> {
    let bound = |index: usize| match context.constant(index)?.integers()? {
        [only] => Some(*only),
        _ => None,
    };
    let (&rows, inner) = first.shape().split_first()?;
    let is_along_rows = !context.is_given(3) || bound(3) == Some(0);
    if !context.is_given(1) || (context.is_given(4) && bound(4).is_none()) {
        return None;
    }
    let whole = inner.iter().product::<usize>();
    let picked: Vec<usize> = match bound(4).unwrap_or(1) {
        1 => (clamped(bound(1)?, rows)..clamped(bound(2)?, rows)).collect(),
        -1 if bound(1) == Some(-1) && bound(2)? <= -(rows as i64) => (0..rows).rev().collect(),
        _ => return None,
    };
    let shape = [&[picked.len()], inner].concat();
    let places = picked
        .iter()
        .flat_map(|row| (0..whole).map(move |at| row * whole + at));
    is_along_rows.then(|| first.picked(shape, places))
}

/// Makes a list of one number.
fn filled(context: &Context<'_>, length: &Constant) -> Option<Constant> {
    let &[length] = length.integers()? else {
        return None;
    };
    let length = usize::try_from(length)
        .ok()
        .filter(|count| *count <= MOST)?;
    let value = context.node.attribute.iter().find_map(|own| own.t.as_ref());
    let value = value.map_or(Ok(vec![0]), |own| onnx::integers(own)).ok()?;
    Some(Constant::list(vec![*value.first()?; length]))
}

fn of_attribute(context: &Context<'_>) -> Result<Constant, String> {
    let node = context.node;
    if let Some(tensor) = node
        .attribute
        .iter()
        .find_map(|attribute| attribute.t.as_ref())
    {
        return Constant::of(tensor);
    }
    let attribute = node.attribute.first().ok_or("it has no value")?;
    match attribute.name.as_str() {
        "value_int" => Ok(Constant::Integers {
            shape: vec![],
            values: vec![attribute.i.unwrap_or_default()],
        }),
        "value_ints" => Ok(Constant::list(attribute.ints.clone())),
        "value_float" => Ok(Constant::Floats {
            shape: vec![],
            values: vec![attribute.f.unwrap_or_default()].into(),
        }),
        "value_floats" => {
            let values = attribute.floats.clone();
            Ok(Constant::Floats {
                shape: vec![values.len()],
                values: values.into(),
            })
        }
        other => Err(format!("its `{other}` is no number")),
    }
}

/// Cuts a shape as the attributes of `Shape` say.
fn window(context: &Context<'_>, sizes: &[i64]) -> Vec<i64> {
    let begin = clamped(context.integer("start").unwrap_or(0), sizes.len());
    let end = clamped(context.integer("end").unwrap_or(i64::MAX), sizes.len());
    sizes[begin..end.max(begin)].to_vec()
}

/// Brings a place, counted from the end if negative, into a list.
pub(super) fn clamped(place: i64, length: usize) -> usize {
    let length = length as i64;
    let place = if place < 0 {
        place.saturating_add(length)
    } else {
        place
    };
    place.clamp(0, length) as usize
}

fn at(values: &[i64], own: i64) -> Option<i64> {
    values.get(place(own, values.len())?).copied()
}

/// Returns a place that is counted from the end if negative.
fn place(own: i64, length: usize) -> Option<usize> {
    let own = if own < 0 { own + length as i64 } else { own };
    usize::try_from(own).ok()
}

/// Returns the shape that a `Reshape` makes of another; nothing where the values do not fit.
pub(super) fn resolved(sizes: &[i64], from: &[usize]) -> Option<Vec<usize>> {
    let total = shape::elements(from)?;
    let mut open = None;
    let mut known = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        known.push(match size {
            -1 if open.is_none() => {
                open = Some(index);
                1
            }
            0 => *from.get(index)?,
            size => usize::try_from(*size).ok()?,
        });
    }
    let product = shape::elements(&known)?;
    match open {
        Some(index) if product > 0 && total.is_multiple_of(product) => {
            known[index] = usize::try_from(total / product).ok()?;
            Some(known)
        }
        None if product == total => Some(known),
        _ => None,
    }
}
