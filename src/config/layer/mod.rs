//! The layers of `[model]`: one file a layer, one row in the table below.

mod activation;
mod batch_norm;
mod conv;
mod dense;
mod dropout;
mod flatten;
mod pool;

pub use activation::{Activation, Function};
pub use batch_norm::BatchNorm;
pub use conv::Conv;
pub use dense::Dense;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use pool::{Pool, PoolKind};

use super::node::Node;
use super::reader::{self, Problems, Reader, Spanned};
use super::{value, words};
use crate::diagnostic::{Diagnostic, Span};

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
    /// Convolution.
    Conv(Conv),
    /// Pooling.
    Pool(Pool),
    /// Fully connected.
    Dense(Dense),
    /// An activation function on its own.
    Activation(Activation),
    /// Maps to one row of values.
    Flatten(Flatten),
    /// Dropout.
    Dropout(Dropout),
    /// Batch normalization.
    BatchNorm(BatchNorm),
}

type Read = fn(&Reader<'_>) -> Option<LayerKind>;

/// Every layer type of this version and how it is read.
const TYPES: &[(&str, Read)] = &[
    ("conv", |reader| Conv::read(reader).map(LayerKind::Conv)),
    ("pool", |reader| Pool::read(reader).map(LayerKind::Pool)),
    ("dense", |reader| Dense::read(reader).map(LayerKind::Dense)),
    ("activation", |reader| {
        Activation::read(reader).map(LayerKind::Activation)
    }),
    ("flatten", |_| Some(LayerKind::Flatten(Flatten))),
    ("dropout", |reader| {
        Dropout::read(reader).map(LayerKind::Dropout)
    }),
    ("batch_norm", |reader| {
        Some(LayerKind::BatchNorm(BatchNorm::read(reader)))
    }),
];

/// Layer types of the language that this version does not have.
const LATER: &[&str] = &[
    "depthwise_conv",
    "separable_conv",
    "conv_transpose",
    "global_pool",
    "adaptive_pool",
    "layer_norm",
    "group_norm",
    "instance_norm",
    "local_response_norm",
    "spatial_dropout",
    "reshape",
    "pad",
    "crop",
    "upsample",
    "noise",
    "scale",
    "residual",
    "branches",
    "merge",
    "block",
];

impl LayerKind {
    /// Returns the layer's `type` and its other keys with their values in TOML, defaults too.
    #[must_use]
    pub fn settings(&self) -> (&'static str, Vec<(&'static str, String)>) {
        match self {
            Self::Conv(conv) => ("conv", conv.settings()),
            Self::Pool(pool) => ("pool", pool.settings()),
            Self::Dense(dense) => ("dense", dense.settings()),
            Self::Activation(activation) => ("activation", activation.settings()),
            Self::Flatten(_) => ("flatten", Vec::new()),
            Self::Dropout(dropout) => ("dropout", dropout.settings()),
            Self::BatchNorm(norm) => ("batch_norm", norm.settings()),
        }
    }

    /// Returns the layer's `type`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.settings().0
    }
}

impl Layer {
    /// Writes the layer as an inline table with every default.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let (type_name, settings) = self.kind.settings();
        let mut text = format!("{{ type = \"{type_name}\"");
        if let Some(name) = &self.name {
            text.push_str(&format!(", name = {}", value::quoted(&name.value)));
        }
        for (key, setting) in settings {
            text.push_str(&format!(", {key} = {setting}"));
        }
        text.push_str(" }");
        text
    }
}

/// Reads one entry of `layers`; nothing when it is too wrong to go on with.
pub(super) fn read(node: &Node, problems: &Problems) -> Option<Layer> {
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
    let type_name = match value::string(type_node) {
        Ok(name) => name,
        Err(mismatch) => {
            problems.add(
                Diagnostic::error(format!("`type` takes {}", mismatch.expected))
                    .at(&span, format!("received {}", mismatch.received)),
            );
            return None;
        }
    };
    let Some((known, read)) = TYPES.iter().find(|(name, _)| *name == type_name) else {
        problems.add(unknown_type(&type_name, &span));
        return None;
    };
    let reader = Reader::new(&format!("`{known}`"), table, &node.span, problems);
    reader.take("type");
    let name = reader.optional("name", value::string);
    let kind = read(&reader);
    reader.finish();
    Some(Layer {
        kind: kind?,
        name,
        span: node.span.clone(),
    })
}

fn type_names() -> String {
    let names: Vec<String> = TYPES.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

fn unknown_type(type_name: &str, span: &Span) -> Diagnostic {
    if LATER.contains(&type_name) {
        return Diagnostic::error(format!("layer type `{type_name}` is not supported yet"))
            .at(span, "part of the language, but not of this version")
            .note(format!("this version has {}", type_names()));
    }
    let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    let diagnostic = Diagnostic::error(format!("unknown layer type `{type_name}`"))
        .at(span, "")
        .note(format!("this version has {}", type_names()));
    let activation = Function::from_word(&type_name.to_lowercase()).is_some();
    let suggestion = if activation {
        Some(format!(
            "write `{{ type = \"activation\", fn = \"{}\" }}`, or `activation = \"{0}\"` in the layer before",
            type_name.to_lowercase()
        ))
    } else {
        words::suggest(
            words::our_value(type_name, &names),
            words::nearest(type_name, &names),
        )
    };
    match suggestion {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
