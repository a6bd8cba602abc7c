//! `[train]` and the tables in it.

use super::TableDoc;

pub(super) const TABLES: &[TableDoc] = &[
    TableDoc {
        name: "train",
        about: "Training.",
        keys: &[
            ("epochs", "Passes over the training pictures."),
            (
                "batch_size",
                "Pictures in one pass through the network; with `accumulate` a step is made of several.",
            ),
            (
                "accumulate",
                "Batches whose gradients make one step: as if `batch_size` were so many times as large, except \
                 that batch norm sees one batch at a time.",
            ),
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
                "loss",
                "What training makes small, and so what is learnt: a word, or a table with its settings.",
            ),
            (
                "l1",
                "Factor of the sum of absolute weights that is added to the loss: of all convolutions and dense \
                 layers, beside the layers' own.",
            ),
            (
                "l2",
                "Factor of the sum of squared weights that is added to the loss: of all convolutions and dense \
                 layers, beside the layers' own.",
            ),
            (
                "clip_norm",
                "The largest norm of all gradients together; larger ones are scaled down to it.",
            ),
            (
                "clip_value",
                "The largest absolute value of a gradient; larger ones are cut off, before `clip_norm`.",
            ),
            (
                "ema",
                "Decay of a moving average of the weights, such as 0.999: it is what is validated, tested and kept.",
            ),
            (
                "freeze",
                "Layers that are not trained, by name or place; `*` stands for any characters, `?` for one. Their \
                 running statistics still follow the data.",
            ),
            (
                "rate_factors",
                "Factors on the learning rate of some layers, by name or place as in `freeze`, such as \
                 `{ \"*\" = 0.1, \"head\" = 1 }`; the last that fits counts.",
            ),
            (
                "precision",
                "The numbers computed with; this version computes in 32-bit floats alone.",
            ),
            (
                "from",
                "A run, a model file, or a file of weights as `cnn import` takes it, which a new run begins with; the head \
                 starts anew where it has other classes.",
            ),
            (
                "early_stopping",
                "When to stop before the last epoch; never if left out.",
            ),
            (
                "max_minutes",
                "Minutes of training, over all starts, after which it ends.",
            ),
            (
                "checkpoint",
                "When checkpoints are written, and how many stay.",
            ),
            (
                "on_divergence",
                "What follows a loss, gradient or weight that is not finite: \"stop\", or \"back\" to the last \
                 checkpoint with half the rate, three times at most. There is a checkpoint of every best epoch then.",
            ),
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
    TableDoc {
        name: "checkpoint",
        about: "All that a run needs to go on, written at intervals.",
        keys: &[
            (
                "every",
                "The interval: a string such as \"1 epoch\", \"500 steps\" or \"5 min\"; the last two add the end of \
                 every epoch.",
            ),
            ("keep", "The newest that are kept."),
        ],
    },
];
