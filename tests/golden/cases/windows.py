"""Cases of language.safetensors: convolutions and pools in 1-D, 2-D and 3-D."""

from cases import MAPS, case


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
