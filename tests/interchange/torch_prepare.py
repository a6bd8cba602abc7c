"""Holds `prepare` of exported programs to `cnn predict`: pictures of every kind, brought to the input in every way. A value
may be one of 255 steps apart, by which resizing is rounded.

Usage: python tests/interchange/torch_prepare.py [--cnn PATH]
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from common import Network, arguments_of
from PIL import Image
from torch_equal import load

CONFIG = """[model]
input = [{channels}, 12, 10]
layers = [
  {{ type = "conv", filters = {channels}, kernel_size = 1 }},
]
"""
DATA = """
[data]
normalize = {{ mean = {mean}, std = {std} }}
{more}

[train]
loss = "mse"
"""
WAYS = {
    "plain": "",
    "letterbox": 'resize = { size = [12, 10], mode = "letterbox" }',
    "crop": 'resize = { size = [12, 10], mode = "crop" }',
    "middle": "crop = [20, 17]\nresize = [12, 10]",
    "middle-crop": 'crop = [20, 31]\nresize = { size = [12, 10], mode = "crop" }',
    "middle-letterbox": 'crop = [20, 31]\nresize = { size = [12, 10], mode = "letterbox" }',
    "padding": "padding = [[1, 2], [0, 3]]",
    "inverted": "invert = true\npadding = 1",
}


def pictures(folder):
    """Writes pictures that are grey, in colours, with a palette, transparent and lying on their side."""
    random = np.random.default_rng(5)
    for number, (width, height) in enumerate([(10, 12), (31, 17), (14, 40), (57, 61)]):
        colours = Image.fromarray(random.integers(0, 256, [height, width, 3], dtype=np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6
        for name, picture, more in [
            ("colours", colours, {}),
            ("grey", colours.convert("L"), {}),
            ("palette", colours.quantize(16), {}),
            ("transparent", colours.convert("RGBA"), {}),
            ("turned", colours, {"exif": exif}),
        ]:
            path = folder / f"{name}-{number}.png"
            picture.save(path, **more)
            yield path


def main():
    cnn = arguments_of(__doc__).cnn
    worst = 0.0
    for channels, mean, std in [(1, [0.3], [0.4]), (3, [0.5, 0.4, 0.3], [0.2, 0.3, 0.25])]:
        for way, more in WAYS.items():
            with tempfile.TemporaryDirectory() as folder:
                config = Path(folder) / f"prepare-{way}.toml"
                config.write_text(CONFIG.format(channels=channels))
                rest = DATA.format(mean=mean, std=std, more=more)
                network = Network(cnn, config, folder, rest=rest)
                network.export("--format", "torch", "--out", "out")
                model = load(network.folder / "out")
                net = model.load()
                # What one of 255 steps of every channel comes to in an answer.
                step = np.abs(network.weights["0.weight"]).sum(1).max() / 255 / min(std)
                for path in pictures(network.folder):
                    with torch.no_grad():
                        theirs = net(model.prepare(Image.open(path))[None])
                    apart = np.abs(network.answers([path.name]) - theirs.numpy()).max() / step
                    worst = max(worst, apart)
                    if apart > 1.01:
                        print(f"FAIL {way} of {channels} channels, {path.name}: {apart:.2f} steps")
    print(f"pictures differ by {worst:.2f} steps of 255 at most")
    raise SystemExit(1 if worst > 1.01 else 0)


if __name__ == "__main__":
    main()
