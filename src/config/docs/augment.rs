//! What is done to pictures, at random and not.

use super::TableDoc;

pub(super) const TABLES: &[TableDoc] = &[
    TableDoc {
        name: "augment",
        about: "Random changes of training pictures, each drawn from the seed, the epoch and the sample alone. Colours \
                change first; then one map moves the pixels, the padding with them, in one bilinear resample; then \
                come noise and erasing, and mixing with another sample last.",
        keys: &[
            (
                "flip",
                "Mirrors with probability 1/2: \"horizontal\" exchanges left and right, \"vertical\" top and bottom, \
                 \"both\" draws for each of the two.",
            ),
            (
                "crop",
                "A window anywhere in the picture: `{ padding }` keeps its size (He et al. 2015), `{ scale, ratio }` \
                 brings a part of it to its size (torchvision's RandomResizedCrop).",
            ),
            (
                "shift",
                "Largest shift, in pixels each way: one number, or `[rows, columns]`.",
            ),
            (
                "rotate",
                "Largest rotation about the centre, in degrees each way.",
            ),
            (
                "scale",
                "Least and largest factor of the size, about the centre, as torchvision's RandomAffine.",
            ),
            (
                "squeeze",
                "Largest factor by which one direction is stretched and the other compressed; with `shift`, `scale` \
                 and `shear` the distortions of LeCun et al. 1998.",
            ),
            (
                "shear",
                "Largest angle by which columns lean, in degrees each way, as torchvision's RandomAffine.",
            ),
            (
                "brightness",
                "Range x of a factor of all values, from max(0, 1 − x) to 1 + x, as torchvision's ColorJitter.",
            ),
            (
                "contrast",
                "Range x of a factor of the distance from the picture's mean grey, from max(0, 1 − x) to 1 + x.",
            ),
            (
                "saturation",
                "Range x of a factor of the distance from each pixel's grey, from max(0, 1 − x) to 1 + x.",
            ),
            (
                "erase",
                "Blots a random rectangle out (Zhong et al. 2017): its probability, or `{ probability, area, ratio, \
                 fill }`.",
            ),
            (
                "noise",
                "Standard deviation of Gaussian noise, as a share of the range from black to white.",
            ),
            (
                "elastic",
                "Moves each pixel by a smooth random field (Simard et al. 2003).",
            ),
            (
                "mixup",
                "α of Beta(α, α), the share of a sample that remains when another of the split is blended in with its \
                 answer (Zhang et al. 2017); 0 is off. With `cutmix` too, either is drawn with probability 1/2.",
            ),
            (
                "cutmix",
                "α of Beta(α, α), the share of a sample that remains when a rectangle of another of the split is put \
                 over it (Yun et al. 2019); 0 is off.",
            ),
        ],
    },
    TableDoc {
        name: "resize",
        about: "The size that every picture is brought to, and how.",
        keys: &[
            (
                "size",
                "Height and width in pixels: one number, or `[height, width]`.",
            ),
            (
                "mode",
                "What becomes of pictures of another form: \"stretch\" changes it, \"letterbox\" keeps it between bars of \
                 zeros (PIL.ImageOps.pad), \"crop\" keeps it and cuts off what sticks out (PIL.ImageOps.fit).",
            ),
        ],
    },
    TableDoc {
        name: "crop",
        about: "A window anywhere in the picture.",
        keys: &[
            (
                "padding",
                "Pixels of background on each side within which the window, of the picture's own size, may lie.",
            ),
            (
                "scale",
                "Least and largest share of the area that the window has.",
            ),
            (
                "ratio",
                "Least and largest width over height of the window, drawn on a logarithmic scale.",
            ),
        ],
    },
    TableDoc {
        name: "erase",
        about: "A rectangle that is blotted out, as torchvision's RandomErasing.",
        keys: &[
            ("probability", "How probable it is."),
            ("area", "Least and largest share of the area."),
            (
                "ratio",
                "Least and largest height over width, drawn on a logarithmic scale.",
            ),
            (
                "fill",
                "What takes its place: \"random\" values, or \"zero\" after normalization.",
            ),
        ],
    },
    TableDoc {
        name: "elastic",
        about: "A displacement of each pixel: uniform random numbers from −1 to 1, smoothed by a Gaussian.",
        keys: &[
            (
                "alpha",
                "Factor of the smoothed displacements, in pixels; Simard et al. 2003: 34.",
            ),
            (
                "sigma",
                "Standard deviation of the Gaussian, in pixels; Simard et al. 2003: 4.",
            ),
        ],
    },
];
