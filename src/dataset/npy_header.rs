//! The header of a `.npy` file: a Python literal that tells type, order and shape.

use std::io::Read;

use super::npy::{Dtype, again, fault, read_up_to};
use crate::diagnostic::Result;

const MAGIC: &[u8] = b"\x93NUMPY";
/// numpy itself reads no longer ones.
const MAX_HEADER: usize = 10_000;
/// Codes of numpy, without the byte order; bytes a number.
const DTYPES: [(Dtype, &str, usize); 12] = [
    (Dtype::Bool, "b1", 1),
    (Dtype::U8, "u1", 1),
    (Dtype::U16, "u2", 2),
    (Dtype::U32, "u4", 4),
    (Dtype::U64, "u8", 8),
    (Dtype::I8, "i1", 1),
    (Dtype::I16, "i2", 2),
    (Dtype::I32, "i4", 4),
    (Dtype::I64, "i8", 8),
    (Dtype::F16, "f2", 2),
    (Dtype::F32, "f4", 4),
    (Dtype::F64, "f8", 8),
];

/// What the header tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) dtype: Dtype,
    /// Whether the high byte comes first.
    pub(super) is_big: bool,
    /// Whether the first axis runs fastest.
    pub(super) is_fortran: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Returns the bytes that a number takes.
    pub(super) fn number_bytes(&self) -> usize {
        let found = DTYPES.iter().find(|(dtype, ..)| *dtype == self.dtype);
        found.map_or(1, |(.., size)| *size)
    }
}

/// Returns a file up to its numbers, which are little-endian and in the order of C.
///
/// # Reference
/// `numpy.lib.format`, version 1.0.
pub(crate) fn begin(code: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let shape = format!("({}{comma})", sizes.join(", "));
    let mut header = format!("{{'descr': '<{code}', 'fortran_order': False, 'shape': {shape}, }}");
    // What comes before the values is a multiple of 64 bytes, a line end its last.
    let blank = 63 - (10 + header.len()) % 64;
    header.push_str(&" ".repeat(blank));
    header.push('\n');
    let mut bytes = [MAGIC, &[1, 0]].concat();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}

/// Reads the header; what follows are the numbers.
///
/// # Errors
/// A diagnostic that begins with `name`: not such a file, or other things than numbers.
pub(super) fn read_header(name: &str, reader: &mut dyn Read) -> Result<Header> {
    let mut take = |count: usize| {
        let mut bytes = vec![0; count];
        match read_up_to(reader, &mut bytes) {
            Err(error) => Err(again(name, &format!("cannot be read: {error}"))),
            Ok(read) if read < count => Err(again(name, "is truncated: its header is not whole")),
            Ok(_) => Ok(bytes),
        }
    };
    let start = take(8)?;
    let Some([major, _]) = start.strip_prefix(MAGIC) else {
        return Err(again(
            name,
            "is not a .npy file: it begins with other bytes",
        ));
    };
    let length_bytes = match major {
        1 => 2,
        2 | 3 => 4,
        other => {
            let what = format!("is of version {other} of the .npy format, expected 1 to 3");
            return Err(again(name, &what));
        }
    };
    let little = take(length_bytes)?.into_iter().rev();
    let length = little.fold(0, |length, byte| length << 8 | usize::from(byte));
    if length > MAX_HEADER {
        let what = format!("has a header of {length} bytes, expected at most {MAX_HEADER}");
        return Err(again(name, &what));
    }
    let text = take(length)?;
    let text = String::from_utf8_lossy(&text);
    let Some((descr, is_fortran, shape)) = Literal { rest: &text }.header() else {
        return Err(again(name, "has a header that cannot be understood"));
    };
    let (dtype, is_big) = number_type(name, descr)?;
    Ok(Header {
        dtype,
        is_big,
        is_fortran,
        shape,
    })
}

/// Returns what a code such as `<f4` means, and whether the high byte comes first.
fn number_type(name: &str, code: Option<&str>) -> Result<(Dtype, bool)> {
    let Some(code) = code else {
        let what = "holds records of several fields, expected an array of numbers";
        return Err(fault(name, what, "save each field as an array of its own"));
    };
    let bare = code.trim_start_matches(['<', '>', '|', '=']);
    if let Some((dtype, ..)) = DTYPES.iter().find(|(_, known, ..)| *known == bare) {
        return Ok((*dtype, code.starts_with('>')));
    }
    Err(match bare.chars().next() {
        Some('O') => fault(
            name,
            "holds pickled Python objects, which could run any code when read: refused",
            "save numbers: `np.save(file, np.stack(list_of_equal_arrays))`",
        ),
        Some('U' | 'S') => fault(
            name,
            "holds text, expected numbers",
            "save the number of each class: `names, y = np.unique(y, return_inverse=True)`",
        ),
        _ => fault(
            name,
            &format!(
                "holds values of type `{}`, expected bool, integers or floats",
                code.escape_default()
            ),
            "convert them first: `x.astype(np.float32)`",
        ),
    })
}

/// What is left of a Python literal.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    /// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`; a type of several fields is `None`.
    fn header(mut self) -> Option<(Option<&'a str>, bool, Vec<usize>)> {
        let (mut descr, mut order, mut shape) = (None, None, None);
        self.sign("{")?;
        while self.sign("}").is_none() {
            let key = self.text()?;
            self.sign(":")?;
            match key {
                "descr" if self.rest.trim_start().starts_with('[') => {
                    // What follows is not needed to refuse it.
                    return Some((None, false, Vec::new()));
                }
                "descr" => descr = Some(self.text()?),
                "fortran_order" => order = Some(self.boolean()?),
                "shape" => shape = Some(self.tuple()?),
                _ => return None,
            }
            self.sign(",");
        }
        Some((Some(descr?), order?, shape?))
    }

    fn sign(&mut self, sign: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(sign)?;
        Some(())
    }

    fn text(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, rest) = rest.get(1..)?.split_once(quote)?;
        self.rest = rest;
        Some(text)
    }

    fn boolean(&mut self) -> Option<bool> {
        let is_true = self.sign("True").is_some();
        (is_true || self.sign("False").is_some()).then_some(is_true)
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        let mut numbers = Vec::new();
        self.sign("(")?;
        while self.sign(")").is_none() {
            let rest = self.rest.trim_start();
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            numbers.push(rest.get(..end)?.parse().ok()?);
            // Python 2 wrote `3L`.
            self.rest = rest.get(end..)?.trim_start_matches('L');
            self.sign(",");
        }
        Some(numbers)
    }
}
