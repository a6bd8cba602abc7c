//! The layers that move values about: `flatten`, `reshape`, `pad`, `crop`, `upsample`; and
//! `scale`.

use super::super::form::Form;
use super::super::node::{Node, Value};
use super::super::reader::{Mismatch, Reader, Spanned};
use super::super::size::{AMOUNT, Amount, POSITIVE_SIZE, Size};
use super::super::value::{self, BOOLEAN, Kind as _, NUMBER, POSITIVE, Parsed, Plain};
use super::conv::{PADDING_MODES, PaddingMode};

/// The same values in another shape.
#[derive(Clone, Debug)]
pub struct Reshape {
    /// The new shape without the batch; nothing stands for the size that follows from the rest.
    pub shape: Spanned<Vec<Option<usize>>>,
}

const SHAPE: Plain<Vec<Option<usize>>> = Plain {
    parse: shape,
    form: || {
        let rest = Form::Integer {
            least: -1,
            most: -1,
        };
        Form::list_of(Form::Either(vec![POSITIVE.form(), rest]), 1..=4)
    },
};

fn shape(node: &Node) -> Parsed<Vec<Option<usize>>> {
    let expected = "a shape of 1 to 4 sizes without the batch, one of which may be -1";
    let size = |item: &Node| match item.value {
        Value::Integer(-1) => Some(None),
        _ => POSITIVE.parse(item).ok().map(Some),
    };
    let sizes: Option<Vec<Option<usize>>> = match &node.value {
        Value::Array(items) => items.iter().map(size).collect(),
        _ => None,
    };
    sizes
        .filter(|sizes| (1..=4).contains(&sizes.len()))
        .filter(|sizes| sizes.iter().filter(|size| size.is_none()).count() <= 1)
        .ok_or_else(|| Mismatch::new(expected, node))
}

impl Reshape {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let shape = reader.required("shape", "[16, 5, 5]", &SHAPE)?;
        Some(Self { shape })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let sizes = self.shape.value.iter();
        let sizes: Vec<String> = sizes
            .map(|size| size.map_or("-1".to_owned(), |size| size.to_string()))
            .collect();
        vec![("shape", value::list(&sizes))]
    }
}

/// Rows, columns or channels added at the ends.
#[derive(Clone, Debug)]
pub struct Pad {
    /// How many.
    pub amount: Spanned<Amount>,
    /// What stands in them.
    pub mode: PaddingMode,
}

impl Pad {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let amount = reader.required("amount", "1", &AMOUNT);
        let mode = reader.or("mode", PaddingMode::Zeros, &value::word(PADDING_MODES));
        Some(Self {
            amount: amount?,
            mode: mode.value,
        })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mode = value::word_of(PADDING_MODES, &self.mode);
        vec![
            ("amount", self.amount.value.to_toml()),
            ("mode", format!("\"{mode}\"")),
        ]
    }
}

/// Rows, columns or channels taken away at the ends.
#[derive(Clone, Debug)]
pub struct Crop {
    /// How many.
    pub amount: Spanned<Amount>,
}

impl Crop {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let amount = reader.required("amount", "1", &AMOUNT)?;
        Some(Self { amount })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("amount", self.amount.value.to_toml())]
    }
}

/// How values between values are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpsampleMode {
    /// The nearest value again.
    Nearest,
    /// In a line between the neighbours: linear, bilinear, trilinear.
    Linear,
}

const UPSAMPLE_MODES: &[(&str, UpsampleMode)] = &[
    ("nearest", UpsampleMode::Nearest),
    ("linear", UpsampleMode::Linear),
];

/// Maps made larger.
#[derive(Clone, Debug)]
pub struct Upsample {
    /// How many times larger, per dimension.
    pub scale: Spanned<Size>,
    /// How values between values are found.
    pub mode: UpsampleMode,
}

impl Upsample {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let scale = reader.required("scale", "2", &POSITIVE_SIZE);
        let mode = reader.or("mode", UpsampleMode::Nearest, &value::word(UPSAMPLE_MODES));
        Some(Self {
            scale: scale?,
            mode: mode.value,
        })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mode = value::word_of(UPSAMPLE_MODES, &self.mode);
        vec![
            ("scale", self.scale.value.to_toml()),
            ("mode", format!("\"{mode}\"")),
        ]
    }
}

/// A learned factor, and with `bias` an offset, for each channel.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// First value of the factors.
    pub initial: f64,
    /// Whether there are offsets.
    pub bias: bool,
}

impl Scale {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        Self {
            initial: reader.or("initial", 1.0, &NUMBER).value,
            bias: reader.or("bias", false, &BOOLEAN).value,
        }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("initial", value::float(self.initial)),
            ("bias", self.bias.to_string()),
        ]
    }
}
