"""The layers of the configuration language, computed by PyTorch."""

import math

import torch
import torch.nn.functional as functional

from layers.activations import activate_by_key, activation
from layers.checks import CHECKS
from layers.norms import batch_norm, group_norm, instance_norm, layer_norm, local_response_norm
from layers.scope import amounts, crop_each, pad_in_mode, per_channel, per_dimension, rank_of
from layers.windows import (
    adaptive_pool,
    conv,
    conv_transpose,
    dense,
    depthwise_conv,
    global_pool,
    pool,
    separable_conv,
)


def forward(layers, scope, value):
    for index, options in enumerate(layers):
        kind, name = options["type"], options.get("name", index)
        output = LAYERS[kind](options, scope.inside(name), value)
        if scope.generator is None and kind in CHECKS:
            with torch.no_grad():
                CHECKS[kind](options, scope.inside(name), value, output)
        value = output
        if "name" in options:
            assert name not in scope.named, name
            scope.named[name] = value
    return value


def pad_layer(options, scope, value):
    return pad_in_mode(value, amounts(options, value), options.get("mode", "zeros"))


def upsample(options, scope, value):
    mode = options.get("mode", "nearest")
    scales = [float(scale) for scale in per_dimension(options["scale"], rank_of(value))]
    if mode == "nearest":
        return functional.interpolate(value, scale_factor=scales, mode=mode)
    mode = ["linear", "bilinear", "trilinear"][rank_of(value) - 1]
    return functional.interpolate(value, scale_factor=scales, mode=mode, align_corners=False)


def pixel_shuffle(options, scope, value):
    return functional.pixel_shuffle(value, options["scale"])


def scale(options, scope, value):
    channels = value.shape[1]
    weight = scope.weight("weight", [channels], lambda values: 1 + values / 3)
    bias = scope.bias(options, channels, default=False)
    value = value * per_channel(weight, value)
    return value if bias is None else value + per_channel(bias, value)


def join(how, values):
    if how == "concat":
        return torch.cat(values, dim=1)
    if how == "add":
        assert len({value.shape for value in values}) == 1
        return sum(values[1:], start=values[0])
    # A row multiplies the maps of its channels.
    dimensions = max(value.dim() for value in values)
    return math.prod([value.reshape(*value.shape, *[1] * (dimensions - value.dim())) for value in values[1:]],
                     start=values[0].reshape(*values[0].shape, *[1] * (dimensions - values[0].dim())))


def residual(options, scope, value):
    shortcut = forward(options.get("shortcut", []), scope.inside("shortcut"), value)
    return activate_by_key(options, scope, forward(options["layers"], scope.inside("layers"), value) + shortcut)


def branches(options, scope, value):
    inside = scope.inside("branches")
    return join(options.get("merge", "concat"),
                [forward(layers, inside.inside(index), value) for index, layers in enumerate(options["branches"])])


def merge(options, scope, value):
    names = [options["from"]] if isinstance(options["from"], str) else options["from"]
    return join(options.get("with", "concat"), [value, *(scope.named[name] for name in names)])


LAYERS = {
    "conv": conv,
    "depthwise_conv": depthwise_conv,
    "separable_conv": separable_conv,
    "conv_transpose": conv_transpose,
    "dense": dense,
    "pool": pool,
    "global_pool": global_pool,
    "adaptive_pool": adaptive_pool,
    "activation": activation,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "local_response_norm": local_response_norm,
    "flatten": lambda options, scope, value: value.flatten(1),
    "reshape": lambda options, scope, value: value.reshape(len(value), *options["shape"]),
    "pad": pad_layer,
    "crop": lambda options, scope, value: crop_each(value, amounts(options, value)),
    "upsample": upsample,
    "pixel_shuffle": pixel_shuffle,
    "scale": scale,
    "residual": residual,
    "branches": branches,
    "merge": merge,
}
