//! The convolutions as a config writes them: `conv`, `depthwise_conv`, `separable_conv`,
//! `conv_transpose`.

use super::super::form::Form;
use super::super::node::{Node, Value};
use super::super::reader::{Mismatch, Reader, Spanned};
use super::super::size::{COUNT_SIZE, PADDING, POSITIVE_SIZE, Padding, Size};
use super::super::value::{self, BOOLEAN, COUNT, Kind as _, POSITIVE, Parsed, Plain};
use super::super::weights::Weights;
use super::activation::Function;
use super::kernel::{HAND_MADE, HandMade};

/// Convolution (cross-correlation, as in every deep-learning library: the kernel is not flipped).
#[derive(Clone, Debug)]
pub struct Conv {
    /// Which of the convolutions it is.
    pub kind: ConvKind,
    /// Extent of each filter; there unless [`Conv::kernel`] tells it.
    pub kernel_size: Option<Spanned<Size>>,
    /// Step between two positions of the kernel.
    pub stride: Spanned<Size>,
    /// Rows and columns around the input.
    pub padding: Spanned<Padding>,
    /// What stands in the padding.
    pub padding_mode: Spanned<PaddingMode>,
    /// Distance between two taps of the kernel.
    pub dilation: Spanned<Size>,
    /// Whether a bias is added to each filter's map.
    pub bias: bool,
    /// Activation applied to the output.
    pub activation: Option<Function>,
    /// First values, penalties and constraints.
    pub weights: Weights,
    /// Weights made by hand.
    pub kernel: Option<Spanned<HandMade>>,
}

/// The convolutions and what each has of its own.
#[derive(Clone, Debug)]
pub enum ConvKind {
    /// `conv`.
    Plain {
        /// Number of filters; there unless hand-made weights tell it.
        filters: Option<Spanned<usize>>,
        /// Channel groups that do not see each other.
        groups: Spanned<usize>,
        /// Which input maps each filter reads; all of them if absent.
        connections: Option<Spanned<Vec<Vec<usize>>>>,
    },
    /// `depthwise_conv`.
    Depthwise {
        /// Filters for each input map.
        multiplier: Spanned<usize>,
    },
    /// `separable_conv`.
    Separable {
        /// Number of filters of the 1x1 convolution.
        filters: Option<Spanned<usize>>,
        /// Filters for each input map before it.
        multiplier: Spanned<usize>,
    },
    /// `conv_transpose`.
    Transposed {
        /// Number of filters; there unless hand-made weights tell it.
        filters: Option<Spanned<usize>>,
        /// Channel groups that do not see each other.
        groups: Spanned<usize>,
        /// Rows and columns more at the end.
        output_padding: Spanned<Size>,
    },
}

/// What stands in the padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingMode {
    /// Zeros.
    Zeros,
    /// The map mirrored about its outermost value.
    Reflect,
    /// The outermost value.
    Replicate,
    /// The other end of the map.
    Circular,
}

pub(super) const PADDING_MODES: &[(&str, PaddingMode)] = &[
    ("zeros", PaddingMode::Zeros),
    ("reflect", PaddingMode::Reflect),
    ("replicate", PaddingMode::Replicate),
    ("circular", PaddingMode::Circular),
];

/// A list of input maps for each filter.
const CONNECTIONS: Plain<Vec<Vec<usize>>> = Plain {
    parse: connections,
    form: || Form::list(Form::list(COUNT.form())),
};

impl Conv {
    pub(super) fn read(reader: &Reader<'_>) -> Option<Self> {
        let filters = read_filters(reader);
        let groups = reader.or("groups", 1, &POSITIVE);
        let connections = reader.optional("connections", &CONNECTIONS);
        let kind = ConvKind::Plain {
            filters: filters.clone(),
            groups,
            connections,
        };
        let conv = Self::read_rest(reader, kind);
        has(reader, filters.as_ref()).then_some(conv).flatten()
    }

    pub(super) fn read_depthwise(reader: &Reader<'_>) -> Option<Self> {
        let multiplier = reader.or("multiplier", 1, &POSITIVE);
        Self::read_rest(reader, ConvKind::Depthwise { multiplier })
    }

    pub(super) fn read_separable(reader: &Reader<'_>) -> Option<Self> {
        let filters = reader.required("filters", "8", &POSITIVE);
        let multiplier = reader.or("multiplier", 1, &POSITIVE);
        let kind = ConvKind::Separable {
            filters: filters.clone(),
            multiplier,
        };
        let conv = Self::read_rest(reader, kind);
        filters.and(conv)
    }

    pub(super) fn read_transposed(reader: &Reader<'_>) -> Option<Self> {
        let filters = read_filters(reader);
        let kind = ConvKind::Transposed {
            filters: filters.clone(),
            groups: reader.or("groups", 1, &POSITIVE),
            output_padding: reader.or("output_padding", Size::All(0), &COUNT_SIZE),
        };
        let conv = Self::read_rest(reader, kind);
        has(reader, filters.as_ref()).then_some(conv).flatten()
    }

    /// Reads the keys that all convolutions share.
    fn read_rest(reader: &Reader<'_>, kind: ConvKind) -> Option<Self> {
        let transposed = matches!(kind, ConvKind::Transposed { .. });
        let separable = matches!(kind, ConvKind::Separable { .. });
        let kernel_size = if separable {
            reader.required("kernel_size", "3", &POSITIVE_SIZE)
        } else {
            reader.required_unless("kernel", "kernel_size", "3", &POSITIVE_SIZE)
        };
        let zeros = Spanned {
            value: PaddingMode::Zeros,
            span: reader.span().clone(),
        };
        let conv = Self {
            kind,
            stride: reader.or("stride", Size::All(1), &POSITIVE_SIZE),
            padding: reader.or("padding", Padding::Valid, &PADDING),
            padding_mode: if transposed {
                zeros
            } else {
                reader.or(
                    "padding_mode",
                    PaddingMode::Zeros,
                    &value::word(PADDING_MODES),
                )
            },
            dilation: reader.or("dilation", Size::All(1), &POSITIVE_SIZE),
            bias: reader.or("bias", true, &BOOLEAN).value,
            activation: Function::read_key(reader),
            weights: Weights::read(reader),
            kernel: if separable {
                None
            } else {
                reader.optional("kernel", &HAND_MADE)
            },
            kernel_size,
        };
        let complete = conv.kernel_size.is_some() || conv.kernel.is_some();
        complete.then_some(conv)
    }

    /// Returns the `type` of the layer.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            ConvKind::Plain { .. } => "conv",
            ConvKind::Depthwise { .. } => "depthwise_conv",
            ConvKind::Separable { .. } => "separable_conv",
            ConvKind::Transposed { .. } => "conv_transpose",
        }
    }

    /// Returns the number of filters where the config gives it.
    #[must_use]
    pub(crate) fn filters(&self) -> Option<&Spanned<usize>> {
        match &self.kind {
            ConvKind::Plain { filters, .. }
            | ConvKind::Separable { filters, .. }
            | ConvKind::Transposed { filters, .. } => filters.as_ref(),
            ConvKind::Depthwise { .. } => None,
        }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = Vec::new();
        settings.extend(
            self.filters()
                .map(|filters| ("filters", filters.value.to_string())),
        );
        match &self.kind {
            ConvKind::Plain {
                groups,
                connections,
                ..
            } => {
                settings.push(("groups", groups.value.to_string()));
                settings.extend(connections.as_ref().map(|connections| {
                    let lists: Vec<String> = connections
                        .value
                        .iter()
                        .map(|maps| value::list(maps))
                        .collect();
                    ("connections", value::list(&lists))
                }));
            }
            ConvKind::Depthwise { multiplier } | ConvKind::Separable { multiplier, .. } => {
                settings.push(("multiplier", multiplier.value.to_string()));
            }
            ConvKind::Transposed {
                groups,
                output_padding,
                ..
            } => {
                settings.push(("groups", groups.value.to_string()));
                settings.push(("output_padding", output_padding.value.to_toml()));
            }
        }
        let size = self.kernel_size.as_ref();
        settings.extend(size.map(|size| ("kernel_size", size.value.to_toml())));
        settings.push(("stride", self.stride.value.to_toml()));
        settings.push(("padding", self.padding.value.to_toml()));
        if !matches!(self.kind, ConvKind::Transposed { .. }) {
            let mode = value::word_of(PADDING_MODES, &self.padding_mode.value);
            settings.push(("padding_mode", format!("\"{mode}\"")));
        }
        settings.push(("dilation", self.dilation.value.to_toml()));
        settings.push(("bias", self.bias.to_string()));
        settings.extend(Function::setting(self.activation));
        settings.extend(self.weights.settings());
        settings.extend(
            self.kernel
                .as_ref()
                .map(|kernel| ("kernel", kernel.value.to_toml())),
        );
        settings
    }
}

/// Reads `filters`, which hand-made weights may tell in its place.
fn read_filters(reader: &Reader<'_>) -> Option<Spanned<usize>> {
    reader.required_unless("kernel", "filters", "8", &POSITIVE)
}

fn has(reader: &Reader<'_>, filters: Option<&Spanned<usize>>) -> bool {
    filters.is_some() || (reader.has("kernel") && !reader.has("filters"))
}

fn connections(node: &Node) -> Parsed<Vec<Vec<usize>>> {
    let expected = "a list of input maps for each filter, such as `[[0, 1], [1, 2]]`, each not \
                    empty and counted from 0";
    let list = |node: &Node| match &node.value {
        Value::Array(items) if !items.is_empty() => {
            let maps: Option<Vec<usize>> =
                items.iter().map(|item| COUNT.parse(item).ok()).collect();
            maps.filter(|maps| {
                let mut sorted = maps.clone();
                sorted.sort_unstable();
                sorted.windows(2).all(|pair| pair[0] != pair[1])
            })
        }
        _ => None,
    };
    let lists = match &node.value {
        Value::Array(items) if !items.is_empty() => items.iter().map(list).collect(),
        _ => None,
    };
    lists.ok_or_else(|| Mismatch::new(expected, node))
}
