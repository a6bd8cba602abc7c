"""Weights that are drawn, copied and compared."""

import torch

from layers import forward
from layers.scope import Scope


def normal(generator, *shape):
    return torch.randn(shape, generator=generator)


def initial_parameters(layers, shape, generator):
    """Weights by name, such that all values stay about one."""
    weights = {}
    # A dry run finds the shape that each layer meets.
    forward(layers, Scope(weights, generator=generator), torch.zeros(2, *shape))
    return weights


def copy(tensors, dtype=torch.float32):
    return {name: tensor.detach().clone().to(dtype) for name, tensor in tensors.items()}


def is_running(name):
    return name.split(".")[-1].startswith("running")


def relative_difference(tensor, exact):
    """The greatest of |difference| / (1 + |exact|)."""
    return ((tensor.double() - exact).abs() / (1 + exact.abs())).max().item()
