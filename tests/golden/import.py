"""Writes networks as PyTorch saves them, and what they answer: `python import.py`, with torch, numpy and pillow."""

import json
import os
import pickle
from pathlib import Path

import torch
from torch import nn

FOLDER = Path(__file__).parent / "import"


class Bars(nn.Module):
    """Two convolutions with normalization, the second of them around itself, and a dense layer."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        block = nn.Module()
        block.conv1 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        block.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.ModuleList([block])
        self.fc = nn.Linear(4 * 4 * 4, 3)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        block = self.layer1[0]
        x = torch.relu(x + block.bn1(block.conv1(x)))
        x = nn.functional.max_pool2d(x, 2)
        return self.fc(x.flatten(1))


class Evil:
    def __reduce__(self):
        return os.system, ("touch executed",)


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(3)
    net = Bars().eval()
    for norm in (net.bn1, net.layer1[0].bn1):
        for values in (norm.running_mean, norm.weight.data, norm.bias.data):
            values.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    state = {f"module.{key}": value for key, value in net.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, FOLDER / "bars.pth")
    torch.save({"state_dict": state}, FOLDER / "old.th", _use_new_zipfile_serialization=False)
    half = {key: value.half() if value.is_floating_point() else value for key, value in net.state_dict().items()}
    torch.save(half, FOLDER / "half.pt")
    (FOLDER / "evil.pth").write_bytes(pickle.dumps({"conv1.weight": Evil()}, protocol=2))
    # A single value that stands for 2^30 of them.
    wide = torch.ones(1).expand(1 << 15, 1 << 15)
    torch.save({"conv1.weight": wide}, FOLDER / "wide.pth", _use_new_zipfile_serialization=False)
    # A white bar across on black, in row 3 of 8, as the tests draw it.
    picture = torch.zeros(1, 1, 8, 8)
    picture[0, 0, 3, 1:7] = 1
    answer = net(picture).softmax(1)[0].tolist()
    (FOLDER / "bars.json").write_text(json.dumps({"answer": answer}) + "\n")


main()
