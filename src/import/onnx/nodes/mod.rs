//! What nodes become: layers, joints, constants, or nothing.

mod activation;
mod arithmetic;
mod conv;
mod norm;
mod pool;
mod reshape;
mod settings;
mod shuffle;

pub(super) use conv::Windows;

use super::constant::{Constant, computed};
use super::graph::{Context, Translated, Value};
use super::item::Id;
use crate::onnx::data_type;

/// A shape and values.
pub(super) type Array = (Vec<usize>, Vec<f32>);

/// Translates a node.
///
/// # Errors
/// The reason why no layer here does what it does.
pub(super) fn translate(context: &Context<'_>) -> Result<Translated, String> {
    settings::check(context)?;
    if let Some(translated) = computed(context)? {
        return Ok(translated);
    }
    match context.node.op_type.as_str() {
        "Identity" => Ok(Translated::Same(context.flowing(0)?)),
        "Cast" => cast(context),
        "Dropout" => dropout(context),
        "Conv" => conv::conv(context),
        "ConvTranspose" => conv::transposed(context),
        "Gemm" => conv::gemm(context),
        "MatMul" => conv::matmul(context),
        "MaxPool" => pool::sliding(context, "max"),
        "AveragePool" => pool::sliding(context, "avg"),
        "LpPool" => pool::sliding(context, "l2"),
        "GlobalMaxPool" => pool::global(context, "max"),
        "GlobalAveragePool" => pool::global(context, "avg"),
        "GlobalLpPool" => pool::global(context, "l2"),
        "ReduceMax" => pool::reduced(context, "max"),
        "ReduceMin" => pool::reduced(context, "min"),
        "ReduceMean" => pool::reduced(context, "avg"),
        "ReduceSum" => pool::reduced(context, "sum"),
        "ReduceL2" => pool::reduced(context, "l2"),
        "BatchNormalization" => norm::batch(context),
        "LayerNormalization" => norm::layer(context),
        "InstanceNormalization" => norm::instance(context),
        "GroupNormalization" => norm::group(context),
        "LRN" => norm::local_response(context),
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Sum" | "Neg" | "Concat" => {
            arithmetic::arithmetic(context)
        }
        "Flatten" => reshape::flatten(context),
        "Reshape" => reshape::reshape(context),
        "Squeeze" => reshape::squeeze(context),
        "Unsqueeze" => reshape::unsqueeze(context),
        "Transpose" => reshape::transpose(context),
        "Pad" => reshape::pad(context),
        "Slice" => reshape::slice(context),
        "Gather" => reshape::gather(context),
        "Resize" | "Upsample" => reshape::resize(context),
        "DepthToSpace" => shuffle::depth_to_space(context),
        _ => activation::activation(context),
    }
}

/// Passes on what is cast to floats; whole numbers would be cut.
fn cast(context: &Context<'_>) -> Result<Translated, String> {
    let to = context.integer("to").unwrap_or_default();
    let floats = [
        data_type::FLOAT,
        data_type::FLOAT16,
        data_type::DOUBLE,
        data_type::BFLOAT16,
    ];
    if !floats.iter().any(|kind| i64::from(*kind) == to) {
        return Err(format!("no layer here has values of the data type {to}"));
    }
    Ok(Translated::Same(context.flowing(0)?))
}

fn dropout(context: &Context<'_>) -> Result<Translated, String> {
    if let Some((_, values)) = context.optional_weight(2)?
        && values.iter().any(|value| *value != 0.0)
    {
        return Err("it drops values in use, as if it were trained".to_owned());
    }
    Ok(Translated::Same(context.flowing(0)?))
}

impl<'a> Context<'a> {
    /// Returns what stands for an input; nothing if it is not given.
    pub(super) fn input(&self, index: usize) -> Option<&'a Value> {
        self.graph.value(self.node.input.get(index)?)
    }

    pub(super) fn is_given(&self, index: usize) -> bool {
        self.node
            .input
            .get(index)
            .is_some_and(|name| !name.is_empty())
    }

    pub(super) fn constant(&self, index: usize) -> Option<&'a Constant> {
        match self.input(index)? {
            Value::Constant(constant) => Some(constant),
            Value::Flowing(_) => None,
        }
    }

    /// Returns an input that depends on the network's.
    pub(super) fn flowing(&self, index: usize) -> Result<Id, String> {
        match self.input(index) {
            Some(Value::Flowing(id)) => Ok(*id),
            Some(Value::Constant(_)) => Err(format!("its input {index} is a constant")),
            None => {
                let name = self.node.input.get(index).map_or("", String::as_str);
                Err(format!(
                    "its input {index}, `{name}`, is made by no node before it"
                ))
            }
        }
    }

    /// Returns an input that must be known beforehand, with its shape.
    pub(super) fn weight(&self, index: usize) -> Result<Array, String> {
        let constant = self.constant(index).ok_or_else(|| {
            let name = self.node.input.get(index).map_or("", String::as_str);
            format!("its input {index}, `{name}`, is not a constant")
        })?;
        Ok((constant.shape().to_vec(), constant.floats()?))
    }

    /// Returns such an input if it is given.
    pub(super) fn optional_weight(&self, index: usize) -> Result<Option<Array>, String> {
        if self.is_given(index) {
            self.weight(index).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Returns whole numbers that are an input, or in older sets of operators an attribute.
    pub(super) fn whole_numbers(&self, index: usize, attribute: &str) -> Option<Vec<i64>> {
        if self.is_given(index) {
            return self.constant(index)?.integers().map(<[i64]>::to_vec);
        }
        self.integers(attribute)
    }

    /// Returns the shape of a sample of what flows in.
    pub(super) fn shape(&self, id: Id) -> &'a [usize] {
        &self.graph.shapes[id]
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        let found = self
            .node
            .attribute
            .iter()
            .find(|attribute| attribute.name == name);
        found.and_then(|attribute| attribute.i)
    }

    pub(super) fn integers(&self, name: &str) -> Option<Vec<i64>> {
        let found = self
            .node
            .attribute
            .iter()
            .find(|attribute| attribute.name == name);
        found.map(|attribute| attribute.ints.clone())
    }

    pub(super) fn float(&self, name: &str) -> Option<f32> {
        let found = self
            .node
            .attribute
            .iter()
            .find(|attribute| attribute.name == name);
        found.and_then(|attribute| attribute.f)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        let found = self
            .node
            .attribute
            .iter()
            .find(|attribute| attribute.name == name);
        let text = found.and_then(|attribute| attribute.s.as_ref());
        text.map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// Refuses a setting that is not what a layer here does.
    pub(super) fn only(&self, name: &str, value: i64, default: i64) -> Result<(), String> {
        match self.integer(name).unwrap_or(default) {
            own if own == value => Ok(()),
            own => Err(format!("no layer here has `{name}` {own}")),
        }
    }
}

/// Returns sizes that must be whole numbers of 0 or more.
fn sizes(values: &[i64]) -> Option<Vec<usize>> {
    values
        .iter()
        .map(|value| usize::try_from(*value).ok())
        .collect()
}
