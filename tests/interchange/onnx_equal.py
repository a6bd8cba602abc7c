"""Holds exported networks to ONNX Runtime: the file passes ONNX's full check and answers as `cnn` does.

Usage: python tests/interchange/onnx_equal.py [--cnn PATH] [--only TEXT] [--layers]

Each network is written four ways: as it is, with normalizations folded, with its preprocessing, and after a way back (the
file becomes a config and a run, which are exported again).
"""

import numpy as np
import onnx
import onnxruntime
from common import compare_all, difference

# What the second decimal of the last digit may do over the layers of the deepest networks.
TOLERANCE = 1e-4


def answer(path, inputs):
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    whole = session.run(None, {"input": inputs})[0]
    # The batch may have any size.
    alone = session.run(None, {"input": inputs[:1]})[0]
    assert difference(whole[:1], alone) < TOLERANCE, "a batch of one is answered otherwise"
    return whole.reshape(len(inputs), -1)


def answers(network):
    network.export("--format", "onnx", "--out", "plain.onnx")
    plain = answer(network.folder / "plain.onnx", network.inputs)
    network.export("--format", "onnx", "--fold", "--out", "fold.onnx")
    network.export("--format", "onnx", "--with-preprocessing", "--out", "raw.onnx")
    network.run("import", "plain.onnx", "--config", "back.toml", "--as", "back")
    network.run("export", "back", "--format", "onnx", "--out", "back.onnx")
    pictures = np.stack([np.load(network.folder / f"{number}.npy") for number in range(len(network.inputs))])
    others = {"fold": network.inputs, "raw": pictures, "back": network.inputs}
    for name, inputs in others.items():
        found = difference(plain, answer(network.folder / f"{name}.onnx", inputs))
        assert found < TOLERANCE, f"{name}.onnx answers otherwise: {found:.1e}"
    return plain


if __name__ == "__main__":
    compare_all(__doc__, answers, TOLERANCE)
