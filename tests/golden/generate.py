#!/usr/bin/env python3
"""Makes layers.safetensors, training.safetensors and schedules.json anew.

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

import torch
import torch.nn.functional as functional
from safetensors.torch import save_file

BATCH = 2
# Over a batch of two, batch norm of single values can only give plus and minus
# one and a gradient of nearly zero, which checks nothing.
BATCH_NORM_BATCH = 3

CASES = {}


def case(name, shape, *layers):
    assert name not in CASES, name
    CASES[name] = (list(shape), "[" + ", ".join("{ " + layer + " }" for layer in layers) + "]")


# The cases of layers.safetensors -------------------------------------------


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


# The layers of the configuration language ----------------------------------


def pair(value):
    return list(value) if isinstance(value, list) else [value, value]


def same_padding(length, size, stride, dilation):
    """As TensorFlow: what is left over goes to the end."""
    output = math.ceil(length / stride)
    total = max((output - 1) * stride + dilation * (size - 1) + 1 - length, 0)
    return [total // 2, total - total // 2]


def resolve_padding(padding, shape, size, stride, dilation):
    """[[top, bottom], [left, right]]"""
    if padding == "valid":
        return [[0, 0], [0, 0]]
    if padding == "same":
        return [same_padding(*of_dimension) for of_dimension in zip(shape, size, stride, dilation)]
    return [pair(of_dimension) for of_dimension in pair(padding)]


def activate(name, value, slope=0.01):
    if name is None:
        return value
    if name == "softmax":
        return functional.softmax(value, dim=1)
    if name == "leaky_relu":
        return functional.leaky_relu(value, slope)
    if name == "gelu":
        return functional.gelu(value, approximate="none")
    return {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[name](value)


def pad(value, padding, filler):
    (top, bottom), (left, right) = padding
    return functional.pad(value, (left, right, top, bottom), value=filler)


def convolve(options, parameters, value):
    size = pair(options["kernel_size"])
    stride, dilation = pair(options.get("stride", 1)), pair(options.get("dilation", 1))
    padding = resolve_padding(options.get("padding", "valid"), value.shape[2:], size, stride, dilation)
    value = functional.conv2d(pad(value, padding, 0.0), parameters["weight"], parameters.get("bias"),
                              stride=stride, dilation=dilation, groups=options.get("groups", 1))
    return activate(options.get("activation"), value)


def pool(options, value):
    size = pair(options["size"])
    stride = pair(options.get("stride", size))
    ceil = options.get("ceil", False)
    padding = resolve_padding(options.get("padding", 0), value.shape[2:], size, stride, [1, 1])
    if all(before == after for before, after in padding):
        inner = [before for before, _ in padding]
    else:
        # PyTorch's pools pad both ends alike only, so the padding is laid on
        # beforehand. PyTorch then no longer knows what is padding, and keeps a
        # window that starts in it; such a case would be ambiguous.
        for length, (before, after), window, step in zip(value.shape[2:], padding, size, stride):
            rounded_up = math.ceil((length + before + after - window) / step)
            assert not ceil or rounded_up * step < length + before
        inner = [0, 0]
        value = pad(value, padding, -math.inf if options["kind"] == "max" else 0.0)
    if options["kind"] == "max":
        return functional.max_pool2d(value, size, stride, inner, ceil_mode=ceil)
    return functional.avg_pool2d(value, size, stride, inner, ceil_mode=ceil, count_include_pad=True)


def normalize(options, parameters, value, training):
    # PyTorch writes the new statistics into the tensors it is given.
    return functional.batch_norm(
        value, parameters["running_mean"], parameters["running_var"], parameters.get("weight"),
        parameters.get("bias"), training, options.get("momentum", 0.1), options.get("epsilon", 1e-5))


def forward(layers, parameters, value, training=True):
    for options, own in zip(layers, parameters, strict=True):
        match options["type"]:
            case "conv":
                value = convolve(options, own, value)
            case "pool":
                value = pool(options, value)
            case "dense":
                # The weight is [inputs, units], transposed relative to PyTorch.
                value = value @ own["weight"]
                value = value + own["bias"] if "bias" in own else value
                value = activate(options.get("activation"), value)
            case "activation":
                value = activate(options["fn"], value, options.get("slope", 0.01))
            case "flatten":
                value = value.flatten(1)
            case "batch_norm":
                value = normalize(options, own, value, training)
            case other:
                raise ValueError(other)
    return value


def normal(generator, *shape):
    return torch.randn(shape, generator=generator)


def initial_parameters(layers, shape, generator):
    """Parameters of each layer such that all values stay about one."""
    parameters = []
    # A dry run finds the shape that each layer meets.
    value = torch.zeros(2, *shape)
    for options in layers:
        own = {}
        match options["type"]:
            case "conv":
                channels = value.shape[1] // options.get("groups", 1)
                size = pair(options["kernel_size"])
                fan_in = channels * size[0] * size[1]
                own["weight"] = normal(generator, options["filters"], channels, *size) / fan_in**0.5
                if options.get("bias", True):
                    own["bias"] = normal(generator, options["filters"]) / 2
            case "dense":
                own["weight"] = normal(generator, value.shape[1], options["units"]) / value.shape[1] ** 0.5
                if options.get("bias", True):
                    own["bias"] = normal(generator, options["units"]) / 2
            case "batch_norm":
                channels = value.shape[1]
                if options.get("affine", True):
                    own["weight"] = 1 + normal(generator, channels) / 3
                    own["bias"] = normal(generator, channels) / 2
                own["running_mean"] = normal(generator, channels) / 2
                own["running_var"] = 0.5 + torch.rand(channels, generator=generator)
        parameters.append(own)
        value = forward([options], [copy(own)], value)
    return parameters


def copy(tensors, dtype=torch.float32):
    return {name: tensor.detach().clone().to(dtype) for name, tensor in tensors.items()}


def learnable(own):
    return {name: tensor for name, tensor in own.items() if not name.startswith("running")}


# File A ----------------------------------------------------------------------


def run_case(layers, parameters, value, output_gradient, dtype):
    """All that the layers make of a value: results by name."""
    results = {}
    own = [copy(tensors, dtype) for tensors in parameters]
    for tensors in own:
        for tensor in learnable(tensors).values():
            tensor.requires_grad_()
    value = value.to(dtype, copy=True).requires_grad_()
    has_statistics = any(options["type"] == "batch_norm" for options in layers)
    if has_statistics:
        # Before the training forward, which changes the statistics.
        with torch.no_grad():
            results["output_evaluation"] = forward(layers, own, value, training=False)
    output = forward(layers, own, value)
    output_gradient = output_gradient(output.shape).to(dtype)
    output.backward(output_gradient)
    results |= {"output": output, "output_gradient": output_gradient, "input_gradient": value.grad}
    for index, tensors in enumerate(own):
        for name, tensor in tensors.items():
            if name.startswith("running"):
                results[f"{index}.{name}_after"] = tensor
            else:
                results[f"{index}.{name}_gradient"] = tensor.grad
    # Copies: some share memory, and safetensors refuses those.
    return {name: tensor.detach().clone().contiguous() for name, tensor in results.items()}


def make_layers():
    declare_convolutions()
    declare_pools()
    declare_others()
    tensors, cases, worst = {}, [], (0.0, "")
    for name in sorted(CASES):
        shape, text = CASES[name]
        layers = tomllib.loads(f"layers = {text}")["layers"]
        # Seeded by its name, a case keeps its values when others come or go.
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        generator = torch.Generator().manual_seed(seed)
        parameters = initial_parameters(layers, shape, generator)
        normalized = any(options["type"] == "batch_norm" for options in layers)
        value = normal(generator, BATCH_NORM_BATCH if normalized else BATCH, *shape)
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
        for index, own in enumerate(parameters):
            for key, tensor in own.items():
                tensors[f"{name}/{index}.{key}"] = tensor
        cases.append({"name": name, "input": shape, "layers": text})
    print(f"layers: {len(cases)} cases, {len(tensors)} tensors; "
          f"float32 against float64 at most {worst[0]:.1e} ({worst[1]})")
    return tensors, {"cases": json.dumps(cases)}


def relative_difference(tensor, exact):
    """The greatest of |difference| / (1 + |exact|)."""
    return ((tensor.double() - exact).abs() / (1 + exact.abs())).max().item()


# File B ----------------------------------------------------------------------

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
LAYERS_OF_OTHER_RUNS = {0, 2, 6, 7}


def train(layers, parameters, inputs, labels, make_optimizer, dtype):
    own = [copy(tensors, dtype) for tensors in parameters]
    weights = [tensor.requires_grad_() for tensors in own for tensor in tensors.values()]
    optimizer = make_optimizer(weights)
    losses, first_logits, first_gradients = [], None, None
    for batch, batch_labels in zip(inputs.to(dtype), labels):
        optimizer.zero_grad()
        logits = forward(layers, own, batch)
        loss = functional.cross_entropy(logits, batch_labels)
        loss.backward()
        if first_logits is None:
            first_logits = logits.detach()
            first_gradients = [{name: tensor.grad.clone() for name, tensor in tensors.items()} for tensors in own]
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses), [copy(tensors, dtype) for tensors in own], first_logits, first_gradients


def make_training():
    generator = torch.Generator().manual_seed(5)
    layers = tomllib.loads(LENET_5)["layers"]
    parameters = initial_parameters(layers, (1, 32, 32), generator)
    inputs = normal(generator, STEPS, TRAINING_BATCH, 1, 32, 32)
    labels = torch.randint(10, (STEPS, TRAINING_BATCH), generator=generator)
    tensors = {"inputs": inputs, "labels": labels}

    def store(prefix, own, chosen=None):
        for index, of_layer in enumerate(own):
            if chosen is None or index in chosen:
                for name, tensor in of_layer.items():
                    tensors[f"{prefix}/{index}.{name}"] = tensor.contiguous()

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
    return max(relative_difference(tensor, exact_of_layer[name])
               for of_layer, exact_of_layer in zip(own, exact) for name, tensor in of_layer.items())


# File C ----------------------------------------------------------------------

BASE_RATE = 0.1
EPOCHS = 4
STEPS_PER_EPOCH = 10
ALL_STEPS = EPOCHS * STEPS_PER_EPOCH


def rates(make_scheduler, step_of_scheduler):
    """The rate that each step is made with."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE_RATE)
    scheduler = make_scheduler(optimizer)
    used = []
    for step in range(ALL_STEPS):
        used.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if (step + 1) % step_of_scheduler == 0:
            scheduler.step()
    return used


def warm_up_then_cosine(step):
    if step < STEPS_PER_EPOCH:
        return (step + 1) / STEPS_PER_EPOCH
    return (1 + math.cos(math.pi * (step - STEPS_PER_EPOCH) / (ALL_STEPS - STEPS_PER_EPOCH))) / 2


def make_schedules():
    schedulers = torch.optim.lr_scheduler
    return {
        "base_rate": BASE_RATE,
        "epochs": EPOCHS,
        "steps_per_epoch": STEPS_PER_EPOCH,
        "constant": rates(lambda optimizer: schedulers.LambdaLR(optimizer, lambda _: 1.0), 1),
        "cosine": rates(lambda optimizer: schedulers.CosineAnnealingLR(optimizer, T_max=ALL_STEPS), 1),
        # The scheduler counts epochs here, not steps.
        "step": rates(lambda optimizer: schedulers.StepLR(optimizer, step_size=2, gamma=0.1), STEPS_PER_EPOCH),
        "cosine_warm_up": rates(lambda optimizer: schedulers.LambdaLR(optimizer, warm_up_then_cosine), 1),
    }


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
        "layers": make_layers(),
        "training": make_training(),
    }.items():
        save_file(tensors, folder / f"{name}.safetensors", metadata=metadata)
    (folder / "schedules.json").write_text(json.dumps(make_schedules(), indent=1) + "\n")


if __name__ == "__main__":
    main()
