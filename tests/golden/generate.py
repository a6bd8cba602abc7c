#!/usr/bin/env python3
"""Makes layers, language and training.safetensors anew.

    python3 generate.py [--output FOLDER]

Wants Python 3.11 or newer with torch, numpy and safetensors. README.md beside
this file describes the format. Everything is seeded and in float32.
"""

import argparse
import hashlib
import json
import math
import tomllib
from pathlib import Path

import numpy
import torch
import torch.nn.functional as functional
from safetensors.torch import save_file

BATCH = 2
# Over a batch of two, batch norm of single values can only give plus and minus
# one and a gradient of nearly zero, which checks nothing.
BATCH_NORM_BATCH = 3

CASES = {}


def case(name, shape, *layers, spread=1):
    """A case with inputs of the given standard deviation."""
    assert name not in CASES, name
    CASES[name] = (list(shape), listed(*layers), spread)


def listed(*layers):
    """The layers as a TOML array, for a case or a list inside a layer."""
    return "[" + ", ".join("{ " + layer + " }" for layer in layers) + "]"


# The cases of layers.safetensors ---------------------------------------------


def declare_convolutions():
    kernels = {"odd": "3", "even": "4", "non_square": "[2, 5]"}
    for kernel_name, kernel in kernels.items():
        for stride in (1, 2, 3):
            case(f"conv_same_{kernel_name}_stride_{stride}", (2, 8, 9),
                 f'type = "conv", filters = 3, kernel_size = {kernel}, stride = {stride}, padding = "same"')
    # A Latin square: every padding meets every stride and every kernel, and
    # every stride every kernel, in a third of the combinations.
    paddings = {"valid": '"valid"', "number": "1", "pair": "[1, 2]", "asymmetric": "[[0, 2], [1, 0]]"}
    kernel_names = list(kernels)
    for row, (padding_name, padding) in enumerate(paddings.items()):
        for stride in (1, 2, 3):
            kernel_name = kernel_names[(row + stride - 1) % 3]
            case(f"conv_{padding_name}_{kernel_name}_stride_{stride}", (2, 8, 9),
                 f'type = "conv", filters = 3, kernel_size = {kernels[kernel_name]}, '
                 f"stride = {stride}, padding = {padding}")

    case("conv_defaults", (2, 5, 6), 'type = "conv", filters = 3, kernel_size = 3')
    case("conv_dilation_2", (2, 8, 7), 'type = "conv", filters = 3, kernel_size = 3, dilation = 2, padding = "valid"')
    case("conv_dilation_pair", (2, 6, 9),
         'type = "conv", filters = 3, kernel_size = 3, dilation = [1, 3], padding = [1, 2]')
    case("conv_dilation_same", (2, 6, 9),
         'type = "conv", filters = 3, kernel_size = [3, 2], dilation = [1, 3], padding = "same"')
    case("conv_dilation_same_stride_2", (2, 8, 9),
         'type = "conv", filters = 3, kernel_size = 4, dilation = 2, stride = 2, padding = "same"')
    case("conv_dilation_asymmetric_stride_2", (2, 8, 9),
         'type = "conv", filters = 3, kernel_size = 2, dilation = 2, stride = 2, padding = [[1, 0], [0, 2]]')
    case("conv_stride_pair", (2, 8, 9),
         'type = "conv", filters = 3, kernel_size = 3, stride = [2, 3], padding = "same"')
    case("conv_stride_beyond_kernel", (2, 8, 9),
         'type = "conv", filters = 3, kernel_size = 2, stride = 3, padding = "valid"')
    # Here the formula of "same" asks for less than no padding.
    case("conv_stride_beyond_kernel_same", (2, 8, 9),
         'type = "conv", filters = 3, kernel_size = [1, 2], stride = [3, 4], padding = "same"')
    case("conv_1x1", (3, 4, 5), 'type = "conv", filters = 4, kernel_size = 1, padding = "valid"')
    case("conv_1x1_stride_2", (3, 4, 5), 'type = "conv", filters = 4, kernel_size = 1, stride = 2, padding = "valid"')
    case("conv_kernel_covers_input", (2, 4, 5), 'type = "conv", filters = 3, kernel_size = [4, 5], padding = "valid"')
    case("conv_kernel_larger_than_input", (2, 3, 3), 'type = "conv", filters = 3, kernel_size = 5, padding = "same"')
    # The windows in the corners see nothing but padding.
    case("conv_padding_beyond_kernel", (2, 3, 4), 'type = "conv", filters = 3, kernel_size = 2, padding = 3')
    case("conv_no_bias", (2, 5, 6), 'type = "conv", filters = 3, kernel_size = 3, padding = 1, bias = false')
    case("conv_groups_2", (4, 5, 6), 'type = "conv", filters = 6, kernel_size = 3, padding = 1, groups = 2')
    case("conv_groups_2_same_even_stride_2", (4, 7, 6),
         'type = "conv", filters = 4, kernel_size = 4, padding = "same", groups = 2, stride = 2')
    case("conv_groups_2_dilation_no_bias", (4, 6, 7),
         'type = "conv", filters = 4, kernel_size = 2, padding = "valid", groups = 2, dilation = 2, bias = false')
    case("conv_depthwise", (3, 5, 6), 'type = "conv", filters = 3, kernel_size = 3, padding = "same", groups = 3')
    case("conv_depthwise_multiplier_2", (3, 6, 7),
         'type = "conv", filters = 6, kernel_size = 3, stride = 2, padding = "same", groups = 3')
    for activation in ("relu", "tanh", "sigmoid", "softmax", "leaky_relu", "gelu"):
        case(f"conv_activation_{activation}", (2, 4, 5),
             f'type = "conv", filters = 3, kernel_size = 3, padding = 1, activation = "{activation}"')


def declare_pools():
    for kind in ("max", "avg"):
        def declare(name, shape, options):
            case(f"pool_{kind}_{name}", shape, f'type = "pool", kind = "{kind}", {options}')

        declare("2", (2, 4, 6), "size = 2")
        declare("ragged", (2, 5, 7), 'size = 2, padding = "valid"')
        declare("overlapping", (2, 7, 8), "size = 3, stride = 2")
        declare("non_square", (2, 5, 7), "size = [2, 3]")
        declare("stride_pair", (2, 5, 7), "size = [3, 2], stride = [2, 1]")
        declare("stride_beyond_size", (2, 7, 8), "size = 2, stride = 3")
        declare("padding", (2, 5, 6), "size = 3, stride = 2, padding = 1")
        declare("padding_pair", (2, 5, 6), "size = [3, 2], stride = 2, padding = [0, 1]")
        declare("padding_asymmetric", (2, 5, 6), "size = 3, stride = 2, padding = [[0, 1], [2, 0]]")
        declare("same_odd", (2, 5, 6), 'size = 3, stride = 2, padding = "same"')
        declare("same_even_stride_1", (2, 5, 6), 'size = 2, stride = 1, padding = "same"')
        declare("same_ragged", (2, 5, 7), 'size = 3, padding = "same"')
        declare("ceil", (2, 6, 8), "size = 3, stride = 2, ceil = true")
        declare("ceil_ragged", (2, 5, 7), "size = 3, ceil = true")
        declare("ceil_padding", (2, 6, 7), "size = 3, stride = 2, padding = 1, ceil = true")
        declare("ceil_padding_asymmetric", (2, 5, 6), "size = 3, stride = 2, padding = [[0, 1], [2, 0]], ceil = true")
        # Rounding up alone gives a last window that would start in the padding
        # at the end; PyTorch leaves that one out.
        declare("ceil_window_in_padding", (2, 3, 5), "size = 2, padding = 1, ceil = true")


def declare_others():
    for function in ("relu", "tanh", "sigmoid", "softmax", "leaky_relu", "gelu"):
        case(f"activation_{function}", (3, 4, 5), f'type = "activation", fn = "{function}"')
    case("activation_leaky_relu_slope", (3, 4, 5), 'type = "activation", fn = "leaky_relu", slope = 0.2')
    case("activation_softmax_units", (2, 2, 3), 'type = "flatten"', 'type = "activation", fn = "softmax"')

    case("flatten", (2, 3, 4), 'type = "flatten"')
    case("dense", (2, 3, 2), 'type = "flatten"', 'type = "dense", units = 5')
    case("dense_no_bias", (2, 3, 2), 'type = "flatten"', 'type = "dense", units = 5, bias = false')
    case("dense_activation_tanh", (2, 3, 2), 'type = "flatten"', 'type = "dense", units = 5, activation = "tanh"')
    case("dense_activation_softmax", (2, 3, 2), 'type = "flatten"', 'type = "dense", units = 5, activation = "softmax"')

    case("batch_norm_maps", (3, 4, 5), 'type = "batch_norm"')
    case("batch_norm_maps_options", (3, 4, 5), 'type = "batch_norm", momentum = 0.3, epsilon = 0.01')
    case("batch_norm_maps_not_affine", (3, 4, 5), 'type = "batch_norm", affine = false')
    case("batch_norm_units", (2, 2, 2), 'type = "flatten"', 'type = "batch_norm"')
    case("batch_norm_units_options", (2, 2, 2), 'type = "flatten"',
         'type = "batch_norm", momentum = 0.25, epsilon = 0.1')
    case("batch_norm_units_not_affine", (2, 2, 2), 'type = "flatten"', 'type = "batch_norm", affine = false')

    case("pair_conv_batch_norm", (2, 5, 6),
         'type = "conv", filters = 3, kernel_size = 3, padding = "same", bias = false', 'type = "batch_norm"')
    case("pair_conv_pool", (2, 7, 8),
         'type = "conv", filters = 3, kernel_size = 4, padding = "same", activation = "relu"',
         'type = "pool", kind = "max", size = 2')


# The cases of language.safetensors -------------------------------------------


MAPS = {1: (2, 9), 2: (2, 5, 6), 3: (2, 4, 3, 5)}


def declare_convolutions_of_each_rank():
    def declare(name, shape, options, filters=3):
        case(f"conv_{name}", shape, f'type = "conv", filters = {filters}, {options}')

    declare("1d", (2, 9), "kernel_size = 3")
    declare("1d_lists", (2, 9), "kernel_size = [4], stride = [2], dilation = [2], padding = [2]")
    declare("1d_stride_3", (2, 10), "kernel_size = 2, stride = 3, bias = false")
    declare("1d_dilation_groups_2", (4, 9), "kernel_size = 3, dilation = 2, padding = 1, groups = 2", filters=4)
    declare("1d_asymmetric", (2, 7), 'kernel_size = 4, padding = [[3, 1]], activation = "mish"')
    declare("1d_same_even", (2, 9), 'kernel_size = 4, padding = "same"')
    declare("1d_same_dilation_stride_2", (2, 9), 'kernel_size = 3, dilation = 2, stride = 2, padding = "same"')
    declare("1d_causal", (2, 7), 'kernel_size = 3, padding = "causal"')
    declare("1d_causal_dilation_2", (2, 8), 'kernel_size = 3, dilation = 2, padding = "causal"')
    declare("1d_causal_stride_2", (2, 8), 'kernel_size = 4, stride = 2, padding = "causal"')
    declare("1d_causal_dilation_3_stride_2_groups_2", (4, 9),
            'kernel_size = 2, dilation = 3, stride = 2, groups = 2, padding = "causal"', filters=2)
    declare("1d_causal_beyond_input", (2, 4), 'kernel_size = 3, dilation = 4, padding = "causal"')

    declare("3d", (2, 3, 4, 3), "kernel_size = 2")
    declare("3d_lists", (2, 3, 5, 4), "kernel_size = [1, 3, 2], stride = [1, 2, 3], padding = [0, 1, 2]")
    declare("3d_number", (2, 3, 3, 2), 'kernel_size = 3, padding = 1, activation = "tanh"', filters=2)
    declare("3d_same_stride_2", (2, 3, 4, 5), 'kernel_size = [2, 3, 4], stride = 2, padding = "same"')
    declare("3d_dilation", (2, 4, 4, 5), "kernel_size = 2, dilation = [1, 2, 3]")
    declare("3d_dilation_same", (2, 3, 4, 5), 'kernel_size = 2, dilation = [1, 2, 3], padding = "same"')
    declare("3d_groups_2", (4, 2, 4, 3), "kernel_size = [1, 2, 2], groups = 2, bias = false", filters=4)
    declare("3d_asymmetric_stride", (2, 3, 4, 3),
            "kernel_size = 2, stride = [2, 1, 2], padding = [[0, 1], [1, 0], [2, 1]]")
    declare("3d_1x1", (3, 2, 3, 2), "kernel_size = 1", filters=2)

    declare("prelu", (2, 4, 5), 'kernel_size = 2, activation = "prelu"')
    declare("log_softmax", (2, 4, 5), 'kernel_size = 2, activation = "log_softmax"')
    case("dense_prelu", (2, 3, 2), 'type = "flatten"', 'type = "dense", units = 5, activation = "prelu"')
    case("conv_named", (2, 4, 5), 'type = "conv", name = "first", filters = 3, kernel_size = 2',
         'type = "activation", fn = "prelu"', 'type = "conv", name = "last", filters = 2, kernel_size = 2')


def declare_padding_modes():
    asymmetric = {1: "[[3, 1]]", 2: "[[2, 0], [1, 3]]", 3: "[[1, 0], [2, 1], [0, 3]]"}
    for rank, shape in MAPS.items():
        for mode in ("reflect", "replicate", "circular"):
            for name, options in {
                "number": "kernel_size = 2, padding = 2, stride = 2",
                # Odd in all: one more at the end.
                "same": f'kernel_size = {2 if rank == 3 else 4}, padding = "same"',
                "asymmetric": f"kernel_size = 2, padding = {asymmetric[rank]}",
            }.items():
                case(f"conv_{rank}d_{mode}_{name}", shape,
                     f'type = "conv", filters = 2, {options}, padding_mode = "{mode}"')
    case("conv_1d_replicate_causal", (2, 7),
         'type = "conv", filters = 2, kernel_size = 3, dilation = 2, padding = "causal", padding_mode = "replicate"')
    case("conv_2d_reflect_same_dilation_stride", (2, 5, 7),
         'type = "conv", filters = 2, kernel_size = 3, dilation = [1, 2], stride = 2, padding = "same", '
         'padding_mode = "reflect"')
    # As far as a mode goes: all but the edge, and all.
    case("conv_2d_reflect_greatest", (2, 3, 4),
         'type = "conv", filters = 2, kernel_size = 2, padding = [2, 3], padding_mode = "reflect"')
    case("conv_2d_circular_greatest", (2, 3, 4),
         'type = "conv", filters = 2, kernel_size = 2, padding = [3, 4], padding_mode = "circular"')
    case("conv_2d_replicate_beyond_input", (2, 2, 3),
         'type = "conv", filters = 2, kernel_size = 3, padding = 4, padding_mode = "replicate"')


def declare_connections_and_kernels():
    def declare(name, shape, options):
        case(f"conv_{name}", shape, f'type = "conv", {options}')

    declare("connections", (4, 5, 6),
            "filters = 3, kernel_size = 3, connections = [[0, 1], [1, 2, 3], [2]], activation = \"tanh\"")
    declare("connections_no_bias_stride_2", (3, 6, 5),
            'filters = 4, kernel_size = 2, stride = 2, padding = "same", bias = false, '
            "connections = [[0], [1], [2], [0, 1, 2]]")
    # The order within a list has no meaning; map 1 goes nowhere.
    declare("1d_connections", (3, 8),
            "filters = 2, kernel_size = 3, padding = 1, connections = [[2, 0], [2]], padding_mode = \"reflect\"")
    declare("3d_connections", (3, 3, 3, 4),
            "filters = 2, kernel_size = 2, dilation = [1, 1, 2], connections = [[0, 2], [1]]")

    declare("kernel_matrix", (2, 4, 5), "filters = 3, kernel = [[0, 1, 0], [1, -4, 1], [0, 1, 0]], padding = 1")
    declare("kernel_list", (2, 4, 5), "kernel = [[[1, -1], [0.5, 2]], [[0, 1], [-1, 0]], [[1, 1], [1, 1]]]")
    declare("kernel_full", (2, 4, 3),
            "kernel = [[[[1, 2, 0.5]], [[-1, 0, 1]]], [[[0, 1, 0]], [[0.25, -2, 0]]]], bias = false")
    declare("1d_kernel_matrix", (2, 7), "filters = 2, kernel = [-1, 0, 1]")
    declare("1d_kernel_list", (2, 7), 'kernel = [[1, 2, 1], [-1, 2, -1]], padding = "same"')
    declare("3d_kernel_matrix", (2, 2, 3, 3), "filters = 2, kernel = [[[1, -1], [2, 0]], [[0, 1], [-2, 1]]]")


def declare_separated_convolutions():
    def depthwise(name, shape, options):
        case(f"depthwise_{name}", shape, f'type = "depthwise_conv", {options}')

    depthwise("1d", (3, 8), "kernel_size = 3")
    depthwise("1d_multiplier_2_causal", (2, 8),
              'kernel_size = 3, multiplier = 2, dilation = 2, stride = 2, padding = "causal"')
    depthwise("1d_replicate", (3, 7), 'kernel_size = 4, padding = "same", padding_mode = "replicate"')
    depthwise("2d", (3, 5, 4), 'kernel_size = 3, padding = "same"')
    depthwise("2d_multiplier_2", (3, 5, 4), "kernel_size = [2, 3], multiplier = 2")
    depthwise("2d_multiplier_3_stride_2", (2, 6, 5),
              'kernel_size = 3, multiplier = 3, stride = 2, padding = "same", bias = false, activation = "relu6"')
    depthwise("2d_reflect", (3, 5, 4),
              'kernel_size = 2, dilation = [1, 2], padding = [[1, 0], [0, 2]], padding_mode = "reflect"')
    depthwise("2d_circular_prelu", (2, 5, 4),
              'kernel_size = 3, padding = 1, padding_mode = "circular", activation = "prelu"')
    depthwise("2d_one_channel", (1, 4, 5), "kernel_size = 2, multiplier = 2")
    depthwise("3d", (2, 3, 4, 3), "kernel_size = 2, padding = 1")
    depthwise("3d_multiplier_2_stride", (2, 3, 4, 5),
              'kernel_size = [1, 2, 3], multiplier = 2, stride = [1, 2, 2], padding = "same"')

    def separable(name, shape, options):
        case(f"separable_{name}", shape, f'type = "separable_conv", filters = 4, {options}')

    separable("1d_causal", (3, 8), 'kernel_size = 3, dilation = 2, padding = "causal"')
    separable("1d_multiplier_2", (2, 9), 'kernel_size = 4, multiplier = 2, stride = 2, padding = "same"')
    separable("2d", (3, 5, 4), "kernel_size = 3")
    separable("2d_multiplier_2_relu", (2, 5, 6),
              'kernel_size = [3, 2], multiplier = 2, padding = "same", activation = "relu"')
    separable("2d_no_bias_stride_2", (3, 6, 5), "kernel_size = 3, stride = 2, padding = 1, bias = false")
    separable("2d_prelu", (2, 5, 4), 'kernel_size = 2, padding = [[1, 0], [0, 1]], activation = "prelu"')
    separable("2d_reflect", (2, 5, 4), 'kernel_size = 3, padding = "same", padding_mode = "reflect"')
    separable("3d", (2, 3, 4, 3), 'kernel_size = 2, multiplier = 2, activation = "sigmoid"')
    separable("3d_circular_no_bias", (2, 3, 4, 3),
              'kernel_size = [2, 3, 1], padding = "same", padding_mode = "circular", bias = false')


def declare_transposed_convolutions():
    def declare(name, shape, options, filters=3):
        case(f"conv_transpose_{name}", shape, f'type = "conv_transpose", filters = {filters}, {options}')

    declare("1d", (2, 5), "kernel_size = 3")
    declare("1d_stride_2_padding", (2, 5), "kernel_size = 4, stride = 2, padding = 1")
    declare("1d_output_padding", (2, 4), "kernel_size = 3, stride = 3, padding = 1, output_padding = 2")
    declare("1d_dilation_groups_2", (4, 5), "kernel_size = 2, dilation = 3, groups = 2", filters=6)
    declare("1d_asymmetric", (2, 5), "kernel_size = 4, stride = 2, padding = [[2, 0]]")
    declare("1d_same", (2, 5), 'kernel_size = 5, stride = 2, padding = "same", activation = "elu"')
    # What lies beyond all kernels has the bias alone.
    declare("1d_same_stride_beyond_kernel", (2, 4), 'kernel_size = 2, stride = 4, padding = "same"')

    declare("2d", (2, 3, 4), "kernel_size = 2")
    declare("2d_stride_2", (2, 3, 4), "kernel_size = 2, stride = 2, bias = false")
    declare("2d_stride_beyond_kernel", (2, 3, 2), "kernel_size = [1, 2], stride = [2, 3]")
    declare("2d_padding_pair", (2, 4, 3), "kernel_size = [3, 4], stride = [1, 2], padding = [1, 2]")
    declare("2d_output_padding", (2, 3, 4), "kernel_size = 3, stride = 2, padding = 1, output_padding = [1, 0]")
    declare("2d_output_padding_beyond_padding", (2, 3, 2),
            "kernel_size = 2, stride = 3, padding = [0, 1], output_padding = 2")
    declare("2d_output_padding_by_dilation", (2, 3, 3), "kernel_size = 2, dilation = 3, output_padding = 2")
    declare("2d_dilation", (2, 3, 4), "kernel_size = [2, 3], dilation = [3, 1], stride = 2, padding = 1")
    declare("2d_groups_2", (4, 3, 4), 'kernel_size = 3, stride = 2, padding = 1, groups = 2, activation = "prelu"',
            filters=4)
    declare("2d_depthwise", (3, 3, 4), "kernel_size = 2, stride = 2, groups = 3", filters=6)
    declare("2d_asymmetric", (2, 3, 4), "kernel_size = 3, stride = 2, padding = [[0, 1], [2, 1]]")
    declare("2d_asymmetric_output_padding", (2, 3, 4),
            "kernel_size = 3, stride = 2, padding = [[1, 0], [0, 2]], output_padding = 1")
    declare("2d_same", (2, 3, 4), 'kernel_size = [3, 4], stride = 2, padding = "same"')
    declare("2d_same_stride_1_dilation", (2, 4, 5), 'kernel_size = [2, 3], dilation = [3, 1], padding = "same"')
    declare("2d_same_stride_beyond_kernel", (2, 3, 2),
            'kernel_size = [1, 4], stride = [3, 2], padding = "same", bias = false')

    declare("3d", (2, 2, 3, 2), "kernel_size = 2", filters=2)
    declare("3d_options", (2, 2, 3, 2),
            "kernel_size = [1, 2, 3], stride = [1, 2, 2], padding = [0, 0, 1], output_padding = [0, 1, 1]", filters=2)
    declare("3d_dilation_groups_2", (4, 2, 2, 3), "kernel_size = 2, dilation = [1, 2, 1], groups = 2", filters=2)
    declare("3d_asymmetric", (2, 2, 3, 2), "kernel_size = 3, stride = 2, padding = [[1, 0], [2, 1], [0, 2]]",
            filters=2)
    declare("3d_same", (2, 2, 2, 3), 'kernel_size = [3, 1, 2], stride = [2, 2, 1], padding = "same"', filters=2)


def declare_pools_of_each_rank():
    def declare(kind, name, shape, options):
        case(f"pool_{kind}_{name}", shape, f'type = "pool", kind = "{kind}", {options}')

    for kind in ("max", "avg", "sum", "min", "l2"):
        declare(kind, "1d", (2, 9), "size = 2")
        declare(kind, "1d_overlapping_padding", (2, 8), "size = 3, stride = 2, padding = 1")
        declare(kind, "1d_same", (2, 8), 'size = 4, stride = 3, padding = "same"')
        declare(kind, "1d_asymmetric_ceil", (2, 8), "size = 3, stride = [2], padding = [[2, 0]], ceil = true")
        declare(kind, "1d_ceil_overhang", (2, 8), "size = 3, stride = 3, ceil = true")

        declare(kind, "3d", (2, 3, 4, 4), "size = [1, 3, 2], stride = [2, 1, 2]")
        declare(kind, "3d_padding_ceil", (2, 3, 4, 3), "size = 2, padding = [0, 1, 1], ceil = true")
        declare(kind, "3d_asymmetric", (2, 2, 3, 3), "size = [2, 2, 3], stride = 2, padding = [[1, 0], [0, 1], [2, 0]]")

    for kind in ("sum", "min", "l2"):
        declare(kind, "2d", (2, 4, 5), "size = 2")
        declare(kind, "2d_padding", (2, 4, 5), "size = [3, 2], stride = 2, padding = 1")
        declare(kind, "2d_same", (2, 5, 5), 'size = [3, 2], stride = [2, 1], padding = "same"')
        declare(kind, "2d_asymmetric", (2, 4, 5), "size = 3, stride = 2, padding = [[0, 2], [1, 0]]")
        declare(kind, "2d_ceil_overhang", (2, 4, 6), "size = 3, stride = 2, ceil = true")
        declare(kind, "2d_ceil_window_in_padding", (2, 3, 5), "size = 2, padding = 1, ceil = true")
    for kind in ("max", "avg", "sum"):
        # More than half of the window, which PyTorch refuses.
        declare(kind, "2d_padding_beyond_half", (2, 3, 4), "size = 3, stride = 2, padding = 2")

    for name, shape, options in (
        ("1d", (2, 8), "size = 3, stride = 2, padding = 1"),
        ("1d_same", (2, 8), 'size = 4, stride = 3, padding = "same"'),
        ("2d", (2, 4, 5), "size = 3, padding = 1"),
        ("2d_same", (2, 5, 5), 'size = [3, 2], stride = 2, padding = "same"'),
        ("2d_asymmetric", (2, 4, 5), "size = 3, stride = 2, padding = [[0, 2], [1, 0]]"),
        ("2d_ceil", (2, 4, 6), "size = 3, stride = 2, padding = 1, ceil = true"),
        ("2d_asymmetric_ceil", (2, 5, 6), "size = 3, stride = 2, padding = [[0, 1], [2, 0]], ceil = true"),
        ("3d", (2, 3, 4, 3), "size = 2, padding = 1"),
        ("3d_same", (2, 3, 4, 3), 'size = [2, 3, 2], stride = 2, padding = "same"'),
    ):
        declare("avg", f"{name}_not_counting_padding", shape, f"{options}, count_padding = false")


def declare_pools_to_a_size():
    for rank, shape in {1: (3, 7), 2: (3, 4, 5), 3: (3, 2, 3, 4)}.items():
        for kind in ("avg", "max", "sum", "min", "l2"):
            case(f"global_pool_{kind}_{rank}d", shape, f'type = "global_pool", kind = "{kind}"')
    case("global_pool_default_dense", (3, 4, 5), 'type = "global_pool"', 'type = "dense", units = 4')

    for kind in ("avg", "max"):
        for name, shape, output in (
            ("1d_divisible", (2, 8), "4"),
            ("1d_overlapping", (2, 8), "[3]"),
            ("1d_larger", (2, 3), "5"),
            ("2d_divisible", (2, 4, 6), "2"),
            ("2d_overlapping", (2, 5, 7), "[3, 4]"),
            ("2d_larger", (2, 3, 4), "[5, 3]"),
            ("3d_divisible", (2, 2, 4, 3), "[2, 2, 1]"),
            ("3d_overlapping", (2, 3, 5, 4), "[2, 3, 3]"),
        ):
            case(f"adaptive_pool_{kind}_{name}", shape,
                 f'type = "adaptive_pool", kind = "{kind}", output = {output}')
    case("adaptive_pool_default", (2, 4, 5), 'type = "adaptive_pool", output = 1')


def declare_activations():
    for function in (*ACTIVATIONS, "leaky_relu", "prelu"):
        # Wide enough for functions that change at 3 and 6.
        case(f"activation_{function}_maps", (3, 4, 4), f'type = "activation", fn = "{function}"', spread=3)
        case(f"activation_{function}_row", (3, 2, 3), 'type = "flatten"',
             f'type = "activation", fn = "{function}"', spread=3)
    for function in ("softmax", "log_softmax", "prelu"):
        case(f"activation_{function}_1d", (3, 6), f'type = "activation", fn = "{function}"')
        case(f"activation_{function}_3d", (3, 2, 3, 2), f'type = "activation", fn = "{function}"')
    case("activation_leaky_relu_slope_1d", (3, 6), 'type = "activation", fn = "leaky_relu", slope = 0.3')


def declare_norms():
    def declare(norm, name, shape, options="", before=()):
        case(f"{norm}_{name}", shape, *before, f'type = "{norm}"' + (options and f", {options}"))

    maps = {1: (4, 7), 2: (4, 3, 4), 3: (4, 2, 3, 2)}
    row = ['type = "flatten"']
    for rank in (1, 3):
        declare("batch_norm", f"{rank}d", maps[rank])
        declare("batch_norm", f"{rank}d_not_affine", maps[rank], "affine = false, momentum = 0.3, epsilon = 0.01")
    for rank, shape in maps.items():
        declare("layer_norm", f"{rank}d", shape)
        declare("group_norm", f"{rank}d", shape, "groups = 2")
        declare("instance_norm", f"{rank}d", shape)
        declare("instance_norm", f"{rank}d_not_affine", shape, "affine = false, epsilon = 0.1")
        declare("local_response_norm", f"{rank}d", shape, "alpha = 0.5")
    declare("layer_norm", "2d_not_affine", maps[2], "affine = false")
    declare("layer_norm", "2d_epsilon", maps[2], "epsilon = 0.1")
    declare("layer_norm", "row", maps[2], "", row)
    declare("layer_norm", "row_not_affine", maps[2], "affine = false, epsilon = 0.01", row)
    declare("group_norm", "2d_one", maps[2], "groups = 1")
    declare("group_norm", "2d_each", maps[2], "groups = 4, epsilon = 0.01")
    declare("group_norm", "2d_not_affine", maps[2], "groups = 2, affine = false")
    declare("group_norm", "row", (4, 3), "groups = 3", row)

    declare("local_response_norm", "2d_default", maps[2])
    declare("local_response_norm", "2d_odd", (7, 2, 3), "size = 3, alpha = 2.0, beta = 0.5, k = 2.0")
    declare("local_response_norm", "2d_even", (7, 2, 3), "size = 4, alpha = 1.0, k = 0.5")
    declare("local_response_norm", "2d_2", (3, 2, 3), "size = 2, alpha = 1.0, beta = 1.0")
    declare("local_response_norm", "2d_size_beyond_channels", (3, 2, 3), "size = 8, alpha = 1.0")
    declare("local_response_norm", "1d_even", (6, 4), "size = 4, alpha = 1.0")
    declare("local_response_norm", "3d_1", (3, 2, 2, 2), "size = 1, alpha = 1.0, beta = 0.9")


def declare_shapes():
    def declare(kind, name, shape, options, *others):
        case(f"{kind}_{name}", shape, f'type = "{kind}", {options}', *others)

    declare("pad", "1d_number", (2, 5), "amount = 2")
    declare("pad", "1d_list", (2, 5), "amount = [1]")
    declare("pad", "1d_pair", (2, 5), "amount = [[1, 2]]")
    # Two entries where there is one dimension: the first is the channels'.
    declare("pad", "1d_channels_numbers", (2, 5), "amount = [1, 2]")
    declare("pad", "2d_list", (2, 3, 4), "amount = [0, 2]")
    declare("pad", "2d_pairs", (2, 3, 4), 'amount = [[0, 1], [2, 3]], mode = "zeros"')
    declare("pad", "2d_channels", (2, 3, 4), "amount = [[2, 1], [0, 1], [1, 0]]")
    declare("pad", "3d_number", (2, 2, 3, 2), "amount = 1")
    declare("pad", "3d_pairs", (2, 2, 3, 2), "amount = [[1, 0], [0, 2], [1, 1]]")
    declare("pad", "3d_channels_only", (3, 2, 2, 3), "amount = [[0, 2], [0, 0], [0, 0], [0, 0]]")
    for mode in ("reflect", "replicate", "circular"):
        declare("pad", f"1d_{mode}", (2, 5), f'amount = [[3, 1]], mode = "{mode}"')
        declare("pad", f"2d_{mode}", (2, 3, 4), f'amount = 2, mode = "{mode}"')
        declare("pad", f"2d_{mode}_channels", (3, 3, 4), f'amount = [[2, 1], [0, 1], [2, 0]], mode = "{mode}"')
        declare("pad", f"3d_{mode}", (2, 2, 3, 4), f'amount = [[1, 0], [0, 2], [1, 3]], mode = "{mode}"')
    declare("pad", "3d_reflect_channels", (3, 2, 3, 2), 'amount = [1, 1, 0, 1], mode = "reflect"')

    declare("crop", "1d_number", (2, 7), "amount = 2")
    declare("crop", "1d_pair", (2, 7), "amount = [[3, 0]]")
    declare("crop", "2d_list", (2, 4, 6), "amount = [1, 2]")
    declare("crop", "2d_pairs", (2, 4, 6), "amount = [[0, 1], [3, 2]]")
    declare("crop", "2d_channels", (4, 4, 5), "amount = [[1, 2], [0, 1], [2, 0]]")
    declare("crop", "3d_number", (2, 3, 4, 5), "amount = 1")
    declare("crop", "3d_channels", (3, 3, 4, 3), "amount = [1, 0, 1, 0]")

    row = 'type = "flatten"'
    declare("reshape", "same_rank", (2, 3, 4), "shape = [4, 2, 3]", 'type = "conv", filters = 2, kernel_size = 2')
    declare("reshape", "to_row", (2, 3, 4), "shape = [-1]", 'type = "dense", units = 3')
    declare("reshape", "to_1d", (2, 3, 4), "shape = [2, -1]", 'type = "conv", filters = 2, kernel_size = 3')
    declare("reshape", "to_3d", (2, 3, 4), "shape = [-1, 2, 3, 2]", 'type = "pool", kind = "avg", size = [1, 2, 2]')
    case("reshape_from_row", (2, 3, 2), row, 'type = "reshape", shape = [3, 2, -1]',
         'type = "conv", filters = 2, kernel_size = [2, 1]')
    for rank, shape in {1: (2, 4), 3: (2, 2, 3, 2)}.items():
        case(f"flatten_{rank}d", shape, row, 'type = "dense", units = 3')

    for rank, (shape, scales) in {1: ((2, 4), "[3]"), 2: ((2, 3, 2), "[2, 3]"), 3: ((2, 2, 3, 2), "[1, 2, 3]")}.items():
        for mode in ("nearest", "linear"):
            declare("upsample", f"{rank}d_{mode}", shape, f'scale = 2, mode = "{mode}"')
            declare("upsample", f"{rank}d_{mode}_list", shape, f'scale = {scales}, mode = "{mode}"')
    declare("upsample", "default_mode", (2, 2, 3), "scale = 3")

    for rank, shape in {1: (3, 5), 2: (3, 2, 4), 3: (3, 2, 2, 3)}.items():
        case(f"scale_{rank}d", shape, 'type = "scale"')
        declare("scale", f"{rank}d_bias", shape, "bias = true")
    case("scale_row", (2, 3), row, 'type = "scale", initial = 0.1')
    case("scale_row_bias", (2, 3), row, 'type = "scale", bias = true')


def declare_compositions():
    def conv(filters, size=3, others=""):
        return f'type = "conv", filters = {filters}, kernel_size = {size}, padding = "same"{others}'

    flatten, relu, norm = 'type = "flatten"', 'type = "activation", fn = "relu"', 'type = "batch_norm"'

    def residual(*layers, shortcut=None, others=""):
        shortcut = "" if shortcut is None else f", shortcut = {listed(*shortcut)}"
        return f'type = "residual", layers = {listed(*layers)}{shortcut}{others}'

    def branches(*lists, others=""):
        return f'type = "branches", branches = [{", ".join(listed(*layers) for layers in lists)}]{others}'

    case("residual_identity", (2, 4, 5), residual(conv(2)))
    case("residual_1d_activation", (2, 7), residual(conv(2), shortcut=[], others=', activation = "relu"'))
    case("residual_3d_shortcut", (2, 2, 3, 3), residual(conv(3, 2), shortcut=[conv(3, 1)]))
    case("residual_row", (2, 3), flatten,
         residual('type = "dense", units = 4, activation = "tanh"', 'type = "dense", units = 6'))
    case("residual_shortcut_activation_prelu", (2, 5, 4),
         residual(conv(3, 3, ", stride = 2"), conv(3), shortcut=[conv(3, 1, ", stride = 2, bias = false")],
                  others=', activation = "prelu"'))
    case("residual_batch_norm", (2, 4, 5), conv(3),
         residual(conv(3, 3, ", bias = false"), norm, relu, conv(3, 3, ", bias = false"), norm,
                  others=', activation = "relu"'))
    case("residual_nested", (2, 4, 5),
         residual(residual(conv(2), others=', activation = "tanh"'), conv(3, 1), shortcut=[
             residual(conv(2, 2), shortcut=['type = "scale"']), conv(3, 1, ', activation = "prelu"')]))
    case("residual_named", (2, 4, 5),
         residual('type = "conv", name = "inner", filters = 2, kernel_size = 1', relu, others=', name = "outer"'),
         'type = "conv", name = "head", filters = 2, kernel_size = 2')

    case("branches_concat", (2, 4, 5), branches([conv(1, 1)], [conv(2)], [conv(2, 1), conv(1, 5)], [
        'type = "pool", kind = "max", size = 3, stride = 1, padding = "same"', conv(1, 1)]))
    case("branches_concat_empty", (2, 4, 5), branches([conv(3)], [], others=', merge = "concat"'))
    case("branches_1d_add", (2, 6), branches([conv(2)], [conv(2, 3, ", dilation = 2")], [], others=', merge = "add"'))
    case("branches_3d_multiply", (2, 2, 3, 3),
         branches([conv(2, 2, ', activation = "sigmoid"')], [conv(2, 2, ', activation = "tanh"')],
                  others=', merge = "multiply"'))
    case("branches_row_concat", (2, 3), flatten,
         branches(['type = "dense", units = 2'], [], ['type = "dense", units = 3, activation = "tanh"']))
    case("branches_row_add", (2, 3), flatten,
         branches(['type = "dense", units = 3'], ['type = "dense", units = 3'], others=', merge = "add"'))
    case("branches_batch_norm", (2, 4, 5), branches([conv(2), norm], [norm], others=', merge = "add"'))

    squeeze = ['type = "global_pool"', 'type = "dense", units = 2, activation = "relu"',
               'type = "dense", units = 4, activation = "sigmoid"']
    excite = ', merge = "multiply"'
    case("branches_squeeze_and_excite", (4, 4, 5), branches([], squeeze, others=excite))
    case("branches_squeeze_and_excite_row_first", (4, 4, 5), branches(squeeze, [], others=excite))
    case("branches_squeeze_and_excite_1d", (4, 6), branches([conv(4)], squeeze, others=excite))
    case("branches_squeeze_and_excite_maps_of_one", (4, 2, 3, 3), branches([], [
        'type = "adaptive_pool", output = 1', conv(2, 1, ', activation = "relu"'),
        conv(4, 1, ', activation = "sigmoid"')], others=excite))
    case("branches_nested", (2, 4, 5), branches(
        [residual(conv(2)), branches([conv(1)], [conv(1, 1)], [])],
        [conv(4, 2, ', activation = "prelu"')], others=', merge = "add"'))

    def named(name, layer):
        return f'{layer}, name = "{name}"'

    def merge(names, others=""):
        return f'type = "merge", from = {names}{others}'

    case("merge_concat", (2, 4, 5), named("early", conv(3)), conv(2), merge('"early"'))
    case("merge_add", (2, 4, 5), named("early", conv(3)), relu, conv(3), merge('["early"]', ', with = "add"'))
    case("merge_1d_multiply", (2, 7), named("early", conv(3)), conv(3), merge('"early"', ', with = "multiply"'))
    case("merge_3d_concat_of_several", (2, 2, 3, 3), named("one", conv(1, 2)), named("two", conv(2, 1)), conv(1),
         merge('["two", "one"]', ', with = "concat"'), conv(2, 1))
    case("merge_add_of_several", (2, 4, 5), named("one", conv(2)), named("two", relu), conv(2, 2),
         merge('["one", "two"]', ', with = "add"'))
    case("merge_row", (2, 3), flatten, named("one", 'type = "dense", units = 3'), 'type = "dense", units = 2',
         merge('"one"'))
    case("merge_row_multiplies_maps", (2, 4, 5), named("maps", conv(4)), *squeeze,
         merge('"maps"', ', with = "multiply"'))
    case("merge_from_residual", (2, 4, 5), named("whole", residual(named("inside", conv(2)), conv(2))), conv(2),
         merge('["inside", "whole"]'))
    case("merge_from_shortcut", (2, 4, 5), residual(conv(3), shortcut=[named("short", conv(3, 1))]), conv(3),
         merge('"short"', ', with = "add"'))
    case("merge_from_branch", (2, 4, 5), branches([named("inside", conv(2)), relu], [conv(1)]), conv(2),
         merge('"inside"', ', with = "add"'))
    case("merge_into_residual", (2, 4, 5), named("early", conv(2)),
         residual(conv(1), merge('"early"'), conv(2, 1)))
    case("merge_u_net", (1, 4, 6), named("down", conv(2, 3, ', activation = "relu"')),
         'type = "pool", kind = "max", size = 2', conv(3, 3, ', activation = "relu"'),
         'type = "upsample", scale = 2', merge('"down"'), conv(1, 1))


LANGUAGE = (
    declare_convolutions_of_each_rank,
    declare_padding_modes,
    declare_connections_and_kernels,
    declare_separated_convolutions,
    declare_transposed_convolutions,
    declare_pools_of_each_rank,
    declare_pools_to_a_size,
    declare_activations,
    declare_norms,
    declare_shapes,
    declare_compositions,
)


# The layers of the configuration language ------------------------------------


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


def amounts(options, value):
    """[before, after] of each spatial dimension, or of the channels too"""
    amount, rank = options["amount"], rank_of(value)
    with_channels = isinstance(amount, list) and len(amount) == rank + 1
    return pairs(amount, rank + with_channels)


def pad_layer(options, scope, value):
    return pad_in_mode(value, amounts(options, value), options.get("mode", "zeros"))


def crop_each(value, amounts):
    for dimension, (before, after) in enumerate(amounts, start=value.dim() - len(amounts)):
        value = value.narrow(dimension, before, value.shape[dimension] - before - after)
    return value


def upsample(options, scope, value):
    mode = options.get("mode", "nearest")
    scales = [float(scale) for scale in per_dimension(options["scale"], rank_of(value))]
    if mode == "nearest":
        return functional.interpolate(value, scale_factor=scales, mode=mode)
    mode = ["linear", "bilinear", "trilinear"][rank_of(value) - 1]
    return functional.interpolate(value, scale_factor=scales, mode=mode, align_corners=False)


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
    "scale": scale,
    "residual": residual,
    "branches": branches,
    "merge": merge,
}


# What must hold besides ------------------------------------------------------
#
# Where PyTorch has no such layer or another definition, the outputs are made
# above out of simpler parts. Each is checked here along another way.


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


CHECKS = {
    "conv": check_conv,
    "conv_transpose": check_conv_transpose,
    "pool": check_pool,
    "global_pool": check_global_pool,
    "pad": check_pad,
    "instance_norm": check_instance_norm,
    "local_response_norm": check_local_response_norm,
    "upsample": check_upsample,
}


# Weights ---------------------------------------------------------------------


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


# layers.safetensors and language.safetensors ---------------------------------


def run_case(layers, parameters, value, output_gradient, dtype):
    """All that the layers make of a value: results by name."""
    results = {}
    own = copy(parameters, dtype)
    for name, tensor in own.items():
        tensor.requires_grad_(not is_running(name))
    value = value.to(dtype, copy=True).requires_grad_()
    if any(map(is_running, own)):
        # Before the training forward, which changes the statistics.
        with torch.no_grad():
            results["output_evaluation"] = forward(layers, Scope(own, training=False), value)
    output = forward(layers, Scope(own), value)
    output_gradient = output_gradient(output.shape).to(dtype)
    output.backward(output_gradient)
    results |= {"output": output, "output_gradient": output_gradient, "input_gradient": value.grad}
    for name, tensor in own.items():
        if is_running(name):
            results[f"{name}_after"] = tensor
        else:
            results[f"{name}_gradient"] = tensor.grad
    # Copies: some share memory, and safetensors refuses those.
    return {name: tensor.detach().clone().contiguous() for name, tensor in results.items()}


def make_cases(title, *declarations):
    CASES.clear()
    for declare in declarations:
        declare()
    tensors, cases, worst = {}, [], (0.0, "")
    for name in sorted(CASES):
        shape, text, spread = CASES[name]
        layers = tomllib.loads(f"layers = {text}")["layers"]
        # Seeded by its name, a case keeps its values when others come or go.
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        generator = torch.Generator().manual_seed(seed)
        parameters = initial_parameters(layers, shape, generator)
        normalized = any(map(is_running, parameters))
        value = spread * normal(generator, BATCH_NORM_BATCH if normalized else BATCH, *shape)
        drawn = {}

        def output_gradient(output_shape):
            if "gradient" not in drawn:
                drawn["gradient"] = normal(generator, *output_shape)
            return drawn["gradient"]

        results = run_case(layers, parameters, value, output_gradient, torch.float32)
        exact = run_case(layers, parameters, value, output_gradient, torch.float64)
        for key, tensor in results.items():
            assert torch.isfinite(tensor).all(), f"{name}/{key}"
            worst = max(worst, (relative_difference(tensor, exact[key]), f"{name}/{key}"))
            tensors[f"{name}/{key}"] = tensor
        tensors[f"{name}/input"] = value
        tensors |= {f"{name}/{key}": tensor for key, tensor in parameters.items()}
        cases.append({"name": name, "input": shape, "layers": text})
    print(f"{title}: {len(cases)} cases, {len(tensors)} tensors; "
          f"float32 against float64 at most {worst[0]:.1e} ({worst[1]})")
    assert worst[0] < 5e-6
    return tensors, {"cases": json.dumps(cases)}


def relative_difference(tensor, exact):
    """The greatest of |difference| / (1 + |exact|)."""
    return ((tensor.double() - exact).abs() / (1 + exact.abs())).max().item()


# training.safetensors --------------------------------------------------------

LENET_5 = """
layers = [
    { type = "conv", filters = 6, kernel_size = 5, activation = "tanh" },
    { type = "pool", kind = "avg", size = 2 },
    { type = "conv", filters = 16, kernel_size = 5, activation = "tanh" },
    { type = "pool", kind = "avg", size = 2 },
    { type = "conv", filters = 120, kernel_size = 5, activation = "tanh" },
    { type = "flatten" },
    { type = "dense", units = 84, activation = "tanh" },
    { type = "dense", units = 10 },
]
"""

STEPS = 5
TRAINING_BATCH = 4

RUNS = {
    "adam": lambda weights: torch.optim.Adam(weights, lr=1e-3, foreach=False),
    "adam_weight_decay": lambda weights: torch.optim.Adam(weights, lr=1e-3, weight_decay=0.01, foreach=False),
    "adamw": lambda weights: torch.optim.AdamW(weights, lr=1e-3, weight_decay=0.01, foreach=False),
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.05, foreach=False),
    "sgd_momentum": lambda weights: torch.optim.SGD(weights, lr=0.05, momentum=0.9, foreach=False),
    "sgd_nesterov": lambda weights: torch.optim.SGD(
        weights, lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4, foreach=False),
}

# The third convolution holds most of the weights; one run shows it.
WHOLE_RUN = "adam"
LAYERS_OF_OTHER_RUNS = {"0", "2", "6", "7"}


def train(layers, parameters, inputs, labels, make_optimizer, dtype):
    own = copy(parameters, dtype)
    optimizer = make_optimizer([tensor.requires_grad_() for tensor in own.values()])
    losses, first_logits, first_gradients = [], None, None
    for batch, batch_labels in zip(inputs.to(dtype), labels):
        optimizer.zero_grad()
        logits = forward(layers, Scope(own), batch)
        loss = functional.cross_entropy(logits, batch_labels)
        loss.backward()
        if first_logits is None:
            first_logits = logits.detach()
            first_gradients = {name: tensor.grad.clone() for name, tensor in own.items()}
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses), copy(own, dtype), first_logits, first_gradients


def make_training():
    generator = torch.Generator().manual_seed(5)
    layers = tomllib.loads(LENET_5)["layers"]
    parameters = initial_parameters(layers, (1, 32, 32), generator)
    inputs = normal(generator, STEPS, TRAINING_BATCH, 1, 32, 32)
    labels = torch.randint(10, (STEPS, TRAINING_BATCH), generator=generator)
    tensors = {"inputs": inputs, "labels": labels}

    def store(prefix, own, chosen=None):
        for name, tensor in own.items():
            if chosen is None or name.split(".")[0] in chosen:
                tensors[f"{prefix}/{name}"] = tensor.contiguous()

    store("initial", parameters)
    for run, make_optimizer in RUNS.items():
        losses, final, logits, gradients = train(layers, parameters, inputs, labels, make_optimizer, torch.float32)
        exact_losses, exact_final, exact_logits, exact_gradients = train(
            layers, parameters, inputs, labels, make_optimizer, torch.float64)
        if "logits" not in tensors:
            tensors |= {"logits": logits, "loss": losses[:1].clone()}
            store("gradients", gradients)
            print(f"training: logits off float64 by {relative_difference(logits, exact_logits):.1e}, "
                  f"first gradients by {difference_of_all(gradients, exact_gradients):.1e}")
        tensors[f"{run}/losses"] = losses
        store(f"{run}/final", final, None if run == WHOLE_RUN else LAYERS_OF_OTHER_RUNS)
        print(f"  {run}: losses {[round(loss, 4) for loss in losses.tolist()]}, "
              f"off float64 by {relative_difference(losses, exact_losses):.1e}, "
              f"final weights by {difference_of_all(final, exact_final):.1e}")
    return tensors, {"torch": torch.__version__.split("+")[0]}


def difference_of_all(own, exact):
    return max(relative_difference(tensor, exact[name]) for name, tensor in own.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    # One thread and PyTorch's plain kernels: the order of summing, and with it
    # the last bit, then depends less on the machine.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.backends.mkldnn.enabled = False
    for name, (tensors, metadata) in {
        "layers": make_cases("layers", declare_convolutions, declare_pools, declare_others),
        "language": make_cases("language", *LANGUAGE),
        "training": make_training(),
    }.items():
        save_file(tensors, folder / f"{name}.safetensors", metadata=metadata)


if __name__ == "__main__":
    main()
