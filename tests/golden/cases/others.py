"""Cases of language.safetensors: activations, norms, shapes and compositions."""

from cases import case, listed
from layers.activations import ACTIVATIONS


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

    declare("pixel_shuffle", "2", (8, 2, 3), "scale = 2")
    declare("pixel_shuffle", "3_one_map", (9, 2, 2), "scale = 3")
    declare("pixel_shuffle", "1", (3, 2, 2), "scale = 1")

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
