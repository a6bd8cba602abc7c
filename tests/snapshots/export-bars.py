"""The network `bars`, written by `cnn export`; its weights are in model.safetensors, beside this file.

    from PIL import Image
    from model import CLASSES, load, prepare

    net = load()
    answer = net(prepare(Image.open("picture.png"))[None])

or, in a shell: python model.py PICTURE
"""

import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

CLASSES = ["across", "down \"\\ up", "schräg"]
INPUT = (1, 8, 8)
# An input's values, 0 to 255, become (value * RESCALE - MEAN) / STD, by channels or all alike.
RESCALE = 0.003921569
MEAN = [0.25]
STD = [0.5]


class Residual(nn.Module):
    """What `layers` make of the input, and the input itself or what `shortcut` makes of it: their sum."""

    def __init__(self, layers, shortcut=None, activation=None):
        super().__init__()
        self.layers = layers
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self.activation = nn.Identity() if activation is None else activation

    def forward(self, x):
        return self.activation(self.layers(x) + self.shortcut(x))


class Net(nn.Sequential):
    """Takes a batch of inputs of 1x8x8, and answers with a logit for each of `CLASSES`; their softmax are the probabilities."""

    def __init__(self):
        super().__init__(OrderedDict({
            "train_": nn.Conv2d(1, 4, 3, padding=1, bias=False),
            "1": nn.BatchNorm2d(4),
            "2": nn.ReLU(),
            "3": Residual(
                layers=nn.Sequential(OrderedDict({
                    "0_pad": nn.ConstantPad2d((0, 1, 0, 1), 0.0),
                    "0": nn.Sequential(OrderedDict({
                        "depthwise": nn.Conv2d(4, 4, 2, groups=4, bias=False),
                        "pointwise": nn.Conv2d(4, 4, 1),
                    })),
                    "0_activation": nn.PReLU(init=0.25),
                    "1": nn.BatchNorm2d(4, affine=False),
                })),
                activation=nn.PReLU(init=0.25),
            ),
            "4": nn.MaxPool2d(2),
            "5": nn.Flatten(),
            "F-1": nn.Linear(64, 5),
            "F-1_tanh": nn.Tanh(),
            "7": nn.BatchNorm1d(5),
            "8": nn.Linear(5, 3),
        }))


def load(path=Path(__file__).with_name("model.safetensors")):
    """Builds the network with its weights, ready to answer."""
    net = Net()
    net.load_state_dict(load_file(path), strict=True)
    return net.eval()


def prepare(picture):
    """Makes an input of a picture of Pillow, as `cnn predict` does."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    picture = picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB")
    size = (8, 8)
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    picture = picture.convert("L")
    values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).float()
    values = values.view(*size[::-1], 1).permute(2, 0, 1)
    # The pictures it learnt from have a dark background; light ones are inverted.
    border = torch.ones(values.shape[1:], dtype=torch.bool)
    border[1:-1, 1:-1] = False
    if values[:, border].mean() > 127.5:
        values = 255 - values
    mean = torch.tensor(MEAN).view(-1, 1, 1)
    std = torch.tensor(STD).view(-1, 1, 1)
    return (values * RESCALE - mean) / std


if __name__ == "__main__":
    from PIL import Image

    if len(sys.argv) < 2:
        sys.exit("usage: python model.py PICTURE...")
    net = load()
    for path in sys.argv[1:]:
        with torch.no_grad():
            answer = net(prepare(Image.open(path))[None])[0]
        probabilities = answer.softmax(0)
        best = int(probabilities.argmax())
        print(f"{path}: {CLASSES[best]} {probabilities[best]:.1%}")
