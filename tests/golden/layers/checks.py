"""What must hold besides.

Where PyTorch has no such layer or another definition, the outputs are made
out of simpler parts. Each is checked here along another way.
"""

import math

import numpy
import torch
import torch.nn.functional as functional

from layers.activations import activate_by_key
from layers.norms import group_norm
from layers.scope import NUMPY_MODES, amounts, of_rank, per_dimension, rank_of, resolve_padding
from layers.windows import cells, pad_for_conv, pool, slide, transpose, window_of_pool, windows


def alike(value, other):
    torch.testing.assert_close(value, other, rtol=1e-4, atol=1e-5)


def check_conv(options, scope, value, output):
    groups = options.get("groups", 1)
    weight, bias = scope.weights[scope.prefix + "weight"], scope.weights.get(scope.prefix + "bias")
    mode = options.get("padding_mode", "zeros")
    if mode != "zeros":
        size, stride, dilation = (per_dimension(options.get(key, 1), rank_of(value))
                                  for key in ("kernel_size", "stride", "dilation"))
        padding = resolve_padding(options.get("padding", "valid"), value.shape[2:], size, stride, dilation)
        sides = [side for sides in reversed(padding) for side in sides]
        assert torch.equal(pad_for_conv(options, value, size), functional.pad(value, sides, mode=mode))
    if options.get("padding") == "causal":
        # What comes later does not show.
        steps = math.ceil((value.shape[2] - 1) / options.get("stride", 1))
        earlier = slide(options, value[:, :, :-1], weight, bias, groups)
        alike(output[:, :, :steps], activate_by_key(options, scope, earlier))
    if "connections" in options:
        # One filter after the other, on its own maps only.
        for index, maps in enumerate(options["connections"]):
            of_filter = slide(options, value[:, maps], weight[index:index + 1, maps],
                              None if bias is None else bias[index:index + 1], 1)
            alike(output[:, index:index + 1], activate_by_key(options, scope, of_filter))


def check_conv_transpose(options, scope, value, output):
    weight, padding = scope.weights[scope.prefix + "weight"], options.get("padding", 0)
    groups, stride = options.get("groups", 1), options.get("stride", 1)
    if padding == "same":
        # The transpose of the convolution with padding "same": <Ax, y> = <x, Ay>.
        made = transpose(options, value, weight)
        assert list(made.shape[2:]) == [
            length * step for length, step in zip(value.shape[2:], per_dimension(stride, rank_of(value)))]
        other = torch.randn(made.shape, generator=torch.Generator().manual_seed(0), dtype=value.dtype)
        alike((made * other).sum(), (value * slide(options, other, weight, None, groups)).sum())
    elif not any(isinstance(sides, list) for sides in (padding if isinstance(padding, list) else [])):
        made = of_rank("conv_transpose", value)(
            value, weight, scope.weights.get(scope.prefix + "bias"), stride, 0 if padding == "valid" else padding,
            options.get("output_padding", 0), groups, options.get("dilation", 1))
        alike(output, activate_by_key(options, scope, made))


def check_pool(options, scope, value, output):
    size, stride, padding = window_of_pool(options, value)
    assert all(max(sides) < window for sides, window in zip(padding, size))
    kind, ceil = options["kind"], options.get("ceil", False)
    unpadded = not any(map(any, padding))
    if kind in ("max", "min"):
        # Zeros may be many after relu, which then stops the gradient.
        values = value[value != 0]
        assert len(values.unique()) == len(values), "a tie"
    if kind == "max":
        alike(output, windows(options, value, -math.inf).amax(-1))
    if kind == "min":
        alike(output, windows(options, value, math.inf).amin(-1))
    if kind == "avg":
        sums = windows(options, value, 0.0).sum(-1)
        alike(output, sums / cells(options, value, options.get("count_padding", True)))
    if kind == "sum":
        mean = pool(options | {"kind": "avg"}, scope, value)
        alike(output, mean * cells(options, value, True))
    if kind == "l2":
        assert (output > 1e-2).all()
        if unpadded and not ceil:
            # PyTorch's takes no list in one dimension.
            alike(output, of_rank("lp_pool", value)(value, 2.0, *((size, stride) if len(size) > 1 else size + stride)))


def check_global_pool(options, scope, value, output):
    whole = {"kind": options.get("kind", "avg"), "size": list(value.shape[2:])}
    alike(output, pool(whole, scope, value).flatten(1))


def check_pad(options, scope, value, output):
    sides = [[0, 0]] * (value.dim() - len(amounts(options, value))) + amounts(options, value)
    mode = options.get("mode", "zeros")
    mode = "constant" if mode == "zeros" else NUMPY_MODES[mode]
    assert numpy.array_equal(output.numpy(), numpy.pad(value.numpy(), sides, mode))


def check_instance_norm(options, scope, value, output):
    alike(output, group_norm(options | {"groups": value.shape[1]}, scope, value))


def check_local_response_norm(options, scope, value, output):
    size, channels = options.get("size", 5), value.shape[1]
    for channel in range(channels):
        first = channel - size // 2
        near = value[:, max(first, 0):max(first + size, 0)].square().sum(1)
        base = options.get("k", 1.0) + options.get("alpha", 1e-4) / size * near
        alike(output[:, channel], value[:, channel] / base ** options.get("beta", 0.75))


def check_upsample(options, scope, value, output):
    if options.get("mode", "nearest") == "nearest":
        for dimension, factor in enumerate(per_dimension(options["scale"], rank_of(value)), start=2):
            value = value.repeat_interleave(factor, dimension)
        assert torch.equal(output, value)


def check_pixel_shuffle(options, scope, value, output):
    # Pixel by pixel, as the paper has it.
    size = options["scale"]
    for row in range(output.shape[2]):
        for column in range(output.shape[3]):
            first = size * (row % size) + column % size
            assert torch.equal(output[:, :, row, column], value[:, first::size**2, row // size, column // size])


CHECKS = {
    "conv": check_conv,
    "conv_transpose": check_conv_transpose,
    "pool": check_pool,
    "global_pool": check_global_pool,
    "pad": check_pad,
    "instance_norm": check_instance_norm,
    "local_response_norm": check_local_response_norm,
    "upsample": check_upsample,
    "pixel_shuffle": check_pixel_shuffle,
}
