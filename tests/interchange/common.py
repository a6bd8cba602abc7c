"""What the comparisons with other programs share: networks with random weights, and what `cnn` answers with them.

Needs numpy and safetensors, and a `cnn` that is built: `--cnn PATH`, else target/release/cnn or target/debug/cnn.
"""

import argparse
import json
import math
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parents[2]
LAYERS = sorted((ROOT / "tests/interchange/configs").glob("*.toml"))

# Inputs at which the networks of configs/ are small; the rest have their own.
SMALL = {
    "alexnet": [3, 71, 71],
    "alexnet-2012": [3, 71, 71],
    "densenet121": [3, 64, 64],
    "googlenet": [3, 64, 64],
    "inception-bn": [3, 64, 64],
    "mobilenet-v1": [3, 64, 64],
    "mobilenet-v2": [3, 64, 64],
    "resnet18": [3, 64, 64],
    "resnet34": [3, 64, 64],
    "resnet50": [3, 64, 64],
    "resnet50-2015": [3, 64, 64],
    "resnet101": [3, 64, 64],
    "resnet152": [3, 64, 64],
    "squeezenet1_0": [3, 71, 71],
    "squeezenet1_1": [3, 71, 71],
    "vgg11": [3, 32, 32],
    "vgg16": [3, 32, 32],
    "vgg19": [3, 32, 32],
}
ZOO = sorted((ROOT / "configs").glob("*.toml"))

# Answers are compared as numbers, whatever the network is for; bytes become values around zero.
REST = """
[data]
normalize = { mean = [0.5], std = [0.25] }
invert = false

[train]
loss = "mse"
"""


class TooLarge(Exception):
    """A network has more weights than are asked for."""


class Network:
    """A config's network with random weights, as a run in a folder of its own."""

    def __init__(self, cnn, config, folder, inputs=2, rest=REST, most=math.inf):
        self.cnn = cnn
        self.folder = Path(folder)
        self.name = config.stem
        text = model_alone(config.read_text())
        if self.name in SMALL and config.parent.name == "configs" and config in ZOO:
            text = re.sub(r"(?m)^input = .*$", f"input = {SMALL[self.name]}", text, count=1)
        (self.folder / "net.toml").write_text(text + rest)
        about = json.loads(self.run("inspect", "net.toml", "--json"))
        self.input = about["input"]
        weights = {one["name"]: one["shape"] for one in about["weights"]}
        if sum(map(math.prod, weights.values())) > most * 1e6:
            raise TooLarge
        random = np.random.default_rng(sum(map(ord, self.name)))
        self.weights = {name: draw(random, name, shape) for name, shape in weights.items()}
        # Files of other programs have a dense layer's weights the other way round; norms of signals have a bias of two dimensions.
        turned = {
            name: np.ascontiguousarray(one.T if self.is_matrix(name) else one) for name, one in self.weights.items()
        }
        save_file(turned, self.folder / "random.safetensors")
        self.run("import", "random.safetensors", "--into", "net.toml", "--as", "net")
        pictures = random.integers(0, 256, [inputs, *self.input], dtype=np.uint8)
        self.inputs = ((pictures * np.float32(1 / 255) - np.float32(0.5)) / np.float32(0.25)).astype(np.float32)
        for number, picture in enumerate(pictures):
            np.save(self.folder / f"{number}.npy", picture)

    def is_matrix(self, name):
        """Tells whether a weight is that of a dense layer."""
        bias = self.weights.get(f"{name.removesuffix('weight')}bias")
        return name.endswith("weight") and self.weights[name].ndim == 2 and (bias is None or bias.ndim != 2)

    def run(self, *arguments):
        """Runs `cnn` in the network's folder; returns what it writes."""
        done = subprocess.run([self.cnn, *arguments], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"cnn {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def export(self, *arguments):
        """Writes the network for another program."""
        return self.run("export", "net", *arguments)

    def answers(self, names=None):
        """Returns what `cnn` answers to the inputs, or to files of the folder, a row each."""
        names = names or [f"{number}.npy" for number in range(len(self.inputs))]
        lines = self.run("predict", *names, "--model", "net", "--json").splitlines()
        named = [json.loads(line)["values"] for line in lines]
        rows = [[values[str(number)] for number in range(len(values))] for values in named]
        return np.array(rows, dtype=np.float64)


def model_alone(text):
    """Leaves out all tables of a config but those of the network."""
    parts = re.split(r"(?m)^(?=\[[a-z])", text)
    return "".join(part for part in parts if re.match(r"\[(model|blocks)[\].]", part))


def draw(random, name, shape):
    """Draws a weight such that values keep their size from layer to layer."""
    own = name.rsplit(".", 1)[-1]
    if own == "running_var":
        values = random.uniform(0.5, 2.0, shape)
    elif own in ("bias", "running_mean"):
        values = random.normal(0.0, 0.2, shape)
    elif len(shape) == 1:
        values = random.uniform(0.5, 1.5, shape)
    else:
        # Of a dense layer the inputs come first.
        reach = shape[0] if len(shape) == 2 else math.prod(shape[1:])
        values = random.normal(0.0, math.sqrt(1.5 / reach), shape)
    return values.astype(np.float32)


def difference(ours, theirs):
    """Returns the largest difference between answers, in units of the largest answer or of 1."""
    theirs = np.asarray(theirs, dtype=np.float64).reshape(ours.shape)
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return math.inf
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max()))


def arguments_of(what):
    """Reads the command line; finds the binary where none is named."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--cnn", type=Path, help="the binary")
    parser.add_argument("--only", help="networks whose name holds this text")
    parser.add_argument("--layers", action="store_true", help="the layers alone, without configs/")
    parser.add_argument("--most", type=float, default=math.inf, help="networks of at most so many million weights")
    arguments = parser.parse_args()
    built = [ROOT / "target/release/cnn", ROOT / "target/debug/cnn"]
    arguments.cnn = arguments.cnn or next((path for path in built if path.exists()), None)
    if arguments.cnn is None:
        parser.error("there is no cnn in target/: build it, or give --cnn")
    arguments.cnn = arguments.cnn.resolve()
    return arguments


def compare_all(what, compare, tolerance=1e-5):
    """Compares every network with another program; `compare(network)` yields its answers to `network.inputs`, in one way or
    in several.

    Ends with 1 if one differs by more than the tolerance, or fails.
    """
    arguments = arguments_of(what)
    configs = LAYERS + ([] if arguments.layers else ZOO)
    configs = [config for config in configs if not arguments.only or arguments.only in config.stem]
    if not configs:
        raise SystemExit("no network is called so")
    failed, left_out = [], 0
    for config in configs:
        with tempfile.TemporaryDirectory() as folder:
            try:
                network = Network(arguments.cnn, config, folder, most=arguments.most)
                ours = network.answers()
                found = max(difference(ours, theirs) for theirs in compare(network))
                verdict = f"{found:.1e}"
                is_fine = found <= tolerance
            except TooLarge:
                left_out += 1
                continue
            except Exception as error:
                verdict, is_fine = f"{type(error).__name__}: {error}", False
        print(f"{'ok  ' if is_fine else 'FAIL'} {config.stem:28} {verdict}", flush=True)
        if not is_fine:
            failed.append(config.stem)
    left = f"; {left_out} of more weights were left out" if left_out else ""
    count = len(configs) - left_out
    print(f"{count - len(failed)} of {count} networks are equal within {tolerance:g}{left}")
    raise SystemExit(1 if failed else 0)
