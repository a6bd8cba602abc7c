"""The network `labels`, written by `cnn export`; its weights are in model.safetensors, beside this file.

    from PIL import Image
    from model import CLASSES, load, prepare

    net = load()
    answer = net(prepare(Image.open("picture.png"))[None])

or, in a shell: python model.py PICTURE
"""

import math
import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

CLASSES = [
    "label 0", "label 1", "label 2", "label 3", "label 4", "label 5", "label 6", "label 7",
    "label 8", "label 9", "label 10", "label 11", "label 12", "label 13", "label 14", "label 15",
    "label 16", "label 17", "label 18", "label 19", "label 20", "label 21",
]
INPUT = (3, 8, 8)
# An input's values, 0 to 255, become (value * RESCALE - MEAN) / STD, by channels or all alike.
RESCALE = 0.003921569
MEAN = [0.5, 0.4, 0.3]
STD = [0.2, 0.2, 0.1]


class Residual(nn.Module):
    """What `layers` make of the input, and the input itself or what `shortcut` makes of it: their sum."""

    def __init__(self, layers, shortcut=None, activation=None):
        super().__init__()
        self.layers = layers
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self.activation = nn.Identity() if activation is None else activation

    def forward(self, x):
        return self.activation(self.layers(x) + self.shortcut(x))


def product(*values):
    """Multiplies maps by maps, or by one factor a channel."""
    rank = max(value.dim() for value in values)
    return math.prod(value.reshape(*value.shape, *[1] * (rank - value.dim())) for value in values)


class Net(nn.Sequential):
    """Takes a batch of inputs of 3x8x8, and answers with a logit for each of `CLASSES`; its sigmoid is the probability."""

    def __init__(self):
        super().__init__(OrderedDict({
            "stem": nn.Conv2d(3, 4, 3, padding=1),
            "1": nn.BatchNorm2d(4),
            "2": nn.ModuleDict({
                "layers": nn.Sequential(OrderedDict({
                    "a": nn.Conv2d(4, 4, 3, padding=1),
                    "a_relu": nn.ReLU(),
                    "2": nn.Conv2d(4, 4, 1),
                })),
                "shortcut": nn.Sequential(
                    nn.Conv2d(4, 4, 1),
                ),
                "activation": nn.PReLU(init=0.25),
            }),
            "two": nn.ModuleDict({
                "branches": nn.ModuleList([
                    nn.Sequential(OrderedDict({
                        "b": nn.Conv2d(4, 2, 1),
                        "1": nn.BatchNorm2d(2),
                    })),
                    nn.Identity(),
                    nn.Sequential(OrderedDict({
                        "1": nn.Conv2d(10, 3, 3, padding=1),
                    })),
                ]),
            }),
            "5": Residual(
                layers=nn.Sequential(
                    nn.Conv2d(22, 22, 1),
                ),
            ),
            "6": nn.AdaptiveAvgPool2d(1),
            "6_flatten": nn.Flatten(),
        }))

    def forward(self, x):
        x = self[0](x)  # stem
        of_stem = x
        x = self[1](x)  # 1
        in2 = x
        x = self[2]["layers"][0](x)  # a
        x = self[2]["layers"][1](x)  # a_relu
        of_a = x
        x = x + of_stem
        x = self[2]["layers"][2](x)  # 2
        sum2 = x
        x = in2
        x = self[2]["shortcut"][0](x)  # 0
        x = product(x, of_a)
        x = self[2]["activation"](sum2 + x)
        in8 = x
        x = self[3]["branches"][0][0](x)  # b
        of_b = x
        x = self[3]["branches"][0][1](x)  # 1
        end8_0 = x
        x = in8
        end8_1 = x
        x = in8
        x = torch.cat([x, of_b, of_stem], dim=1)
        x = self[3]["branches"][2][0](x)  # 1
        end8_2 = x
        x = torch.cat([end8_0, end8_1, end8_2], dim=1)
        of_two = x
        x = torch.cat([x, of_two, of_a], dim=1)
        x = self[4](x)  # 5
        x = self[5](x)  # 6
        x = self[6](x)  # 6_flatten
        return x


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
    left, top, width, height = 0, 0, picture.width, picture.height
    width, height = min(40, width), min(30, height)
    left = round((picture.width - width) / 2)
    top = round((picture.height - height) / 2)
    size = (7, 6)
    if width / height > size[0] / size[1]:
        size = (size[0], max(1, round(height / width * size[0])))
    else:
        size = (max(1, round(width / height * size[1])), size[1])
    picture = picture.resize(size, Image.Resampling.BILINEAR, (left, top, left + width, top + height))
    picture = picture.convert("RGB")
    values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).float()
    values = values.view(*size[::-1], 3).permute(2, 0, 1)
    # The pictures it learnt from have a light background; dark ones are inverted.
    border = torch.ones(values.shape[1:], dtype=torch.bool)
    border[1:-1, 1:-1] = False
    if values[:, border].mean() < 127.5:
        values = 255 - values
    left, top = round((7 - size[0]) / 2), round((6 - size[1]) / 2)
    right, bottom = 7 - left - size[0], 6 - top - size[1]
    values = F.pad(values, (left, right, top, bottom))
    values = F.pad(values, (1, 0, 1, 1))
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
        probabilities = zip(CLASSES, answer.sigmoid().tolist())
        print(f"{path}: " + ", ".join(f"{name} {share:.1%}" for name, share in probabilities))
