//! The layers without weights that look at maps: the pools, and those that move values about.

use super::LayerDoc;

const KIND: &str = "What is kept of each window: the largest value, the mean, the sum, the smallest value, or the root of \
                    the sum of squares.";

pub(super) const LAYERS: &[LayerDoc] = &[
    LayerDoc {
        name: "pool",
        summary: "Pooling: one value for each window of each map.",
        formula: "\
out        = ⌊(in + before + after − size) / stride⌋ + 1   per dimension
             with ceil = true ⌈…⌉, where the last window must begin inside the input or its leading padding
y          = max, mean, sum, min, or √Σx² of the window; padding never is the largest or smallest
parameters = 0
MACs       = 0",
        source: "torch.nn.MaxPool2d, torch.nn.AvgPool2d",
        example: r#"input = [6, 28, 28]
layers = [
  { type = "pool", kind = "max", size = 3, stride = 2, padding = 1 },
]"#,
        keys: &[&[
            ("kind", KIND),
            ("size", "Extent of a window in values of the map."),
            ("stride", "Step between two windows, in values of the map."),
            (
                "padding",
                "Values added around the map, fewer than `size` on each side; as `padding` of `conv`.",
            ),
            (
                "ceil",
                "Whether the output size is rounded up, so that a last window may hang over the end.",
            ),
            (
                "count_padding",
                "Whether a mean counts the padding as zeros; a key of kind = \"avg\" alone.",
            ),
        ]],
    },
    LayerDoc {
        name: "global_pool",
        summary: "Pooling over the whole of each map, which leaves one value a channel.",
        formula: "\
out        = [channels]
y[c]       = mean, max, sum, min, or √Σx² of map c
parameters = 0
MACs       = 0",
        source: "Lin, Chen & Yan, \"Network in network\", 2013; keras.layers.GlobalAveragePooling2D",
        example: r#"input = [6, 7, 7]
layers = [
  { type = "global_pool", kind = "avg" },
  { type = "dense", units = 10 },
]"#,
        keys: &[&[("kind", KIND)]],
    },
    LayerDoc {
        name: "adaptive_pool",
        summary: "Pooling to an output of a given size, whatever the size of the input.",
        formula: "\
out        = output   per dimension
y[i]       = mean or max of x[⌊i·in / out⌋ … ⌈(i + 1)·in / out⌉ − 1]
parameters = 0
MACs       = 0",
        source: "torch.nn.AdaptiveAvgPool2d, torch.nn.AdaptiveMaxPool2d",
        example: r#"input = [6, 13, 11]
layers = [
  { type = "adaptive_pool", output = [6, 6] },
]"#,
        keys: &[&[
            ("kind", "What is kept of each window: the mean, or the largest value."),
            ("output", "Size of the output: one number, or one per dimension."),
        ]],
    },
    LayerDoc {
        name: "flatten",
        summary: "Maps to one row of values, channel by channel and row by row.",
        formula: "\
out        = [channels · height · width]
parameters = 0
MACs       = 0",
        source: "torch.nn.Flatten",
        example: r#"input = [2, 4, 4]
layers = [
  { type = "flatten" },
  { type = "dense", units = 3 },
]"#,
        keys: &[],
    },
    LayerDoc {
        name: "reshape",
        summary: "The same values in another shape.",
        formula: "\
out        = shape   with as many values as the input; -1 stands for what follows from the rest
parameters = 0
MACs       = 0",
        source: "torch.reshape, keras.layers.Reshape",
        example: r#"input = [4, 6, 6]
layers = [
  { type = "reshape", shape = [16, 3, -1] },
]"#,
        keys: &[&[(
            "shape",
            "The new shape without the batch, `[channels, …]` or `[values]`; one entry may be -1.",
        )]],
    },
    LayerDoc {
        name: "pad",
        summary: "Values added at the ends of each dimension, of the channels too.",
        formula: "\
out        = in + before + after   per dimension
parameters = 0
MACs       = 0",
        source: "torch.nn.functional.pad",
        example: r#"input = [2, 5, 5]
layers = [
  { type = "pad", amount = [[0, 2], [1, 1], [1, 1]] },
]"#,
        keys: &[&[
            (
                "amount",
                "How many: one number for both ends of every dimension of the map, one per dimension, or `[before, \
                 after]` per dimension; one entry more stands for the channels, in front.",
            ),
            (
                "mode",
                "What is added: zeros, the map mirrored, its outermost value, or its other end.",
            ),
        ]],
    },
    LayerDoc {
        name: "crop",
        summary: "Values taken away at the ends of each dimension, of the channels too.",
        formula: "\
out        = in − before − after   per dimension
parameters = 0
MACs       = 0",
        source: "keras.layers.Cropping2D",
        example: r#"input = [2, 8, 8]
layers = [
  { type = "crop", amount = [[1, 0], [2, 2]] },
]"#,
        keys: &[&[(
            "amount",
            "How many: one number for both ends of every dimension of the map, one per dimension, or `[before, after]` \
             per dimension; one entry more stands for the channels, in front.",
        )]],
    },
    LayerDoc {
        name: "upsample",
        summary: "Maps made larger by a whole factor.",
        formula: "\
out        = in · scale   per dimension
y[p]       = x[⌊p / scale⌋]  (\"nearest\"),  or on the line between the neighbours of (p + 1/2) / scale − 1/2  (\"linear\")
parameters = 0
MACs       = 0",
        source: "torch.nn.Upsample with align_corners = false",
        example: r#"input = [4, 7, 7]
layers = [
  { type = "upsample", scale = 2, mode = "linear" },
]"#,
        keys: &[&[
            ("scale", "How many times larger: one number, or one per dimension."),
            (
                "mode",
                "The nearest value again, or values on the line between neighbours (bilinear in 2-D, trilinear in 3-D).",
            ),
        ]],
    },
    LayerDoc {
        name: "pixel_shuffle",
        summary: "Channels laid out as pixels: fewer maps, and larger ones, of the same values.",
        formula: "\
out        = channels / scale², height · scale, width · scale
y[c, s·i + a, s·j + b] = x[s²·c + s·a + b, i, j]   for a, b = 0 … s − 1, with s = scale
parameters = 0
MACs       = 0",
        source: "Shi et al., \"Real-time single image and video super-resolution using an efficient sub-pixel convolutional \
                 neural network\", 2016; torch.nn.PixelShuffle",
        example: r#"input = [1, 14, 14]
layers = [
  { type = "conv", filters = 12, kernel_size = 3, padding = 1 },
  { type = "pixel_shuffle", scale = 2 },
]"#,
        keys: &[&[(
            "scale",
            "How many times higher and wider; each channel of the output takes scale² of the input.",
        )]],
    },
];
