//! Weights as a safetensors file, named and laid out as PyTorch's modules have them.
//!
//! Written here, as the order in which the library writes metadata is another each time.

use half::f16;
use serde_json::{Value, json};

use super::Precision;
use super::torch::Tree;
use crate::diagnostic::{Diagnostic, Error, Result};
use crate::model::NamedWeight;
use crate::model_file::Header;

/// Writes the weights of a network.
///
/// # Errors
/// When a weight is too large for the precision.
pub(super) fn write(tree: &Tree, about: &Header, precision: Precision) -> Result<Vec<u8>> {
    let mut entries = vec![format!("\"__metadata__\":{}", metadata(about))];
    let mut values: Vec<u8> = Vec::new();
    let mut place = |name: &str, dtype: &str, shape: &[usize], range: [usize; 2]| {
        let about = json!({ "dtype": dtype, "shape": shape, "data_offsets": range });
        entries.push(format!("{}:{about}", Value::from(name)));
    };
    // The widest numbers first, so that all lie at multiples of their length.
    for counter in &tree.counters {
        let begin = values.len();
        values.extend(0_i64.to_le_bytes());
        place(counter, "I64", &[], [begin, values.len()]);
    }
    for weight in &tree.weights {
        let begin = values.len();
        let dtype = match precision {
            Precision::F32 => {
                values.extend(weight.values.iter().flat_map(|value| value.to_le_bytes()));
                "F32"
            }
            Precision::F16 => {
                halve(weight, &mut values)?;
                "F16"
            }
        };
        place(&weight.name, dtype, &weight.shape, [begin, values.len()]);
    }
    let mut header = format!("{{{}}}", entries.join(","));
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.append(&mut values);
    Ok(bytes)
}

/// What PyTorch's users expect, and what the answers mean; all of it text, as the format has it.
fn metadata(about: &Header) -> Value {
    json!({
        "format": "pt",
        "classes": json!(about.classes).to_string(),
        "preprocessing": json!(about.preprocessing).to_string(),
        "config": about.config,
    })
}

/// Refuses a number that 16 bits do not hold.
pub(super) fn beyond_half(name: &str, value: f32) -> Error {
    let message = format!("`{name}` holds {value}, and numbers of 16 bits end at 65504");
    Error::model(Diagnostic::error(message).help("leave `--dtype f16` out"))
}

/// Writes a weight in 16 bits.
fn halve(weight: &NamedWeight, values: &mut Vec<u8>) -> Result<()> {
    for value in &weight.values {
        let half = f16::from_f32(*value);
        if !half.is_finite() {
            return Err(beyond_half(&weight.name, *value));
        }
        values.extend(half.to_le_bytes());
    }
    Ok(())
}
