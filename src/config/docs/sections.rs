//! The sections of a config; `[train]` has a file of its own.

use super::TableDoc;

pub(super) const TABLES: &[TableDoc] = &[
    TableDoc {
        name: "the config",
        about: "A convolutional network for `cnn`: what it is, what it learns from, and how.",
        keys: &[
            (
                "model",
                "The network: the shape of one input, and the layers.",
            ),
            (
                "blocks",
                "Reusable lists of layers by name; used as `{ type = \"block\", use = \"NAME\" }`.",
            ),
            (
                "data",
                "Where the pictures come from and how they are prepared.",
            ),
            (
                "augment",
                "Random changes of training pictures, drawn for each picture anew in every epoch.",
            ),
            ("train", "How the network is trained."),
            ("budget", "Bounds that the network must keep to."),
        ],
    },
    TableDoc {
        name: "budget",
        about: "Bounds that fail `inspect` and `train` when the network breaks them.",
        keys: &[
            ("max_parameters", "Weights at most, trained or frozen."),
            ("max_macs", "Multiply-adds for one input at most."),
            (
                "min_receptive_field",
                "Receptive field of the last map at least, in input pixels: one number, or one per dimension.",
            ),
            (
                "max_inference_memory",
                "Memory of an inference of one input in 32-bit floats at most: bytes, or a string such as `\"1 MiB\"`.",
            ),
            (
                "max_training_memory",
                "Memory of all outputs of a batch of `train.batch_size` in 32-bit floats at most: bytes, or a string \
                 such as `\"1 GiB\"`.",
            ),
        ],
    },
    TableDoc {
        name: "model",
        about: "The network.",
        keys: &[
            (
                "name",
                "What runs of it are called, of letters, digits, `-`, `_` and `.`; the file's name if left out.",
            ),
            (
                "input",
                "Shape of one input: `[channels, height, width]`, `[channels, length]` for 1-D or `[channels, depth, \
                 height, width]` for 3-D.",
            ),
            ("layers", "The layers, from the input on."),
        ],
    },
    TableDoc {
        name: "blocks",
        about: "A reusable list of layers; \"$NAME\" in the place of any value stands for the parameter.",
        keys: &[
            (
                "parameters",
                "The parameters: a table with a default for each, or an array of names without defaults.",
            ),
            ("layers", "The layers that a use stands for."),
        ],
    },
    TableDoc {
        name: "data",
        about: "Pictures.",
        keys: &[
            (
                "source",
                "A built-in name such as \"mnist-5k\", or a path: a folder of class folders, of IDX, CIFAR or npy files; or a \
                 .csv, .npz, .tar or .tar.gz file.",
            ),
            (
                "crop",
                "Size in pixels that is cut out of the middle of every picture, before `resize`, of a smaller picture as \
                 much as there is: one number, or `[height, width]`.",
            ),
            (
                "resize",
                "Size in pixels that every picture is brought to, bilinear as Pillow's: one number, `[height, width]`, or \
                 `{ size, mode }`.",
            ),
            (
                "padding",
                "Pixels of zeros around each picture: one number, `[rows, columns]`, or `[[top, bottom], [left, right]]`.",
            ),
            (
                "rescale",
                "Factor of the raw values; if left out, 1/255 for bytes and 1 for floats.",
            ),
            (
                "on_bad_image",
                "What becomes of a picture that cannot be decoded: \"error\" ends the command, \"skip\" leaves it out \
                 with a warning.",
            ),
            (
                "cache",
                "Memory for decoded samples, such as \"2 GB\"; sets that take more are decoded from their files each \
                 time they are asked for.",
            ),
            (
                "normalize",
                "(value − mean) / std after `rescale`; \"dataset\" takes both from the training pictures.",
            ),
            (
                "validation",
                "What of the training pictures decides which weights are kept: a share of them, or one fold of \
                 `{ fold, of }` as `cnn crossval` takes them; or a path of other ones. Nothing if 0 or left out.",
            ),
            (
                "test",
                "A path of the samples that are measured at the end, where the source has none. Classes are matched by name.",
            ),
            (
                "target",
                "Columns of a CSV file that hold what is to be learnt: a name or several; by default `label` or `class`.",
            ),
            (
                "invert",
                "Whether pictures are inverted, white for black: \"auto\" where the border of a picture to predict is of \
                 the other colour than that of the training pictures.",
            ),
        ],
    },
    TableDoc {
        name: "validation",
        about: "One of equal parts of the training pictures, drawn by the seed, of each class alike.",
        keys: &[
            ("fold", "Number of the part, from 1."),
            ("of", "How many parts there are, 2 or more."),
        ],
    },
    TableDoc {
        name: "normalize",
        about: "Mean and standard deviation of the values after `rescale`.",
        keys: &[
            ("mean", "Means: one for all channels, or one per channel."),
            (
                "std",
                "Standard deviations: one for all channels, or one per channel.",
            ),
        ],
    },
];
