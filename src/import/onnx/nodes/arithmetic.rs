//! Sums, products and joints: of two values that flow, or of one and a constant.

use super::super::constant::Constant;
use super::super::graph::{Context, Translated, Value};
use super::super::item::{Id, Item, Joining};
use super::super::setting::list;
use crate::config::Join;

pub(super) fn arithmetic(context: &Context<'_>) -> Result<Translated, String> {
    let op = context.node.op_type.as_str();
    match (op, context.input(0), context.input(1)) {
        ("Neg", ..) => scale(context, context.flowing(0)?, vec![-1.0], vec![0.0]),
        ("Pow", ..) => power(context),
        ("Mul", Some(Value::Flowing(a)), Some(Value::Flowing(b))) if a == b => {
            let shape = context.shape(*a).to_vec();
            Ok(Translated::Items {
                from: *a,
                items: vec![Item::Square],
                shape,
            })
        }
        ("Sum" | "Concat", ..) | (_, Some(Value::Flowing(_)), Some(Value::Flowing(_))) => {
            joint(context)
        }
        ("Mul", Some(Value::Flowing(x)), Some(Value::Constant(constant)))
            if varying(constant, context.shape(*x)).is_some() =>
        {
            let items = varying(constant, context.shape(*x)).into_iter().collect();
            let shape = context.shape(*x).to_vec();
            Ok(Translated::Items {
                from: *x,
                items,
                shape,
            })
        }
        (_, Some(Value::Flowing(x)), Some(Value::Constant(constant))) => {
            let values = per_channel(constant, context.shape(*x))?;
            let zeros = vec![0.0; values.len()];
            let ones = vec![1.0; values.len()];
            match op {
                "Add" => scale(context, *x, ones, values),
                "Sub" => scale(
                    context,
                    *x,
                    ones,
                    values.iter().map(|value| -value).collect(),
                ),
                "Mul" => scale(context, *x, values, zeros),
                _ => scale(
                    context,
                    *x,
                    values.iter().map(|value| 1.0 / value).collect(),
                    zeros,
                ),
            }
        }
        (_, Some(Value::Constant(constant)), Some(Value::Flowing(x))) => {
            let values = per_channel(constant, context.shape(*x))?;
            let (zeros, ones) = (vec![0.0; values.len()], vec![1.0; values.len()]);
            match op {
                "Add" => scale(context, *x, ones, values),
                "Sub" => scale(context, *x, ones.iter().map(|one| -one).collect(), values),
                "Mul" => scale(context, *x, values, zeros),
                _ => Err("no layer here divides by what it receives".to_owned()),
            }
        }
        _ => Err(format!(
            "its inputs are {:?}, not all of which are made before it",
            context.node.input
        )),
    }
}

fn scale(
    context: &Context<'_>,
    from: Id,
    scale: Vec<f32>,
    shift: Vec<f32>,
) -> Result<Translated, String> {
    let shape = context.shape(from).to_vec();
    if scale.iter().chain(&shift).any(|value| !value.is_finite()) {
        return Err("it makes values that are not finite".to_owned());
    }
    Ok(Translated::Items {
        from,
        items: vec![Item::Scale { scale, shift }],
        shape,
    })
}

/// Returns factors that vary along one dimension of the maps, if that is what a product is with.
fn varying(constant: &Constant, shape: &[usize]) -> Option<Item> {
    let own = aligned(constant.shape(), shape)?;
    let mut along = own.iter().enumerate().filter(|(_, size)| **size > 1);
    let (dimension, _) = along.next().filter(|(dimension, _)| *dimension > 1)?;
    let factors = constant.floats().ok()?;
    along.next().is_none().then_some(Item::Shares {
        dimension: dimension - 2,
        factors,
    })
}

/// Returns a constant as one number a channel, or one for all.
fn per_channel(constant: &Constant, shape: &[usize]) -> Result<Vec<f32>, String> {
    let values = constant.floats()?;
    let refused = || {
        format!(
            "no layer here has a constant of {} for samples of {}",
            list(constant.shape()),
            list(shape)
        )
    };
    let own = aligned(constant.shape(), shape).ok_or_else(refused)?;
    match values.len() {
        1 => Ok(values),
        count if own.get(1) == Some(&count) => Ok(values),
        _ => Err(refused()),
    }
}

/// Gives a constant the dimensions of a batch of samples, as far as they can be one value for all or fit.
fn aligned(own: &[usize], sample: &[usize]) -> Option<Vec<usize>> {
    let rank = sample.len() + 1;
    let missing = rank.checked_sub(own.len())?;
    let all = [vec![1; missing], own.to_vec()].concat();
    let fits = all[0] == 1
        && all[1..]
            .iter()
            .zip(sample)
            .all(|(own, size)| *own == 1 || own == size);
    fits.then_some(all)
}

fn power(context: &Context<'_>) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    let (_, exponent) = context.weight(1)?;
    let [exponent] = exponent[..] else {
        return Err("no layer here has powers".to_owned());
    };
    if exponent == 1.0 {
        return Ok(Translated::Same(from));
    }
    let shape = context.shape(from).to_vec();
    let item = if exponent == 2.0 {
        Item::Square
    } else {
        Item::Power(exponent)
    };
    Ok(Translated::Items {
        from,
        items: vec![item],
        shape,
    })
}

fn joint(context: &Context<'_>) -> Result<Translated, String> {
    let op = context.node.op_type.as_str();
    let from: Result<Vec<Id>, String> = (0..context.node.input.len())
        .map(|index| context.flowing(index))
        .collect();
    let from = from?;
    if let ([only], "Sum" | "Concat") = (&from[..], op) {
        return Ok(Translated::Same(*only));
    }
    let shapes: Vec<&[usize]> = from.iter().map(|id| context.shape(*id)).collect();
    let first = shapes.first().copied().ok_or("it has no inputs")?;
    let unequal = || {
        let shapes: Vec<String> = shapes.iter().map(|shape| list(*shape)).collect();
        format!("no layer here joins {}", shapes.join(" and "))
    };
    let (join, shape) = match op {
        "Concat" => {
            let axis = context.integer("axis").unwrap_or(1);
            let axis = if axis < 0 {
                axis + first.len() as i64 + 1
            } else {
                axis
            };
            if axis != 1 {
                return Err(format!(
                    "`concat` joins along the channels here, not along axis {axis}"
                ));
            }
            if shapes.iter().any(|shape| shape[1..] != first[1..]) {
                return Err(unequal());
            }
            let channels = shapes.iter().map(|shape| shape[0]).sum();
            (Join::Concat, [&[channels], &first[1..]].concat())
        }
        "Add" | "Sum" => (Join::Add, first.to_vec()),
        "Mul" => (
            Join::Multiply,
            shapes
                .iter()
                .max_by_key(|shape| shape.iter().product::<usize>())
                .map_or_else(Vec::new, |shape| shape.to_vec()),
        ),
        "Div" => {
            if shapes.iter().any(|shape| *shape != first) {
                return Err(unequal());
            }
            return Ok(Translated::Join {
                from,
                join: Joining::Divide,
                shape: first.to_vec(),
            });
        }
        _ => return Err("no layer here subtracts one value from another".to_owned()),
    };
    let factors = |own: &[usize]| {
        own.len() == shape.len() && own[0] == shape[0] && own[1..].iter().all(|size| *size == 1)
    };
    let fits = shapes
        .iter()
        .all(|own| **own == shape[..] || (join == Join::Multiply && factors(own)));
    if join != Join::Concat && !fits {
        return Err(unequal());
    }
    Ok(Translated::Join {
        from,
        join: Joining::Join(join),
        shape,
    })
}
