//! `pixel_shuffle`: channels laid out as pixels.

use super::super::reader::{Reader, Spanned};
use super::super::value::POSITIVE;

/// Channels laid out as larger maps.
#[derive(Clone, Debug)]
pub struct PixelShuffle {
    /// How many times higher and wider.
    pub scale: Spanned<usize>,
}

impl PixelShuffle {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let scale = reader.required("scale", "2", &POSITIVE)?;
        Some(Self { scale })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("scale", self.scale.value.to_string())]
    }
}
