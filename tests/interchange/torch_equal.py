"""Holds exported networks to PyTorch: `model.py` loads the weights with strict=True and answers as `cnn` does.

Usage: python tests/interchange/torch_equal.py [--cnn PATH] [--only TEXT] [--layers]
"""

import importlib.util

import torch
from common import compare_all


def answers(network):
    network.export("--format", "torch", "--out", "out")
    spec = importlib.util.spec_from_file_location("model", network.folder / "out/model.py")
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    net = model.load()
    with torch.no_grad():
        return net(torch.from_numpy(network.inputs)).numpy()


if __name__ == "__main__":
    compare_all(__doc__, answers)
