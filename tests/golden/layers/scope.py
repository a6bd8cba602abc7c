"""Weights by their names, and arithmetic of shapes and padding."""

import math

import numpy
import torch
import torch.nn.functional as functional


class Scope:
    """The weights below a prefix of the names, and the outputs of the named layers.

    With a generator it draws the weights that layers ask for.
    """

    def __init__(self, weights, training=True, generator=None):
        self.weights, self.training, self.generator = weights, training, generator
        self.prefix, self.named = "", {}

    def inside(self, name):
        inner = Scope(self.weights, self.training, self.generator)
        inner.prefix, inner.named = f"{self.prefix}{name}.", self.named
        return inner

    def weight(self, name, shape, change=lambda values: values, draw=torch.randn):
        """The weight of that name; drawn, `change` makes it of standard random values."""
        name = self.prefix + name
        if self.generator is None:
            assert self.weights[name].shape == torch.Size(shape), name
            return self.weights[name]
        assert name not in self.weights, name
        self.weights[name] = change(draw(shape, generator=self.generator))
        # A copy, for batch norm changes its statistics.
        return self.weights[name].clone()

    def filters(self, shape, change=lambda values: values, fan_in=None):
        """A weight such that values of about one stay so."""
        fan_in = fan_in or math.prod(shape[1:])
        return self.weight("weight", shape, lambda values: change(values / fan_in**0.5))

    def bias(self, options, count, default=True):
        if options.get("bias", default):
            return self.weight("bias", [count], lambda values: values / 2)

    def affine(self, options, shape):
        if options.get("affine", True):
            return (self.weight("weight", shape, lambda values: 1 + values / 3),
                    self.weight("bias", shape, lambda values: values / 2))
        return None, None


def rank_of(value):
    """Spatial dimensions."""
    return value.dim() - 2


def of_rank(name, value):
    """PyTorch's function for as many spatial dimensions as the value has."""
    return getattr(functional, f"{name}{rank_of(value)}d")


def per_dimension(value, rank):
    value = value if isinstance(value, list) else [value] * rank
    assert len(value) == rank, value
    return value


def pairs(value, rank):
    return [per_dimension(of_dimension, 2) for of_dimension in per_dimension(value, rank)]


def per_channel(weight, value):
    return weight.reshape(-1, *[1] * rank_of(value))


def same_padding(length, size, stride, dilation):
    """As TensorFlow: what is left over goes to the end."""
    output = math.ceil(length / stride)
    total = max((output - 1) * stride + dilation * (size - 1) + 1 - length, 0)
    return [total // 2, total - total // 2]


def resolve_padding(padding, shape, size, stride, dilation):
    """[before, after] of each dimension"""
    if padding == "same":
        return [same_padding(*of_dimension) for of_dimension in zip(shape, size, stride, dilation)]
    if padding == "causal":
        (of_time,), (step,) = size, dilation
        return [[step * (of_time - 1), 0]]
    return pairs(0 if padding == "valid" else padding, len(shape))


NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(value, padding, filler=0.0):
    """[before, after] of each of the last dimensions"""
    return functional.pad(value, [side for sides in reversed(padding) for side in sides], value=filler)


def pad_in_mode(value, padding, mode):
    if mode == "zeros":
        return pad(value, padding)
    for dimension, sides in enumerate(padding, start=value.dim() - len(padding)):
        indices = numpy.pad(numpy.arange(value.shape[dimension]), sides, NUMPY_MODES[mode])
        value = value.index_select(dimension, torch.from_numpy(indices))
    return value


def amounts(options, value):
    """[before, after] of each spatial dimension, or of the channels too"""
    amount, rank = options["amount"], rank_of(value)
    with_channels = isinstance(amount, list) and len(amount) == rank + 1
    return pairs(amount, rank + with_channels)


def crop_each(value, amounts):
    for dimension, (before, after) in enumerate(amounts, start=value.dim() - len(amounts)):
        value = value.narrow(dimension, before, value.shape[dimension] - before - after)
    return value
