"""Writes networks as `torch.onnx.export` does, by both of its exporters, and what they answer: `python onnx.py`, with torch, onnx,
onnxscript and safetensors.
"""

import io
import sys
from pathlib import Path

# This file is called as the package that it takes.
sys.path = [place for place in sys.path if Path(place or ".").resolve() != Path(__file__).resolve().parent]

import onnx
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

FOLDER = Path(__file__).resolve().parent


class Plain(nn.Module):
    """Rows are made by `view`, as most programs of 2017 have it."""

    shape = (2, 8, 8)

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 3), nn.Tanh(), nn.AvgPool2d(2)
        )
        self.classifier = nn.Linear(3, 3)

    def forward(self, x):
        x = self.features(x)
        return self.classifier(x.view(x.size(0), -1))


class Residual(nn.Module):
    """A block whose shortcut has a convolution, and one whose shortcut has nothing."""

    shape = (2, 8, 6)

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.downsample = nn.Sequential(nn.Conv2d(2, 4, 1, stride=2, bias=False), nn.BatchNorm2d(4))
        self.conv3 = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        inner = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(inner)) + self.downsample(x))
        x = functional.relu(x + self.conv3(x))
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class Excited(nn.Module):
    """Channels are weighed twice: by convolutions of single values, and by dense layers."""

    shape = (2, 6, 6)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.reduce, self.expand = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)
        self.fc1, self.fc2 = nn.Linear(4, 2), nn.Linear(2, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv(x)
        factors = functional.adaptive_avg_pool2d(x, 1)
        x = x * torch.sigmoid(self.expand(torch.relu(self.reduce(factors))))
        factors = functional.adaptive_avg_pool2d(x, 1).view(x.size(0), -1)
        x = x * torch.sigmoid(self.fc2(torch.relu(self.fc1(factors)))).view(x.size(0), -1, 1, 1)
        return self.head(x.mean([2, 3]))


class Inverted(nn.Module):
    """Inverted residuals with relu6 and hard swish."""

    shape = (2, 6, 6)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 3, padding=1)
        self.block = nn.Sequential(
            nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6), nn.ReLU6(), nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.Hardswish(), nn.Conv2d(6, 3, 1)
        )
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.block(x)
        return self.fc(functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


class Dense(nn.Module):
    """A dense block: each convolution takes all maps before it."""

    shape = (2, 6, 6)

    def __init__(self):
        super().__init__()
        self.conv0 = nn.Conv2d(2, 3, 1)
        self.layers = nn.ModuleList(nn.Conv2d(3 + 2 * number, 2, 3, padding=1) for number in range(3))
        self.transition = nn.Conv2d(9, 3, 1)

    def forward(self, x):
        features = [self.conv0(x)]
        for layer in self.layers:
            features.append(layer(torch.relu(torch.cat(features, 1))))
        x = functional.avg_pool2d(self.transition(torch.cat(features, 1)), 2)
        return functional.adaptive_max_pool2d(x, 1).flatten(1)


class Unet(nn.Module):
    """Down and up again, twice, with the maps of the way down put beside those of the way up."""

    shape = (2, 8, 8)

    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.bottom = nn.Conv2d(4, 5, 3, padding=1)
        self.up = nn.ConvTranspose2d(5, 4, 2, stride=2)
        self.up2, self.up1 = nn.Conv2d(8, 3, 3, padding=1), nn.Conv2d(6, 2, 3, padding=1)
        self.larger = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    def forward(self, x):
        first = torch.relu(self.down1(x))
        second = torch.relu(self.down2(functional.max_pool2d(first, 2)))
        x = torch.relu(self.bottom(functional.max_pool2d(second, 2)))
        x = torch.relu(self.up2(torch.cat([self.up(x), second], 1)))
        x = self.up1(torch.cat([self.larger(x), first], 1))
        return x.flatten(1)


class Gelu(nn.Module):
    """A part of ConvNeXt: GELU by the error function, channels scaled."""

    shape = (3, 6, 6)

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, groups=3), nn.Conv2d(3, 6, 1), nn.GELU(), nn.Conv2d(6, 3, 1))
        self.gamma = nn.Parameter(torch.rand(3, 1, 1))
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        x = x + self.gamma * self.net(x)
        return self.fc(x.mean((-2, -1)))


class Group(nn.Module):
    """Group normalization, which has no operator before set 18."""

    shape = (2, 5, 6)

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.SiLU(), nn.Conv2d(4, 4, 1), nn.InstanceNorm2d(4, affine=True), nn.LeakyReLU(0.1),
            nn.Flatten(), nn.Linear(48, 3)
        )

    def forward(self, x):
        return self.net(x)


class Signal(nn.Module):
    """A network for signals."""

    shape = (2, 16)

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(2, 4, 5, stride=2, padding=2), nn.BatchNorm1d(4), nn.ELU(), nn.MaxPool1d(2), nn.Conv1d(4, 3, 3, dilation=2, padding=2),
            nn.PReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(3, 3), nn.Softmax(1)
        )

    def forward(self, x):
        return self.net(x)


class Sizes(nn.Module):
    """A pool to a size, padding of its own, and a cut."""

    shape = (2, 8, 8)

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 3, 3), nn.Linear(27, 3)

    def forward(self, x):
        x = functional.adaptive_avg_pool2d(functional.hardsigmoid(self.conv(x)), (2, 2))
        x = functional.pad(x, (1, 1, 0, 1), mode="reflect")[:, :, :, 1:]
        return self.fc(x.reshape(-1, 27))


NETWORKS = (Plain, Residual, Excited, Inverted, Dense, Unet, Gelu, Group, Signal, Sizes)


def made(kind):
    """Makes a network with weights and running statistics that are not those of the start."""
    torch.manual_seed(5)
    net = kind().eval()
    for module in net.modules():
        if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.InstanceNorm2d)):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)
            if getattr(module, "running_var", None) is not None:
                module.running_mean.uniform_(-0.5, 0.5)
                module.running_var.uniform_(0.5, 2)
    return net


def written(net, x, **options):
    """Returns the file without what tells where it was written."""
    file = io.BytesIO()
    if options.get("dynamo"):
        torch.onnx.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},), dynamo=True, verbose=False).save(file)
    else:
        names = {"input_names": ["input"], "output_names": ["output"], "dynamic_axes": {"input": {0: "batch"}, "output": {0: "batch"}}}
        torch.onnx.export(net, (x,), file, dynamo=False, **names, **options)
    model = onnx.load_from_string(file.getvalue())
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.graph.ClearField("value_info")
    model.ClearField("functions")
    return torch.frombuffer(bytearray(model.SerializeToString()), dtype=torch.uint8)


def main():
    tensors = {}
    kept = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False, "keep_initializers_as_inputs": True}
    for kind in NETWORKS:
        name, net = kind.__name__.lower(), made(kind)
        x = torch.randn(2, *kind.shape)
        tensors[f"{name}/input"], tensors[f"{name}/output"] = x, net(x).detach()
        tensors[f"{name}/traced"] = written(net, x, opset_version=17)
        tensors[f"{name}/exported"] = written(net, x, dynamo=True)
        if kind in (Residual, Signal):
            tensors[f"{name}/kept"] = written(net, x, opset_version=13, **kept)
    save_file(tensors, FOLDER / "onnx.safetensors")
    for key, one in tensors.items():
        if one.dtype == torch.uint8:
            print(key, len(one), [node.op_type for node in onnx.load_from_string(bytes(one.tolist())).graph.node])


main()
