"""The cases: layers as text, by name, with the shape of what comes in."""

CASES = {}

# Inputs of one, two and three dimensions.
MAPS = {1: (2, 9), 2: (2, 5, 6), 3: (2, 4, 3, 5)}


def case(name, shape, *layers, spread=1):
    """A case with inputs of the given standard deviation."""
    assert name not in CASES, name
    CASES[name] = (list(shape), listed(*layers), spread)


def listed(*layers):
    """The layers as a TOML array, for a case or a list inside a layer."""
    return "[" + ", ".join("{ " + layer + " }" for layer in layers) + "]"
