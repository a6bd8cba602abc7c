//! The ONNX format: its messages, how graphs are written, and how tensors are read.
//!
//! # Reference
//! `onnx.proto` and the operator documents of the ONNX project, opset 17 and later.

mod builder;
mod proto;
mod tensor;
mod wire;

pub(crate) use builder::{Attribute, Builder};
pub(crate) use proto::{Model, Node, Tensor, ValueInfo, data_type};
pub(crate) use tensor::{floats, integers};

use prost::Message as _;
use prost::bytes::Bytes;

/// Reads a model; nothing larger than the file itself is kept of it.
///
/// # Errors
/// The reason why it is none.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<Model, String> {
    let bytes = Bytes::from(bytes);
    wire::check(&bytes)?;
    let model = Model::decode(bytes).map_err(|error| error.to_string())?;
    if model.graph.is_none() {
        return Err("it holds no graph".to_owned());
    }
    Ok(model)
}
