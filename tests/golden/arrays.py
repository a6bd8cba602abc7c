"""Writes arrays.npz and arrays/: files as numpy itself makes them.

    pip install numpy && python tests/golden/arrays.py

The numbers are counted up, in C order, so that a test knows them: `x_train` from
0 by 0.25, `x_val` from -3 by 1, `x_test` from 0 by 0.5. How they are stored is
what differs.
"""

import pathlib

import numpy

HERE = pathlib.Path(__file__).parent


def counted(start, step, shape, dtype):
    count = numpy.prod(shape)
    return (start + step * numpy.arange(count)).reshape(shape).astype(dtype)


labels = {
    "y_train": numpy.array([[2], [0]], dtype=">i8"),
    "y_val": numpy.array([1], dtype="int8"),
    "y_test": numpy.array([True, False]),
}
inputs = {
    # Fortran order, high byte first.
    "x_train": numpy.asfortranarray(counted(0, 0.25, (2, 2, 3, 4), ">f4")),
    # One row a sample.
    "x_val": counted(-3, 1, (1, 24), "int16"),
    # Volumes with their channel last.
    "x_test": counted(0, 0.5, (2, 2, 3, 4, 1), "float16"),
}
numpy.savez_compressed(HERE / "arrays.npz", **inputs, **labels)

folder = HERE / "arrays"
folder.mkdir(exist_ok=True)
for name, array in (inputs | labels).items():
    with open(folder / f"{name}.npy", "wb") as file:
        version = {"x_train": (1, 0), "x_val": (2, 0), "x_test": (3, 0)}.get(name)
        numpy.lib.format.write_array(file, array, version=version)
