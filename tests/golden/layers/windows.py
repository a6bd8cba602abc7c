"""Dense layers, convolutions and pools."""

import math

import torch

from layers.activations import activate_by_key
from layers.scope import crop_each, of_rank, pad, pad_in_mode, per_channel, per_dimension, rank_of, resolve_padding


def dense(options, scope, value):
    inputs, units = value.shape[1], options["units"]
    # The weight is [inputs, units], transposed relative to PyTorch.
    value = value @ scope.filters([inputs, units], fan_in=inputs)
    bias = scope.bias(options, units)
    return activate_by_key(options, scope, value if bias is None else value + bias)


def depth(array):
    return 1 + depth(array[0]) if isinstance(array, list) else 0


def given_kernel(kernel, channels, filters, rank):
    """The weight that the key `kernel` spells out."""
    tensor = torch.tensor(kernel, dtype=torch.float32)
    if depth(kernel) < rank + 2:
        tensor = tensor.unsqueeze(-rank - 1)  # for every channel
        tensor = tensor.expand(filters or len(tensor), channels, *tensor.shape[-rank:])
    return tensor.clone()


def connected(options, shape):
    """One where a filter is connected to a map, zero elsewhere."""
    mask = torch.zeros(shape)
    for of_filter, maps in zip(mask, options["connections"], strict=True):
        of_filter[maps] = 1
    return mask


def filters_of_conv(options, scope, channels, rank):
    if "kernel" in options:
        kernel = given_kernel(options["kernel"], channels, options.get("filters"), rank)
        return scope.filters(kernel.shape, lambda _: kernel)
    shape = [options["filters"], channels // options.get("groups", 1),
             *per_dimension(options["kernel_size"], rank)]
    if "connections" in options:
        mask = connected(options, shape)
        return scope.filters(shape, lambda values: values * mask) * mask
    return scope.filters(shape)


def pad_for_conv(options, value, size):
    stride, dilation = (per_dimension(options.get(key, 1), rank_of(value)) for key in ("stride", "dilation"))
    padding = resolve_padding(options.get("padding", "valid"), value.shape[2:], size, stride, dilation)
    return pad_in_mode(value, padding, options.get("padding_mode", "zeros"))


def slide(options, value, weight, bias, groups):
    return of_rank("conv", value)(
        pad_for_conv(options, value, weight.shape[2:]), weight, bias, stride=options.get("stride", 1),
        dilation=options.get("dilation", 1), groups=groups)


def conv(options, scope, value):
    weight = filters_of_conv(options, scope, value.shape[1], rank_of(value))
    value = slide(options, value, weight, scope.bias(options, len(weight)), options.get("groups", 1))
    return activate_by_key(options, scope, value)


def filters_of_depthwise(options, scope, value):
    size = per_dimension(options["kernel_size"], rank_of(value))
    return scope.filters([value.shape[1] * options.get("multiplier", 1), 1, *size])


def depthwise_conv(options, scope, value):
    weight = filters_of_depthwise(options, scope, value)
    value = slide(options, value, weight, scope.bias(options, len(weight)), value.shape[1])
    return activate_by_key(options, scope, value)


def separable_conv(options, scope, value):
    weight = filters_of_depthwise(options, scope.inside("depthwise"), value)
    value = slide(options, value, weight, None, value.shape[1])
    pointwise = scope.inside("pointwise")
    weight = pointwise.filters([options["filters"], value.shape[1], *[1] * rank_of(value)])
    value = of_rank("conv", value)(value, weight, pointwise.bias(options, options["filters"]))
    return activate_by_key(options, scope, value)


def transpose(options, value, weight):
    """A transposed convolution without bias."""
    rank = rank_of(value)
    stride, dilation, output_padding = (
        per_dimension(options.get(key, default), rank)
        for key, default in {"stride": 1, "dilation": 1, "output_padding": 0}.items())
    padding = options.get("padding", "valid")
    if padding == "same":
        extents = [step * (size - 1) + 1 for step, size in zip(dilation, weight.shape[2:])]
        cut = [max(extent - step, 0) for extent, step in zip(extents, stride)]
        padding = [[total // 2, total - total // 2] for total in cut]
        output_padding = [max(step - extent, 0) for extent, step in zip(extents, stride)]
    else:
        padding = resolve_padding(padding, value.shape[2:], weight.shape[2:], stride, dilation)
    value = of_rank("conv_transpose", value)(
        value, weight, stride=stride, dilation=dilation, groups=options.get("groups", 1))
    # Nothing reaches what output padding adds at the end; then padding is cut off.
    value = pad(value, [[0, added] for added in output_padding])
    return crop_each(value, padding)


def conv_transpose(options, scope, value):
    groups, size = options.get("groups", 1), per_dimension(options["kernel_size"], rank_of(value))
    channels, filters = value.shape[1], options["filters"]
    weight = scope.filters([channels, filters // groups, *size], fan_in=channels // groups * math.prod(size))
    value = transpose(options, value, weight)
    bias = scope.bias(options, filters)
    return activate_by_key(options, scope, value if bias is None else value + per_channel(bias, value))


def window_of_pool(options, value):
    """Size, stride and padding"""
    size = per_dimension(options["size"], rank_of(value))
    stride = per_dimension(options.get("stride", size), rank_of(value))
    padding = resolve_padding(options.get("padding", 0), value.shape[2:], size, stride, [1] * len(size))
    return size, stride, padding


def windows(options, value, filler, beyond=None):
    """What each window of a pool sees: [N, C, outputs.., cells]

    `filler` is in the padding and, if not `beyond`, where a window hangs over it.
    """
    size, stride, padding = window_of_pool(options, value)
    overhang = []
    for length, (before, after), window, step in zip(value.shape[2:], padding, size, stride):
        free = length + before + after - window
        steps = free // step
        if options.get("ceil", False):
            steps = math.ceil(free / step)
            # A last window does not start in the padding at the end.
            steps -= steps * step >= length + before
        overhang.append([0, max(steps * step - free, 0)])
    value = pad(pad(value, padding, filler), overhang, filler if beyond is None else beyond)
    for dimension, (window, step) in enumerate(zip(size, stride), start=2):
        value = value.unfold(dimension, window, step)
    return value.flatten(-len(size))


def cells(options, value, padding_counts):
    """How many cells of each window lie in the input, or in its padding too."""
    return windows(options, torch.ones_like(value), float(padding_counts), 0.0).sum(-1)


def pool(options, scope, value):
    kind, ceil = options["kind"], options.get("ceil", False)
    if kind == "sum":
        return windows(options, value, 0.0).sum(-1)
    if kind == "l2":
        return windows(options, value, 0.0).square().sum(-1).sqrt()
    if kind == "min":
        return -pool(options | {"kind": "max"}, scope, -value)
    size, stride, padding = window_of_pool(options, value)
    count_padding = options.get("count_padding", True)
    if all(before == after <= window // 2 for (before, after), window in zip(padding, size)):
        inner = [before for before, _ in padding]
    elif not count_padding:
        return windows(options, value, 0.0).sum(-1) / cells(options, value, False)
    else:
        # PyTorch's pools pad both ends alike only, by half a window at the
        # most, so the padding is laid on beforehand. PyTorch then no longer
        # knows what is padding, and keeps a window that starts in it; such a
        # case would be ambiguous.
        for length, (before, after), window, step in zip(value.shape[2:], padding, size, stride):
            rounded_up = math.ceil((length + before + after - window) / step)
            assert not ceil or rounded_up * step < length + before
        inner = [0] * len(size)
        value = pad(value, padding, -math.inf if kind == "max" else 0.0)
    if kind == "max":
        return of_rank("max_pool", value)(value, size, stride, inner, ceil_mode=ceil)
    return of_rank("avg_pool", value)(value, size, stride, inner, ceil_mode=ceil, count_include_pad=count_padding)


def global_pool(options, scope, value):
    value = value.flatten(2)
    return {
        "avg": lambda: value.mean(-1),
        "max": lambda: value.amax(-1),
        "min": lambda: value.amin(-1),
        "sum": lambda: value.sum(-1),
        "l2": lambda: value.square().sum(-1).sqrt(),
    }[options.get("kind", "avg")]()


def adaptive_pool(options, scope, value):
    name = f"adaptive_{options.get('kind', 'avg')}_pool"
    return of_rank(name, value)(value, per_dimension(options["output"], rank_of(value)))
