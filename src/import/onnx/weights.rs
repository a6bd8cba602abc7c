//! The weights of a file under the names and in the layouts that PyTorch has, for a network that a config describes.

use std::collections::HashMap;

use crate::model::NamedWeight;
use crate::onnx::{self, Node, Tensor};

/// How many times over the weights of a file are read at most, where layers share them.
const MOST_SHARES: usize = 4;
/// Bytes of weights that are read in any case.
const LEAST_BYTES: usize = 16 << 20;

/// The inputs of a node that are weights, each with the last part of its name.
fn parts(node: &Node) -> &'static [(usize, &'static str)] {
    match node.op_type.as_str() {
        "Conv"
        | "ConvTranspose"
        | "Gemm"
        | "LayerNormalization"
        | "InstanceNormalization"
        | "GroupNormalization" => &[(1, "weight"), (2, "bias")],
        "MatMul" | "PRelu" => &[(1, "weight")],
        "BatchNormalization" => &[
            (1, "weight"),
            (2, "bias"),
            (3, "running_mean"),
            (4, "running_var"),
        ],
        _ => &[],
    }
}

/// Returns the weights in the order of the nodes that take them.
///
/// A layer is called by its weight, or where that name says nothing (`onnx::Conv_123`) by its number.
///
/// # Errors
/// The reason why the file cannot be read.
pub(in crate::import) fn weights(bytes: Vec<u8>) -> Result<Vec<NamedWeight>, String> {
    let graph = onnx::decode(bytes)?.graph.unwrap_or_default();
    let mut tensors: HashMap<&str, &Tensor> = HashMap::new();
    for tensor in &graph.initializer {
        tensors.insert(&tensor.name, tensor);
    }
    for node in &graph.node {
        let (input, output) = (node.input.first(), node.output.first());
        let same = input.and_then(|input| tensors.get(input.as_str()).copied());
        let own = match node.op_type.as_str() {
            "Constant" => node.attribute.iter().find_map(|own| own.t.as_deref()),
            "Identity" => same,
            _ => None,
        };
        if let (Some(tensor), Some(output)) = (own, output) {
            tensors.insert(output, tensor);
        }
    }
    let whole: usize = tensors.values().map(|tensor| tensor.raw_data.len()).sum();
    let mut left = MOST_SHARES * whole + LEAST_BYTES;
    let mut found: Vec<NamedWeight> = Vec::new();
    for (number, node) in graph.node.iter().enumerate() {
        let own = node
            .input
            .get(1)
            .and_then(|name| name.strip_suffix(".weight"));
        let layer = own.map_or_else(|| format!("{}{number}", node.op_type), str::to_owned);
        for (input, part) in parts(node) {
            let Some(tensor) = node
                .input
                .get(*input)
                .and_then(|name| tensors.get(name.as_str()))
            else {
                continue;
            };
            let weight = read(node, tensor, format!("{layer}.{part}"))?;
            let bytes = size_of_val(&weight.values[..]);
            left = left
                .checked_sub(bytes)
                .ok_or("its layers share weights too often")?;
            // Two nodes may share one.
            if found.iter().all(|other| other.name != weight.name) {
                found.push(weight);
            }
        }
        let sum = graph.node.get(number + 1).filter(|next| {
            node.op_type == "MatMul"
                && next.op_type == "Add"
                && next
                    .input
                    .iter()
                    .any(|name| Some(name) == node.output.first())
        });
        let bias = sum.and_then(|sum| sum.input.iter().find_map(|name| tensors.get(name.as_str())));
        if let Some(bias) = bias.filter(|bias| bias.dims.len() == 1) {
            found.push(read(sum.unwrap_or(node), bias, format!("{layer}.bias"))?);
        }
    }
    Ok(found)
}

/// Reads a weight; a matrix becomes `[units, inputs]`.
fn read(node: &Node, tensor: &Tensor, name: String) -> Result<NamedWeight, String> {
    let (shape, mut values) = onnx::floats(tensor)?;
    if node.op_type == "Gemm" {
        let key = if shape.len() == 1 { "beta" } else { "alpha" };
        let factor = node
            .attribute
            .iter()
            .find(|attribute| attribute.name == key);
        let factor = factor.and_then(|attribute| attribute.f).unwrap_or(1.0);
        for value in &mut values {
            *value *= factor;
        }
    }
    let turned = node
        .attribute
        .iter()
        .any(|attribute| attribute.name == "transB" && attribute.i.unwrap_or(0) != 0);
    match (node.op_type.as_str(), &shape[..]) {
        ("Gemm" | "MatMul", &[inputs, units]) if !turned => {
            let values = crate::shape::turned(inputs, units).map(|place| values[place]);
            Ok(NamedWeight {
                name,
                shape: vec![units, inputs],
                values: values.collect(),
            })
        }
        _ => Ok(NamedWeight {
            name,
            shape,
            values,
        }),
    }
}
