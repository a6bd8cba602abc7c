//! `conv` as a config writes it.

use super::super::reader::{Reader, Spanned};
use super::super::value::{self, Padding, Size};
use super::activation::Function;

/// Convolution (cross-correlation, as in every deep-learning library: the kernel is not flipped).
#[derive(Clone, Debug)]
pub struct Conv {
    /// Number of filters: channels of the output.
    pub filters: Spanned<usize>,
    /// Rows and columns of each filter.
    pub kernel_size: Spanned<Size>,
    /// Step between two positions of the kernel.
    pub stride: Spanned<Size>,
    /// Rows and columns of zeros around the input.
    pub padding: Spanned<Padding>,
    /// Distance between two taps of the kernel.
    pub dilation: Spanned<Size>,
    /// Channel groups that do not see each other.
    pub groups: Spanned<usize>,
    /// Whether a bias is added to each filter's map.
    pub bias: bool,
    /// Activation applied to the output.
    pub activation: Option<Function>,
}

impl Conv {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let filters = reader.required("filters", "8", value::positive);
        let kernel_size = reader.required("kernel_size", "3", value::positive_size);
        let stride = reader.or("stride", Size::All(1), value::positive_size);
        let padding = reader.or("padding", Padding::Valid, value::padding);
        let dilation = reader.or("dilation", Size::All(1), value::positive_size);
        let groups = reader.or("groups", 1, value::positive);
        let bias = reader.or("bias", true, value::boolean).value;
        let activation = Function::read_key(reader, "activation");
        reader.not_yet(&[
            "padding_mode",
            "initializer",
            "bias_initializer",
            "l1",
            "l2",
            "constraint",
            "trainable",
            "kernel",
            "connections",
        ]);
        Some(Self {
            filters: filters?,
            kernel_size: kernel_size?,
            stride,
            padding,
            dilation,
            groups,
            bias,
            activation,
        })
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("filters", self.filters.value.to_string()),
            ("kernel_size", self.kernel_size.value.to_toml()),
            ("stride", self.stride.value.to_toml()),
            ("padding", self.padding.value.to_toml()),
            ("dilation", self.dilation.value.to_toml()),
            ("groups", self.groups.value.to_string()),
            ("bias", self.bias.to_string()),
        ];
        settings.extend(Function::setting(self.activation));
        settings
    }
}
