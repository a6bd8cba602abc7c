"""training.safetensors: LeNet-5, five steps of some optimizers."""

import tomllib

import torch
import torch.nn.functional as functional

from layers import forward
from layers.scope import Scope
from weights import copy, initial_parameters, normal, relative_difference

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
