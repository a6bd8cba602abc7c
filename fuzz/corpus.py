"""Writes the files that fuzzing begins with: `python corpus.py`, with torch and safetensors."""

import json
import pickle
import struct
import io
from pathlib import Path

import torch
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


def main():
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
