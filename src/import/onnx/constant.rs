//! Constants, and what nodes compute of them: shapes, mostly.

use super::graph::{BATCH, Constant, Context, Translated, Value};
use crate::onnx::{self, Tensor, data_type};
use crate::shape;

impl Constant {
    /// Reads a tensor.
    pub(super) fn of(tensor: &Tensor) -> Result<Self, String> {
        if matches!(tensor.data_type, data_type::INT32 | data_type::INT64) {
            let values = onnx::integers(tensor)?;
            let shape = tensor.dims.iter().map(|size| *size as usize).collect();
            return Ok(Self::Integers { shape, values });
        }
        let (shape, values) = onnx::floats(tensor)?;
        Ok(Self::Floats { shape, values })
    }

    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Self::Floats { shape, .. } | Self::Integers { shape, .. } => shape,
        }
    }

    pub(super) fn floats(&self) -> Vec<f32> {
        match self {
            Self::Floats { values, .. } => values.clone(),
            Self::Integers { values, .. } => values.iter().map(|value| *value as f32).collect(),
        }
    }

    pub(super) fn integers(&self) -> Option<&[i64]> {
        match self {
            Self::Integers { values, .. } => Some(values),
            Self::Floats { .. } => None,
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
        "Identity" | "Cast" | "Dropout" => made(first.clone()),
        "Unsqueeze" | "Squeeze" | "Flatten" if first.integers().is_some() => made(Constant::list(
            first.integers().unwrap_or_default().to_vec(),
        )),
        "Concat" => {
            let lists: Option<Vec<&[i64]>> = inputs.iter().map(|input| input.integers()).collect();
            made(Constant::list(lists.ok_or_else(refused)?.concat()))
        }
        "Gather" => {
            let values = first.integers().ok_or_else(refused)?;
            let places = inputs
                .get(1)
                .and_then(|places| places.integers())
                .ok_or_else(refused)?;
            let picked: Option<Vec<i64>> = places.iter().map(|place| at(values, *place)).collect();
            made(Constant::list(picked.ok_or_else(refused)?))
        }
        "Slice" => {
            let values = first.integers().ok_or_else(refused)?;
            let bound = |index: usize| inputs.get(index)?.integers()?.first().copied();
            let (begin, end) = bound(1).zip(bound(2)).ok_or_else(refused)?;
            if bound(4).unwrap_or(1) != 1 {
                return Err(refused());
            }
            made(Constant::list(
                values[clamped(begin, values.len())
                    ..clamped(end, values.len()).max(clamped(begin, values.len()))]
                    .to_vec(),
            ))
        }
        "Transpose" if first.shape().len() == 2 => {
            let [rows, columns] = [first.shape()[0], first.shape()[1]];
            let values = first.floats();
            let turned =
                (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column));
            made(Constant::Floats {
                shape: vec![columns, rows],
                values: turned.map(|index| values[index]).collect(),
            })
        }
        "Reshape" if matches!(first, Constant::Floats { .. }) => {
            let sizes = inputs
                .get(1)
                .and_then(|sizes| sizes.integers())
                .ok_or_else(refused)?;
            let shape = resolved(sizes, first.shape()).ok_or_else(refused)?;
            made(Constant::Floats {
                shape,
                values: first.floats(),
            })
        }
        _ => Err(refused()),
    }
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
            values: attribute.i.into_iter().collect(),
        }),
        "value_ints" => Ok(Constant::list(attribute.ints.clone())),
        "value_float" => Ok(Constant::Floats {
            shape: vec![],
            values: attribute.f.into_iter().collect(),
        }),
        "value_floats" => {
            let values = attribute.floats.clone();
            Ok(Constant::Floats {
                shape: vec![values.len()],
                values,
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

fn at(values: &[i64], place: i64) -> Option<i64> {
    let place = if place < 0 {
        place + values.len() as i64
    } else {
        place
    };
    values.get(usize::try_from(place).ok()?).copied()
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
