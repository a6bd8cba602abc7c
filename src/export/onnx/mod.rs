//! Networks as ONNX files: a node for a layer wherever ONNX has one.
//!
//! `burn-onnx` has an exporter too, which records the operations that a forward pass runs: a layer becomes many nodes
//! without its name (a normalization six, a pool over channels a sum of slices), and batch normalization cannot be told
//! to fold. What is written here is the network of the config, as a reader of the config would draw it.

mod activation;
mod conv;
mod join;
mod maps;
mod norm;
mod pool;
mod prepare;

use std::collections::{BTreeMap, HashMap};

use super::network::Network;
use super::safetensors::beyond_half;
use super::{Options, Precision};
use crate::config::Task;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::model::NamedWeight;
use crate::onnx::{Attribute, Builder, data_type};
use crate::plan::{Layer, Operation};

/// A value on its way, and the shape of one sample of it.
#[derive(Clone, Debug)]
struct Wire {
    name: String,
    shape: Vec<usize>,
}

struct Writer<'a> {
    graph: Builder,
    weights: &'a BTreeMap<String, NamedWeight>,
    /// Outputs that a `merge` takes, by the layer's number.
    kept: HashMap<usize, Wire>,
}

/// Writes a network as an ONNX file that takes batches of any size and gives logits.
///
/// The set of operators is the lowest, from 17 on, that has all that the network needs. With 16 bits, input and output have
/// 32 all the same.
///
/// # Errors
/// When a weight is missing.
pub(super) fn write(network: &Network, options: Options) -> Result<Vec<u8>> {
    let plan = &network.plan;
    let is_half = options.precision == Precision::F16;
    let mut writer = Writer {
        graph: Builder::new(&network.name, is_half),
        weights: &network.weights,
        kept: HashMap::new(),
    };
    let input = Wire {
        name: "input".to_owned(),
        shape: plan.input.clone(),
    };
    let preprocessing = &network.header.preprocessing;
    let (wire, input_type, input_shape) = if options.prepares {
        let kind = if preprocessing.floats {
            data_type::FLOAT
        } else {
            data_type::UINT8
        };
        (
            writer.prepared(input, preprocessing),
            kind,
            &preprocessing.shape,
        )
    } else {
        (input, data_type::FLOAT, &plan.input)
    };
    let wire = if is_half {
        writer.cast(&wire, data_type::FLOAT16)
    } else {
        wire
    };
    let wire = writer.list("", &plan.layers, wire)?;
    let wire = if is_half {
        writer.cast(&wire, data_type::FLOAT)
    } else {
        wire
    };
    let output = match network.task {
        Task::Classes | Task::Labels => "logits",
        Task::Values => "values",
    };
    // A node of its own, as the last one may be what other layers take too, or the input itself.
    writer
        .graph
        .node(("Identity", 16), output, &[&wire.name], &[]);
    let mut graph = writer.graph;
    if let Some((name, value)) = graph.beyond_half() {
        return Err(beyond_half(name, value));
    }
    graph.rename_last(output);
    let failed = |error: serde_json::Error| {
        Error::model(Diagnostic::error(format!("failed to write ONNX: {error}")))
    };
    let metadata = vec![
        (
            "classes",
            serde_json::to_string(&network.header.classes).map_err(failed)?,
        ),
        (
            "preprocessing",
            serde_json::to_string(preprocessing).map_err(failed)?,
        ),
        ("config", network.header.config.clone()),
    ];
    let input = ("input", input_type, input_shape.as_slice());
    Ok(graph.finish(input, (output, data_type::FLOAT, &wire.shape), metadata))
}

impl Writer<'_> {
    /// Writes layers one after the other; the names of their weights begin with `prefix`.
    fn list(&mut self, prefix: &str, layers: &[Layer], input: Wire) -> Result<Wire> {
        let mut wire = input;
        for layer in layers {
            let name = format!("{prefix}{}", layer.key());
            wire = Wire {
                name: self.layer(&name, layer, wire)?,
                shape: layer.output.clone(),
            };
            if layer.is_kept {
                self.kept.insert(layer.index, wire.clone());
            }
        }
        Ok(wire)
    }

    fn layer(&mut self, name: &str, layer: &Layer, input: Wire) -> Result<String> {
        Ok(match &layer.operation {
            Operation::Conv(conv) => self.conv(name, conv, &input)?,
            Operation::SeparableConv(separable) => self.separable(name, separable, &input)?,
            Operation::TransposedConv(transposed) => self.transposed(name, transposed, &input)?,
            Operation::Dense(dense) => self.dense(name, dense, &input)?,
            Operation::Pool(pool) => self.pool(name, pool, &input),
            Operation::GlobalPool(kind) => self.global_pool(name, *kind, &input),
            Operation::AdaptivePool(pool) => self.adaptive_pool(name, pool, &input),
            Operation::Activation(function) => {
                self.activated(name, Some(*function), input.name, &format!("{name}.weight"))?
            }
            Operation::Norm(norm) => self.norm(name, norm, &input)?,
            Operation::LocalResponseNorm(norm) => self.local_response_norm(name, *norm, &input),
            // They change nothing but in training.
            Operation::Dropout(_) | Operation::Noise(_) => input.name,
            Operation::Flatten => {
                let axis = [("axis", Attribute::Int(1))];
                self.graph
                    .node(("Flatten", 13), name, &[&input.name], &axis)
            }
            Operation::Reshape(shape) => self.reshaped(name, &input.name, shape),
            Operation::Pad(pad) => self.padded(name, &input.name, &pad.amount, pad.mode),
            Operation::Crop(amount) => self.cropped(name, &input, amount),
            Operation::Upsample(upsample) => self.upsampled(name, upsample, &input, &layer.output),
            Operation::PixelShuffle(scale) => self.pixel_shuffled(name, *scale, &input),
            Operation::Scale(scale) => self.scaled(name, scale, &input)?,
            Operation::Residual(residual) => self.residual(name, residual, &input)?,
            Operation::Branches(branches) => self.branches(name, branches, &input)?,
            Operation::Merge(merge) => self.merge(name, merge, input)?,
        })
    }

    /// Returns a weight by its name.
    fn weight(&self, name: &str) -> Result<&NamedWeight> {
        self.weights.get(name).ok_or_else(|| {
            Error::model(Diagnostic::error(format!(
                "the network has no weight `{name}`"
            )))
        })
    }

    /// Puts a weight into the file as it is; returns its name there.
    fn given(&mut self, name: &str) -> Result<String> {
        let weight = self.weight(name)?;
        let (shape, values) = (weight.shape.clone(), weight.values.clone());
        Ok(self.graph.floats(name, &shape, &values))
    }

    fn cast(&mut self, wire: &Wire, kind: i32) -> Wire {
        let to = [("to", Attribute::Int(i64::from(kind)))];
        let name = self
            .graph
            .node(("Cast", 13), &wire.name, &[&wire.name], &to);
        Wire {
            name,
            shape: wire.shape.clone(),
        }
    }
}

/// Writes whole numbers as ONNX has them.
fn whole(values: impl IntoIterator<Item = usize>) -> Vec<i64> {
    values.into_iter().map(|value| value as i64).collect()
}
