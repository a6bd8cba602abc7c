//! The sections of a config, and the choices that stand in `[train]`.

use super::{ChoiceDoc, TableDoc};

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
                "A built-in name such as \"mnist-5k\", or a path: a folder of class folders, or IDX files.",
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
                "Share of the training pictures that decides which weights are kept.",
            ),
            (
                "invert",
                "Whether pictures are inverted, white for black: \"auto\" where the border of a picture to predict is of \
                 the other colour than that of the training pictures.",
            ),
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
    TableDoc {
        name: "train",
        about: "Training.",
        keys: &[
            ("epochs", "Passes over the training pictures."),
            ("batch_size", "Pictures in one step."),
            (
                "seed",
                "Decides all that is drawn: first weights, order, augmentation, dropout.",
            ),
            (
                "optimizer",
                "The rule that turns gradients into steps: a word, or a table with its settings.",
            ),
            (
                "schedule",
                "How the learning rate changes from step to step: a word, or a table with its settings.",
            ),
            (
                "early_stopping",
                "When to stop before the last epoch; never if left out.",
            ),
            ("loss", "What training makes small."),
        ],
    },
    TableDoc {
        name: "early_stopping",
        about: "Ends training when a figure has stopped getting better.",
        keys: &[
            ("metric", "The figure."),
            (
                "patience",
                "Epochs without a better figure that are waited for.",
            ),
            ("min_delta", "The least change that counts as better."),
        ],
    },
];

const RATE: (&str, &str) = ("learning_rate", "Step size at the top of the schedule.");
const DECAY: (&str, &str) = ("weight_decay", "L2 penalty added to the gradient.");
const BETA1: (&str, &str) = ("beta1", "Decay of the mean of gradients.");
const BETA2: (&str, &str) = ("beta2", "Decay of the mean of squared gradients.");
const EPSILON: (&str, &str) = ("epsilon", "Added to the root of the mean square.");
const WARMUP: (&str, &str) = (
    "warmup_epochs",
    "Epochs in which the rate rises in a line from 0; fractions count.",
);

pub(super) const OPTIMIZER: ChoiceDoc = ChoiceDoc {
    names: &["optimizer"],
    types: &[
        (
            "sgd",
            "Stochastic gradient descent, as torch.optim.SGD.",
            &[
                RATE,
                ("momentum", "Share of the last step that is kept."),
                (
                    "nesterov",
                    "Whether the gradient is taken ahead of the step; needs a momentum.",
                ),
                DECAY,
            ],
        ),
        (
            "adam",
            "Kingma & Ba 2014, as torch.optim.Adam.",
            &[RATE, BETA1, BETA2, EPSILON, DECAY],
        ),
        (
            "adamw",
            "Loshchilov & Hutter 2017, as torch.optim.AdamW.",
            &[
                RATE,
                BETA1,
                BETA2,
                EPSILON,
                (
                    "weight_decay",
                    "Share of each weight, times the learning rate, taken away in every step.",
                ),
            ],
        ),
    ],
};

pub(super) const SCHEDULE: ChoiceDoc = ChoiceDoc {
    names: &["schedule"],
    types: &[
        ("constant", "The same rate throughout.", &[WARMUP]),
        (
            "cosine",
            "Half a cosine from the rate down to 0 at the end: Loshchilov & Hutter 2016.",
            &[WARMUP],
        ),
        (
            "step",
            "The rate times `gamma` after every `every` epochs.",
            &[
                ("every", "Epochs between two changes."),
                ("gamma", "Factor of each change."),
                WARMUP,
            ],
        ),
    ],
};
