//! Weights in files of other programs.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use pytorch_reader::{DType, PytorchReader};
use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;

use super::{hdf5, keras, onnx};
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::files;
use crate::float::Float;
use crate::model::NamedWeight;
use crate::shape;

/// The largest file that is read.
const MAX_FILE_BYTES: u64 = 8 << 30;

/// The weights within a `.keras` archive.
const KERAS_WEIGHTS: &str = "model.weights.h5";
/// What a `.keras` archive says of the layers.
const KERAS_CONFIG: &str = "config.json";
/// A `.keras` archive may expand to so many times its size: Keras packs nothing in it.
const MAX_EXPANSION: u64 = 8;

/// What a file holds.
pub(super) enum Weights {
    /// Weights with names, as PyTorch's programs write them, by the alphabet, numbers within names by their value.
    Named(Vec<NamedWeight>),
    /// The same in the order of the network.
    Ordered(Vec<NamedWeight>),
    /// Layers as Keras writes them.
    Keras(keras::Model),
}

/// Reads all weights of a file; counters and flags are passed over.
///
/// Pickles are read, never executed: what is no tensor, number, text or table is refused.
///
/// # Errors
/// When it cannot be read, or is neither safetensors, nor ONNX, nor a file of `torch.save` or Keras.
pub(super) fn read(path: &Path) -> Result<Weights> {
    if has_ending(path, "onnx") {
        let found = onnx::weights(bytes(path)?).map_err(|reason| damaged(path, &reason))?;
        return Ok(Weights::Ordered(turned(found)));
    }
    let length = check(path)?;
    if let Some((bytes, config)) = hdf5_within(path)? {
        let root = hdf5::read(bytes, &keras::SKIPPED).map_err(|reason| damaged(path, &reason))?;
        return Ok(Weights::Keras(keras::model(&root, config.as_deref())));
    }
    let mut found = if is_safetensors(path, length)? {
        of_safetensors(&bytes(path)?, path)?
    } else {
        of_pytorch(path, length)?
    };
    found.sort_by_cached_key(|weight| natural(&weight.name));
    Ok(Weights::Named(turned(found)))
}

/// Brings weights of PyTorch into the order that they have here: dense layers have `[inputs, units]`, elsewhere `[units, inputs]`.
fn turned(mut weights: Vec<NamedWeight>) -> Vec<NamedWeight> {
    // A norm of signals has as many biases as weights, `[channels, length]`; a dense layer has a row of them, or none.
    let norms: HashSet<String> = (weights.iter())
        .filter(|weight| weight.shape.len() == 2)
        .filter_map(|weight| weight.name.strip_suffix("bias").map(str::to_owned))
        .collect();
    for weight in &mut weights {
        let layer = weight.name.strip_suffix("weight");
        let is_matrix = layer.is_some_and(|layer| !norms.contains(layer));
        if let (true, &[units, inputs]) = (is_matrix, &weight.shape[..]) {
            let places = shape::turned(units, inputs);
            weight.values = places.map(|place| weight.values[place]).collect();
            weight.shape = vec![inputs, units];
        }
    }
    weights
}

/// Reads a whole file.
///
/// # Errors
/// When it is too large, no regular file, or cannot be read.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    check(path)?;
    std::fs::read(path).map_err(|error| Error::io("read", path, &error))
}

/// Returns the length of a file that can be read.
fn check(path: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(path)
        .map_err(|error| Error::io("read", path, &error).proposing(files::meant(path)))?;
    if metadata.len() > MAX_FILE_BYTES {
        let message = format!("`{}` is over {} GiB", path.display(), MAX_FILE_BYTES >> 30);
        return Err(Error::model(Diagnostic::error(message)));
    }
    // A pipe or a device may never end.
    if !metadata.is_file() {
        let message = format!("`{}` is not a regular file", path.display());
        return Err(Error::model(Diagnostic::error(message)));
    }
    Ok(metadata.len())
}

fn has_ending(path: &Path, ending: &str) -> bool {
    let own = path.extension();
    own.is_some_and(|own| own.eq_ignore_ascii_case(ending))
}

/// Tells whether a file is of safetensors, by its ending or, whatever it is called, by the size and begin of its header.
fn is_safetensors(path: &Path, length: u64) -> Result<bool> {
    let failed = |error: std::io::Error| Error::io("read", path, &error);
    let mut begin = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(9).read_to_end(&mut begin).map_err(failed)?;
    let has_header =
        |size: &[u8; 8]| u64::from_le_bytes(*size) < length && begin.last() == Some(&b'{');
    let by_content = begin.len() == 9 && begin.first_chunk().is_some_and(has_header);
    Ok(by_content || has_ending(path, "safetensors"))
}

/// Returns the HDF5 file that a file is, or that a `.keras` archive holds with a description; nothing where it is neither.
fn hdf5_within(path: &Path) -> Result<Option<(Vec<u8>, Option<String>)>> {
    let failed = |error: std::io::Error| Error::io("read", path, &error);
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut file = BufReader::new(file);
    let mut begin = Vec::new();
    let count = hdf5::MAGIC.len() as u64;
    (&mut file)
        .take(count)
        .read_to_end(&mut begin)
        .map_err(failed)?;
    if begin == hdf5::MAGIC {
        return Ok(Some((bytes(path)?, None)));
    }
    // PyTorch's files are archives too.
    let Ok(mut archive) = ZipArchive::new(file) else {
        return Ok(None);
    };
    if archive.index_for_name(KERAS_WEIGHTS).is_none() {
        return Ok(None);
    }
    let most = length.saturating_mul(MAX_EXPANSION);
    let mut entry = |name: &str| {
        let mut bytes = Vec::new();
        let entry = archive
            .by_name(name)
            .map_err(|error| damaged(path, &error.to_string()))?;
        let read = entry.take(most).read_to_end(&mut bytes);
        read.map_err(|error| damaged(path, &error.to_string()))?;
        Ok(bytes)
    };
    let weights = entry(KERAS_WEIGHTS)?;
    let config = entry(KERAS_CONFIG)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(Some((weights, config)))
}

fn damaged(path: &Path, reason: &str) -> Error {
    let reason = reason.replace(['\n', '\r'], " ");
    let message = format!("failed to read weights from `{}`: {reason}", path.display());
    let help = "give a `.safetensors` or `.onnx` file, a `.pt`, `.pth` or `.th` file of `torch.save`, or a `.weights.h5`, `.h5` or `.keras` file of Keras";
    Error::model(Diagnostic::error(message).help(help))
}

fn of_safetensors(bytes: &[u8], path: &Path) -> Result<Vec<NamedWeight>> {
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| damaged(path, &error.to_string()))?;
    let is_ours = metadata
        .metadata()
        .as_ref()
        .is_some_and(|entries| entries.contains_key("cnn"));
    if is_ours {
        let message = format!("`{}` is a model file of cnn already", path.display());
        let help = "`--model` takes it as it is, and so does `from` in `[train]`";
        return Err(Error::model(Diagnostic::error(message).help(help)));
    }
    let all = SafeTensors::deserialize(bytes).map_err(|error| damaged(path, &error.to_string()))?;
    let mut found = Vec::new();
    for (name, tensor) in all.tensors() {
        let float = match tensor.dtype() {
            Dtype::F32 => Float::Single,
            Dtype::F64 => Float::Double,
            Dtype::F16 => Float::Half,
            Dtype::BF16 => Float::Brain,
            _ => continue,
        };
        found.push(NamedWeight {
            name,
            shape: tensor.shape().to_vec(),
            values: float.read(tensor.data()),
        });
    }
    Ok(found)
}

/// Bytes that weights may take for each byte of their file, as one stored value may stand for a whole weight, and several names
/// for one weight.
const MOST_PER_BYTE: u64 = 16;

/// Bytes that weights may take however short their file is.
const ALWAYS: u64 = 1 << 20;

fn of_pytorch(path: &Path, length: u64) -> Result<Vec<NamedWeight>> {
    let reader = PytorchReader::new(path).map_err(|error| damaged(path, &error.to_string()))?;
    let tensors = reader.into_tensors();
    let sizes = tensors.values().map(|tensor| tensor.byte_len() as u64);
    if sizes.fold(0, u64::saturating_add) > length.saturating_mul(MOST_PER_BYTE).max(ALWAYS) {
        let reason = "it speaks of many more values than it holds";
        return Err(damaged(path, reason));
    }
    let mut found = Vec::new();
    for (name, tensor) in tensors {
        let float = match tensor.dtype() {
            DType::F32 => Float::Single,
            DType::F64 => Float::Double,
            DType::F16 => Float::Half,
            DType::BF16 => Float::Brain,
            _ => continue,
        };
        let bytes = tensor.read();
        let bytes = bytes.map_err(|error| damaged(path, &error.to_string()))?;
        found.push(NamedWeight {
            name,
            shape: tensor.shape().to_vec(),
            values: float.read_native(bytes),
        });
    }
    Ok(found)
}

/// A part of a name: a number, or what stands between numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Number(u64),
    Word(String),
}

/// Takes a name apart so that `layer10` comes after `layer2`.
pub(super) fn natural(name: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|letter: char| letter.is_ascii_digit() != is_digit);
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        parts.push(match part.parse() {
            Ok(number) => Part::Number(number),
            Err(_) => Part::Word(part.to_owned()),
        });
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_ordered_by_value() {
        let mut names = ["b.10.w", "b.9.w", "a.1", "b.9.v", "b.w"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["a.1", "b.9.v", "b.9.w", "b.10.w", "b.w"]);
    }

    #[test]
    fn matrices_are_turned_and_norms_of_signals_are_not() {
        let weight = |name: &str, shape: &[usize]| NamedWeight {
            name: name.to_owned(),
            shape: shape.to_vec(),
            values: (0..shape.iter().product::<usize>())
                .map(|at| at as f32)
                .collect(),
        };
        let found = turned(vec![
            weight("norm.bias", &[2, 3]),
            weight("norm.weight", &[2, 3]),
            weight("dense.bias", &[2]),
            weight("dense.weight", &[2, 3]),
            weight("weight", &[2, 3]),
        ]);
        let as_it_was = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let turned = [0.0, 3.0, 1.0, 4.0, 2.0, 5.0];
        for norm in &found[..2] {
            assert_eq!(
                (&norm.shape[..], &norm.values[..]),
                (&[2, 3][..], &as_it_was[..])
            );
        }
        for matrix in &found[3..] {
            assert_eq!(
                (&matrix.shape[..], &matrix.values[..]),
                (&[3, 2][..], &turned[..])
            );
        }
    }
}
