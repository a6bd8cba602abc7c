"""Writes networks as Keras saves them, and what they answer: `python import_keras.py`, with keras, torch, h5py, safetensors."""

import gzip
import json
import os
import tarfile
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
from keras import layers as L
from safetensors.numpy import save_file

ARCHIVE = Path(__file__).parent / "import" / "keras.tar.gz"

# Each network: what Keras builds it from, the shape of an input (channels first), the layers in our language, and the
# files to write.
NETWORKS = {
    "planes": (
        lambda: keras.Sequential(
            [
                L.Input((9, 8, 2)),
                L.Conv2D(4, (3, 2), strides=2, padding="same", name="first"),
                L.BatchNormalization(),
                L.PReLU(shared_axes=[1, 2, 3]),
                L.DepthwiseConv2D((2, 3), depth_multiplier=2, padding="same", activation="relu"),
                L.Conv2D(4, 3, groups=2, padding="same", use_bias=False),
                L.SeparableConv2D(6, 3, depth_multiplier=2, padding="same"),
                L.Flatten(),
                L.Dropout(0.5),
                L.Dense(5, activation="tanh"),
                L.Dense(3, activation="softmax"),
            ]
        ),
        [2, 9, 8],
        """
  { type = "conv", filters = 4, kernel_size = [3, 2], stride = 2, padding = "same" },
  { type = "batch_norm", epsilon = 0.001 },
  { type = "activation", fn = "prelu" },
  { type = "depthwise_conv", multiplier = 2, kernel_size = [2, 3], padding = "same", activation = "relu" },
  { type = "conv", filters = 4, kernel_size = 3, groups = 2, padding = "same", bias = false },
  { type = "separable_conv", filters = 6, multiplier = 2, kernel_size = 3, padding = "same" },
  { type = "flatten" },
  { type = "dropout", rate = 0.5 },
  { type = "dense", units = 5, activation = "tanh" },
  { type = "dense", units = 3, activation = "softmax" },
""",
        ["planes.weights.h5", "planes.h5"],
    ),
    # A row becomes maps, and maps become a row that is normalized.
    "transposed": (
        lambda: keras.Sequential(
            [
                L.Input((1, 5)),
                L.Flatten(),
                L.Dense(18),
                L.BatchNormalization(),
                L.Reshape((3, 2, 3)),
                L.Conv2DTranspose(4, (2, 3), strides=(2, 1)),
                L.LayerNormalization(axis=[1, 2, 3]),
                L.Conv2DTranspose(2, (3, 2), strides=2, padding="same", activation="relu"),
                L.Flatten(),
                L.LayerNormalization(),
                L.Dense(3),
            ]
        ),
        [5, 1],
        """
  { type = "flatten" },
  { type = "dense", units = 18 },
  { type = "batch_norm", epsilon = 0.001 },
  { type = "reshape", shape = [3, 3, 2] },
  { type = "conv_transpose", filters = 4, kernel_size = [2, 3], stride = [2, 1] },
  { type = "layer_norm", epsilon = 0.001 },
  { type = "conv_transpose", filters = 2, kernel_size = [3, 2], stride = 2, padding = "same", activation = "relu" },
  { type = "flatten" },
  { type = "layer_norm", epsilon = 0.001 },
  { type = "dense", units = 3 },
""",
        ["transposed.keras"],
    ),
    "signal": (
        lambda: keras.Sequential(
            [
                L.Input((12, 2)),
                L.Conv1D(4, 3),
                L.GroupNormalization(2),
                L.DepthwiseConv1D(3, depth_multiplier=2),
                L.SeparableConv1D(4, 2, use_bias=False),
                L.Conv1DTranspose(3, 3, strides=2),
                L.GlobalAveragePooling1D(),
                L.Dense(3),
            ]
        ),
        [2, 12],
        """
  { type = "conv", filters = 4, kernel_size = 3 },
  { type = "group_norm", groups = 2, epsilon = 0.001 },
  { type = "depthwise_conv", multiplier = 2, kernel_size = 3 },
  { type = "separable_conv", filters = 4, kernel_size = 2, bias = false },
  { type = "conv_transpose", filters = 3, kernel_size = 3, stride = 2 },
  { type = "global_pool", kind = "avg" },
  { type = "dense", units = 3 },
""",
        ["signal.weights.h5"],
    ),
    "volume": (
        lambda: keras.Sequential(
            [
                L.Input((4, 5, 3, 1)),
                L.Conv3D(2, (2, 3, 1)),
                L.Conv3DTranspose(2, (1, 2, 2)),
                L.Flatten(),
                L.Dense(3),
            ]
        ),
        [1, 4, 5, 3],
        """
  { type = "conv", filters = 2, kernel_size = [2, 3, 1] },
  { type = "conv_transpose", filters = 2, kernel_size = [1, 2, 2] },
  { type = "flatten" },
  { type = "dense", units = 3 },
""",
        ["volume.weights.h5"],
    ),
    # Layers within a model within the model, more than ten of a kind, two rows side by side.
    "nested": (
        lambda: nested(),
        [2, 5, 4],
        """
  { type = "conv", filters = 2, kernel_size = 3, padding = "same" },
  { type = "conv", filters = 2, kernel_size = 3, padding = "same" },
  { type = "block", use = "many", repeat = 10 },
  { type = "residual", layers = [
    { type = "conv", filters = 2, kernel_size = [1, 3], padding = "same" },
  ], shortcut = [
    { type = "conv", filters = 2, kernel_size = 1 },
  ] },
  { type = "branches", merge = "concat", branches = [
    [{ type = "flatten" }],
    [{ type = "conv", filters = 3, kernel_size = 2 }, { type = "flatten" }],
  ] },
  { type = "dense", units = 3 },

[blocks.many]
layers = [{ type = "conv", filters = 2, kernel_size = 3, padding = "same", activation = "tanh" }]
""",
        ["nested.weights.h5", "nested.h5"],
    ),
    # Two layers that only their names tell apart.
    "named": (
        lambda: named(),
        [2, 4, 3],
        """
  { type = "branches", merge = "concat", branches = [
    [{ type = "conv", name = "left", filters = 2, kernel_size = 2 }],
    [{ type = "conv", name = "right", filters = 2, kernel_size = 2 }],
  ] },
  { type = "flatten" },
  { type = "dense", name = "head", units = 3 },
""",
        ["named.weights.h5", "named.h5"],
    ),
    # Layers side by side that only their connections tell apart.
    "residual": (
        lambda: residual(),
        [2, 4, 3],
        """
  { type = "conv", filters = 3, kernel_size = 1, bias = false },
  { type = "batch_norm", epsilon = 0.001 },
  { type = "residual", activation = "relu", layers = [
    { type = "conv", filters = 3, kernel_size = 3, padding = "same", bias = false },
    { type = "batch_norm", epsilon = 0.001 },
    { type = "activation", fn = "relu" },
    { type = "conv", filters = 3, kernel_size = 1, bias = false },
    { type = "batch_norm", epsilon = 0.001 },
  ], shortcut = [
    { type = "conv", filters = 3, kernel_size = 1, bias = false },
    { type = "batch_norm", epsilon = 0.001 },
  ] },
  { type = "global_pool", kind = "avg" },
  { type = "dense", units = 3 },
""",
        ["residual.keras", "residual.h5"],
    ),
    # Weights in 16 and 64 bits, attributes of a model that is a class.
    "widths": (
        lambda: Widths(),
        [2, 4, 3],
        """
  { type = "conv", filters = 2, kernel_size = 2 },
  { type = "conv", filters = 2, kernel_size = 2 },
  { type = "global_pool", kind = "avg" },
  { type = "dense", units = 4 },
  { type = "dense", units = 3 },
""",
        ["widths.weights.h5"],
    ),
}


class Widths(keras.Model):
    """By the alphabet the last layers come first."""

    def __init__(self):
        super().__init__()
        self.second = [L.Conv2D(2, 2, dtype="bfloat16"), L.Conv2D(2, 2, dtype="float16")]
        self.pool = L.GlobalAveragePooling2D()
        self.first = L.Dense(4, dtype="float64")
        self.alone = L.Dense(3)
        self(np.zeros([1, 4, 3, 2], np.float32))

    def call(self, x):
        for layer in self.second:
            x = layer(x)
        return self.alone(self.first(self.pool(x)))


def residual():
    given = L.Input((4, 3, 2))
    both = lambda x, size=1: L.BatchNormalization()(L.Conv2D(3, size, padding="same", use_bias=False)(x))
    x = both(given)
    around = both(x)
    x = both(L.ReLU()(both(x, 3)))
    x = L.ReLU()(L.Add()([around, x]))
    return keras.Model(given, L.Dense(3)(L.GlobalAveragePooling2D()(x)))


def named():
    given = L.Input((4, 3, 2))
    right = L.Conv2D(2, 2, name="right")(given)
    left = L.Conv2D(2, 2, name="left")(given)
    return keras.Model(given, L.Dense(3, name="head")(L.Flatten()(L.Concatenate()([left, right]))))


def nested():
    conv = lambda: L.Conv2D(2, 3, padding="same", activation="tanh")
    stem = keras.Sequential([L.Conv2D(2, 3, padding="same") for _ in range(2)])
    given = L.Input((5, 4, 2))
    x = stem(given)
    for _ in range(10):
        x = conv()(x)
    x = L.Add()([L.Conv2D(2, (1, 3), padding="same")(x), L.Conv2D(2, 1)(x)])
    other = L.Conv2D(3, 2)(x)
    x = L.Concatenate()([L.Flatten()(x), L.Flatten()(other)])
    return keras.Model(given, L.Dense(3)(x))


def as_float32(net):
    """Makes the network anew: what it answers in its own widths is rounded."""
    olds = [*net.second, net.pool, net.first, net.alone]
    news = [type(old).from_config(old.get_config() | {"dtype": "float32"}) for old in olds]
    whole = keras.Sequential([L.Input((4, 3, 2)), *news])
    for old, new in zip(olds, news):
        new.set_weights([keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32")) for weight in old.weights])
    return whole


def config(name, shape, layers):
    head, *blocks = layers.strip("\n").split("\n\n", 1)
    return "\n".join([
        "[model]", f'name = "{name}"', f"input = {json.dumps(shape)}", "layers = [", head, "]", "", *blocks, "",
    ])


def pack(folder):
    """The files are mostly empty space; packed they take a tenth. Without dates, so that the same files are the same bytes."""
    with gzip.GzipFile(ARCHIVE, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted(folder.iterdir()):
            entry = tarfile.TarInfo(path.name)
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(entry, file)


def main():
    arrays, cases = {}, []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for number, (name, network) in enumerate(NETWORKS.items()):
            write(folder, number, name, network, arrays, cases)
        save_file(arrays, folder / "answers.safetensors", {"cases": json.dumps(cases)})
        pack(folder)


def write(folder, number, name, network, arrays, cases):
    build, shape, layers, files = network
    keras.utils.clear_session()
    random = np.random.default_rng(number)
    net = build()
    for variable in net.variables:
        if not variable.path.split("/")[-1].startswith("seed"):
            low = 0.5 if variable.path.endswith(("gamma", "variance", "alpha")) else -0.5
            values = random.uniform(low, low + 1, variable.shape)
            # Such as have a place in all widths.
            variable.assign(np.round(values * 64) / 64)
    for file in files:
        if file.endswith(".weights.h5"):
            net.save_weights(folder / file)
        else:
            net.save(folder / file)
        cases.append({"name": name, "file": file})
    (folder / f"{name}.toml").write_text(config(name, shape, layers))
    inputs = random.standard_normal([3, *shape]).astype(np.float32)
    if isinstance(net, Widths):
        net = as_float32(net)
    # What is compared are logits.
    net.layers[-1].activation = keras.activations.linear
    arrays[f"{name}/inputs"] = inputs
    # Keras has channels last.
    arrays[f"{name}/logits"] = net(np.moveaxis(inputs, 1, -1), training=False).detach().numpy()


main()
