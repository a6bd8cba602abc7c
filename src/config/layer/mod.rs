//! The layers of `[model]`: one file a family, one row a `type` in the table below.

mod activation;
mod conv;
mod dense;
mod graph;
mod kernel;
mod noise;
mod norm;
mod pool;
mod reshape;
mod shuffle;

pub use activation::{Activation, Function};
pub use conv::{Conv, ConvKind, PaddingMode};
pub use dense::Dense;
pub use graph::{Branches, Join, Merge, Residual};
pub use kernel::HandMade;
pub use noise::{Dropout, Noise};
pub use norm::{LocalResponseNorm, Norm, NormKind};
pub use pool::{AdaptivePool, GlobalPool, Pool, PoolKind};
pub use reshape::{Crop, Pad, Reshape, Scale, Upsample, UpsampleMode};
pub use shuffle::PixelShuffle;

use super::form::{Field, Form};
use super::node::Node;
use super::reader::{self, Problems, Reader, Spanned};
use super::value::{self, Kind as _, STRING};
use super::words;
use crate::diagnostic::{Diagnostic, Span, in_backticks};

/// One entry of `layers`.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What the layer computes.
    pub kind: LayerKind,
    /// The user's name for it.
    pub name: Option<Spanned<String>>,
    /// The whole entry.
    pub span: Span,
}

/// The layers of the language.
#[derive(Clone, Debug)]
pub enum LayerKind {
    /// The convolutions.
    Conv(Box<Conv>),
    /// Pooling.
    Pool(Pool),
    /// Pooling of whole maps.
    GlobalPool(GlobalPool),
    /// Pooling to a given size.
    AdaptivePool(AdaptivePool),
    /// Fully connected.
    Dense(Dense),
    /// An activation function on its own.
    Activation(Activation),
    /// Batch, layer, group and instance normalization.
    Norm(Norm),
    /// Local response normalization.
    LocalResponseNorm(LocalResponseNorm),
    /// Dropout, of single values or whole maps.
    Dropout(Dropout),
    /// Gaussian noise.
    Noise(Noise),
    /// Maps to one row of values.
    Flatten,
    /// Another shape.
    Reshape(Reshape),
    /// Values added at the ends.
    Pad(Pad),
    /// Values taken away at the ends.
    Crop(Crop),
    /// Larger maps.
    Upsample(Upsample),
    /// Channels laid out as larger maps.
    PixelShuffle(PixelShuffle),
    /// A learned factor per channel.
    Scale(Scale),
    /// Layers and a way around them.
    Residual(Residual),
    /// Layers side by side.
    Branches(Branches),
    /// A joint with earlier layers.
    Merge(Merge),
}

type Read = fn(&Reader<'_>) -> Option<LayerKind>;

/// Every layer type and how it is read.
#[rustfmt::skip]
const TYPES: &[(&str, Read)] = &[
    ("conv", |reader| Conv::read(reader).map(Box::new).map(LayerKind::Conv)),
    ("depthwise_conv", |reader| Conv::read_depthwise(reader).map(Box::new).map(LayerKind::Conv)),
    ("separable_conv", |reader| Conv::read_separable(reader).map(Box::new).map(LayerKind::Conv)),
    ("conv_transpose", |reader| Conv::read_transposed(reader).map(Box::new).map(LayerKind::Conv)),
    ("pool", |reader| Pool::read(reader).map(LayerKind::Pool)),
    ("global_pool", |reader| Some(LayerKind::GlobalPool(GlobalPool::read(reader)))),
    ("adaptive_pool", |reader| AdaptivePool::read(reader).map(LayerKind::AdaptivePool)),
    ("dense", |reader| Dense::read(reader).map(LayerKind::Dense)),
    ("activation", |reader| Activation::read(reader).map(LayerKind::Activation)),
    ("batch_norm", |reader| Some(LayerKind::Norm(Norm::read_batch(reader)))),
    ("layer_norm", |reader| Some(LayerKind::Norm(Norm::read_layer(reader)))),
    ("group_norm", |reader| Norm::read_group(reader).map(LayerKind::Norm)),
    ("instance_norm", |reader| Some(LayerKind::Norm(Norm::read_instance(reader)))),
    ("local_response_norm", |reader| {
        Some(LayerKind::LocalResponseNorm(LocalResponseNorm::read(reader)))
    }),
    ("dropout", |reader| Dropout::read(reader, false).map(LayerKind::Dropout)),
    ("spatial_dropout", |reader| Dropout::read(reader, true).map(LayerKind::Dropout)),
    ("noise", |reader| Noise::read(reader).map(LayerKind::Noise)),
    ("flatten", |_| Some(LayerKind::Flatten)),
    ("reshape", |reader| Reshape::read(reader).map(LayerKind::Reshape)),
    ("pad", |reader| Pad::read(reader).map(LayerKind::Pad)),
    ("crop", |reader| Crop::read(reader).map(LayerKind::Crop)),
    ("upsample", |reader| Upsample::read(reader).map(LayerKind::Upsample)),
    ("pixel_shuffle", |reader| PixelShuffle::read(reader).map(LayerKind::PixelShuffle)),
    ("scale", |reader| Some(LayerKind::Scale(Scale::read(reader)))),
    ("residual", |reader| Residual::read(reader).map(LayerKind::Residual)),
    ("branches", |reader| Branches::read(reader).map(LayerKind::Branches)),
    ("merge", |reader| Merge::read(reader).map(LayerKind::Merge)),
];

/// Returns every layer type with its own keys.
pub(super) fn describe() -> Vec<(&'static str, Vec<Field>)> {
    let keys = |(name, read): &(&'static str, Read)| (*name, reader::describe(read));
    TYPES.iter().map(keys).collect()
}

/// Returns the keys that every layer has beside `type`.
pub(super) fn describe_every() -> Vec<Field> {
    reader::describe(read_name)
}

fn read_name(reader: &Reader<'_>) -> Option<Spanned<String>> {
    reader.optional("name", &STRING)
}

impl LayerKind {
    /// Returns the layer's `type`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Conv(conv) => conv.type_name(),
            Self::Pool(_) => "pool",
            Self::GlobalPool(_) => "global_pool",
            Self::AdaptivePool(_) => "adaptive_pool",
            Self::Dense(_) => "dense",
            Self::Activation(_) => "activation",
            Self::Norm(norm) => norm.type_name(),
            Self::LocalResponseNorm(_) => "local_response_norm",
            Self::Dropout(dropout) if dropout.spatial => "spatial_dropout",
            Self::Dropout(_) => "dropout",
            Self::Noise(_) => "noise",
            Self::Flatten => "flatten",
            Self::Reshape(_) => "reshape",
            Self::Pad(_) => "pad",
            Self::Crop(_) => "crop",
            Self::Upsample(_) => "upsample",
            Self::PixelShuffle(_) => "pixel_shuffle",
            Self::Scale(_) => "scale",
            Self::Residual(_) => "residual",
            Self::Branches(_) => "branches",
            Self::Merge(_) => "merge",
        }
    }

    /// Returns the layer's keys with their values in TOML, defaults too, without `type` and
    /// without the layers it holds.
    #[must_use]
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Conv(conv) => conv.settings(),
            Self::Pool(pool) => pool.settings(),
            Self::GlobalPool(pool) => pool.settings(),
            Self::AdaptivePool(pool) => pool.settings(),
            Self::Dense(dense) => dense.settings(),
            Self::Activation(activation) => activation.settings(),
            Self::Norm(norm) => norm.settings(),
            Self::LocalResponseNorm(norm) => norm.settings(),
            Self::Dropout(dropout) => dropout.settings(),
            Self::Noise(noise) => noise.settings(),
            Self::Flatten => Vec::new(),
            Self::Reshape(reshape) => reshape.settings(),
            Self::Pad(pad) => pad.settings(),
            Self::Crop(crop) => crop.settings(),
            Self::Upsample(upsample) => upsample.settings(),
            Self::PixelShuffle(shuffle) => shuffle.settings(),
            Self::Scale(scale) => scale.settings(),
            Self::Residual(residual) => {
                Function::setting(residual.activation).into_iter().collect()
            }
            Self::Branches(branches) => branches.settings(),
            Self::Merge(merge) => merge.settings(),
        }
    }

    /// Returns the lists of layers that the layer holds, each with its key.
    #[must_use]
    pub fn lists(&self) -> Vec<(&'static str, &[Layer])> {
        match self {
            Self::Residual(residual) => vec![
                ("layers", &residual.layers),
                ("shortcut", &residual.shortcut),
            ],
            Self::Branches(branches) => branches
                .branches
                .iter()
                .map(|layers| ("branches", layers.as_slice()))
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl Layer {
    /// Writes the layer as an inline table with every default.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0);
        text
    }

    /// Writes the layer as an inline table with every default, the layers it holds on lines of
    /// their own.
    pub(super) fn write(&self, text: &mut String, indent: usize) {
        text.push_str(&format!(
            "{:indent$}{{ type = \"{}\"",
            "",
            self.kind.type_name()
        ));
        if let Some(name) = &self.name {
            text.push_str(&format!(", name = {}", value::quoted(&name.value)));
        }
        for (key, setting) in self.kind.settings() {
            text.push_str(&format!(", {key} = {setting}"));
        }
        let list = |text: &mut String, layers: &[Self], indent: usize| {
            if layers.is_empty() {
                return text.push_str("[]");
            }
            text.push_str("[\n");
            for layer in layers {
                layer.write(text, indent + 2);
                text.push_str(",\n");
            }
            text.push_str(&format!("{:indent$}]", ""));
        };
        if let LayerKind::Branches(branches) = &self.kind {
            text.push_str(", branches = [\n");
            for layers in &branches.branches {
                text.push_str(&format!("{:1$}", "", indent + 2));
                list(text, layers, indent + 2);
                text.push_str(",\n");
            }
            text.push_str(&format!("{:indent$}]", ""));
        } else {
            for (key, layers) in self.kind.lists() {
                text.push_str(&format!(", {key} = "));
                list(text, layers, indent);
            }
        }
        text.push_str(" }");
    }
}

/// Reads a list of layers; nothing in place of an entry that is too wrong to go on with.
pub(super) fn read_list(items: &[Node], problems: &Problems) -> Vec<Option<Layer>> {
    items.iter().map(|node| read(node, problems)).collect()
}

fn read(node: &Node, problems: &Problems) -> Option<Layer> {
    let Some(table) = reader::table(node) else {
        problems.add(
            Diagnostic::error(format!("a layer is a table, received {}", node.describe()))
                .at(&node.span, "")
                .help("write `{ type = \"conv\", filters = 8, kernel_size = 3 }`"),
        );
        return None;
    };
    let Some((key, type_node)) = table.iter().find(|(key, _)| key.name == "type") else {
        problems.add(
            Diagnostic::error("a layer needs `type`")
                .at(&node.span, "")
                .help(format!("`type` is one of {}", type_names())),
        );
        return None;
    };
    let span = reader::whole(key, type_node);
    let type_name = match STRING.parse(type_node) {
        Ok(name) => name,
        Err(mismatch) => {
            problems.add(
                Diagnostic::error(format!("`type` takes {}", mismatch.expected))
                    .at(&span, format!("received {}", mismatch.received)),
            );
            return None;
        }
    };
    if type_name == "block" {
        // A use that could not be unfolded, and was reported.
        return None;
    }
    let Some((known, read)) = TYPES.iter().find(|(name, _)| *name == type_name) else {
        problems.add(unknown_type(&type_name, &span));
        return None;
    };
    let reader = Reader::new(known, table, &node.span, problems);
    reader.take("type", || Form::Text);
    let name = read_name(&reader);
    let kind = read(&reader);
    reader.finish();
    Some(Layer {
        kind: kind?,
        name,
        span: node.span.clone(),
    })
}

fn type_names() -> String {
    let names = TYPES.iter().map(|(name, _)| *name);
    in_backticks(names.chain(["block"]))
}

fn unknown_type(type_name: &str, span: &Span) -> Diagnostic {
    let mut names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    names.push("block");
    let diagnostic = Diagnostic::error(format!("unknown layer type `{type_name}`")).at(span, "");
    let word = type_name.to_lowercase();
    let ours = words::our_value(type_name, &names);
    let help = if ours.is_none() && Function::from_word(&word).is_some() {
        Some(format!(
            "write `{{ type = \"activation\", fn = \"{word}\" }}`, or `activation = \"{word}\"` in the layer before"
        ))
    } else {
        words::suggest(ours, words::nearest(type_name, &names))
    };
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic.note(format!("layers are {}", type_names())),
    }
}
