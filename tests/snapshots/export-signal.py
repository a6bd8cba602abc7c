"""The network `signal`, written by `cnn export`; its weights are in model.safetensors, beside this file.

    import numpy
    from model import CLASSES, load, prepare

    net = load()
    answer = net(prepare(numpy.load("array.npy"))[None])

or, in a shell: python model.py ARRAY.npy
"""

import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

CLASSES = ["x", "y", "z"]
INPUT = (2, 16)
# An input's values become (value * RESCALE - MEAN) / STD, by channels or all alike.
RESCALE = 1.0
MEAN = [0.0]
STD = [1.0]


def connected(conv, connections):
    """Leaves a convolution the weights of those maps alone that each filter reads, in training too."""
    mask = torch.zeros(conv.out_channels, conv.in_channels, *[1] * len(conv.kernel_size))
    for number, maps in enumerate(connections):
        mask[number, maps] = 1
    conv.weight.data *= mask
    conv.weight.register_hook(lambda gradient: gradient * mask.to(gradient))
    return conv


class GlobalMin(nn.Module):
    """The smallest value of each map."""

    def forward(self, x):
        return x.flatten(2).amin(2)


class GaussianNoise(nn.Module):
    """Noise of mean 0, in training only."""

    def __init__(self, std):
        super().__init__()
        self.std = std

    def forward(self, x):
        return x + torch.randn_like(x) * self.std if self.training else x


class Net(nn.Sequential):
    """Takes a batch of inputs of 2x16, and answers with a number for each of `CLASSES`."""

    def __init__(self):
        super().__init__(OrderedDict({
            "0_pad": nn.ConstantPad1d((2, 0), 0.0),
            "0": connected(nn.Conv1d(2, 3, 3), [
                [0],
                [1],
                [0, 1],
            ]),
            "1": GaussianNoise(0.5),
            "2": GlobalMin(),
        }))


def load(path=Path(__file__).with_name("model.safetensors")):
    """Builds the network with its weights, ready to answer."""
    net = Net()
    net.load_state_dict(load_file(path), strict=True)
    return net.eval()


def prepare(values):
    """Makes an input of an array of shape (2, 16), as `cnn predict` does."""
    values = torch.as_tensor(values).float()
    mean = torch.tensor(MEAN).view(-1, 1)
    std = torch.tensor(STD).view(-1, 1)
    return (values * RESCALE - mean) / std


if __name__ == "__main__":
    import numpy

    if len(sys.argv) < 2:
        sys.exit("usage: python model.py ARRAY.npy...")
    net = load()
    for path in sys.argv[1:]:
        with torch.no_grad():
            answer = net(prepare(numpy.load(path))[None])[0]
        values = zip(CLASSES, answer.tolist())
        print(f"{path}: " + ", ".join(f"{name} {value:.4f}" for name, value in values))
