//! The layers that hold or join others, and the use of a block.

use super::{ACTIVATION, LayerDoc};

const JOIN: &str = "How they become one: side by side along the channels, added, or multiplied.";

pub(super) const LAYERS: &[LayerDoc] = &[
    LayerDoc {
        name: "residual",
        summary: "Layers with a way around them: their output is added to their input, or to what a shortcut makes of it.",
        formula: "\
out        = output of `layers`, which must have the shape of the shortcut's
y          = activation(layers(x) + shortcut(x))
parameters = sum over both lists
MACs       = sum over both lists",
        source: "He, Zhang, Ren & Sun, \"Deep residual learning for image recognition\", 2015",
        example: r#"input = [8, 12, 12]
layers = [
  { type = "residual", activation = "relu", layers = [
    { type = "conv", filters = 16, kernel_size = 3, stride = 2, padding = 1 },
  ], shortcut = [
    { type = "conv", filters = 16, kernel_size = 1, stride = 2 },
  ] },
]"#,
        keys: &[
            &[
                ("layers", "The layers."),
                (
                    "shortcut",
                    "Layers that the input goes through before the sum; none if left out or empty.",
                ),
            ],
            ACTIVATION,
        ],
    },
    LayerDoc {
        name: "branches",
        summary: "Lists of layers side by side: all receive the same value, and their outputs become one.",
        formula: "\
out        = concat: channels are added up, the other sizes must agree;  add, multiply: the same shape
             multiply takes a row [channels], or maps of size 1, against maps
y          = join(branch₁(x), branch₂(x), …)
parameters = sum over all branches
MACs       = sum over all branches",
        source: "Szegedy et al., \"Going deeper with convolutions\", 2014; multiply: Hu, Shen & Sun, \
                 \"Squeeze-and-excitation networks\", 2017",
        example: r#"input = [8, 10, 10]
layers = [
  { type = "branches", merge = "multiply", branches = [
    [],
    [
      { type = "global_pool" },
      { type = "dense", units = 2, activation = "relu" },
      { type = "dense", units = 8, activation = "sigmoid" },
    ],
  ] },
]"#,
        keys: &[&[
            (
                "branches",
                "The lists of layers, two or more; an empty one passes the value on.",
            ),
            ("merge", JOIN),
        ]],
    },
    LayerDoc {
        name: "merge",
        summary: "Joins the value with the outputs of earlier layers: a skip to any later layer.",
        formula: "\
out        = as `branches`
y          = join(x, output of the first named layer, …)
parameters = 0
MACs       = 0",
        source: "Ronneberger, Fischer & Brox, \"U-Net: convolutional networks for biomedical image segmentation\", 2015",
        example: r#"input = [1, 8, 8]
layers = [
  { type = "conv", name = "stem", filters = 4, kernel_size = 3, padding = "same" },
  { type = "pool", kind = "max", size = 2 },
  { type = "upsample", scale = 2 },
  { type = "merge", from = "stem" },
]"#,
        keys: &[&[
            (
                "from",
                "Name of the earlier layer, or several names; the value itself comes first.",
            ),
            ("with", JOIN),
        ]],
    },
    LayerDoc {
        name: "block",
        summary: "The layers of a block of `[blocks]`, in this place; all other keys are parameters of the block.",
        formula: "\
out        = output of the block's last layer
parameters = sum over its layers, each time it is used
MACs       = sum over its layers",
        source: "a macro: it unfolds before anything else reads the network",
        example: r#"input = [3, 16, 16]
layers = [
  { type = "block", use = "unit", filters = 8, repeat = 2 },
]

[blocks.unit]
parameters = { filters = 16 }
layers = [
  { type = "conv", filters = "$filters", kernel_size = 3, padding = "same", bias = false },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
]"#,
        keys: &[&[
            ("use", "Name of the block, as under `[blocks]`."),
            ("repeat", "How many times the layers follow each other."),
        ]],
    },
];
