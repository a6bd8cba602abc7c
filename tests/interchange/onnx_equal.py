"""Holds exported networks to ONNX Runtime: the file passes ONNX's full check and answers as `cnn` does.

Usage: python tests/interchange/onnx_equal.py [--cnn PATH] [--only TEXT] [--layers]

Each network is written as it is, with normalizations folded, with its preprocessing, with 16 bits, and after a way back: the
file becomes a config and a run, which are exported again.
"""

import numpy as np
import onnx
import onnxruntime
from common import compare_all, difference

# In 16 bits a value has 11; what is left of them behind many layers.
IN_HALF = 5e-2


def answer(path, inputs):
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    whole = session.run(None, {"input": inputs})[0]
    # The batch may have any size.
    alone = session.run(None, {"input": inputs[:1]})[0]
    assert difference(whole[:1], alone) < 1e-4, "a batch of one is answered otherwise"
    return whole.reshape(len(inputs), -1)


def answers(network):
    folder = network.folder
    pictures = np.stack([np.load(folder / f"{number}.npy") for number in range(len(network.inputs))])
    for options, inputs in ([], network.inputs), (["--fold"], network.inputs), (["--with-preprocessing"], pictures):
        network.export("--format", "onnx", "--out", "net.onnx", "--force", *options)
        yield answer(folder / "net.onnx", inputs)
        if not options:
            network.run("import", "net.onnx", "--config", "back.toml", "--as", "back")
            network.run("export", "back", "--format", "onnx", "--out", "back.onnx")
            yield answer(folder / "back.onnx", inputs)
    network.export("--format", "onnx", "--out", "half.onnx", "--dtype", "f16")
    found = difference(network.answers(), answer(folder / "half.onnx", network.inputs))
    assert found < IN_HALF, f"in 16 bits answers differ by {found:.1e}"


if __name__ == "__main__":
    compare_all(__doc__, answers, 1e-4)
