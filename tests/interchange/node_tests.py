"""Runs the tests of single nodes that PyPI's `onnx` carries through `cnn import` and `cnn predict`.

Usage: python tests/interchange/node_tests.py [--cnn PATH] [--only TEXT] [--table]

A test's first input is the network's; the others, which are weights to a layer, become initializers. A node that has no layer
here must be refused by its name: any other failure, and any answer that is not that of the test, ends the script with 1.
"""

import argparse
import json
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from common import ROOT, difference
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

# The operators that have a layer here, or are read on the way to one.
OPERATORS = """Add AveragePool BatchNormalization Cast Celu Clip Concat Conv ConvTranspose DepthToSpace Div Dropout Elu Erf Flatten Gelu Gemm
GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LRN
LayerNormalization LeakyRelu LogSoftmax LpPool MatMul MaxPool Mish Mul Neg PRelu Pad Pow ReduceL2 ReduceMax ReduceMean
ReduceMin ReduceSum Relu Reshape Resize Selu Sigmoid Slice Softmax Softplus Softsign Squeeze Sub Sum Swish Tanh Transpose
Unsqueeze Upsample""".split()
FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)


def run(cnn, folder, *arguments):
    return subprocess.run([cnn, *arguments], cwd=folder, capture_output=True, text=True)


def outcome(cnn, test, folder):
    """Returns what came of a test, and why."""
    model, (inputs, outputs) = test.model, test.data_sets[0]
    graph = model.graph
    first, *weights = graph.input
    kind = first.type.tensor_type.elem_type
    if kind not in FLOATS or not all(isinstance(one, np.ndarray) for one in (*inputs, *outputs)) or not first.type.HasField("tensor_type"):
        return "not of floats", ""
    for value, array in zip(weights, inputs[1:]):
        graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
        graph.input.remove(value)
    x, expected = np.asarray(inputs[0]), np.asarray(outputs[0])
    # Rows are read as maps of one column, numbers as rows of one, and so are the inputs of the test.
    samples = x.astype(np.float32).reshape(x.shape + (1,) * max(0, 3 - x.ndim))
    preprocessing = {
        "shape": list(samples.shape[1:]), "resize": False, "padding": [[0, 0]] * (samples.ndim - 2), "floats": True,
        "rescale": 1.0, "mean": [], "std": [], "invert": "never", "border": 0.0,
    }
    count = max(int(np.prod(expected.shape[1:])), 1)
    for key, value in (("preprocessing", preprocessing), ("classes", [str(number) for number in range(count)])):
        model.metadata_props.add(key=key, value=json.dumps(value))
    onnx.save(model, folder / "node.onnx")
    done = run(cnn, folder, "import", "node.onnx", "--config", "net.toml", "--as", "net", "--set", "train.loss=mse")
    if done.returncode == 4 and not ("node `" in done.stderr or "its input `" in done.stderr or "its output `" in done.stderr):
        return "fail", f"refused without a name: {done.stderr.strip()}"
    if done.returncode == 4:
        reason = done.stderr.split("note: ")[-1].strip() if "note: " in done.stderr else done.stderr.strip()
        return "unsupported", reason.splitlines()[0]
    if done.returncode != 0:
        return "fail", f"import ended with {done.returncode}: {done.stderr.strip()}"
    if len(set(samples.shape[1:])) < samples.ndim - 1:
        # An array of equal sides does not tell where its channels are: the network answers by way of a file of its own.
        run(cnn, folder, "export", "net", "--format", "onnx", "--out", "back.onnx")
        session = onnxruntime.InferenceSession(str(folder / "back.onnx"), providers=["CPUExecutionProvider"])
        answers = session.run(None, {"input": samples})[0]
    else:
        names = []
        for number, sample in enumerate(samples):
            np.save(folder / f"{number}.npy", sample)
            names.append(f"{number}.npy")
        done = run(cnn, folder, "predict", *names, "--model", "net", "--json")
        if done.returncode != 0:
            return "fail", f"predict ended with {done.returncode}: {done.stderr.strip()}"
        named = [json.loads(line)["values"] for line in done.stdout.splitlines()]
        answers = np.array([[row[str(number)] for number in range(count)] for row in named])
    if answers.size != expected.size:
        return "fail", f"{answers.shape} values for {expected.shape}"
    found = difference(answers, expected)
    return ("pass", "") if found < 1e-4 else ("fail", f"differs by {found:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cnn", type=Path, default=ROOT / "target/release/cnn", help="the binary")
    parser.add_argument("--only", default="", help="tests whose name holds this text")
    parser.add_argument("--least", type=int, default=1, help="tests that must pass")
    parser.add_argument("--table", action="store_true", help="write every reason, as Markdown")
    arguments = parser.parse_args()
    counts, reasons, failed = defaultdict(Counter), defaultdict(Counter), []
    for test in sorted(collect_testcases(None), key=lambda test: test.name):
        nodes = test.model.graph.node
        if len(nodes) != 1 or nodes[0].op_type not in OPERATORS or arguments.only not in test.name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            verdict, reason = outcome(arguments.cnn.resolve(), test, Path(folder))
        operator = nodes[0].op_type
        counts[operator][verdict] += 1
        if verdict == "unsupported":
            reasons[operator][reason.split(": ", 1)[-1]] += 1
        if verdict == "fail":
            failed.append(test.name)
            print(f"FAIL {test.name}: {reason}", flush=True)
    print("| operator | pass | unsupported | fail |\n| --- | --- | --- | --- |")
    for operator, row in sorted(counts.items()):
        print(f"| {operator} | {row['pass']} | {row['unsupported']} | {row['fail']} |")
    total = sum(counts.values(), Counter())
    print(f"| all | {total['pass']} | {total['unsupported']} | {total['fail']} |")
    if arguments.table:
        for operator, row in sorted(reasons.items()):
            for reason, number in row.most_common():
                print(f"- {operator} ({number}): {reason}")
    raise SystemExit(1 if failed or total["pass"] < arguments.least else 0)


if __name__ == "__main__":
    main()
