//! The types of optimizers, schedules and losses.

use super::ChoiceDoc;

type Key = (&'static str, &'static str);

const RATE: Key = ("learning_rate", "Step size at the top of the schedule.");
const PENALTY: Key = ("weight_decay", "L2 penalty added to the gradient.");
const DECAY: Key = (
    "weight_decay",
    "Share of each weight, times the learning rate, taken away in every step.",
);
const WHICH: Key = (
    "decay_bias_and_norm",
    "Whether weights decay that belong to no convolution or dense layer, or are a bias; `false` keeps biases and \
     norms as they are.",
);
const BETA1: Key = ("beta1", "Decay of the mean of gradients.");
const BETA2: Key = ("beta2", "Decay of the mean of squared gradients.");
const RHO: Key = ("rho", "Decay of the mean of squared gradients.");
const EPSILON: Key = ("epsilon", "Added to the root of the mean square.");
const MOMENTUM: Key = ("momentum", "Share of the last step that is kept.");
const AMSGRAD: Key = (
    "amsgrad",
    "Whether the largest mean square so far is divided by: Reddi et al. 2018.",
);
const WARMUP: Key = (
    "warmup_epochs",
    "Epochs in which the rate rises in a line from 0; fractions count.",
);
const GAMMA: Key = ("gamma", "Factor of each change.");
const MINIMUM: Key = ("minimum", "The rate at the end.");
const CLASS_WEIGHTS: Key = (
    "class_weights",
    "How much each class counts: \"balanced\" weighs classes by how rare they are, a table weighs some by name.",
);

pub(super) const OPTIMIZER: ChoiceDoc = ChoiceDoc {
    names: &["optimizer"],
    types: &[
        (
            "sgd",
            "Stochastic gradient descent, as torch.optim.SGD.",
            &[
                RATE,
                MOMENTUM,
                (
                    "dampening",
                    "Share of the gradient held back from the momentum.",
                ),
                (
                    "nesterov",
                    "Whether the gradient is taken ahead of the step; needs a momentum.",
                ),
                PENALTY,
                WHICH,
            ],
        ),
        (
            "adam",
            "Kingma & Ba 2014, as torch.optim.Adam.",
            &[RATE, BETA1, BETA2, EPSILON, AMSGRAD, PENALTY, WHICH],
        ),
        (
            "adamw",
            "Loshchilov & Hutter 2017, as torch.optim.AdamW.",
            &[RATE, BETA1, BETA2, EPSILON, AMSGRAD, DECAY, WHICH],
        ),
        (
            "rmsprop",
            "Tieleman & Hinton 2012, as torch.optim.RMSprop.",
            &[
                RATE,
                RHO,
                EPSILON,
                MOMENTUM,
                (
                    "centered",
                    "Whether the variance of gradients takes the place of their mean square.",
                ),
                PENALTY,
                WHICH,
            ],
        ),
        (
            "adagrad",
            "Duchi et al. 2011, as torch.optim.Adagrad.",
            &[
                RATE,
                (
                    "rate_decay",
                    "How fast the rate falls: rate / (1 + steps · rate_decay).",
                ),
                (
                    "initial_accumulator",
                    "What the sum of squares begins with.",
                ),
                ("epsilon", "Added to the root of the sum of squares."),
                PENALTY,
                WHICH,
            ],
        ),
        (
            "adadelta",
            "Zeiler 2012, as torch.optim.Adadelta.",
            &[
                RATE,
                ("rho", "Decay of the means of squared gradients and steps."),
                ("epsilon", "Added under the roots."),
                PENALTY,
                WHICH,
            ],
        ),
        (
            "nadam",
            "Dozat 2016, as torch.optim.NAdam.",
            &[
                RATE,
                BETA1,
                BETA2,
                EPSILON,
                (
                    "momentum_decay",
                    "How fast the momentum comes up to `beta1`.",
                ),
                PENALTY,
                WHICH,
            ],
        ),
        (
            "radam",
            "Liu et al. 2019, as torch.optim.RAdam.",
            &[RATE, BETA1, BETA2, EPSILON, PENALTY, WHICH],
        ),
        (
            "lamb",
            "You et al. 2019, as in timm, without its clipping of gradients, for which there is `clip_norm`.",
            &[
                RATE,
                BETA1,
                BETA2,
                EPSILON,
                (
                    "weight_decay",
                    "Share of each weight added to its step; weights without decay take steps that are not scaled.",
                ),
                WHICH,
            ],
        ),
        (
            "lion",
            "Chen et al. 2023: every step is as large as the rate. Good rates are a third to a tenth of AdamW's.",
            &[
                RATE,
                ("beta1", "Share of the mean in the direction of a step."),
                ("beta2", "Decay of the mean of gradients."),
                DECAY,
                WHICH,
            ],
        ),
        (
            "adan",
            "Xie et al. 2022, as in timm.",
            &[
                RATE,
                BETA1,
                ("beta2", "Decay of the mean of differences of gradients."),
                ("beta3", "Decay of the mean of squares."),
                EPSILON,
                (
                    "weight_decay",
                    "Each weight is divided by 1 + rate · weight_decay in every step.",
                ),
                WHICH,
            ],
        ),
        (
            "muon",
            "Jordan et al. 2024, as torch.optim.Muon, for the weights of convolutions (a row a filter) and dense \
             layers; other weights take the steps of AdamW.",
            &[
                RATE,
                ("momentum", "Decay of the mean of gradients."),
                (
                    "nesterov",
                    "Whether the gradient is taken ahead of the step.",
                ),
                ("iterations", "Newton–Schulz iterations."),
                (
                    "adjust",
                    "What a step is multiplied with: \"original\" √max(1, rows/columns), \"match_rms_adamw\" \
                     0.2·√max(rows, columns), with which rates of AdamW do.",
                ),
                (
                    "beta1",
                    "Of the weights that AdamW steps: decay of the mean of gradients.",
                ),
                (
                    "beta2",
                    "Of the weights that AdamW steps: decay of the mean of squared gradients.",
                ),
                (
                    "epsilon",
                    "Of the weights that AdamW steps: added to the root of the mean square.",
                ),
                DECAY,
                WHICH,
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
            "Half a cosine from the rate down to `minimum` at the end: Loshchilov & Hutter 2016.",
            &[MINIMUM, WARMUP],
        ),
        (
            "step",
            "The rate times `gamma` after every `every` epochs.",
            &[("every", "Epochs between two changes."), GAMMA, WARMUP],
        ),
        (
            "multi_step",
            "The rate times `gamma` after each of some epochs.",
            &[("milestones", "The epochs, in order."), GAMMA, WARMUP],
        ),
        (
            "exponential",
            "The rate times `gamma` after every epoch.",
            &[("gamma", "Factor of an epoch."), WARMUP],
        ),
        (
            "polynomial",
            "The share of steps that is left to a power: a line down to `minimum` unless said otherwise.",
            &[("power", "The power."), MINIMUM, WARMUP],
        ),
        (
            "one_cycle",
            "Up to the rate and far down again along cosines: Smith 2018, as \
             torch.optim.lr_scheduler.OneCycleLR, without a cycle of the momentum.",
            &[
                ("rise", "Share of the steps in which the rate rises."),
                (
                    "initial_divisor",
                    "What the rate is divided by at the first step.",
                ),
                (
                    "final_divisor",
                    "What the first step's rate is divided by at the last step.",
                ),
            ],
        ),
        (
            "plateau",
            "The rate times `gamma` whenever a figure has stopped getting better, as \
             torch.optim.lr_scheduler.ReduceLROnPlateau.",
            &[
                ("metric", "The figure."),
                GAMMA,
                (
                    "patience",
                    "Epochs without a better figure that are waited for.",
                ),
                (
                    "threshold",
                    "The least change that counts as better, as a share of the best figure.",
                ),
                (
                    "cooldown",
                    "Epochs after a change in which nothing is counted.",
                ),
                ("minimum", "The least rate."),
                WARMUP,
            ],
        ),
    ],
};

pub(super) const LOSS: ChoiceDoc = ChoiceDoc {
    names: &["loss"],
    types: &[
        (
            "cross_entropy",
            "One class a picture, as torch.nn.CrossEntropyLoss.",
            &[
                (
                    "label_smoothing",
                    "Share of each answer that is spread over all classes: Szegedy et al. 2016.",
                ),
                CLASS_WEIGHTS,
            ],
        ),
        (
            "focal",
            "Cross-entropy times (1 − p)^gamma, so that pictures that are answered well count little: Lin et al. 2017.",
            &[("gamma", "How little; 0 is cross-entropy."), CLASS_WEIGHTS],
        ),
        (
            "binary_cross_entropy",
            "Any number of labels a picture, each for itself, as torch.nn.BCEWithLogitsLoss.",
            &[],
        ),
        ("mse", "Numbers: the mean of squared differences.", &[]),
        ("mae", "Numbers: the mean of absolute differences.", &[]),
        (
            "huber",
            "Numbers: squares of small differences, absolute large ones, as torch.nn.HuberLoss.",
            &[("delta", "Where small ends.")],
        ),
    ],
};
