//! Sizes that pictures are cut and brought to.

use super::data::one_or_two;
use super::form::Form;
use super::node::{Node, Value};
use super::reader::{self, Mismatch, Reader, Spanned};
use super::size::{POSITIVE_SIZE, Size};
use super::value::{self, Kind as _, POSITIVE, Plain, word_of};
use crate::diagnostic::Diagnostic;

/// The size that every picture is brought to, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Resize {
    /// Height and width.
    pub size: Size,
    /// What becomes of pictures of another form.
    pub mode: ResizeMode,
}

/// What becomes of pictures whose height is another multiple of their width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeMode {
    /// They are stretched.
    Stretch,
    /// They keep their form, with bars of zeros beside them.
    Letterbox,
    /// They keep their form and lose what sticks out.
    Crop,
}

const MODES: &[(&str, ResizeMode)] = &[
    ("stretch", ResizeMode::Stretch),
    ("letterbox", ResizeMode::Letterbox),
    ("crop", ResizeMode::Crop),
];

/// A height and a width, or one number for both.
pub(super) const PICTURE_SIZE: Plain<Size> = Plain {
    parse: picture_size,
    form: || one_or_two(POSITIVE.form()),
};

fn picture_size(node: &Node) -> Result<Size, Mismatch> {
    let expected = "a size in pixels, or `[height, width]`";
    match POSITIVE_SIZE.parse(node) {
        Ok(Size::Each(sizes)) if sizes.len() != 2 => Err(Mismatch::new(expected, node)),
        Ok(size) => Ok(size),
        Err(_) => Err(Mismatch::new(expected, node)),
    }
}

impl Resize {
    /// Reads a size, or a table with one and a mode.
    pub(super) fn read(reader: &Reader<'_>) -> Option<Spanned<Self>> {
        let form = || {
            let table = Form::Table(reader::describe(Self::read_table));
            Form::Either(vec![PICTURE_SIZE.form(), table])
        };
        let (key, node) = reader.take("resize", form)?;
        let span = reader::whole(key, node);
        let value = if let Value::Table(table) = &node.value {
            let inner = Reader::new("resize", table, &node.span, reader.problems());
            let value = Self::read_table(&inner);
            inner.finish();
            value?
        } else {
            match PICTURE_SIZE.parse(node) {
                Ok(size) => Self {
                    size,
                    mode: ResizeMode::Stretch,
                },
                Err(mismatch) => {
                    let expected = mismatch.expected;
                    let message = format!("`resize` takes {expected}, or `{{ size, mode }}`");
                    let label = format!("received {}", mismatch.received);
                    let problem = Diagnostic::error(message).at(&span, label);
                    reader.problems().add(problem);
                    return None;
                }
            }
        };
        Some(Spanned { value, span })
    }

    fn read_table(reader: &Reader<'_>) -> Option<Self> {
        let size = reader.required("size", "[32, 32]", &PICTURE_SIZE);
        let mode = reader.or("mode", ResizeMode::Stretch, &value::word(MODES));
        Some(Self {
            size: size?.value,
            mode: mode.value,
        })
    }

    pub(super) fn to_toml(&self) -> String {
        format!(
            "{{ size = {}, mode = {} }}",
            self.size.to_toml(),
            value::quoted(word_of(MODES, &self.mode))
        )
    }
}
