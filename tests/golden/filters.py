"""Writes filters.json: what SciPy's `correlate` and PyTorch's activations answer.

    pip install numpy scipy torch && python tests/golden/filters.py

Kernels are written down anew here, from the literature, so that a slip in the
program's table does not repeat itself. Pairs (`sobel`, …) are the hypotenuse
of their two responses.
"""

import json
import pathlib

import numpy
import scipy.ndimage
import scipy.signal
import torch

SMOOTH, DIFFERENCE = numpy.array([1, 2, 1]), numpy.array([-1, 0, 1])
BINOMIAL = numpy.array([1, 4, 6, 4, 1])
COLUMN = numpy.zeros((7, 7))
COLUMN[:, 3] = 1

KERNELS = {
    "identity": numpy.pad([[1]], 1),
    "sobel_x": numpy.outer(SMOOTH, DIFFERENCE),
    "sobel_y": numpy.outer(DIFFERENCE, SMOOTH),
    "prewitt_x": numpy.outer([1, 1, 1], DIFFERENCE),
    "prewitt_y": numpy.outer(DIFFERENCE, [1, 1, 1]),
    "scharr_x": numpy.outer([3, 10, 3], DIFFERENCE),
    "scharr_y": numpy.outer(DIFFERENCE, [3, 10, 3]),
    "roberts_x": numpy.array([[1, 0], [0, -1]]),
    "roberts_y": numpy.array([[0, 1], [-1, 0]]),
    "laplacian": numpy.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "laplacian_8": numpy.ones((3, 3)) - 9 * numpy.pad([[1]], 1),
    "sharpen": numpy.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "box_blur": numpy.ones((3, 3)) / 9,
    "gaussian_blur": numpy.outer(SMOOTH, SMOOTH) / 16,
    "gaussian_blur_5": numpy.outer(BINOMIAL, BINOMIAL) / 256,
    "emboss": numpy.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
    "line_vertical": COLUMN,
    "line_horizontal": COLUMN.T,
    "oblique": numpy.eye(3)[::-1],
    "oblique_down": numpy.eye(3),
}
PAIRS = ["sobel", "prewitt", "scharr", "roberts"]
# Of no symmetry, and even in one or both dimensions.
OTHERS = {
    "even": numpy.array([[1, -2, 3, 0.5], [4, 5, -6, 7]]),
    "even_square": numpy.arange(16).reshape(4, 4) - 5,
}
MODES = ["valid", "same", "mirror", "nearest", "wrap"]
FUNCTIONS = {
    "linear": lambda x: x,
    "scaled_tanh": lambda x: 1.7159 * torch.tanh(2 * x / 3),
    "hard_sigmoid": torch.nn.functional.hardsigmoid,
    "hard_swish": torch.nn.functional.hardswish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
NAMES = ["relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign"]


def correlate(plane, kernel, mode):
    if mode in ("valid", "same"):
        return scipy.signal.correlate(plane, kernel, mode=mode, method="direct")
    return scipy.ndimage.correlate(plane, numpy.asarray(kernel, float), mode=mode)


def every(respond):
    """Answers for all names: `respond` takes a kernel."""
    results = {name: respond(kernel) for name, kernel in KERNELS.items()}
    for pair in PAIRS:
        results[pair] = numpy.hypot(results[pair + "_x"], results[pair + "_y"])
    return results


def listed(value):
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    return numpy.round(value, 6).tolist()


def main():
    random = numpy.random.default_rng(6)
    grey = random.integers(0, 256, (9, 8)) / 255
    colours = random.integers(0, 256, (3, 7, 7)) / 255
    fuse = {
        "sum": lambda planes: planes.sum(0, keepdims=True),
        "each": lambda planes: planes,
        "product": lambda planes: planes.prod(0, keepdims=True),
    }
    x = torch.tensor([-30.0, -4.0, -1.5, -0.1, 0.0, 0.3, 1.0, 2.5, 5.5, 7.0, 30.0], dtype=torch.float64)
    functions = FUNCTIONS | {name: getattr(torch.nn.functional, name) for name in NAMES}
    values = {
        "grey": grey,
        "colours": colours,
        "kernels": OTHERS,
        "results": {
            mode: every(lambda kernel: correlate(grey, kernel, mode))
            | {name: correlate(grey, kernel, mode) for name, kernel in OTHERS.items()}
            for mode in MODES
        },
        "fused": {
            word: every(lambda kernel: fusion(numpy.stack([correlate(plane, kernel, "same") for plane in colours])))
            for word, fusion in fuse.items()
        },
    }
    document = {key: listed(value) for key, value in values.items()}
    # Not rounded: held to 1e-9.
    document["grey"], document["colours"] = grey.tolist(), colours.tolist()
    document["activations"] = {
        name: [list(pair) for pair in zip(x.tolist(), function(x).tolist())] for name, function in functions.items()
    }
    document["versions"] = {"scipy": scipy.__version__, "torch": torch.__version__}
    path = pathlib.Path(__file__).with_name("filters.json")
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")


main()
