#!/usr/bin/env python3
"""Makes layers, language and training.safetensors anew.

    python3 generate.py [--output FOLDER]

Wants Python 3.11 or newer with torch, numpy and safetensors. README.md beside
this file describes the format. Everything is seeded and in float32. `cases/`
holds the networks, `layers/` computes them, `training.py` trains one.
"""

import argparse
import hashlib
import json
import tomllib
from pathlib import Path

import torch
from safetensors.torch import save_file

from cases import CASES
from cases.first import declare_convolutions, declare_others, declare_pools
from cases.others import declare_activations, declare_compositions, declare_norms, declare_shapes
from cases.windows import (
    declare_connections_and_kernels,
    declare_convolutions_of_each_rank,
    declare_padding_modes,
    declare_pools_of_each_rank,
    declare_pools_to_a_size,
    declare_separated_convolutions,
    declare_transposed_convolutions,
)
from layers import forward
from layers.scope import Scope
from training import make_training
from weights import copy, initial_parameters, is_running, normal, relative_difference

BATCH = 2
# Over a batch of two, batch norm of single values can only give plus and minus
# one and a gradient of nearly zero, which checks nothing.
BATCH_NORM_BATCH = 3

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
