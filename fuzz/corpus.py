"""Writes the files that fuzzing begins with: `python corpus.py`, with torch, safetensors, onnx, h5py and Pillow."""

import base64
import gzip
import io
import json
import pickle
import shutil
import struct
import tarfile
import wave
from pathlib import Path

import h5py
import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
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


def written(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


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


EVERY_SECTION = """[model]
name = "n"
input = [3, 12, 12]
layers = [
  { type = "pad", amount = 1 },
  { type = "conv", name = "c", filters = 4, kernel_size = [3, 3], stride = 2, padding = "same", activation = "relu" },
  { type = "batch_norm", epsilon = 1e-3 },
  { type = "residual", layers = [{ type = "depthwise_conv", kernel_size = 3, padding = "same" }] },
  { type = "branches", branches = [[{ type = "pool", kind = "max", size = 2 }], [{ type = "conv", filters = 2, kernel_size = 2, stride = 2 }]] },
  { type = "activation", name = "m", fn = "elu" },
  { type = "block", use = "unit", repeat = 2 },
  { type = "merge", from = "m", with = "concat" },
  { type = "global_pool" },
  { type = "dropout", rate = 0.5 },
  { type = "dense", units = 10, initializer = "he_normal" },
]
[blocks.unit]
parameters = { filters = 8 }
layers = [{ type = "conv", filters = "$filters", kernel_size = 1 }, { type = "batch_norm" }]
[data]
source = "cifar10"
normalize = { mean = [0.5], std = [0.5] }
validation = 0.1
[augment]
flip = "horizontal"
crop = { padding = 1 }
[train]
epochs = 3
optimizer = { type = "sgd", learning_rate = 0.1, momentum = 0.9 }
schedule = { type = "multi_step", milestones = [1, 2] }
loss = { type = "cross_entropy", label_smoothing = 0.1 }
early_stopping = { metric = "validation_loss", patience = 2 }
checkpoint = { every = "5 steps", keep = 2 }
[budget]
max_parameters = 100000
"""

SIGNAL = """[model]
input = [2, 40]
layers = [
  { type = "separable_conv", filters = 4, kernel_size = 3, dilation = 2 },
  { type = "group_norm", groups = 2 },
  { type = "upsample", scale = 2, mode = "linear" },
  { type = "conv_transpose", filters = 2, kernel_size = 2, stride = 2 },
  { type = "crop", amount = 9 },
  { type = "reshape", shape = [-1] },
  { type = "dense", units = 2 },
]
[train]
loss = "mse"
optimizer = "lion"
"""

SETTINGS = {
    "numbers": "train.epochs=7\nmodel.input=[3, 20, 20]\ntrain.optimizer.learning_rate=1e-3\n",
    "layers": "model.layers.1.filters=6\nmodel.layers.10.units=5\nblocks.unit.parameters.filters=3\n",
    "tables": 'train.optimizer={ type = "adam" }\ndata.resize=12\ntrain.schedule=cosine\n',
    "others": "train.loss=focal\ndata.source=x y\naugment.rotate=10\nbudget.max_macs=1000000\n",
}


def words_of_language():
    """Writes what the language is made of, one word a line, as libFuzzer takes it."""
    words = set()

    def gather(node):
        if isinstance(node, dict):
            words.update(node.get("properties", {}))
            words.update(str(word) for word in [*node.get("enum", []), node.get("const", "type")])
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                gather(child)

    gather(json.loads((FOLDER.parents[1] / "configs" / "schema.json").read_text()))
    plain = sorted(word for word in words if word.isascii() and not {'"', "\\"} & set(word))
    (FOLDER.parent / "language.dict").write_text("".join(f'"{word}"\n' for word in plain))


def language():
    put("toml", "every_section", EVERY_SECTION.encode())
    put("toml", "signal", SIGNAL.encode())
    for name, text in SETTINGS.items():
        put("set", name, text.encode())
    words_of_language()


def image(kind, mode, size=(3, 2), **options):
    values = bytes(range(7, 7 + size[0] * size[1] * len(mode)))
    if mode == "P":
        picture = Image.frombytes("L", size, values[: size[0] * size[1]]).convert("P")
    else:
        picture = Image.frombytes(mode, size, values)
    return written(lambda file: picture.save(file, kind, **options))


def pictures():
    exif = Image.Exif()
    exif[0x0112] = 6
    put("picture", "grey.png", image("PNG", "L", (2, 2)))
    put("picture", "alpha.png", image("PNG", "RGBA"))
    put("picture", "palette.png", image("PNG", "P"))
    put("picture", "turned.jpg", image("JPEG", "RGB", exif=exif))
    put("picture", "progressive.jpg", image("JPEG", "L", progressive=True))
    put("picture", "cmyk.jpg", image("JPEG", "CMYK", quality=50))
    put("picture", "lossy.webp", image("WEBP", "RGB"))
    put("picture", "lossless.webp", image("WEBP", "RGBA", lossless=True))
    put("picture", "colour.bmp", image("BMP", "RGB"))
    put("picture", "palette.bmp", image("BMP", "P"))


def array(values, order="C"):
    return written(lambda file: np.save(file, np.asarray(values, order=order)))


def idx(kind, values):
    values = np.asarray(values)
    head = bytes([0, 0, kind, values.ndim])
    return head + b"".join(struct.pack(">I", size) for size in values.shape) + values.astype(np.uint8).tobytes()


def archive(files, mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def sound(channels, width, values):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(8000)
        out.writeframes(bytes(values))
    return file.getvalue()


def data_sets():
    """Where several files of a set may be hostile, the first byte says which one it is."""
    put("csv", "numbers", b"label,a,b,c,d\r\n0,1,2,3,4\r\n1,5,6,7,8\r\n2,9,9,9,9\r\n")
    put("csv", "paths", b"path,label,split\na.png,x,train\n\"a.png\",y,train\na.png,z,\na.png,x,test\n")
    put("csv", "floats", b"a,b,c,d,class\n.5,1e3,-2,0,x\n1,2,3,4,y\n0,0,0,0,z\n")
    images, labels = idx(8, np.arange(12).reshape(3, 2, 2)), idx(8, [0, 1, 2])
    put("idx", "images", b"\0" + images)
    put("idx", "labels", b"\1" + labels)
    put("idx", "packed", b"\0" + gzip.compress(images, mtime=0))
    record = lambda fine: bytes([1, fine]) + bytes(3072)
    put("cifar", "records", b"\0" + record(3) + record(99))
    put("cifar", "names", b"\1" + b"".join(b"c%d\n" % number for number in range(100)))
    samples, labels = array(np.arange(12, dtype=np.uint8).reshape(3, 2, 2)), array([0, 1, 2])
    put("npy", "samples", b"\0" + samples)
    put("npy", "floats", b"\0" + array(np.ones((3, 1, 2, 2), np.float32), "F"))
    put("npy", "labels", b"\1" + labels)
    put("npy", "one_hot", b"\1" + array(np.eye(3, dtype=">f8")))
    for name, write in {"stored": np.savez, "packed": np.savez_compressed}.items():
        arrays = {"x": np.arange(12, dtype=np.uint8).reshape(3, 2, 2), "y": [0, 1, 2]}
        put("npz", name, written(lambda file: write(file, **arrays)))
    png = image("PNG", "L", (2, 2))
    # Without most of the zeros that an archive ends with.
    whole = archive({"a/1.png": png, "b/1.png": png, "c/1.png": png})[: 7 * 512]
    put("tar", "plain", whole)
    put("tar", "packed", gzip.compress(whole, mtime=0))
    put("wav", "8_bits", sound(2, 1, range(6)))
    put("wav", "16_bits", sound(2, 2, range(12)))
    put("wav", "24_bits", sound(2, 3, range(18)))
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 60, b"WAVE", b"fmt ", 16, 3, 2, 8000, 64000, 8, 32)
    put("wav", "floats", head + b"data" + struct.pack("<I6f", 24, *range(6)))


def keras_files():
    def file(write, **options):
        bytes_of = io.BytesIO()
        with h5py.File(bytes_of, "w", **options) as root:
            write(root)
        return bytes_of.getvalue()

    def new(root):
        root["layers/conv2d/vars/0"] = np.ones((2, 2, 1, 1), np.float32)
        root["layers/conv2d/vars/1"] = np.ones(1, np.float32)

    def old(root):
        weights = root.create_group("model_weights")
        weights.attrs["layer_names"] = [b"dense"]
        layer = weights.create_group("dense")
        layer.attrs["weight_names"] = [b"dense/kernel:0"]
        layer["dense/kernel:0"] = np.ones((4, 3), np.float32)

    def packed(root):
        root.create_dataset("layers", data=np.ones((4, 3), np.float32), chunks=(2, 3), compression="gzip")

    put("keras", "weights", file(new))
    put("keras", "model", file(old))
    put("keras", "packed", file(packed))
    put("keras", "latest", file(new, libver="latest"))


def state(**others):
    partial = {"loss": 0.0, "weight": 0.0, "correct": 0, "decisions": 0, "samples": 0, "secs": 0.0}
    whole = {
        "epoch": 1, "step_in_epoch": 0, "step": 1, "partial": partial, "best": {"epoch": 1, "loss": 0.7},
        "watched": {"figure": 0.7, "epochs": 0}, "train_secs": 0.1, "setbacks": 0,
        "counters": {"1.weight.step": 1, "1.bias.step": 1},
    }
    return json.dumps(whole | others).encode()


def checkpoints():
    """The first byte says which file of a checkpoint it is."""
    weights = {"1.weight": torch.rand(2, 2), "1.bias": torch.rand(2)}
    config = "[model]\ninput = [1, 2]\nlayers = [{ type = 'flatten' }, { type = 'dense', units = 2 }]\n"
    put("checkpoint", "model", b"\0" + model_file(config, ["x", "y"], [1, 2], weights))
    flat = {name: tensor.flatten() for name, tensor in weights.items()}
    # What Adam remembers of a weight.
    memory = {f"{name}.{slot}": tensor.clone() for name, tensor in flat.items() for slot in ["exp_avg", "exp_avg_sq"]}
    put("checkpoint", "optimizer", b"\1" + save(memory))
    put("checkpoint", "average", b"\2" + save(flat))
    put("checkpoint", "state", b"\3" + state())
    put("checkpoint", "within_epoch", b"\3" + state(epoch=0, step_in_epoch=1, partial={
        "loss": 0.7, "weight": 4.0, "correct": 2, "decisions": 4, "samples": 4, "secs": 0.1}))


def requests():
    def put_request(name, line, body=b"", **headers):
        lines = [f"{line} HTTP/1.1", "Host: localhost"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        put("http", name, "\r\n".join([*lines, "", ""]).encode() + body)

    png = image("PNG", "L", (2, 2))
    for name in ["", "page.js", "openapi.json", "model", "report", "healthz", "metrics", "none"]:
        put_request(f"get_{name}", f"GET /{name}")
    put_request("plain", "POST /predict?top_k=1", png, Content_Type="image/png")
    form = b'--b\r\nContent-Disposition: form-data; name="x"; filename="y.png"\r\n\r\n' + png + b"\r\n--b--\r\n"
    put_request("form", "POST /predict", form, Content_Type="multipart/form-data; boundary=b")
    listed = json.dumps({"images": [base64.b64encode(png).decode()]}).encode()
    put_request("json", "POST /predict", listed, Content_Type="application/json", Content_Length=len(listed))
    put_request("features", "POST /features?layer=c", png)
    put_request("explain", "POST /explain?method=grad-cam%2B%2B&class=a", png, Origin="http://localhost")


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    onnx_files()
    language()
    pictures()
    data_sets()
    keras_files()
    requests()
    torch.manual_seed(1)
    state = {"c.weight": torch.rand(2, 1, 2, 2), "c.bias": torch.rand(2)}
    put("safetensors", "plain", save(state))
    kinds = [torch.float16, torch.bfloat16, torch.float64, torch.int64]
    put("safetensors", "kinds", save({str(at): torch.ones(2).to(kind) for at, kind in enumerate(kinds)}))
    put("safetensors", "empty", save({"none": torch.zeros(0, 3)}))

    put("pytorch", "zip", written(lambda file: torch.save({"c": torch.rand(2)}, file)))
    for name, content in {"legacy": {"state_dict": state}, "expanded": {"wide": torch.ones(1).expand(4, 3)}}.items():
        put("pytorch", name, written(lambda file: torch.save(content, file, _use_new_zipfile_serialization=False)))
    put("pytorch", "pickle", pickle.dumps({"a": [1, 2.5, None, (True, "b")], "c": {}}, protocol=2))

    tensors = {
        "c.weight": torch.rand(1, 1, 2, 2), "c.bias": torch.rand(1), "n.weight": torch.ones(1), "n.bias": torch.zeros(1),
        "n.running_mean": torch.zeros(1), "n.running_var": torch.ones(1), "d.weight": torch.rand(1, 2),
        "d.bias": torch.rand(2),
    }
    put("model_file", "maps", model_file(CONFIG, ["a", "b"], [1, 2, 2], tensors))
    config = "[model]\ninput = [1, 3]\nlayers = [{ type = 'flatten' }, { type = 'dense', units = 1 }]\n[train]\nloss = 'mse'\n"
    put("model_file", "row", model_file(config, ["y"], [1, 3], {"1.weight": torch.rand(3, 1), "1.bias": torch.rand(1)}))
    checkpoints()


if __name__ == "__main__":
    main()
