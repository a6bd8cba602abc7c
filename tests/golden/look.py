#!/usr/bin/env python3
"""Makes look.safetensors anew: explanations of a small network's answer, by the papers' formulas in PyTorch.

    python3 look.py [--output FOLDER]

Wants Python 3.11 or newer with torch, numpy, safetensors and scikit-learn. README.md beside this file describes the
format. Everything is seeded.
"""

import argparse
import json
from pathlib import Path

import numpy
import torch
import torch.nn.functional as functional
from safetensors.torch import save_file
from sklearn.decomposition import PCA

SHAPE = (3, 12, 10)
CLASS = 1
STEPS = 20
PATCH, STRIDE = 4, 3
LAYERS = """[
  { type = "conv", name = "first", filters = 4, kernel_size = 3, padding = "same", activation = "relu" },
  { type = "pool", kind = "max", size = 2 },
  { type = "residual", layers = [
    { type = "conv", name = "second", filters = 4, kernel_size = 3, padding = "same", activation = "tanh" },
  ] },
  { type = "conv", name = "third", filters = 5, kernel_size = 2, stride = 2, activation = "relu" },
  { type = "flatten" },
  { type = "dense", units = 6, activation = "relu" },
  { type = "dense", units = 3 },
]"""


def weights():
    shapes = {
        "first.weight": (4, 3, 3, 3), "first.bias": (4,),
        "2.layers.second.weight": (4, 4, 3, 3), "2.layers.second.bias": (4,),
        "third.weight": (5, 4, 2, 2), "third.bias": (5,),
        "5.weight": (30, 6), "5.bias": (6,),
        "6.weight": (6, 3), "6.bias": (3,),
    }
    return {name: 0.4 * torch.randn(shape) for name, shape in shapes.items()}


def maps(w, x):
    """Outputs by the names of their layers, the logits last."""
    x = x if x.requires_grad else x.clone().requires_grad_()
    first = functional.conv2d(x, w["first.weight"], w["first.bias"], padding=1).relu()
    pooled = functional.max_pool2d(first, 2)
    second = functional.conv2d(pooled, w["2.layers.second.weight"], w["2.layers.second.bias"], padding=1).tanh()
    joined = pooled + second
    third = functional.conv2d(joined, w["third.weight"], w["third.bias"], stride=2).relu()
    hidden = (third.flatten(1) @ w["5.weight"] + w["5.bias"]).relu()
    return {"first": first, "1": pooled, "second": second, "2": joined, "third": third,
            "5": hidden, "6": hidden @ w["6.weight"] + w["6.bias"]}


def cam(w, x, layer, plus):
    outputs = maps(w, x)
    gradient, = torch.autograd.grad(outputs["6"][0, CLASS], outputs[layer])
    values = outputs[layer].detach()
    if plus:
        # Equation 19, the score being the exponential of the logit.
        below = 2 * gradient**2 + values.sum((2, 3), keepdim=True) * gradient**3
        share = torch.where(below == 0, torch.zeros(()), gradient**2 / below)
        weight = (share * gradient.relu()).sum((2, 3), keepdim=True)
    else:
        weight = gradient.mean((2, 3), keepdim=True)
    return (weight * values).sum(1).relu()[0]


def gradient(w, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(maps(w, x)["6"][:, CLASS].sum(), x)[0]


def integrated(w, x, black):
    parts = (torch.arange(STEPS) + 0.5) / STEPS
    inputs = black + parts.view(-1, 1, 1, 1) * (x - black)
    return ((x - black) * gradient(w, inputs).mean(0, keepdim=True)).sum(1)[0]


def occlusion(w, x, grey):
    def probability(x):
        return maps(w, x)["6"].softmax(1)[0, CLASS]

    def starts(extent):
        last = extent - PATCH
        return [*range(0, last, STRIDE), last]

    lost, count = torch.zeros(SHAPE[1:]), torch.zeros(SHAPE[1:])
    for top in starts(SHAPE[1]):
        for left in starts(SHAPE[2]):
            covered = x.clone()
            covered[..., top:top + PATCH, left:left + PATCH] = grey
            lost[top:top + PATCH, left:left + PATCH] += (probability(x) - probability(covered)).detach()
            count[top:top + PATCH, left:left + PATCH] += 1
    return lost / count


def effective_field(w, x, layer, row, column):
    x = x.clone().requires_grad_()
    value = maps(w, x)[layer][0, :, row, column].sum()
    felt = torch.autograd.grad(value, x)[0].abs().sum(1)[0]
    return felt / felt.max()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    torch.manual_seed(11)
    torch.set_num_threads(1)
    w = weights()
    x = torch.randn(1, *SHAPE)
    black, grey = -1.5, 0.25
    outputs = maps(w, x)
    many = torch.randn(40, *SHAPE)
    hidden = maps(w, many)["5"].detach()
    analysis = PCA(2, svd_solver="full")
    points = analysis.fit_transform(hidden.numpy().astype(numpy.float64))
    # A direction's largest entry is positive.
    for way, direction in enumerate(analysis.components_):
        points[:, way] *= numpy.sign(direction[numpy.abs(direction).argmax()])
    tensors = {f"weights/{name}": weight for name, weight in w.items()}
    tensors |= {f"outputs/{name}": output for name, output in outputs.items()}
    tensors |= {
        "input": x,
        "answers": outputs["6"].softmax(1)[0],
        "grad-cam/third": cam(w, x, "third", False),
        "grad-cam/second": cam(w, x, "second", False),
        "grad-cam++/third": cam(w, x, "third", True),
        "grad-cam++/1": cam(w, x, "1", True),
        "saliency": gradient(w, x)[0].abs().amax(0),
        "integrated-gradients": integrated(w, x, torch.full_like(x, black)),
        "difference": (outputs["6"] - maps(w, torch.full_like(x, black))["6"])[0, CLASS:CLASS + 1],
        "occlusion": occlusion(w, x, grey),
        "effect": effective_field(w, x, "third", 1, 0),
        "hidden": hidden,
        "points": torch.from_numpy(points).float(),
        "explained": torch.from_numpy(analysis.explained_variance_ratio_).float(),
    }
    settings = {"layers": LAYERS, "shape": SHAPE, "class": CLASS, "steps": STEPS, "patch": PATCH,
                "stride": STRIDE, "black": black, "grey": grey}
    tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_file(tensors, parser.parse_args().output / "look.safetensors", {"settings": json.dumps(settings)})


main()
