//! The weights of each layer: their names and shapes.

use super::{Conv, Layer, Operation, Over, Plan};
use crate::config::Function;

/// A weight or running statistic: its name and its shape.
pub type Named = (String, Vec<usize>);

impl Layer {
    /// Returns what the names of its weights have for it, behind what it stands within: its name, or its place in its list.
    #[must_use]
    pub fn key(&self) -> &str {
        let place = self.path.rsplit('.').next().unwrap_or_default();
        self.name.as_deref().unwrap_or(place)
    }
}

impl Operation {
    /// Returns its own weights and running statistics, not those of the layers that it holds.
    #[must_use]
    pub fn own_weights(&self) -> Vec<Named> {
        match self {
            Self::Conv(conv) => with_activation(conv_weights("", conv), conv.activation),
            Self::SeparableConv(conv) => {
                let depthwise = conv_weights("depthwise.", &conv.depthwise);
                let pointwise = conv_weights("pointwise.", &conv.pointwise);
                with_activation([depthwise, pointwise].concat(), conv.activation)
            }
            Self::TransposedConv(transposed) => {
                let conv = &transposed.conv;
                let shape = [
                    vec![conv.channels, conv.filters / conv.groups],
                    kernel(conv),
                ];
                let weights = with_bias("", shape.concat(), conv.bias.then_some(conv.filters));
                with_activation(weights, conv.activation)
            }
            Self::Dense(dense) => {
                let bias = dense.bias.then_some(dense.units);
                let weights = with_bias("", vec![dense.inputs, dense.units], bias);
                with_activation(weights, dense.activation)
            }
            Self::Activation(Function::Prelu { .. }) => named([("weight", vec![1])]),
            Self::Norm(norm) => {
                let mut weights = Vec::new();
                if norm.affine {
                    let shape = || norm.shape.clone();
                    weights.extend(named([("weight", shape()), ("bias", shape())]));
                }
                if matches!(norm.over, Over::Batch { .. }) {
                    let shape = || norm.shape.clone();
                    weights.extend(named([("running_mean", shape()), ("running_var", shape())]));
                }
                weights
            }
            Self::Scale(scale) => {
                let bias = scale.bias.then_some(scale.channels);
                with_bias("", vec![scale.channels], bias)
            }
            Self::Residual(residual) => with_activation(Vec::new(), residual.activation),
            Self::Activation(_)
            | Self::Pool(_)
            | Self::GlobalPool(_)
            | Self::AdaptivePool(_)
            | Self::LocalResponseNorm(_)
            | Self::Dropout(_)
            | Self::Noise(_)
            | Self::Flatten
            | Self::Reshape(_)
            | Self::Pad(_)
            | Self::Crop(_)
            | Self::Upsample(_)
            | Self::PixelShuffle(_)
            | Self::Branches(_)
            | Self::Merge(_) => Vec::new(),
        }
    }
}

impl Plan {
    /// Returns all weights and running statistics, by the names that model files have for them.
    #[must_use]
    pub fn weights(&self) -> Vec<Named> {
        fn collect(layers: &[Layer], prefix: &str, all: &mut Vec<Named>) {
            for layer in layers {
                let prefix = format!("{prefix}{}.", layer.key());
                let lists = layer.operation.named_lists();
                for (list, layers) in lists {
                    collect(layers, &format!("{prefix}{list}."), all);
                }
                let own = layer.operation.own_weights().into_iter();
                all.extend(own.map(|(name, shape)| (prefix.clone() + &name, shape)));
            }
        }
        let mut all = Vec::new();
        collect(&self.layers, "", &mut all);
        all
    }
}

fn named<const N: usize>(weights: [(&str, Vec<usize>); N]) -> Vec<Named> {
    let weights = weights.into_iter();
    weights
        .map(|(name, shape)| (name.to_owned(), shape))
        .collect()
}

fn kernel(conv: &Conv) -> Vec<usize> {
    conv.windows.iter().map(|window| window.size).collect()
}

fn conv_weights(prefix: &str, conv: &Conv) -> Vec<Named> {
    let shape = [
        vec![conv.filters, conv.channels / conv.groups],
        kernel(conv),
    ];
    with_bias(prefix, shape.concat(), conv.bias.then_some(conv.filters))
}

fn with_bias(prefix: &str, weight: Vec<usize>, bias: Option<usize>) -> Vec<Named> {
    let mut weights = vec![(format!("{prefix}weight"), weight)];
    weights.extend(bias.map(|length| (format!("{prefix}bias"), vec![length])));
    weights
}

/// Adds what an activation learns.
fn with_activation(mut weights: Vec<Named>, activation: Option<Function>) -> Vec<Named> {
    if let Some(Function::Prelu { .. }) = activation {
        weights.push(("activation.weight".to_owned(), vec![1]));
    }
    weights
}
