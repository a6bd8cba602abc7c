//! The layers with weights: the convolutions and `dense`.

use super::{ACTIVATION, ChoiceDoc, Keys, LayerDoc};

const WEIGHTS: Keys = &[
    ("initializer", "First values of the weights."),
    ("bias_initializer", "First values of the biases."),
    (
        "l1",
        "Factor of Σ|w| over the layer's weights, added to the loss.",
    ),
    (
        "l2",
        "Factor of Σw² over the layer's weights, added to the loss.",
    ),
    (
        "constraint",
        "What the weights of each filter or unit are brought back to after every step.",
    ),
    (
        "trainable",
        "Whether training changes the weights and biases.",
    ),
    (
        "bias",
        "Whether a learned number is added to each map or unit of the output.",
    ),
];

const WINDOW: Keys = &[
    (
        "kernel_size",
        "Extent of each filter in values of the map: one number for all dimensions, or one per dimension.",
    ),
    (
        "stride",
        "Step between two positions of the kernel, in values of the input.",
    ),
    (
        "dilation",
        "Distance between two taps of the kernel, in values of the input; 1 leaves no gaps.",
    ),
];

const PADDING: Keys = &[
    (
        "padding",
        "Values added around the map: \"valid\" (none), \"same\" (the output is ⌈input / stride⌉, an odd one at the \
         end), \"causal\" (1-D: all in front), a number, one per dimension, or `[before, after]` per dimension.",
    ),
    (
        "padding_mode",
        "What stands in the padding: zeros, the map mirrored, its outermost value, or its other end.",
    ),
];

const HAND_MADE: Keys = &[(
    "kernel",
    "Weights made by hand, in place of the initializer: a name such as \"sobel_x\", a matrix for every filter and \
     channel, a list with an entry for each filter, or the whole array.",
)];

const FILTERS: Keys = &[("filters", "Number of maps in the output.")];

const GROUPS: Keys = &[(
    "groups",
    "Number of groups of channels that do not see each other; divides the channels and the filters.",
)];

const MULTIPLIER: Keys = &[("multiplier", "Number of filters for each map of the input.")];

pub(super) const LAYERS: &[LayerDoc] = &[
    LayerDoc {
        name: "conv",
        summary: "Convolution in 1, 2 or 3 dimensions, as many as the input has; the kernel is not flipped \
                  (cross-correlation).",
        formula: "\
out        = ⌊(in + before + after − dilation·(kernel − 1) − 1) / stride⌋ + 1   per dimension
y[f, p]    = bias[f] + Σ over channels c of the group and taps t:  weight[f, c, t] · x[c, stride·p + dilation·t − before]
parameters = filters · channels / groups · Πkernel  +  filters if bias
MACs       = filters · channels / groups · Πkernel · Πout",
        source: "Dumoulin & Visin, \"A guide to convolution arithmetic for deep learning\", 2016; \
                 torch.nn.Conv1d, Conv2d, Conv3d",
        example: r#"input = [1, 28, 28]
layers = [
  { type = "conv", filters = 6, kernel_size = 5, padding = "same", activation = "relu" },
]"#,
        keys: &[
            FILTERS,
            WINDOW,
            PADDING,
            GROUPS,
            ACTIVATION,
            WEIGHTS,
            HAND_MADE,
            &[(
                "connections",
                "Which maps of the input each filter reads, a list per filter, counted from 0; weights that are left \
                 out do not exist.",
            )],
        ],
    },
    LayerDoc {
        name: "depthwise_conv",
        summary: "Convolution in which every filter sees one map only.",
        formula: "\
out        = ⌊(in + before + after − dilation·(kernel − 1) − 1) / stride⌋ + 1   per dimension
y[c·m + j] = bias + weight[c·m + j] ∗ x[c]     for j = 0 … m − 1, m = multiplier
parameters = channels · multiplier · Πkernel  +  channels · multiplier if bias
MACs       = channels · multiplier · Πkernel · Πout",
        source: "Howard et al., \"MobileNets: efficient convolutional neural networks for mobile vision applications\", \
                 2017; torch.nn.Conv2d with groups = channels",
        example: r#"input = [3, 16, 16]
layers = [
  { type = "depthwise_conv", kernel_size = 3, stride = 2, padding = 1, bias = false },
]"#,
        keys: &[MULTIPLIER, WINDOW, PADDING, ACTIVATION, WEIGHTS, HAND_MADE],
    },
    LayerDoc {
        name: "separable_conv",
        summary: "Depthwise convolution followed by a 1x1 convolution that mixes the maps.",
        formula: "\
out        = ⌊(in + before + after − dilation·(kernel − 1) − 1) / stride⌋ + 1   per dimension
y          = bias + pointwise · (depthwise ∗ x)     the depthwise part has no bias
parameters = channels · multiplier · Πkernel  +  filters · channels · multiplier  +  filters if bias
MACs       = (channels · multiplier · Πkernel  +  filters · channels · multiplier) · Πout",
        source: "Chollet, \"Xception: deep learning with depthwise separable convolutions\", 2016; \
                 keras.layers.SeparableConv2D",
        example: r#"input = [8, 16, 16]
layers = [
  { type = "separable_conv", filters = 16, kernel_size = 3, padding = "same", activation = "relu" },
]"#,
        keys: &[FILTERS, MULTIPLIER, WINDOW, PADDING, ACTIVATION, WEIGHTS],
    },
    LayerDoc {
        name: "conv_transpose",
        summary: "Transposed convolution: every value of the input adds a scaled kernel to a larger output.",
        formula: "\
out        = (in − 1)·stride − before − after + dilation·(kernel − 1) + output_padding + 1   per dimension
             in · stride with padding = \"same\"
parameters = channels · filters / groups · Πkernel  +  filters if bias
MACs       = channels · filters / groups · Πkernel · Πin",
        source: "Zeiler, Krishnan, Taylor & Fergus, \"Deconvolutional networks\", 2010; torch.nn.ConvTranspose2d",
        example: r#"input = [8, 7, 7]
layers = [
  { type = "conv_transpose", filters = 4, kernel_size = 3, stride = 2, padding = 1, output_padding = 1 },
]"#,
        keys: &[
            FILTERS,
            WINDOW,
            &[
                (
                    "padding",
                    "Values cut off around the output; \"same\" makes it `input · stride`.",
                ),
                (
                    "output_padding",
                    "Values added at the end of the output, per dimension.",
                ),
            ],
            GROUPS,
            ACTIVATION,
            WEIGHTS,
            HAND_MADE,
        ],
    },
    LayerDoc {
        name: "dense",
        summary: "Fully connected layer: every output sees every input.",
        formula: "\
out        = [units]
y[u]       = bias[u] + Σ over inputs i:  weight[i, u] · x[i]
parameters = inputs · units  +  units if bias
MACs       = inputs · units",
        source: "torch.nn.Linear, keras.layers.Dense",
        example: r#"input = [1, 8, 8]
layers = [
  { type = "flatten" },
  { type = "dense", units = 10, initializer = "he_normal", l2 = 0.0001 },
]"#,
        keys: &[
            &[("units", "Number of outputs.")],
            ACTIVATION,
            WEIGHTS,
        ],
    },
];

/// `fan` is the count that the variance is divided by: inputs and outputs of one weight.
pub(super) const INITIALIZER: ChoiceDoc = ChoiceDoc {
    names: &["initializer", "bias_initializer"],
    types: &[
        (
            "glorot_uniform",
            "Even between ±√(6 / (fan_in + fan_out)): Glorot & Bengio 2010.",
            &[],
        ),
        (
            "glorot_normal",
            "Normal with a variance of 2 / (fan_in + fan_out): Glorot & Bengio 2010.",
            &[],
        ),
        (
            "he_uniform",
            "Even between ±√(6 / fan_in): He et al. 2015.",
            &[],
        ),
        (
            "he_normal",
            "Normal with a variance of 2 / fan_in: He et al. 2015.",
            &[],
        ),
        (
            "lecun_uniform",
            "Even between ±√(3 / fan_in): LeCun et al. 1998.",
            &[],
        ),
        (
            "lecun_normal",
            "Normal with a variance of 1 / fan_in: LeCun et al. 1998.",
            &[],
        ),
        ("zeros", "0 throughout.", &[]),
        ("ones", "1 throughout.", &[]),
        (
            "constant",
            "One value throughout.",
            &[("value", "The value.")],
        ),
        (
            "uniform",
            "Even between two bounds.",
            &[("min", "Lower bound."), ("max", "Upper bound.")],
        ),
        (
            "normal",
            "A normal distribution.",
            &[("mean", "Its mean."), ("std", "Its standard deviation.")],
        ),
        (
            "truncated_normal",
            "A normal distribution without what lies more than two standard deviations off.",
            &[
                ("mean", "Its mean before cutting."),
                ("std", "Its standard deviation before cutting."),
            ],
        ),
        (
            "orthogonal",
            "Rows (or columns) at right angles to each other: Saxe et al. 2013.",
            &[("gain", "Length of each row.")],
        ),
    ],
};

pub(super) const CONSTRAINT: ChoiceDoc = ChoiceDoc {
    names: &["constraint"],
    types: &[
        (
            "max_norm",
            "A norm of at most `value`.",
            &[("value", "The largest norm.")],
        ),
        ("unit_norm", "A norm of 1.", &[]),
        ("non_negative", "No weight below 0.", &[]),
    ],
};
