"""Writes the files that fuzzing begins with: `python corpus.py`, with torch, safetensors and onnx."""

import json
import pickle
import struct
import io
from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save

FOLDER = Path(__file__).parent / "corpus"

CONFIG = """[model]
input = [1, 2, 2]
layers = [
  { type = "conv", name = "c", filters = 1, kernel_size = 2 },
  { type = "batch_norm", name = "n" },
  { type = "flatten" },
  { type = "dense", name = "d", units = 2 },
]
"""


def put(target, name, content):
    path = FOLDER / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def safetensors(metadata, tensors):
    header, values = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        numbers = tensor.flatten().tolist()
        ends = [len(values), len(values) + 4 * len(numbers)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": ends}
        values += struct.pack(f"<{len(numbers)}f", *numbers)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + values


def model_file(config, classes, shape, tensors):
    preprocessing = {
        "shape": shape, "resize": False, "mode": "stretch", "padding": [[0, 0]] * (len(shape) - 1), "floats": False,
        "rescale": 0.003921569, "mean": [0.5], "std": [0.5], "invert": "auto", "border": 3.5,
    }
    header = {"format": 1, "config": config, "classes": classes, "preprocessing": preprocessing}
    return safetensors({"cnn": json.dumps(header)}, tensors)


def onnx_file(nodes, weights, shape, opset=17):
    value = helper.make_tensor_value_info
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "g", [value("x", kind, ["n", *shape])], [value("y", kind, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()


def onnx_files():
    node = helper.make_node
    ones = lambda *shape: np.ones(shape, np.float32)
    ints = lambda *values: np.array(values, np.int64)
    straight = [
        node("Pad", ["x", "p"], ["a"], mode="reflect"),
        node("Conv", ["a", "w", "b"], ["c"], strides=[2, 2]),
        node("BatchNormalization", ["c", "b", "b", "b", "b"], ["d"]),
        node("Relu", ["d"], ["e"]),
        node("MaxPool", ["e"], ["f"], kernel_shape=[2, 2], ceil_mode=1),
        node("Reshape", ["f", "s"], ["g"]),
        node("Gemm", ["g", "m"], ["y"], transB=1),
    ]
    weights = {
        "p": ints(0, 0, 1, 1, 0, 0, 1, 1), "w": ones(2, 1, 3, 3), "b": ones(2), "s": ints(0, -1), "m": ones(3, 2),
    }
    put("onnx", "straight", onnx_file(straight, weights, [1, 4, 4]))
    joined = [
        node("Conv", ["x", "w"], ["a"], auto_pad="SAME_UPPER"),
        node("Sigmoid", ["a"], ["b"]),
        node("Mul", ["a", "b"], ["c"]),
        node("Add", ["x", "c"], ["d"]),
        node("GlobalAveragePool", ["d"], ["e"]),
        node("Mul", ["d", "e"], ["f"]),
        node("Concat", ["f", "x", "a"], ["g"], axis=1),
        node("Shape", ["g"], ["h"], start=0, end=1),
        node("Concat", ["h", "r"], ["i"], axis=0),
        node("Reshape", ["g", "i"], ["y"]),
    ]
    put("onnx", "joined", onnx_file(joined, {"w": ones(2, 2, 3, 3), "r": ints(-1)}, [2, 3, 3]))
    others = [
        node("ConvTranspose", ["x", "w"], ["a"], strides=[2, 2], output_shape=[7, 7]),
        node("LRN", ["a"], ["b"], size=3),
        node("Resize", ["b", "", "s"], ["c"], coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        node("Slice", ["c", "i", "j", "k"], ["d"]),
        node("Gather", ["d", "t"], ["e"], axis=2),
        node("MaxPool", ["e"], ["f"], kernel_shape=[2, 1], strides=[2, 1]),
        node("GroupNormalization", ["f", "o", "o"], ["g"], num_groups=1),
        node("ReduceMean", ["g", "l"], ["y"], keepdims=0),
    ]
    weights = {
        "w": ones(1, 2, 2, 2), "s": ones(4) * np.float32([1, 1, 2, 1]), "i": ints(2), "j": ints(5), "k": ints(2),
        "t": ints(0, 1, 1, 2), "o": ones(2), "l": ints(2, 3),
    }
    put("onnx", "others", onnx_file(others, weights, [1, 3, 3], opset=21))


def main():
    onnx_files()
    torch.manual_seed(1)
    state = {"c.weight": torch.rand(2, 1, 2, 2), "c.bias": torch.rand(2)}
    put("safetensors", "plain", save(state))
    kinds = [torch.float16, torch.bfloat16, torch.float64, torch.int64]
    put("safetensors", "kinds", save({str(at): torch.ones(2).to(kind) for at, kind in enumerate(kinds)}))
    put("safetensors", "empty", save({"none": torch.zeros(0, 3)}))

    file = io.BytesIO()
    torch.save({"c": torch.rand(2)}, file)
    put("pytorch", "zip", file.getvalue())
    file = io.BytesIO()
    torch.save({"state_dict": state}, file, _use_new_zipfile_serialization=False)
    put("pytorch", "legacy", file.getvalue())
    file = io.BytesIO()
    torch.save({"wide": torch.ones(1).expand(4, 3)}, file, _use_new_zipfile_serialization=False)
    put("pytorch", "expanded", file.getvalue())
    put("pytorch", "pickle", pickle.dumps({"a": [1, 2.5, None, (True, "b")], "c": {}}, protocol=2))

    tensors = {
        "c.weight": torch.rand(1, 1, 2, 2), "c.bias": torch.rand(1), "n.weight": torch.ones(1), "n.bias": torch.zeros(1),
        "n.running_mean": torch.zeros(1), "n.running_var": torch.ones(1), "d.weight": torch.rand(1, 2),
        "d.bias": torch.rand(2),
    }
    put("model_file", "maps", model_file(CONFIG, ["a", "b"], [1, 2, 2], tensors))
    config = "[model]\ninput = [1, 3]\nlayers = [{ type = 'flatten' }, { type = 'dense', units = 1 }]\n[train]\nloss = 'mse'\n"
    put("model_file", "row", model_file(config, ["y"], [1, 3], {"1.weight": torch.rand(3, 1), "1.bias": torch.rand(1)}))


if __name__ == "__main__":
    main()
