//! `pool` as a config writes it.

use super::super::reader::{Reader, Spanned};
use super::super::value::{self, Padding, Size};

/// What a pool keeps of each window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean; padding counts as zeros, as in PyTorch by default.
    Avg,
}

const KINDS: &[(&str, PoolKind)] = &[("max", PoolKind::Max), ("avg", PoolKind::Avg)];

/// Pooling over windows of each map.
#[derive(Clone, Debug)]
pub struct Pool {
    /// What is kept of each window.
    pub kind: PoolKind,
    /// Rows and columns of a window.
    pub size: Spanned<Size>,
    /// Step between two windows; the size of the window if absent.
    pub stride: Option<Spanned<Size>>,
    /// Rows and columns around the input.
    pub padding: Spanned<Padding>,
    /// Whether the output size is rounded up, so that a last window may hang over the end.
    pub ceil: bool,
}

impl Pool {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let kind = reader.required("kind", "\"max\"", value::word(KINDS, &["sum", "min", "l2"]));
        let size = reader.required("size", "2", value::positive_size);
        let stride = reader.optional("stride", value::positive_size);
        let padding = reader.or("padding", Padding::Valid, value::padding);
        let ceil = reader.or("ceil", false, value::boolean).value;
        reader.not_yet(&["count_padding"]);
        Some(Self {
            kind: kind?.value,
            size: size?,
            stride,
            padding,
            ceil,
        })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let kind = KINDS.iter().find(|(_, kind)| *kind == self.kind);
        let stride = self.stride.as_ref().unwrap_or(&self.size);
        vec![
            (
                "kind",
                format!("\"{}\"", kind.map_or("max", |(name, _)| name)),
            ),
            ("size", self.size.value.to_toml()),
            ("stride", stride.value.to_toml()),
            ("padding", self.padding.value.to_toml()),
            ("ceil", self.ceil.to_string()),
        ]
    }
}
