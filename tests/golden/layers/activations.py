"""Activations."""

import torch
import torch.nn.functional as functional

ACTIVATIONS = {
    "linear": lambda value: value,
    "relu": torch.relu,
    "relu6": functional.relu6,
    "elu": functional.elu,
    "selu": functional.selu,
    "celu": functional.celu,
    "silu": functional.silu,
    "mish": functional.mish,
    "gelu": lambda value: functional.gelu(value, approximate="none"),
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "tanh": torch.tanh,
    "scaled_tanh": lambda value: 1.7159 * torch.tanh(value * 2 / 3),
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_swish": functional.hardswish,
    "softmax": lambda value: functional.softmax(value, dim=1),
    "log_softmax": lambda value: functional.log_softmax(value, dim=1),
}


def activate(name, scope, value, slope=0.01):
    if name is None:
        return value
    if name == "leaky_relu":
        return functional.leaky_relu(value, slope)
    if name == "prelu":
        return functional.prelu(value, scope.weight("weight", [1], lambda values: 0.1 + values / 2, torch.rand))
    return ACTIVATIONS[name](value)


def activation(options, scope, value):
    return activate(options["fn"], scope, value, options.get("slope", 0.01))


def activate_by_key(options, scope, value):
    return activate(options.get("activation"), scope.inside("activation"), value)
