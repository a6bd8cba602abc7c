#!/usr/bin/env python3
"""Makes augment.safetensors anew: random changes of pictures, by SciPy and Pillow.

    python3 augment.py [--output FOLDER]

Wants Python 3.11 or newer with numpy, scipy, Pillow and safetensors. README.md
beside this file describes the format. Everything is seeded.
"""

import argparse
import json
import math
from pathlib import Path

import numpy
from PIL import Image, ImageEnhance
from safetensors.numpy import save_file
from scipy import ndimage

HEIGHT, WIDTH = 17, 22

# Degrees, pixels and factors, as `[augment]` says them; `window` is top, left, height and width.
MAPS = {
    "rotate": {"rotate": 33.0},
    "shift": {"shift": [2, -3], "rotate": 7.0},
    "scale": {"scale": [0.8, 0.8]},
    "squeeze": {"scale": [0.9, 1.25]},
    "shear": {"lean": 20.0},
    "flip": {"flip": [True, True], "rotate": -12.0},
    "window": {"window": [3, 5, 9, 10]},
    "all": {
        "rotate": -25.0,
        "shift": [-1, 2],
        "scale": [1.3, 0.9],
        "lean": -10.0,
        "flip": [False, True],
        "window": [1, 2, 14, 18],
    },
}


def move(down, right):
    return numpy.array([[1, 0, down], [0, 1, right], [0, 0, 1]], dtype=float)


def linear(a, b, c, d):
    return numpy.array([[a, b, 0], [c, d, 0], [0, 0, 1]], dtype=float)


def pull(rotate=0.0, shift=(0, 0), scale=(1, 1), lean=0.0, flip=(False, False), window=None):
    """The map from each place of the result to where it comes from, as a matrix on (row, column, 1).

    Forward: mirror, scale, shear, turn counterclockwise about the centre, then shift; torchvision's order.
    """
    centre = ((HEIGHT - 1) / 2, (WIDTH - 1) / 2)
    angle = math.radians(rotate)
    turn = linear(math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle))
    # x' = x - tan(lean) y with y downwards: what is above the centre moves to the right.
    shear = linear(1, 0, -math.tan(math.radians(lean)), 1)
    size = linear(scale[0], 0, 0, scale[1])
    mirror = linear(-1 if flip[0] else 1, 0, 0, -1 if flip[1] else 1)
    forward = move(*shift) @ move(*centre) @ turn @ shear @ size @ mirror @ move(-centre[0], -centre[1])
    matrix = numpy.linalg.inv(forward)
    if window is not None:
        top, left, height, width = window
        corners = move(top - 0.5, left - 0.5) @ linear(height / HEIGHT, 0, 0, width / WIDTH) @ move(0.5, 0.5)
        matrix = corners @ matrix
    return matrix


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    output = parser.parse_args().output
    random = numpy.random.default_rng(1)
    picture = random.integers(0, 256, (3, HEIGHT, WIDTH)).astype(numpy.float32)
    arrays = {"picture": picture}
    fill = 40.0
    for name, settings in MAPS.items():
        matrix = pull(**settings)
        arrays[f"map.{name}"] = numpy.stack([
            ndimage.affine_transform(
                plane.astype(float), matrix, order=1, mode="grid-constant", cval=fill
            )
            for plane in picture
        ]).astype(numpy.float32)

    field = random.uniform(-1, 1, (2, HEIGHT, WIDTH)).astype(numpy.float32)
    alpha, sigma = 34.0, 4.0
    smooth = numpy.stack([
        ndimage.gaussian_filter(plane.astype(float), sigma, mode="constant") * alpha for plane in field
    ])
    rows, columns = numpy.mgrid[:HEIGHT, :WIDTH].astype(float)
    moved = numpy.stack([
        ndimage.map_coordinates(
            plane.astype(float), [rows + smooth[0], columns + smooth[1]], order=1, mode="grid-constant", cval=fill
        )
        for plane in picture
    ])
    arrays["elastic.field"] = field
    arrays["elastic.smooth"] = smooth.astype(numpy.float32)
    arrays["elastic.moved"] = moved.astype(numpy.float32)

    pillow = Image.fromarray(picture.transpose(1, 2, 0).astype(numpy.uint8))
    enhancers = {
        "brightness": ImageEnhance.Brightness,
        "contrast": ImageEnhance.Contrast,
        "saturation": ImageEnhance.Color,
    }
    for name, enhancer in enhancers.items():
        for factor in [0.4, 1.7]:
            enhanced = numpy.asarray(enhancer(pillow).enhance(factor))
            arrays[f"{name}.{factor}"] = enhanced.transpose(2, 0, 1).astype(numpy.float32)

    settings = {"maps": json.dumps(MAPS), "fill": str(fill), "alpha": str(alpha), "sigma": str(sigma)}
    arrays = {name: numpy.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(arrays, output / "augment.safetensors", metadata=settings)


if __name__ == "__main__":
    main()
