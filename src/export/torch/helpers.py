class Residual(nn.Module):
    """What `layers` make of the input, and the input itself or what `shortcut` makes of it: their sum."""

    def __init__(self, layers, shortcut=None, activation=None):
        super().__init__()
        self.layers = layers
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self.activation = nn.Identity() if activation is None else activation

    def forward(self, x):
        return self.activation(self.layers(x) + self.shortcut(x))


class Concat(nn.Module):
    """Modules side by side, what they answer one after the other along the channels."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Sum(nn.Module):
    """Modules side by side, what they answer added."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return sum(branch(x) for branch in self.branches)


class Product(nn.Module):
    """Modules side by side, what they answer multiplied: maps by maps, or by one factor a channel."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return product(*[branch(x) for branch in self.branches])


def product(*values):
    """Multiplies maps by maps, or by one factor a channel."""
    rank = max(value.dim() for value in values)
    return math.prod(value.reshape(*value.shape, *[1] * (rank - value.dim())) for value in values)


def connected(conv, connections):
    """Leaves a convolution the weights of those maps alone that each filter reads, in training too."""
    mask = torch.zeros(conv.out_channels, conv.in_channels, *[1] * len(conv.kernel_size))
    for number, maps in enumerate(connections):
        mask[number, maps] = 1
    conv.weight.data *= mask
    conv.weight.register_hook(lambda gradient: gradient * mask.to(gradient))
    return conv


class Crop(nn.Module):
    """Values taken away at the ends: (before, after) for the channels and each dimension."""

    def __init__(self, *amount):
        super().__init__()
        self.amount = amount

    def forward(self, x):
        for dim, (before, after) in enumerate(self.amount, 1):
            x = x.narrow(dim, before, x.shape[dim] - before - after)
        return x


class Pad(nn.Module):
    """Values added at the ends: (before, after) for the channels and each dimension."""

    def __init__(self, *amount, mode):
        super().__init__()
        self.amount = amount
        self.mode = mode

    def forward(self, x):
        if self.mode == "zeros":
            return F.pad(x, [side for sides in reversed(self.amount) for side in sides])
        for dim, (before, after) in enumerate(self.amount, 1):
            last = x.shape[dim] - 1
            places = torch.arange(-before, last + 1 + after, device=x.device)
            if self.mode == "circular":
                places = places % (last + 1)
            elif self.mode == "replicate":
                places = places.clamp(0, last)
            else:
                places = last - (last - places.abs()).abs()
            x = x.index_select(dim, places)
        return x


class MinPool(nn.Module):
    """The smallest value of each window, given the pool of the largest."""

    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, x):
        return -self.pool(-x)


class SumPool(nn.Module):
    """The sum of each window, given the mean and how many values a window has."""

    def __init__(self, mean, size):
        super().__init__()
        self.mean = mean
        self.size = size

    def forward(self, x):
        return self.mean(x) * self.size


class NormPool(nn.Module):
    """The root of the sum of squares of each window, given the mean and how many values a window has."""

    def __init__(self, mean, size):
        super().__init__()
        self.mean = mean
        self.size = size

    def forward(self, x):
        return torch.sqrt(self.mean(x * x) * self.size)


class PaddedMean(nn.Module):
    """The mean of each window over padded maps: some of the padding counts as zeros, the rest not at all."""

    def __init__(self, mean, counted, uncounted):
        super().__init__()
        self.mean = mean
        self.counted = counted
        self.uncounted = uncounted

    def forward(self, x):
        counts = F.pad(torch.ones_like(x[:1, :1]), self.counted, value=1.0)
        padding = [a + b for a, b in zip(self.counted, self.uncounted)]
        return self.mean(F.pad(x, padding)) / self.mean(F.pad(counts, self.uncounted))


class GlobalMin(nn.Module):
    """The smallest value of each map."""

    def forward(self, x):
        return x.flatten(2).amin(2)


class GlobalSum(nn.Module):
    """The sum of each map."""

    def forward(self, x):
        return x.flatten(2).sum(2)


class GlobalNorm(nn.Module):
    """The root of the sum of squares of each map."""

    def forward(self, x):
        return torch.linalg.vector_norm(x.flatten(2), dim=2)


class Scale(nn.Module):
    """A learned factor for each channel, and with `bias` an offset."""

    def __init__(self, channels, bias=False):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x):
        shape = [-1] + [1] * (x.dim() - 2)
        x = x * self.weight.view(shape)
        return x if self.bias is None else x + self.bias.view(shape)


class ScaledTanh(nn.Module):
    """1.7159 · tanh(2x / 3): LeCun et al. 1998."""

    def forward(self, x):
        return 1.7159 * torch.tanh(x * (2 / 3))


class GaussianNoise(nn.Module):
    """Noise of mean 0, in training only."""

    def __init__(self, std):
        super().__init__()
        self.std = std

    def forward(self, x):
        return x + torch.randn_like(x) * self.std if self.training else x
