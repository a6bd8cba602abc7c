#!/usr/bin/env python3
"""Makes optimizers.safetensors, groups.safetensors, losses.safetensors and schedules.json anew.

    python3 recipes.py [--output FOLDER]

Wants Python 3.11 or newer with torch and safetensors. README.md beside this
file describes the format. Everything is seeded.
"""

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors.torch import save_file

# optimizers.safetensors ------------------------------------------------------

STEPS = 10

# Of `conv` with 3 filters of 2x3x3 on [2, 4, 4] and `dense` with 4 units after
# it; a dense weight is PyTorch's transposed in our files.
SHAPES = {"0.weight": (3, 2, 3, 3), "0.bias": (3,), "2.weight": (4, 12), "2.bias": (4,)}


class Lamb:
    """You et al. 2019, algorithm 2, with the means corrected as Adam's are."""

    def __init__(self, weights, rate, beta1=0.9, beta2=0.999, epsilon=1e-6, decay=0.01):
        self.weights, self.rate, self.decay = weights, rate, decay
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.steps = 0
        self.means = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in weights]

    @torch.no_grad()
    def step(self):
        self.steps += 1
        for weight, (mean, square) in zip(self.weights, self.means):
            mean.mul_(self.beta1).add_(weight.grad, alpha=1 - self.beta1)
            square.mul_(self.beta2).addcmul_(weight.grad, weight.grad, value=1 - self.beta2)
            ratio = mean / (1 - self.beta1**self.steps)
            ratio = ratio / ((square / (1 - self.beta2**self.steps)).sqrt() + self.epsilon)
            trust = 1.0
            if self.decay > 0:
                ratio = ratio + self.decay * weight
                if weight.norm() > 0 and ratio.norm() > 0:
                    trust = weight.norm() / ratio.norm()
            weight.sub_(self.rate * trust * ratio)


class Lion:
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, weights, rate, beta1=0.9, beta2=0.99, decay=0.0):
        self.weights, self.rate, self.decay = weights, rate, decay
        self.beta1, self.beta2 = beta1, beta2
        self.means = [torch.zeros_like(weight) for weight in weights]

    @torch.no_grad()
    def step(self):
        for weight, mean in zip(self.weights, self.means):
            direction = (self.beta1 * mean + (1 - self.beta1) * weight.grad).sign()
            weight.sub_(self.rate * (direction + self.decay * weight))
            mean.mul_(self.beta2).add_(weight.grad, alpha=1 - self.beta2)


class Adan:
    """Xie et al. 2022, algorithm 1 without its restart, the betas as 1 − theirs and the means corrected."""

    def __init__(self, weights, rate, betas=(0.98, 0.92, 0.99), epsilon=1e-8, decay=0.0):
        self.weights, self.rate, self.decay = weights, rate, decay
        self.betas, self.epsilon = betas, epsilon
        self.steps = 0
        self.means = [[torch.zeros_like(weight) for _ in betas] for weight in weights]
        self.before = [None for _ in weights]

    @torch.no_grad()
    def step(self):
        self.steps += 1
        for index, (weight, means) in enumerate(zip(self.weights, self.means)):
            gradient = weight.grad.clone()
            before = gradient if self.before[index] is None else self.before[index]
            self.before[index] = gradient
            difference = gradient - before
            ahead = (gradient + self.betas[1] * difference) ** 2
            for mean, value, beta in zip(means, (gradient, difference, ahead), self.betas):
                mean.mul_(beta).add_(value, alpha=1 - beta)
            first, change, square = (mean / (1 - beta**self.steps) for mean, beta in zip(means, self.betas))
            direction = (first + self.betas[1] * change) / (square.sqrt() + self.epsilon)
            weight.sub_(self.rate * direction).div_(1 + self.rate * self.decay)


class Muon:
    """`torch.optim.Muon` on matrices, `torch.optim.AdamW` on other weights."""

    def __init__(self, weights, rate, decay=0.1, **settings):
        # The weights of a convolution are one row a filter; the view shares their memory.
        self.pairs = [(weight, torch.nn.Parameter(weight.detach().flatten(1)))
                      for weight in weights if weight.ndim > 1]
        self.muon = torch.optim.Muon([matrix for _, matrix in self.pairs], lr=rate, weight_decay=decay, **settings)
        others = [weight for weight in weights if weight.ndim == 1]
        self.adamw = torch.optim.AdamW(others, lr=rate, weight_decay=decay, foreach=False)

    def step(self):
        for weight, matrix in self.pairs:
            matrix.grad = weight.grad.flatten(1).clone()
        # PyTorch iterates in bfloat16, of which three digits are left; here it keeps the numbers it has.
        to = torch.Tensor.to
        torch.Tensor.to = lambda own, *args, dtype=None, copy=False: own.clone() if dtype == torch.bfloat16 else (
            to(own, *args, dtype=dtype, copy=copy))
        try:
            self.muon.step()
        finally:
            torch.Tensor.to = to
        self.adamw.step()


def without_decay_of_biases(make):
    """PyTorch's way: weights of one dimension in a group of their own."""
    def made(weights):
        return make([
            {"params": [weight for weight in weights if weight.ndim > 1]},
            {"params": [weight for weight in weights if weight.ndim == 1], "weight_decay": 0.0},
        ])
    return made


OPTIMIZERS = {
    "sgd": ("{ type = 'sgd', learning_rate = 0.05 }", lambda w: torch.optim.SGD(w, lr=0.05)),
    "sgd_momentum": (
        "{ type = 'sgd', learning_rate = 0.05, momentum = 0.9, dampening = 0.1, weight_decay = 0.01 }",
        lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, dampening=0.1, weight_decay=0.01)),
    "sgd_nesterov": (
        "{ type = 'sgd', learning_rate = 0.05, momentum = 0.9, nesterov = true, weight_decay = 0.01 }",
        lambda w: torch.optim.SGD(w, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)),
    "adam": ("{ type = 'adam', learning_rate = 0.02 }", lambda w: torch.optim.Adam(w, lr=0.02)),
    "adam_amsgrad": (
        "{ type = 'adam', learning_rate = 0.02, amsgrad = true, weight_decay = 0.1 }",
        lambda w: torch.optim.Adam(w, lr=0.02, amsgrad=True, weight_decay=0.1)),
    "adamw": ("{ type = 'adamw', learning_rate = 0.02 }", lambda w: torch.optim.AdamW(w, lr=0.02)),
    "adamw_no_decay_of_biases": (
        "{ type = 'adamw', learning_rate = 0.02, weight_decay = 0.5, decay_bias_and_norm = false }",
        without_decay_of_biases(lambda groups: torch.optim.AdamW(groups, lr=0.02, weight_decay=0.5))),
    "rmsprop": ("'rmsprop'", torch.optim.RMSprop),
    "rmsprop_centered": (
        "{ type = 'rmsprop', learning_rate = 0.02, rho = 0.9, momentum = 0.5, centered = true, weight_decay = 0.1 }",
        lambda w: torch.optim.RMSprop(w, lr=0.02, alpha=0.9, momentum=0.5, centered=True, weight_decay=0.1)),
    "adagrad": ("'adagrad'", torch.optim.Adagrad),
    "adagrad_decay": (
        "{ type = 'adagrad', learning_rate = 0.1, rate_decay = 0.1, initial_accumulator = 0.5, weight_decay = 0.1 }",
        lambda w: torch.optim.Adagrad(w, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.5, weight_decay=0.1)),
    "adadelta": ("'adadelta'", torch.optim.Adadelta),
    "adadelta_decay": (
        "{ type = 'adadelta', learning_rate = 0.5, rho = 0.8, epsilon = 1e-4, weight_decay = 0.1 }",
        lambda w: torch.optim.Adadelta(w, lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.1)),
    "nadam": ("'nadam'", torch.optim.NAdam),
    "nadam_decay": (
        "{ type = 'nadam', learning_rate = 0.02, momentum_decay = 0.05, weight_decay = 0.1 }",
        lambda w: torch.optim.NAdam(w, lr=0.02, momentum_decay=0.05, weight_decay=0.1)),
    "radam": ("'radam'", torch.optim.RAdam),
    "radam_decay": (
        "{ type = 'radam', learning_rate = 0.02, beta2 = 0.9, weight_decay = 0.1 }",
        lambda w: torch.optim.RAdam(w, lr=0.02, betas=(0.9, 0.9), weight_decay=0.1)),
    "lamb": ("{ type = 'lamb', learning_rate = 0.02 }", lambda w: Lamb(w, 0.02)),
    "lamb_no_decay": ("{ type = 'lamb', weight_decay = 0.0 }", lambda w: Lamb(w, 0.001, decay=0.0)),
    "lion": ("{ type = 'lion', learning_rate = 0.01 }", lambda w: Lion(w, 0.01)),
    "lion_decay": ("{ type = 'lion', weight_decay = 1.0 }", lambda w: Lion(w, 1e-4, decay=1.0)),
    "adan": ("{ type = 'adan', learning_rate = 0.02 }", lambda w: Adan(w, 0.02)),
    "adan_decay": ("{ type = 'adan', weight_decay = 0.1 }", lambda w: Adan(w, 0.001, decay=0.1)),
    "muon": ("{ type = 'muon', learning_rate = 0.02 }", lambda w: Muon(w, 0.02)),
    "muon_adjusted": (
        "{ type = 'muon', momentum = 0.9, nesterov = false, adjust = 'match_rms_adamw', weight_decay = 0.0 }",
        lambda w: Muon(w, 0.001, decay=0.0, momentum=0.9, nesterov=False, adjust_lr_fn="match_rms_adamw")),
}


def ours(name, tensor):
    return tensor.detach().clone().T.contiguous() if name == "2.weight" else tensor.detach().clone()


def make_optimizers():
    generator = torch.Generator().manual_seed(11)
    # From step to step the gradients grow and fall, and some change their sign.
    first = {name: torch.randn(shape, generator=generator) * 0.5 for name, shape in SHAPES.items()}
    gradients = [{name: (torch.randn(shape, generator=generator) + 0.3) * 10 ** (-(step % 4) / 2)
                  for name, shape in SHAPES.items()} for step in range(STEPS)]
    tensors = {f"initial/{name}": ours(name, tensor) for name, tensor in first.items()}
    for name in SHAPES:
        tensors[f"gradients/{name}"] = torch.stack([ours(name, own[name]) for own in gradients])
    for run, (_, make) in OPTIMIZERS.items():
        weights = {name: tensor.clone().requires_grad_() for name, tensor in first.items()}
        optimizer = make(list(weights.values()))
        reached = {name: [] for name in SHAPES}
        for own in gradients:
            for name, weight in weights.items():
                weight.grad = own[name].clone()
            optimizer.step()
            for name, weight in weights.items():
                reached[name].append(ours(name, weight))
        for name, steps in reached.items():
            tensors[f"{run}/{name}"] = torch.stack(steps)
    settings = {run: text.replace("'", '"') for run, (text, _) in OPTIMIZERS.items()}
    return tensors, {"runs": json.dumps(settings)}


# losses.safetensors ----------------------------------------------------------

def focal(logits, labels, gamma, weights):
    """Lin et al. 2017, eq. 5, over the sum of the samples' weights."""
    logs = functional.log_softmax(logits, 1).gather(1, labels[:, None])[:, 0]
    own = weights[labels]
    return (-own * (1 - logs.exp()) ** gamma * logs).sum() / own.sum()


def make_losses():
    generator = torch.Generator().manual_seed(12)
    outputs = torch.randn(6, 4, generator=generator) * 3
    labels = torch.tensor([0, 3, 1, 1, 2, 3])
    shares = torch.softmax(torch.randn(6, 4, generator=generator), 1)
    marks = torch.randint(2, (6, 4), generator=generator).float()
    values = torch.randn(6, 4, generator=generator) * 2
    weights = torch.tensor([0.5, 1.0, 2.0, 3.0])
    cross_entropy = functional.cross_entropy
    cases = {
        "cross_entropy": lambda x: cross_entropy(x, labels),
        "cross_entropy_smoothed": lambda x: cross_entropy(x, labels, label_smoothing=0.1),
        "cross_entropy_weighted": lambda x: cross_entropy(x, labels, weight=weights),
        "cross_entropy_both": lambda x: cross_entropy(x, labels, weight=weights, label_smoothing=0.1),
        "cross_entropy_shares": lambda x: cross_entropy(x, shares),
        "cross_entropy_shares_both": lambda x: cross_entropy(x, shares, weight=weights, label_smoothing=0.1),
        "focal": lambda x: focal(x, labels, 2.0, torch.ones(4)),
        "focal_weighted": lambda x: focal(x, labels, 0.5, weights),
        "binary_cross_entropy": lambda x: functional.binary_cross_entropy_with_logits(x, marks),
        "mse": lambda x: functional.mse_loss(x, values),
        "mae": lambda x: functional.l1_loss(x, values),
        "huber": lambda x: functional.huber_loss(x, values),
        "huber_delta": lambda x: functional.huber_loss(x, values, delta=0.3),
    }
    tensors = {"outputs": outputs, "labels": labels, "shares": shares, "marks": marks, "values": values,
               "weights": weights}
    for name, loss in cases.items():
        own = outputs.clone().requires_grad_()
        value = loss(own)
        value.backward()
        tensors[f"{name}/loss"] = value.detach().reshape(1)
        tensors[f"{name}/gradient"] = own.grad
    return tensors


# schedules.json --------------------------------------------------------------

BASE_RATE = 0.1
EPOCHS = 4
STEPS_PER_EPOCH = 10
ALL_STEPS = EPOCHS * STEPS_PER_EPOCH


def rates(make_scheduler, steps_between):
    """The rate that each step is made with."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE_RATE)
    scheduler = make_scheduler(optimizer)
    used = []
    for step in range(ALL_STEPS):
        used.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if (step + 1) % steps_between == 0:
            scheduler.step()
    return used


def warm_up_then_cosine(step):
    if step < STEPS_PER_EPOCH:
        return (step + 1) / STEPS_PER_EPOCH
    return (1 + math.cos(math.pi * (step - STEPS_PER_EPOCH) / (ALL_STEPS - STEPS_PER_EPOCH))) / 2


# What a plateau watches, an epoch each.
FIGURES = [1.0, 0.8, 0.79999, 0.85, 0.81, 0.9, 0.9, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.49, 0.6, 0.7, 0.8, 0.9, 1.0]


def plateau(**settings):
    """The rate after each figure."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE_RATE)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
    reached = []
    for figure in FIGURES:
        optimizer.step()
        scheduler.step(figure)
        reached.append(float(optimizer.param_groups[0]["lr"]))
    return reached


def make_schedules():
    schedulers = torch.optim.lr_scheduler
    # Of each: the schedule, and the rate of each step. Those of epochs step with an epoch.
    steps = {
        "{ type = 'constant' }": (lambda o: schedulers.LambdaLR(o, lambda _: 1.0), 1),
        "{ type = 'cosine' }": (lambda o: schedulers.CosineAnnealingLR(o, T_max=ALL_STEPS), 1),
        "{ type = 'cosine', minimum = 0.01 }": (
            lambda o: schedulers.CosineAnnealingLR(o, T_max=ALL_STEPS, eta_min=0.01), 1),
        "{ type = 'cosine', warmup_epochs = 1 }": (lambda o: schedulers.LambdaLR(o, warm_up_then_cosine), 1),
        "{ type = 'step', every = 2, gamma = 0.1 }": (
            lambda o: schedulers.StepLR(o, step_size=2, gamma=0.1), STEPS_PER_EPOCH),
        "{ type = 'multi_step', milestones = [1, 3], gamma = 0.5 }": (
            lambda o: schedulers.MultiStepLR(o, milestones=[1, 3], gamma=0.5), STEPS_PER_EPOCH),
        "{ type = 'exponential', gamma = 0.7 }": (
            lambda o: schedulers.ExponentialLR(o, gamma=0.7), STEPS_PER_EPOCH),
        "{ type = 'polynomial' }": (lambda o: schedulers.PolynomialLR(o, total_iters=ALL_STEPS), 1),
        "{ type = 'polynomial', power = 2.0 }": (
            lambda o: schedulers.PolynomialLR(o, total_iters=ALL_STEPS, power=2.0), 1),
        "{ type = 'one_cycle' }": (
            lambda o: schedulers.OneCycleLR(o, max_lr=BASE_RATE, total_steps=ALL_STEPS, cycle_momentum=False), 1),
        "{ type = 'one_cycle', rise = 0.45, initial_divisor = 10.0, final_divisor = 100.0 }": (
            lambda o: schedulers.OneCycleLR(
                o, max_lr=BASE_RATE, total_steps=ALL_STEPS, pct_start=0.45, div_factor=10.0, final_div_factor=100.0,
                cycle_momentum=False), 1),
    }
    plateaus = {
        "{ type = 'plateau' }": {},
        "{ type = 'plateau', patience = 1, gamma = 0.5 }": {"patience": 1, "factor": 0.5},
        "{ type = 'plateau', patience = 0, cooldown = 2, gamma = 0.5, minimum = 0.02 }": {
            "patience": 0, "cooldown": 2, "factor": 0.5, "min_lr": 0.02},
    }
    def quoted(text):
        return text.replace("'", '"')
    return {
        "base_rate": BASE_RATE,
        "epochs": EPOCHS,
        "steps_per_epoch": STEPS_PER_EPOCH,
        "steps": {quoted(key): rates(*made) for key, made in steps.items()},
        "figures": FIGURES,
        "plateaus": {quoted(key): plateau(**settings) for key, settings in plateaus.items()},
    }


# groups.safetensors -----------------------------------------------------------

# PyTorch's groups of parameters: the convolution at a tenth of the rate, the dense layer at twice the rate.
GROUPS = {
    "sgd": ("optimizer = { type = 'sgd', learning_rate = 0.05, momentum = 0.9, weight_decay = 0.01 }",
            0.05, lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.9, weight_decay=0.01)),
    "adamw": ("optimizer = { type = 'adamw', learning_rate = 0.02, weight_decay = 0.1 }",
              0.02, lambda groups: torch.optim.AdamW(groups, lr=0.02, weight_decay=0.1)),
    "rmsprop": ("optimizer = { type = 'rmsprop', learning_rate = 0.02, weight_decay = 0.1, momentum = 0.5 }",
                0.02, lambda groups: torch.optim.RMSprop(groups, lr=0.02, weight_decay=0.1, momentum=0.5)),
}
FACTORS = {"0": 0.1, "2": 2.0}


def make_groups():
    """Five steps with the weights and gradients of optimizers.safetensors."""
    given, _ = make_optimizers()
    theirs = lambda name, tensor: tensor.T.contiguous() if name == "2.weight" else tensor.clone()
    tensors = {}
    for run, (_, rate, make) in GROUPS.items():
        weights = {name: theirs(name, given[f"initial/{name}"]).requires_grad_() for name in SHAPES}
        optimizer = make([{"params": [weights[f"{layer}.weight"], weights[f"{layer}.bias"]], "lr": rate * factor}
                          for layer, factor in FACTORS.items()])
        reached = {name: [] for name in SHAPES}
        for step in range(5):
            for name, weight in weights.items():
                weight.grad = theirs(name, given[f"gradients/{name}"][step])
            optimizer.step()
            for name, weight in weights.items():
                reached[name].append(ours(name, weight))
        for name, steps in reached.items():
            tensors[f"{run}/{name}"] = torch.stack(steps)
    runs = {run: settings for run, (settings, *_) in GROUPS.items()}
    return tensors, {"runs": json.dumps(runs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    tensors, metadata = make_optimizers()
    save_file(tensors, folder / "optimizers.safetensors", metadata=metadata)
    tensors, metadata = make_groups()
    save_file(tensors, folder / "groups.safetensors", metadata=metadata)
    save_file(make_losses(), folder / "losses.safetensors")
    (folder / "schedules.json").write_text(json.dumps(make_schedules(), indent=1) + "\n")


if __name__ == "__main__":
    main()
