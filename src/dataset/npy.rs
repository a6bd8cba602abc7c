//! numpy's `.npy` files: a header that is a Python literal, then the numbers of one array.

use std::io::{self, Read};

use half::f16;

use super::npy_header::{Header, read_header};
use crate::diagnostic::{Diagnostic, Error, Result};

/// An array of numbers, in C order: the last axis runs fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    /// How the numbers were stored.
    pub(super) dtype: Dtype,
    /// The length of each axis, none of them 0.
    pub(super) shape: Vec<usize>,
    /// As many as the product of the shape.
    pub(super) values: Numbers,
}

/// Numbers in memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Numbers {
    /// Of `uint8` and `bool`.
    Bytes(Vec<u8>),
    /// Of everything else.
    Floats(Vec<f32>),
}

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dtype {
    Bool,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F16,
    F32,
    F64,
}

/// Bytes that are converted at a time; a multiple of every size of a number.
const CHUNK: usize = 1 << 16;

impl Dtype {
    /// Tells whether it holds whole numbers alone.
    pub(super) fn is_whole(self) -> bool {
        !matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    /// Appends the numbers of whole elements.
    fn convert(self, bytes: &[u8], is_big: bool, out: &mut Vec<f32>) {
        match self {
            Self::Bool | Self::U8 => extend(bytes, is_big, out, |[byte]| f32::from(byte)),
            Self::I8 => extend(bytes, is_big, out, |[byte]| f32::from(byte.cast_signed())),
            Self::U16 => extend(bytes, is_big, out, |it| f32::from(u16::from_le_bytes(it))),
            Self::I16 => extend(bytes, is_big, out, |it| f32::from(i16::from_le_bytes(it))),
            Self::U32 => extend(bytes, is_big, out, |it| u32::from_le_bytes(it) as f32),
            Self::I32 => extend(bytes, is_big, out, |it| i32::from_le_bytes(it) as f32),
            Self::U64 => extend(bytes, is_big, out, |it| u64::from_le_bytes(it) as f32),
            Self::I64 => extend(bytes, is_big, out, |it| i64::from_le_bytes(it) as f32),
            Self::F16 => extend(bytes, is_big, out, |it| f16::from_le_bytes(it).to_f32()),
            Self::F32 => extend(bytes, is_big, out, f32::from_le_bytes),
            Self::F64 => extend(bytes, is_big, out, |it| f64::from_le_bytes(it) as f32),
        }
    }
}

impl Array {
    /// Returns the numbers of samples; in pictures of yes and no, white is 255 as in every other.
    pub(super) fn into_numbers(self, is_picture: bool) -> Numbers {
        match self.values {
            Numbers::Bytes(bits) if self.dtype == Dtype::Bool && is_picture => {
                Numbers::Bytes(bits.into_iter().map(|bit| bit * 255).collect())
            }
            numbers => numbers,
        }
    }
}

fn extend<const N: usize>(
    bytes: &[u8],
    is_big: bool,
    out: &mut Vec<f32>,
    number: impl Fn([u8; N]) -> f32,
) {
    let (elements, _) = bytes.as_chunks::<N>();
    out.extend(elements.iter().map(|element| {
        let mut element = *element;
        if is_big {
            element.reverse();
        }
        number(element)
    }));
}

/// Reads an array; `most` is the number of bytes the reader can hold at most, and bounds the memory.
///
/// # Errors
/// A diagnostic that begins with `name`: not such a file, other things than numbers, an empty axis, more or fewer
/// bytes than the header promises.
pub(super) fn read(name: &str, reader: &mut dyn Read, most: u64) -> Result<Array> {
    let header = read_header(name, reader)?;
    let shown = shown_shape(&header.shape);
    if header.shape.contains(&0) {
        let what = format!("is empty: its shape is {shown}");
        return Err(fault(name, &what, "save at least one sample"));
    }
    let size = header.number_bytes();
    let promised = header
        .shape
        .iter()
        .try_fold(size, |all, axis| all.checked_mul(*axis))
        .filter(|promised| *promised as u64 <= most);
    let Some(promised) = promised else {
        let what = format!("is truncated: its header promises {shown} numbers, more than it holds");
        return Err(again(name, &what));
    };
    let values = read_values(reader, &header, promised).map_err(|short| match short {
        Short::At(held) => again(
            name,
            &format!(
                "is truncated: its header promises {shown} = {promised} bytes, it holds {held}"
            ),
        ),
        Short::Failed(error) => again(name, &format!("cannot be read to its end: {error}")),
    })?;
    let mut extra = [0];
    match read_up_to(reader, &mut extra) {
        Ok(0) => {}
        Ok(_) => {
            let what =
                format!("has extra bytes: its header promises {shown} = {promised}, more follow");
            return Err(again(name, &what));
        }
        Err(error) => return Err(again(name, &format!("cannot be read to its end: {error}"))),
    }
    let values = match values {
        values if !header.is_fortran => values,
        Numbers::Bytes(bytes) => Numbers::Bytes(c_order(&bytes, &header.shape)),
        Numbers::Floats(floats) => Numbers::Floats(c_order(&floats, &header.shape)),
    };
    Ok(Array {
        dtype: header.dtype,
        shape: header.shape,
        values,
    })
}

pub(super) fn fault(name: &str, what: &str, help: &str) -> Error {
    Error::data(Diagnostic::error(format!("{name} {what}")).help(help))
}

pub(super) fn again(name: &str, what: &str) -> Error {
    fault(
        name,
        what,
        "make the file again with `np.save` or `np.savez`",
    )
}

/// Shows a shape as `3x28x28`.
pub(super) fn shown_shape(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "()".into();
    }
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    axes.join("x")
}

/// Why there are fewer bytes than promised.
enum Short {
    At(usize),
    Failed(io::Error),
}

pub(super) fn read_up_to(reader: &mut dyn Read, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn read_values(
    reader: &mut dyn Read,
    header: &Header,
    promised: usize,
) -> std::result::Result<Numbers, Short> {
    if matches!(header.dtype, Dtype::U8 | Dtype::Bool) {
        let mut bytes = Vec::new();
        let read = reader.take(promised as u64).read_to_end(&mut bytes);
        let read = read.map_err(Short::Failed)?;
        if read < promised {
            return Err(Short::At(read));
        }
        return Ok(Numbers::Bytes(bytes));
    }
    let mut floats: Vec<f32> = Vec::new();
    let count = header.shape.iter().product::<usize>();
    let mut chunk = vec![0; CHUNK.min(promised)];
    let mut done = 0;
    while done < promised {
        let wanted = CHUNK.min(promised - done);
        let target = chunk.get_mut(..wanted).unwrap_or_default();
        let read = read_up_to(reader, target).map_err(Short::Failed)?;
        if read < wanted {
            return Err(Short::At(done + read));
        }
        if floats.capacity() - floats.len() < CHUNK {
            // Doubles as vectors do, but never beyond what is promised.
            let more = floats.len().max(CHUNK).min(count - floats.len());
            floats.reserve_exact(more);
        }
        header.dtype.convert(target, header.is_big, &mut floats);
        done += read;
    }
    Ok(Numbers::Floats(floats))
}

/// Reorders an array whose first axis runs fastest.
fn c_order<T: Copy>(values: &[T], shape: &[usize]) -> Vec<T> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for axis in shape {
        strides.push(stride);
        stride *= axis;
    }
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    let mut ordered = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        ordered.extend(values.get(at));
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
#[path = "npy_tests.rs"]
pub(super) mod tests;
