//! The layers that keep the shape: activations, normalizations, `scale`, and those of training.

use super::{Keys, LayerDoc};

const NORM: Keys = &[
    ("epsilon", "Added to the variance before its root is taken."),
    (
        "affine",
        "Whether a factor and an offset are learned: `weight` and `bias`.",
    ),
];

pub(super) const LAYERS: &[LayerDoc] = &[
    LayerDoc {
        name: "activation",
        summary: "An activation function as a layer of its own.",
        formula: "\
out        = in
linear       x                              relu         max(0, x)
relu6        min(max(0, x), 6)              leaky_relu   x if x ≥ 0, else slope·x
prelu        as leaky_relu, slope learned   elu          x if x ≥ 0, else eˣ − 1
selu         1.0507·(x if x ≥ 0, else 1.67326·(eˣ − 1))
celu         max(0, x) + min(0, eˣ − 1)     gelu         x·Φ(x)
silu         x·σ(x)                         mish         x·tanh(ln(1 + eˣ))
softplus     ln(1 + eˣ)                     softsign     x / (1 + |x|)
sigmoid      σ(x) = 1 / (1 + e⁻ˣ)           hard_sigmoid min(max(0, x/6 + 1/2), 1)
hard_swish   x·hard_sigmoid(x)              tanh         (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)
scaled_tanh  1.7159·tanh(2x/3)              softmax      eˣ / Σeˣ over the channels or units
log_softmax  ln softmax(x)
parameters = 0, of prelu 1
MACs       = 0",
        source: "torch.nn.functional, functions of the same names; scaled_tanh: LeCun et al., \"Gradient-based learning \
                 applied to document recognition\", 1998",
        example: r#"input = [2, 6, 6]
layers = [
  { type = "activation", fn = "leaky_relu", slope = 0.2 },
]"#,
        keys: &[&[
            ("fn", "The function."),
            (
                "slope",
                "Slope left of zero; a key of \"leaky_relu\", and of \"prelu\", where it is the first value.",
            ),
        ]],
    },
    LayerDoc {
        name: "batch_norm",
        summary: "Batch normalization: each channel to a mean of 0 and a variance of 1 over the batch.",
        formula: "\
out        = in
y          = weight[c] · (x − mean[c]) / √(variance[c] + epsilon) + bias[c]
             in training the batch's own mean and variance, later the running ones
running    ← (1 − momentum)·running + momentum·batch
parameters = 2 · channels if affine; 2 · channels running statistics apart
MACs       = 0",
        source: "Ioffe & Szegedy, \"Batch normalization\", 2015; torch.nn.BatchNorm2d",
        example: r#"input = [1, 8, 8]
layers = [
  { type = "conv", filters = 4, kernel_size = 3, bias = false },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
]"#,
        keys: &[
            &[(
                "momentum",
                "Weight of the newest batch in the running statistics (PyTorch's sense; Keras's is 1 minus it).",
            )],
            NORM,
        ],
    },
    LayerDoc {
        name: "layer_norm",
        summary: "Layer normalization: each sample to a mean of 0 and a variance of 1 over all its values.",
        formula: "\
out        = in
y          = weight · (x − mean) / √(variance + epsilon) + bias     weight and bias of the shape of one sample
parameters = 2 · values of one sample if affine
MACs       = 0",
        source: "Ba, Kiros & Hinton, \"Layer normalization\", 2016; torch.nn.LayerNorm over the whole sample",
        example: r#"input = [2, 6, 6]
layers = [
  { type = "layer_norm" },
]"#,
        keys: &[NORM],
    },
    LayerDoc {
        name: "group_norm",
        summary: "Group normalization: each group of channels of each sample to a mean of 0 and a variance of 1.",
        formula: "\
out        = in
y          = weight[c] · (x − mean[g]) / √(variance[g] + epsilon) + bias[c]
parameters = 2 · channels if affine
MACs       = 0",
        source: "Wu & He, \"Group normalization\", 2018; torch.nn.GroupNorm",
        example: r#"input = [8, 6, 6]
layers = [
  { type = "group_norm", groups = 4 },
]"#,
        keys: &[
            &[("groups", "Number of groups; divides the channels.")],
            NORM,
        ],
    },
    LayerDoc {
        name: "instance_norm",
        summary: "Instance normalization: each map of each sample to a mean of 0 and a variance of 1.",
        formula: "\
out        = in
y          = weight[c] · (x − mean[c]) / √(variance[c] + epsilon) + bias[c]     no running statistics
parameters = 2 · channels if affine
MACs       = 0",
        source: "Ulyanov, Vedaldi & Lempitsky, \"Instance normalization\", 2016; torch.nn.InstanceNorm2d",
        example: r#"input = [3, 6, 6]
layers = [
  { type = "instance_norm", affine = false },
]"#,
        keys: &[NORM],
    },
    LayerDoc {
        name: "local_response_norm",
        summary: "Local response normalization: each value is divided by the strength of its neighbours in other channels.",
        formula: "\
out        = in
y[c]       = x[c] / (k + alpha / size · Σ over size channels around c: x²)^beta
parameters = 0
MACs       = 0",
        source: "Krizhevsky, Sutskever & Hinton, \"ImageNet classification with deep convolutional neural networks\", \
                 2012; torch.nn.LocalResponseNorm",
        example: r#"input = [8, 6, 6]
layers = [
  { type = "local_response_norm", size = 5, k = 2.0 },
]"#,
        keys: &[&[
            ("size", "Number of channels that the sum reaches over."),
            ("alpha", "Factor of the mean square."),
            ("beta", "Exponent of the divisor."),
            ("k", "Added to the mean square."),
        ]],
    },
    LayerDoc {
        name: "dropout",
        summary: "Dropout: in training a share of the values becomes 0, and the rest grows to make up for it.",
        formula: "\
out        = in
y          = 0 with probability rate, else x / (1 − rate);  y = x outside training
parameters = 0
MACs       = 0",
        source: "Srivastava et al., \"Dropout: a simple way to prevent neural networks from overfitting\", 2014; \
                 torch.nn.Dropout",
        example: r#"input = [1, 6, 6]
layers = [
  { type = "flatten" },
  { type = "dropout", rate = 0.5 },
  { type = "dense", units = 10 },
]"#,
        keys: &[&[("rate", "Share of the values that become 0.")]],
    },
    LayerDoc {
        name: "spatial_dropout",
        summary: "Dropout of whole maps.",
        formula: "\
out        = in
y[c]       = 0 with probability rate, else x[c] / (1 − rate);  y = x outside training
parameters = 0
MACs       = 0",
        source: "Tompson et al., \"Efficient object localization using convolutional networks\", 2014; \
                 torch.nn.Dropout2d",
        example: r#"input = [4, 6, 6]
layers = [
  { type = "spatial_dropout", rate = 0.2 },
]"#,
        keys: &[&[("rate", "Share of the maps that become 0.")]],
    },
    LayerDoc {
        name: "noise",
        summary: "Gaussian noise added to every value in training.",
        formula: "\
out        = in
y          = x + n, n normal with mean 0 and deviation std;  y = x outside training
parameters = 0
MACs       = 0",
        source: "keras.layers.GaussianNoise",
        example: r#"input = [1, 6, 6]
layers = [
  { type = "noise", std = 0.1 },
]"#,
        keys: &[&[(
            "std",
            "Standard deviation of the noise, in units of the values it is added to.",
        )]],
    },
    LayerDoc {
        name: "scale",
        summary: "A learned factor for each channel, and with `bias` a learned offset.",
        formula: "\
out        = in
y          = weight[c] · x + bias[c]
parameters = channels  +  channels if bias
MACs       = 0",
        source: "The subsampling layers of LeNet-5: LeCun et al., \"Gradient-based learning applied to document \
                 recognition\", 1998; Caffe's Scale",
        example: r#"input = [6, 28, 28]
layers = [
  { type = "pool", kind = "sum", size = 2 },
  { type = "scale", initial = 0.25, bias = true },
  { type = "activation", fn = "scaled_tanh" },
]"#,
        keys: &[&[
            ("initial", "First value of the factors."),
            ("bias", "Whether there are offsets, 0 at first."),
        ]],
    },
];
