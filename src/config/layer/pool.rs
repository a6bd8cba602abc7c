//! The pools as a config writes them: `pool`, `global_pool`, `adaptive_pool`.

use super::super::reader::{Reader, Spanned};
use super::super::size::{PADDING, POSITIVE_SIZE, Padding, Size};
use super::super::value::{self, BOOLEAN};

/// What a pool keeps of each window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The mean.
    Avg,
    /// The sum.
    Sum,
    /// The smallest value.
    Min,
    /// The root of the sum of squares.
    L2,
}

const KINDS: &[(&str, PoolKind)] = &[
    ("max", PoolKind::Max),
    ("avg", PoolKind::Avg),
    ("sum", PoolKind::Sum),
    ("min", PoolKind::Min),
    ("l2", PoolKind::L2),
];

const ADAPTIVE_KINDS: &[(&str, PoolKind)] = &[("avg", PoolKind::Avg), ("max", PoolKind::Max)];

/// Pooling over windows of each map.
#[derive(Clone, Debug)]
pub struct Pool {
    /// What is kept of each window.
    pub kind: PoolKind,
    /// Extent of a window.
    pub size: Spanned<Size>,
    /// Step between two windows; the size of the window if absent.
    pub stride: Option<Spanned<Size>>,
    /// Rows and columns around the input.
    pub padding: Spanned<Padding>,
    /// Whether the output size is rounded up, so that a last window may hang over the end.
    pub ceil: bool,
    /// Whether a mean counts the padding as zeros.
    pub count_padding: bool,
}

impl Pool {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let kind = reader.required("kind", "\"max\"", &value::word(KINDS));
        let size = reader.required("size", "2", &POSITIVE_SIZE);
        let stride = reader.optional("stride", &POSITIVE_SIZE);
        let padding = reader.or("padding", Padding::Both(Size::All(0)), &PADDING);
        let ceil = reader.or("ceil", false, &BOOLEAN).value;
        let known = kind.as_ref().map(|kind| kind.value);
        let mean = known.is_none_or(|kind| kind == PoolKind::Avg);
        let count_padding = !mean || reader.or("count_padding", true, &BOOLEAN).value;
        Some(Self {
            kind: kind?.value,
            size: size?,
            stride,
            padding,
            ceil,
            count_padding,
        })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let stride = self.stride.as_ref().unwrap_or(&self.size);
        let mut settings = vec![
            kind_setting(self.kind),
            ("size", self.size.value.to_toml()),
            ("stride", stride.value.to_toml()),
            ("padding", self.padding.value.to_toml()),
            ("ceil", self.ceil.to_string()),
        ];
        if self.kind == PoolKind::Avg {
            settings.push(("count_padding", self.count_padding.to_string()));
        }
        settings
    }
}

fn kind_setting(kind: PoolKind) -> (&'static str, String) {
    ("kind", format!("\"{}\"", value::word_of(KINDS, &kind)))
}

/// Pooling over the whole of each map.
#[derive(Clone, Debug)]
pub struct GlobalPool {
    /// What is kept of each map.
    pub kind: PoolKind,
}

impl GlobalPool {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let kind = reader.or("kind", PoolKind::Avg, &value::word(KINDS));
        Self { kind: kind.value }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![kind_setting(self.kind)]
    }
}

/// Pooling to an output of a given size, whatever the input's.
#[derive(Clone, Debug)]
pub struct AdaptivePool {
    /// What is kept of each window.
    pub kind: PoolKind,
    /// Size of the output.
    pub output: Spanned<Size>,
}

impl AdaptivePool {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let kind = reader.or("kind", PoolKind::Avg, &value::word(ADAPTIVE_KINDS));
        let output = reader.required("output", "1", &POSITIVE_SIZE);
        Some(Self {
            kind: kind.value,
            output: output?,
        })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            kind_setting(self.kind),
            ("output", self.output.value.to_toml()),
        ]
    }
}
