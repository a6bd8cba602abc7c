//! The activation functions.

use super::super::graph::{Context, Translated};
use super::super::item::{Draft, Item};
use crate::config::Function;

/// How far a setting may be from the one that a function here has: ONNX has 32 bits.
const CLOSE: f32 = 1e-6;

pub(super) fn activation(context: &Context<'_>) -> Result<Translated, String> {
    let function = match context.node.op_type.as_str() {
        "Relu" => Function::Relu,
        "Selu" => {
            is_close(context, "alpha", 1.673_263_2, 1.673_263_2)?;
            is_close(context, "gamma", 1.050_701, 1.050_701)?;
            Function::Selu
        }
        "Elu" => {
            is_close(context, "alpha", 1.0, 1.0)?;
            Function::Elu
        }
        "Celu" => {
            is_close(context, "alpha", 1.0, 1.0)?;
            Function::Celu
        }
        "HardSigmoid" => {
            is_close(context, "alpha", 1.0 / 6.0, 0.2)?;
            is_close(context, "beta", 0.5, 0.5)?;
            Function::HardSigmoid
        }
        "Swish" => {
            is_close(context, "alpha", 1.0, 1.0)?;
            Function::Silu
        }
        "Gelu" => match context.text("approximate").as_deref() {
            None | Some("none") => Function::Gelu,
            Some(other) => return Err(format!("no layer here has `approximate` \"{other}\"")),
        },
        "HardSwish" => Function::HardSwish,
        "Mish" => Function::Mish,
        "Softplus" => Function::Softplus,
        "Softsign" => Function::Softsign,
        "Sigmoid" => Function::Sigmoid,
        "Tanh" => Function::Tanh,
        "Softmax" => along_channels(context, Function::Softmax)?,
        "LogSoftmax" => along_channels(context, Function::LogSoftmax)?,
        "Clip" => clip(context)?,
        "LeakyRelu" => {
            let slope = context.float("alpha").unwrap_or(0.01);
            let layer = Draft::new("activation").word("fn", "leaky_relu");
            return alone(context, Item::Layer(layer.set("slope", slope)));
        }
        "PRelu" => return prelu(context),
        "Erf" => return alone(context, Item::Erf),
        _ => return Err("no layer here does what it does".to_owned()),
    };
    alone(context, Item::Activation(function))
}

fn alone(context: &Context<'_>, item: Item) -> Result<Translated, String> {
    let from = context.flowing(0)?;
    Ok(Translated::Items {
        from,
        items: vec![item],
        shape: context.shape(from).to_vec(),
    })
}

fn is_close(context: &Context<'_>, name: &str, wanted: f32, default: f32) -> Result<(), String> {
    let own = context.float(name).unwrap_or(default);
    if (own - wanted).abs() <= CLOSE * wanted.abs().max(1.0) {
        return Ok(());
    }
    Err(format!("no layer here has `{name}` {own}"))
}

fn along_channels(context: &Context<'_>, function: Function) -> Result<Function, String> {
    let shape = context.shape(context.flowing(0)?);
    let rank = shape.len() as i64 + 1;
    // Up to 12, all dimensions from the axis on were one.
    let (default, takes_rest) = if context.opset < 13 {
        (1, true)
    } else {
        (-1, false)
    };
    let axis = context.integer("axis").unwrap_or(default);
    let axis = if axis < 0 { axis + rank } else { axis };
    if takes_rest && rank > 2 {
        return Err(
            "before set 13 it runs along all from its axis on, here along the channels".to_owned(),
        );
    }
    if axis != 1 {
        return Err(format!(
            "`{}` runs along the channels here, not along axis {axis}",
            function.word()
        ));
    }
    Ok(function)
}

fn clip(context: &Context<'_>) -> Result<Function, String> {
    let bound = |index: usize, name: &str| -> Result<Option<f32>, String> {
        let given = context.optional_weight(index)?;
        Ok(given
            .and_then(|(_, values)| values.first().copied())
            .or_else(|| context.float(name)))
    };
    match (bound(1, "min")?, bound(2, "max")?) {
        (Some(0.0), Some(6.0)) => Ok(Function::Relu6),
        (Some(0.0), None) => Ok(Function::Relu),
        (Some(0.0), Some(most)) if most >= f32::MAX => Ok(Function::Relu),
        (least, most) => {
            let show =
                |bound: Option<f32>| bound.map_or("none".to_owned(), |bound| bound.to_string());
            Err(format!(
                "no layer here cuts values at {} and {}",
                show(least),
                show(most)
            ))
        }
    }
}

fn prelu(context: &Context<'_>) -> Result<Translated, String> {
    let (_, slope) = context.weight(1)?;
    let [slope] = slope[..] else {
        return Err(format!(
            "`prelu` has one slope here, and it has {}",
            slope.len()
        ));
    };
    let layer = Draft::new("activation")
        .word("fn", "prelu")
        .weight("weight", &[1], vec![slope]);
    alone(context, Item::Layer(layer))
}
