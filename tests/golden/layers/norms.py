"""Norms."""

import torch
import torch.nn.functional as functional


def batch_norm(options, scope, value):
    channels = [value.shape[1]]
    weight, bias = scope.affine(options, channels)
    mean = scope.weight("running_mean", channels, lambda values: values / 2)
    variance = scope.weight("running_var", channels, lambda values: 0.5 + values, torch.rand)
    # PyTorch writes the new statistics into the tensors it is given.
    return functional.batch_norm(
        value, mean, variance, weight, bias, scope.training, options.get("momentum", 0.1),
        options.get("epsilon", 1e-5))


def layer_norm(options, scope, value):
    shape = list(value.shape[1:])
    return functional.layer_norm(value, shape, *scope.affine(options, shape), eps=options.get("epsilon", 1e-5))


def group_norm(options, scope, value):
    weight, bias = scope.affine(options, [value.shape[1]])
    return functional.group_norm(value, options["groups"], weight, bias, options.get("epsilon", 1e-5))


def instance_norm(options, scope, value):
    weight, bias = scope.affine(options, [value.shape[1]])
    return functional.instance_norm(value, weight=weight, bias=bias, eps=options.get("epsilon", 1e-5))


def local_response_norm(options, scope, value):
    return functional.local_response_norm(
        value, options.get("size", 5), options.get("alpha", 1e-4), options.get("beta", 0.75), options.get("k", 1.0))
