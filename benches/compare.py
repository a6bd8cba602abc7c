#!/usr/bin/env python3
"""Holds `cnn bench` against PyTorch and ONNX Runtime, and writes a table in Markdown.

  benches/compare.py --peers PEERS.py [--python PYTHON] [--cnn CNN] [--only NET[:BATCH[:MODE]]]...
                     [--rounds 3] [--seconds 4] [--threads 2]

PEERS.py NET BATCH train|infer --peer torch|ort --layout nchw|nhwc --seconds S --threads N prints one line of
JSON in the words of `cnn bench --json`; PYTHON is the interpreter that has its libraries.

All are run in turn, round after round, so that a machine that slows down slows all; each figure is the median
of the rounds. PyTorch is run in both layouts, and the better one counts. Training is with Adam everywhere, as
PEERS.py does, whatever the config says."""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

NETWORKS = [
    ("lenet5", 64, ("train", "infer")),
    ("lenet5", 256, ("train", "infer")),
    ("mnist-small", 64, ("train", "infer")),
    ("resnet20-cifar", 128, ("train", "infer")),
    ("all-cnn-c", 64, ("train", "infer")),
    ("vgg11-cifar", 64, ("train", "infer")),
    ("mobilenet-cifar", 64, ("train", "infer")),
    ("resnet18", 1, ("infer",)),
    ("resnet18", 8, ("infer",)),
]
CASES = [(net, batch, mode) for net, batch, modes in NETWORKS for mode in modes]
LAYOUTS = ("nchw", "nhwc")
OPTIMIZER = 'train.optimizer={ type = "adam", learning_rate = 0.001 }'
ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ["network", "batch", "mode", "cnn images/s", "PyTorch", "ratio", "ONNX Runtime", "ratio", "cnn peak MB", "PyTorch peak MB"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", required=True, help="the script that runs the peers")
    parser.add_argument("--python", default=sys.executable, help="the Python that has PyTorch, onnx and onnxruntime")
    parser.add_argument("--cnn", default=str(ROOT / "target/release/cnn"), help="the program")
    parser.add_argument("--only", action="append", metavar="NET[:BATCH[:MODE]]", help="leave the other cases out (repeatable)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    if chosen.rounds < 1:
        parser.error("--rounds: at least 1")
    chosen.cases = CASES
    if chosen.only:
        wanted = [word.split(":") for word in chosen.only]
        for word, parts in zip(chosen.only, wanted):
            if not any(is_meant(parts, case) for case in CASES):
                parser.error(f"--only {word}: there is no such case; networks are {', '.join(dict.fromkeys(case[0] for case in CASES))}")
        chosen.cases = [case for case in CASES if any(is_meant(parts, case) for parts in wanted)]
    return chosen


def is_meant(parts, case):
    return len(parts) <= 3 and all(part == str(own) for part, own in zip(parts, case))


def commands(options, net, batch, mode):
    """Returns what is run for a case, by name."""
    common = ["--seconds", str(options.seconds), "--threads", str(options.threads)]
    own = [options.cnn, "bench", str(ROOT / "configs" / f"{net}.toml"), "--batch", str(batch), "--mode", mode, "--json"]
    peer = [options.python, options.peers, net, str(batch), mode]
    runs = {"cnn": own + ["--set", OPTIMIZER] + common}
    for layout in LAYOUTS:
        runs[layout] = peer + ["--peer", "torch", "--layout", layout] + common
    if mode == "infer":
        runs["ort"] = peer + ["--peer", "ort"] + common
    return runs


def run(command):
    """Returns the figures that a command prints in its last line; nothing if it fails."""
    try:
        output = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        print(f"failed to run {command[0]}: {error}", file=sys.stderr)
        return None
    lines = output.stdout.strip().splitlines()
    if output.returncode or not lines:
        reason = (output.stderr.strip().splitlines() or ["no word"])[-1]
        print(f"failed: {' '.join(command)}: {reason}", file=sys.stderr)
        return None
    return json.loads(lines[-1])


def measure(options, case):
    """Returns the medians of a case by what was run; what failed is left out."""
    runs = commands(options, *case)
    figures = {name: [] for name in runs}
    for turn in range(options.rounds):
        for name, command in runs.items():
            print(f"{':'.join(map(str, case))} round {turn + 1}: {name}", file=sys.stderr, flush=True)
            found = run(command)
            if found is None and name == "cnn":
                sys.exit(1)
            if found is not None:
                figures[name].append(found)
    parameters = {name: found[0]["parameters"] for name, found in figures.items() if found}
    if len(set(parameters.values())) > 1:
        sys.exit(f"{case[0]}: not the same network: parameters are {parameters}")
    keys = ("images_per_second", "peak_rss_bytes")
    return {name: {key: median(found, key) for key in keys} for name, found in figures.items() if found}


def median(figures, key):
    values = [one[key] for one in figures if one.get(key) is not None]
    return statistics.median(values) if values else None


def row(case, medians):
    own = medians["cnn"]
    speed = own["images_per_second"]
    torch = [layout for layout in LAYOUTS if layout in medians]
    best = max(torch, key=lambda layout: medians[layout]["images_per_second"], default=None)
    cells = [*map(str, case), number(speed)]
    for name in (best, "ort"):
        if name not in medians:
            cells += ["–", "–"]
            continue
        other = medians[name]["images_per_second"]
        cells += [number(other) + (f" ({name})" if name in LAYOUTS else ""), f"{speed / other:.2f}"]
    peaks = [own, medians.get(best)]
    return cells + [megabytes(peak and peak["peak_rss_bytes"]) for peak in peaks]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def megabytes(size):
    return "–" if size is None else f"{size / 1e6:,.0f}"


def machine():
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as text:
            names = [line.split(":", 1)[1].strip() for line in text if line.startswith("model name")]
            name = names[0] if names else name
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} processors"


def versions(python):
    """Returns the versions of the peers, as far as they say so."""
    code = "import importlib.metadata as m\nfor p, n in (('torch', 'PyTorch'), ('onnxruntime', 'ONNX Runtime')):\n try: print(n, m.version(p))\n except Exception: pass"
    output = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return output.stdout.split("\n")[:-1]


def write(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    options = arguments()
    threads = "1 thread" if options.threads == 1 else f"{options.threads} threads"
    rounds = "1 round" if options.rounds == 1 else f"medians of {options.rounds} rounds"
    print(", ".join([machine(), threads, rounds, f"{options.seconds:g} s each", *versions(options.python)]) + "\n")
    write(HEADER)
    write(["---"] * 3 + ["---:"] * (len(HEADER) - 3))
    for case in options.cases:
        write(row(case, measure(options, case)))


if __name__ == "__main__":
    main()
