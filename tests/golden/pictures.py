#!/usr/bin/env python3
"""Makes pictures.safetensors anew: pictures of every kind in their files, and what Pillow makes of them.

    python3 pictures.py [--output FOLDER]

Wants Python 3.11 or newer with numpy, Pillow (with WebP) and safetensors.
README.md beside this file describes the format. Everything is seeded.
"""

import argparse
import io
import json
import struct
import zlib
from pathlib import Path

import numpy
from PIL import Image, ImageDraw, ImageOps
from safetensors.numpy import save_file

HEIGHT, WIDTH = 19, 26

FILES = {}


def smooth(height=HEIGHT, width=WIDTH):
    """A picture of slow changes in all colours with an edge, which compression leaves much as it is."""
    rows, columns = numpy.mgrid[:height, :width]
    red = 255 * columns / (width - 1)
    green = 255 * rows / (height - 1)
    blue = 255 - 200 * (rows + columns) / (height + width - 2)
    picture = Image.fromarray(numpy.stack([red, green, blue], axis=2).astype(numpy.uint8))
    ImageDraw.Draw(picture).rectangle([4, 5, 11, 12], fill=(230, 40, 60))
    return picture


def noise(mode, seed):
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    random = numpy.random.default_rng(seed)
    values = random.integers(0, 256, (HEIGHT, WIDTH, channels)).astype(numpy.uint8)
    return Image.fromarray(values[..., 0] if channels == 1 else values, mode)


def add(name, picture, format, **settings):
    buffer = io.BytesIO()
    picture.save(buffer, format, **settings)
    FILES[name] = buffer.getvalue()


def png(width, height, depth, colour, rows, chunks=()):
    """A PNG by hand, for kinds that Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header)]
        + [chunk(*pair) for pair in chunks]
        + [chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    )


def deep(name, channels, colour, seed):
    """A PNG of 16 bits a value."""
    random = numpy.random.default_rng(seed)
    values = random.integers(0, 65536, (HEIGHT, WIDTH, channels)).astype(">u2")
    FILES[name] = png(WIDTH, HEIGHT, 16, colour, [row.tobytes() for row in values])


def shallow(name, depth, seed):
    """A grey PNG of fewer than 8 bits a value."""
    random = numpy.random.default_rng(seed)
    width = 24
    values = random.integers(0, 2**depth, (HEIGHT, width))
    bits = (values[..., None] >> numpy.arange(depth - 1, -1, -1)) & 1
    rows = numpy.packbits(bits.reshape(HEIGHT, -1).astype(numpy.uint8), axis=1)
    FILES[name] = png(width, HEIGHT, depth, 0, [row.tobytes() for row in rows])


def adobe(jpeg, transform):
    """A JPEG with another transform in its Adobe marker, or without the marker."""
    start = jpeg.index(b"\xff\xee")
    assert jpeg[start + 4 : start + 9] == b"Adobe"
    if transform is None:
        return jpeg[:start] + jpeg[start + 16 :]
    return jpeg[: start + 15] + bytes([transform]) + jpeg[start + 16 :]


def make():
    rgb, grey = noise("RGB", 1), noise("L", 2)
    add("png.rgb", rgb, "PNG")
    add("png.grey", grey, "PNG")
    add("png.rgba", noise("RGBA", 3), "PNG")
    add("png.grey_alpha", noise("LA", 4), "PNG")
    palette = smooth().quantize(20)
    add("png.palette", palette, "PNG")
    add("png.palette_clear", palette, "PNG", transparency=bytes(range(0, 200, 10)))
    add("png.palette_4", smooth().quantize(11), "PNG", bits=4)
    add("png.palette_1", smooth().quantize(2), "PNG", bits=1)
    add("png.grey_clear", grey, "PNG", transparency=100)
    add("png.rgb_clear", rgb, "PNG", transparency=rgb.getpixel((3, 3)))
    add("png.bits", grey.convert("1"), "PNG")
    shallow("png.grey_1", 1, 5)
    shallow("png.grey_2", 2, 6)
    shallow("png.grey_4", 4, 7)
    deep("png.grey_16", 1, 0, 8)
    deep("png.rgb_16", 3, 2, 9)
    deep("png.grey_alpha_16", 2, 4, 10)
    deep("png.rgba_16", 4, 6, 11)
    add("jpeg.rgb", smooth(), "JPEG", quality=90)
    add("jpeg.rgb_444", noise("RGB", 12), "JPEG", quality=95, subsampling="4:4:4")
    add("jpeg.rgb_422", smooth(), "JPEG", quality=85, subsampling="4:2:2")
    add("jpeg.progressive", smooth(), "JPEG", quality=80, progressive=True)
    add("jpeg.grey", smooth().convert("L"), "JPEG", quality=75)
    add("jpeg.low", smooth(), "JPEG", quality=20)
    cmyk = io.BytesIO()
    smooth().convert("CMYK").save(cmyk, "JPEG", quality=95)
    FILES["jpeg.cmyk"] = cmyk.getvalue()
    FILES["jpeg.cmyk_plain"] = adobe(cmyk.getvalue(), None)
    FILES["jpeg.ycck"] = adobe(cmyk.getvalue(), 2)
    add("webp.lossless", rgb, "WEBP", lossless=True)
    add("webp.lossless_alpha", noise("RGBA", 13), "WEBP", lossless=True, exact=True)
    add("webp.lossy", smooth(), "WEBP", quality=80)
    clear = smooth()
    clear.putalpha(smooth().convert("L"))
    add("webp.lossy_alpha", clear, "WEBP", quality=90, exact=True)
    frames = [smooth(), rgb, ImageOps.mirror(smooth())]
    add("webp.animated", frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    add("bmp.rgb", rgb, "BMP")
    add("bmp.grey", grey, "BMP")
    add("bmp.palette", palette, "BMP")
    add("bmp.bits", grey.convert("1"), "BMP")
    add("bmp.rgba", noise("RGBA", 14), "BMP")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        add(f"jpeg.orientation_{orientation}", smooth(), "JPEG", quality=90, exif=exif)
        add(f"png.orientation_{orientation}", rgb, "PNG", exif=exif)
        add(f"webp.orientation_{orientation}", rgb, "WEBP", lossless=True, exif=exif)


def planes(picture):
    values = numpy.asarray(picture)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)


def expected(content):
    """The grey and the colours of a file, upright."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    if picture.mode.startswith("I;16"):
        # Pillow clips these at 255; the upper byte is what it takes of 16 bits in colour.
        picture = Image.fromarray((numpy.asarray(picture) >> 8).astype(numpy.uint8))
    return picture.convert("L"), picture.convert("RGB")


# Pictures, sizes as height and width, and the modes of `resize`; each with Pillow's function of the same effect.
RESIZED = [
    ("png.rgb", [8, 8]),
    ("png.rgb", [19, 40]),
    ("png.rgb", [40, 10]),
    ("png.grey", [7, 13]),
    ("jpeg.orientation_6", [12, 12]),
    ("png.orientation_5", [9, 17]),
    ("png.orientation_8", [30, 11]),
    ("png.orientation_3", [10, 31]),
]


def resized(picture, size, mode):
    size = (size[1], size[0])
    if mode == "stretch":
        return picture.resize(size, Image.Resampling.BILINEAR)
    function = {"letterbox": ImageOps.pad, "crop": ImageOps.fit}[mode]
    return function(picture, size, Image.Resampling.BILINEAR)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    output = parser.parse_args().output
    make()
    arrays = {}
    for name, content in FILES.items():
        arrays[f"{name}/file"] = numpy.frombuffer(content, dtype=numpy.uint8)
        grey, colours = expected(content)
        arrays[f"{name}/grey"] = planes(grey)
        arrays[f"{name}/colours"] = planes(colours)
    for name, size in RESIZED:
        _, colours = expected(FILES[name])
        for mode in ["stretch", "letterbox", "crop"]:
            arrays[f"{name}/{mode}/{size[0]}x{size[1]}"] = planes(resized(colours, size, mode))
    _, colours = expected(FILES["png.rgb"])
    left, top = round((WIDTH - 11) / 2), round((HEIGHT - 12) / 2)
    arrays["png.rgb/cropped/12x11"] = planes(colours.crop((left, top, left + 11, top + 12)))
    arrays = {name: numpy.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(arrays, output / "pictures.safetensors", metadata={"names": json.dumps(list(FILES))})


if __name__ == "__main__":
    main()
