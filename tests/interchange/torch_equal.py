"""Holds exported networks to PyTorch: `model.py` loads the weights with strict=True and answers as `cnn` does.

Usage: python tests/interchange/torch_equal.py [--cnn PATH] [--only TEXT] [--layers]
"""

import importlib.util

import torch
from common import compare_all


def load(folder):
    """Returns the module `model` of a folder."""
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    return model


def answers(network):
    for options in [], ["--fold"]:
        network.export("--format", "torch", "--out", "out", "--force", *options)
        net = load(network.folder / "out").load()
        with torch.no_grad():
            yield net(torch.from_numpy(network.inputs)).numpy()


if __name__ == "__main__":
    compare_all(__doc__, answers)
