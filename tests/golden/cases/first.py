"""The cases of layers.safetensors."""

from cases import case


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
