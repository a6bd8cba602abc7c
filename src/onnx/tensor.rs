//! Tensors of a file as numbers.

use half::{bf16, f16};

use super::proto::{Tensor, data_type};
use crate::float::{Float, numbers};

/// Returns the shape and the values of a tensor of floats or whole numbers.
///
/// # Errors
/// The reason why they cannot be had.
pub(crate) fn floats(tensor: &Tensor) -> Result<(Vec<usize>, Vec<f32>), String> {
    let values: Vec<f32> = match tensor.data_type {
        data_type::FLOAT if tensor.raw_data.is_empty() => tensor.float_data.clone(),
        data_type::FLOAT => Float::Single.read(&tensor.raw_data),
        data_type::DOUBLE if tensor.raw_data.is_empty() => tensor
            .double_data
            .iter()
            .map(|value| *value as f32)
            .collect(),
        data_type::DOUBLE => Float::Double.read(&tensor.raw_data),
        // The bits of halves stand in whole numbers.
        data_type::FLOAT16 if tensor.raw_data.is_empty() => tensor
            .int32_data
            .iter()
            .map(|bits| f16::from_bits(*bits as u16).to_f32())
            .collect(),
        data_type::FLOAT16 => Float::Half.read(&tensor.raw_data),
        data_type::BFLOAT16 if tensor.raw_data.is_empty() => tensor
            .int32_data
            .iter()
            .map(|bits| bf16::from_bits(*bits as u16).to_f32())
            .collect(),
        data_type::BFLOAT16 => Float::Brain.read(&tensor.raw_data),
        _ => integers(tensor)?
            .into_iter()
            .map(|value| value as f32)
            .collect(),
    };
    Ok((checked(tensor, values.len())?, values))
}

/// Returns the values of a tensor of whole numbers.
///
/// # Errors
/// The reason why they cannot be had.
pub(crate) fn integers(tensor: &Tensor) -> Result<Vec<i64>, String> {
    let values: Vec<i64> = match tensor.data_type {
        data_type::INT64 if tensor.raw_data.is_empty() => tensor.int64_data.clone(),
        data_type::INT64 => numbers(&tensor.raw_data, i64::from_le_bytes),
        data_type::INT32 if tensor.raw_data.is_empty() => tensor
            .int32_data
            .iter()
            .map(|value| i64::from(*value))
            .collect(),
        data_type::INT32 => numbers(&tensor.raw_data, |bytes| {
            i64::from(i32::from_le_bytes(bytes))
        }),
        data_type::BOOL if tensor.raw_data.is_empty() => tensor
            .int32_data
            .iter()
            .map(|value| i64::from(*value))
            .collect(),
        data_type::BOOL => tensor
            .raw_data
            .iter()
            .map(|byte| i64::from(*byte))
            .collect(),
        kind => {
            return Err(format!(
                "tensor `{}` is of the data type {kind}",
                tensor.name
            ));
        }
    };
    checked(tensor, values.len())?;
    Ok(values)
}

/// Returns the shape, if it is that of so many values which are in the file.
fn checked(tensor: &Tensor, count: usize) -> Result<Vec<usize>, String> {
    let name = &tensor.name;
    if tensor.data_location != 0 {
        return Err(format!(
            "the values of tensor `{name}` are in another file: export with `external_data=False`, or write one file with `onnx.save(onnx.load(…), …)`"
        ));
    }
    let shape: Option<Vec<usize>> = tensor
        .dims
        .iter()
        .map(|size| usize::try_from(*size).ok())
        .collect();
    let shape = shape.ok_or_else(|| format!("tensor `{name}` has a negative length"))?;
    let expected = crate::shape::elements(&shape);
    if expected != Some(count as u64) {
        let shape = crate::shape::display(&shape);
        return Err(format!(
            "tensor `{name}` is {shape} and holds {count} values"
        ));
    }
    Ok(shape)
}
