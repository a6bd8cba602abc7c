//! Trained networks, written for other programs: their weights, and what computes with them.
//!
//! `network.rs` takes plan and weights out of a model, `fold.rs` makes normalizations part of what is before them,
//! `product.rs` brings files to the disk. `check.rs` computes an ONNX file with Burn's own operations.

mod check;
mod fold;
mod network;
mod onnx;
mod product;
mod safetensors;
mod torch;

pub use check::Check;
pub use product::Product;

use std::sync::Arc;

use crate::dataset::Samples;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::model_file::Trained;
use network::Network;
use torch::{About, Tree};

/// What a network is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Its weights, named and laid out as PyTorch's modules have them.
    Safetensors,
    /// The same, with a program beside it that builds the network.
    Torch,
    /// A graph of operations with its weights, which runtimes of many languages compute.
    Onnx,
}

impl Format {
    /// Returns what the file, or the folder, of a network is called.
    #[must_use]
    pub fn file_name(self, name: &str) -> String {
        match self {
            Self::Safetensors => format!("{name}.safetensors"),
            Self::Torch => name.to_owned(),
            Self::Onnx => format!("{name}.onnx"),
        }
    }
}

/// How a network is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The numbers that weights are.
    pub precision: Precision,
    /// Whether a normalization by running statistics becomes a part of the layer before it.
    pub folds: bool,
    /// Whether an ONNX graph takes pictures as they are, in bytes, and prepares them itself.
    pub prepares: bool,
}

/// The numbers that weights are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Of 32 bits.
    #[default]
    F32,
    /// Of 16 bits, 11 of them the value's.
    F16,
}

/// Writes a network that is called `name` for another program.
///
/// # Errors
/// When weights cannot be read from the device, or the precision does not hold them.
pub fn export(trained: &Trained, name: &str, format: Format, options: Options) -> Result<Product> {
    let network = Network::new(trained, name, options)?;
    match format {
        Format::Safetensors => {
            let (header, tree) = (network.header.clone(), Tree::new(network)?);
            let bytes = safetensors::write(&tree, &header, options.precision)?;
            Ok(Product::File(bytes))
        }
        Format::Torch => {
            let (header, about) = (network.header.clone(), About::new(&network));
            let tree = Tree::new(network)?;
            let program = tree.program(&about).into_bytes();
            let bytes = safetensors::write(&tree, &header, options.precision)?;
            Ok(Product::Folder(vec![
                ("model.safetensors", bytes),
                ("model.py", program),
            ]))
        }
        Format::Onnx => Ok(Product::File(onnx::write(&network, options)?)),
    }
}

/// Holds an ONNX file to the answers of the network that it was written of, on samples.
///
/// # Errors
/// When it is no ONNX file, cannot be read back, or answers otherwise.
pub fn check(
    product: &Product,
    trained: &Trained,
    samples: &Arc<Samples>,
    options: Options,
) -> Result<Check> {
    match product {
        Product::File(bytes) => check::check(bytes, trained, samples, options),
        Product::Folder(_) => {
            let message = "a folder is not computed here";
            Err(Error::config(Diagnostic::error(message)))
        }
    }
}
