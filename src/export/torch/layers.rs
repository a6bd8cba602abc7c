//! Each layer as modules of PyTorch.

use super::pads::{even, keyword, pad, sizes, tuple};
use super::pools::{adaptive_pool, global_pool, pool};
use crate::config::{Function, PaddingMode, UpsampleMode};
use crate::plan::{Conv, Layer, Norm, Operation, Over, TransposedConv, Upsample};
use crate::shape;

/// A module that a layer becomes, or becomes in part.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    /// What its name has behind the layer's; empty for the one that has the layer's weights.
    pub(super) suffix: &'static str,
    /// What makes it.
    pub(super) code: String,
    /// What `helpers.py` holds of it.
    pub(super) helper: Option<&'static str>,
}

/// The suffix of an activation's name.
const ACTIVATION: &str = "activation";

impl Piece {
    pub(super) fn own(code: String) -> Self {
        Self::part("", code)
    }

    pub(super) fn part(suffix: &'static str, code: String) -> Self {
        Self {
            suffix,
            code,
            helper: None,
        }
    }

    pub(super) fn with(self, helper: &'static str) -> Self {
        Self {
            helper: Some(helper),
            ..self
        }
    }

    /// Makes an activation behind a layer, whose weights begin with `activation.`.
    fn behind(function: Option<Function>) -> Option<Self> {
        let function = function.filter(|function| *function != Function::Linear)?;
        let suffix = match function {
            Function::Prelu { .. } => ACTIVATION,
            function => function.word(),
        };
        Some(Self {
            suffix,
            ..Self::function(function)
        })
    }

    /// Returns whether it has the weights that begin with `activation.`.
    pub(super) fn is_activation(&self) -> bool {
        self.suffix == ACTIVATION
    }

    /// Makes an activation.
    pub(super) fn function(function: Function) -> Self {
        let code = match function {
            Function::Linear => "nn.Identity()",
            Function::Relu => "nn.ReLU()",
            Function::Relu6 => "nn.ReLU6()",
            Function::LeakyRelu { slope } => return Self::own(format!("nn.LeakyReLU({slope:?})")),
            Function::Prelu { slope } => return Self::own(format!("nn.PReLU(init={slope:?})")),
            Function::Elu => "nn.ELU()",
            Function::Selu => "nn.SELU()",
            Function::Celu => "nn.CELU()",
            Function::Gelu => "nn.GELU()",
            Function::Silu => "nn.SiLU()",
            Function::Mish => "nn.Mish()",
            Function::Softplus => "nn.Softplus()",
            Function::Softsign => "nn.Softsign()",
            Function::Sigmoid => "nn.Sigmoid()",
            Function::HardSigmoid => "nn.Hardsigmoid()",
            Function::HardSwish => "nn.Hardswish()",
            Function::Tanh => "nn.Tanh()",
            Function::ScaledTanh => return Self::own("ScaledTanh()".into()).with("ScaledTanh"),
            Function::Softmax => "nn.Softmax(dim=1)",
            Function::LogSoftmax => "nn.LogSoftmax(dim=1)",
        };
        Self::own(code.to_owned())
    }
}

/// Returns the modules that a layer becomes, which follow each other; none for a layer that holds or joins others.
pub(super) fn pieces(layer: &Layer) -> Vec<Piece> {
    let rank = layer.input.len() - 1;
    match &layer.operation {
        Operation::Conv(conv) => {
            let mut pieces = convolution(conv);
            pieces.extend(Piece::behind(conv.activation));
            pieces
        }
        Operation::SeparableConv(conv) => {
            // Its padding comes first; then both, with names of their own.
            let mut pieces = convolution(&conv.depthwise);
            let depthwise = pieces.pop().map_or_else(String::new, |piece| piece.code);
            let pointwise = convolution(&conv.pointwise).pop();
            let pointwise = pointwise.map_or_else(String::new, |piece| piece.code);
            let both = format!(
                "nn.Sequential(OrderedDict({{\n    \"depthwise\": {depthwise},\n    \"pointwise\": {pointwise},\n}}))"
            );
            pieces.push(Piece::own(both));
            pieces.extend(Piece::behind(conv.activation));
            pieces
        }
        Operation::TransposedConv(transposed) => {
            let mut pieces = transposed_convolution(transposed);
            pieces.extend(Piece::behind(transposed.conv.activation));
            pieces
        }
        Operation::Dense(dense) => {
            let bias = no_bias(dense.bias);
            let code = format!("nn.Linear({}, {}{bias})", dense.inputs, dense.units);
            let mut pieces = vec![Piece::own(code)];
            pieces.extend(Piece::behind(dense.activation));
            pieces
        }
        Operation::Pool(own) => pool(own, &layer.input),
        Operation::GlobalPool(kind) => global_pool(*kind, rank),
        Operation::AdaptivePool(pool) => vec![adaptive_pool(pool)],
        Operation::Activation(function) => vec![Piece::function(*function)],
        Operation::Norm(own) => vec![Piece::own(norm(own, layer, rank))],
        Operation::LocalResponseNorm(norm) => {
            let (size, alpha, beta, k) = (norm.size, norm.alpha, norm.beta, norm.k);
            vec![Piece::own(format!(
                "nn.LocalResponseNorm({size}, alpha={alpha:?}, beta={beta:?}, k={k:?})"
            ))]
        }
        Operation::Dropout(dropout) => {
            let kind = match rank {
                1..=3 if dropout.spatial => format!("{rank}d"),
                _ => String::new(),
            };
            vec![Piece::own(format!("nn.Dropout{kind}({:?})", dropout.rate))]
        }
        Operation::Noise(noise) => {
            let code = format!("GaussianNoise({:?})", noise.std);
            vec![Piece::own(code).with("GaussianNoise")]
        }
        Operation::Flatten => vec![Piece::own("nn.Flatten()".to_owned())],
        Operation::Reshape(shape) => reshape(shape, rank),
        Operation::Pad(own) => vec![padding(&own.amount, own.mode)],
        Operation::Crop(amount) => vec![cropped(amount)],
        Operation::Upsample(own) => vec![upsample(own)],
        Operation::PixelShuffle(scale) => vec![Piece::own(format!("nn.PixelShuffle({scale})"))],
        Operation::Scale(scale) => {
            let bias = if scale.bias { ", bias=True" } else { "" };
            let code = format!("Scale({}{bias})", scale.channels);
            vec![Piece::own(code).with("Scale")]
        }
        Operation::Residual(_) | Operation::Branches(_) | Operation::Merge(_) => Vec::new(),
    }
}

fn no_bias(bias: bool) -> &'static str {
    if bias { "" } else { ", bias=False" }
}

/// Writes what convolutions of either direction begin with, up to their padding.
fn begin_convolution(class: &str, conv: &Conv) -> [String; 3] {
    let of = |take: fn(&shape::Window) -> usize| conv.windows.iter().map(take).collect::<Vec<_>>();
    let rank = conv.windows.len();
    let kernel = sizes(&of(|window| window.size));
    let begin = format!(
        "nn.{class}{rank}d({}, {}, {kernel}",
        conv.channels, conv.filters
    );
    [
        begin + &keyword("stride", &of(|window| window.stride), 1),
        keyword("dilation", &of(|window| window.dilation), 1),
        keyword("groups", &[conv.groups], 1) + no_bias(conv.bias),
    ]
}

/// Makes a convolution, behind its padding where that is another on either side.
fn convolution(conv: &Conv) -> Vec<Piece> {
    let [begin, dilation, end] = begin_convolution("Conv", conv);
    let mut pieces = Vec::new();
    let padding = match even(&conv.padding) {
        Some(sides) if sides.iter().all(|side| *side == 0) => String::new(),
        Some(sides) => {
            let mode = match conv.padding_mode {
                PaddingMode::Zeros => "",
                PaddingMode::Reflect => ", padding_mode=\"reflect\"",
                PaddingMode::Replicate => ", padding_mode=\"replicate\"",
                PaddingMode::Circular => ", padding_mode=\"circular\"",
            };
            keyword("padding", &sides, 0) + mode
        }
        None => {
            let code = pad(&conv.padding, conv.padding_mode, "0.0");
            pieces.push(Piece::part("pad", code));
            String::new()
        }
    };
    let code = format!("{begin}{padding}{dilation}{end})");
    pieces.push(match &conv.connections {
        Some(lists) => {
            let lists = lists.iter().map(|maps| format!("    {maps:?},\n"));
            let lists: String = lists.collect();
            Piece::own(format!("connected({code}, [\n{lists}])")).with("connected")
        }
        None => Piece::own(code),
    });
    pieces
}

/// Makes a transposed convolution; what PyTorch's own cannot cut off is cropped behind it.
fn transposed_convolution(transposed: &TransposedConv) -> Vec<Piece> {
    let conv = &transposed.conv;
    let [begin, dilation, end] = begin_convolution("ConvTranspose", conv);
    let sides = conv.padding.iter().zip(&transposed.output_padding);
    // Cut off at the front on both sides, it has to grow again by so much at the end.
    let grown: Option<Vec<usize>> = (sides.zip(&conv.windows))
        .map(|(([before, after], more), window)| {
            let grown = (more + before).checked_sub(*after)?;
            (grown < window.stride.max(window.dilation)).then_some(grown)
        })
        .collect();
    let is_cut = grown.is_none();
    let before = if is_cut {
        vec![0; conv.windows.len()]
    } else {
        conv.padding.iter().map(|[before, _]| *before).collect()
    };
    let grown = grown.unwrap_or_else(|| transposed.output_padding.clone());
    let padding = keyword("padding", &before, 0) + &keyword("output_padding", &grown, 0);
    let mut pieces = vec![Piece::own(format!("{begin}{padding}{dilation}{end})"))];
    if is_cut {
        let amount = [vec![[0, 0]], conv.padding.clone()].concat();
        pieces.push(Piece {
            suffix: "crop",
            ..cropped(&amount)
        });
    }
    pieces
}

/// Makes a crop that knows how much is cut off at the ends.
fn cropped(amount: &[[usize; 2]]) -> Piece {
    let sides: Vec<String> = amount.iter().map(|pair| tuple(pair)).collect();
    Piece::own(format!("Crop({})", sides.join(", "))).with("Crop")
}

fn norm(norm: &Norm, layer: &Layer, rank: usize) -> String {
    let channels = layer.input.first().copied().unwrap_or(1);
    let epsilon = match norm.epsilon {
        epsilon if epsilon.to_bits() == 1e-5_f64.to_bits() => String::new(),
        epsilon => format!(", eps={epsilon:?}"),
    };
    let affine = if norm.affine { "" } else { ", affine=False" };
    let over_maps = layer.input.iter().skip(1).product::<usize>() > 1;
    match norm.over {
        Over::Batch { momentum } => {
            let dimensions = rank.max(1);
            let momentum = match momentum {
                momentum if momentum.to_bits() == 0.1_f64.to_bits() => String::new(),
                momentum => format!(", momentum={momentum:?}"),
            };
            format!("nn.BatchNorm{dimensions}d({channels}{epsilon}{momentum}{affine})")
        }
        Over::Groups(_) if layer.type_name == "layer_norm" => {
            let affine = if norm.affine {
                ""
            } else {
                ", elementwise_affine=False"
            };
            format!("nn.LayerNorm({}{epsilon}{affine})", tuple(&layer.input))
        }
        // Of a single value PyTorch takes no norm.
        Over::Groups(_) if layer.type_name == "instance_norm" && over_maps => {
            let affine = if norm.affine { ", affine=True" } else { "" };
            format!("nn.InstanceNorm{rank}d({channels}{epsilon}{affine})")
        }
        Over::Groups(groups) => format!("nn.GroupNorm({groups}, {channels}{epsilon}{affine})"),
    }
}

fn reshape(shape: &[usize], rank: usize) -> Vec<Piece> {
    let flatten = || "nn.Flatten()".to_owned();
    let unflatten = format!("nn.Unflatten(1, {})", tuple(shape));
    match (shape, rank) {
        ([_], _) => vec![Piece::own(flatten())],
        (_, 0) => vec![Piece::own(unflatten)],
        _ => vec![Piece::part("flatten", flatten()), Piece::own(unflatten)],
    }
}

fn padding(amount: &[[usize; 2]], mode: PaddingMode) -> Piece {
    if let Some(([0, 0], maps)) = amount.split_first() {
        return Piece::own(pad(maps, mode, "0.0"));
    }
    let sides: Vec<String> = amount.iter().map(|pair| tuple(pair)).collect();
    let mode = match mode {
        PaddingMode::Zeros => "zeros",
        PaddingMode::Reflect => "reflect",
        PaddingMode::Replicate => "replicate",
        PaddingMode::Circular => "circular",
    };
    let code = format!("Pad({}, mode=\"{mode}\")", sides.join(", "));
    Piece::own(code).with("Pad")
}

fn upsample(upsample: &Upsample) -> Piece {
    let scale = sizes(&upsample.scale);
    let mode = match (upsample.mode, upsample.scale.len()) {
        (UpsampleMode::Nearest, _) => "",
        (UpsampleMode::Linear, 1) => ", mode=\"linear\"",
        (UpsampleMode::Linear, 2) => ", mode=\"bilinear\"",
        (UpsampleMode::Linear, _) => ", mode=\"trilinear\"",
    };
    Piece::own(format!("nn.Upsample(scale_factor={scale}{mode})"))
}
