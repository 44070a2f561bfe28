"""EfficientAT's network in plain functions of its published arrays, written from the papers; and random arrays for it."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]
# Howard et al. 2019, table 1: filter, expansion, output, squeeze-and-excitation, hard swish, stride.
TABLE_1 = """
3  16  16 - RE 1
3  64  24 - RE 2
3  72  24 - RE 1
5  72  40 SE RE 2
5 120  40 SE RE 1
5 120  40 SE RE 1
3 240  80 - HS 2
3 200  80 - HS 1
3 184  80 - HS 1
3 184  80 - HS 1
3 480 112 SE HS 1
3 672 112 SE HS 1
5 672 160 SE HS 2
5 960 160 SE HS 1
5 960 160 SE HS 1
"""
ROWS = [row.split() for row in TABLE_1.split("\n") if row]


def forward(state: State, image_BMN: Tensor) -> tuple[Tensor, Tensor]:
    """Embedding (B, E) and log-odds (B, 527) of mel spectrograms (B, 128, N)."""
    x = hard_swish(conv(state, "features.0", image_BMN[:, None], stride=2))
    for index, (_, _, _, squeeze, activation, stride) in enumerate(ROWS, start=1):
        block, residual = f"features.{index}.block", x
        act = hard_swish if activation == "HS" else torch.relu
        parts = iter(range(9))
        if f"{block}.{2 + (squeeze == 'SE')}.0.weight" in state:  # else the block does not expand
            x = act(conv(state, f"{block}.{next(parts)}", x))
        x = act(conv(state, f"{block}.{next(parts)}", x, int(stride), depthwise=True))
        if squeeze == "SE":
            name = f"{block}.{next(parts)}.conc_se_layers.0"
            hidden = torch.relu(x.mean((2, 3)) @ state[f"{name}.fc1.weight"].T + state[f"{name}.fc1.bias"])
            scale = 1 / (1 + torch.exp(-(hidden @ state[f"{name}.fc2.weight"].T + state[f"{name}.fc2.bias"])))
            x = x * scale[..., None, None]
        x = conv(state, f"{block}.{next(parts)}", x)
        x = x + residual if x.shape == residual.shape else x
    embedding = hard_swish(conv(state, "features.16", x)).mean((2, 3))
    hidden = hard_swish(embedding @ state["classifier.2.weight"].T + state["classifier.2.bias"])
    return embedding, hidden @ state["classifier.5.weight"].T + state["classifier.5.bias"]


def hard_swish(x: Tensor) -> Tensor:
    return x * (x + 3).clamp(0, 6) / 6


def conv(state: State, name: str, x: Tensor, stride: int = 1, depthwise: bool = False) -> Tensor:
    weight = state[f"{name}.0.weight"]
    x = F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, groups=len(weight) if depthwise else 1)
    mean, var, gamma, beta = (
        state[f"{name}.1.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(var + 0.001) * gamma + beta


def random_state(width: float, seed: int = 0) -> State:
    """Random arrays with the published names and shapes; the outputs have about the size of real ones."""
    random = torch.Generator().manual_seed(seed)
    state: State = {}
    for name, shape in shapes(width):
        if name.endswith("running_var"):
            state[name] = torch.rand(shape, generator=random) + 0.5
        elif name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1)
        else:
            scale = (2 / math.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.2
            state[name] = torch.randn(shape, generator=random) * scale
            state[name] += 0.9 if name.endswith(".1.weight") else 0.0
    return state


def shapes(width: float) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the published arrays at a width."""

    def norm(name: str, size: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield from ((f"{name}.{part}", (size,)) for part in ("weight", "bias", "running_mean", "running_var"))
        yield f"{name}.num_batches_tracked", ()

    def layer(name: str, before: int, after: int, size: int = 1) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}.0.weight", (after, before, size, size)
        yield from norm(f"{name}.1", after)

    before = divisible(16 * width)
    yield from layer("features.0", 1, before, 3)
    for index, (size, expanded, output, squeeze, _, _) in enumerate(ROWS, start=1):
        inside, after, parts = divisible(int(expanded) * width), divisible(int(output) * width), iter(range(9))
        block = f"features.{index}.block"
        if inside != before:
            yield from layer(f"{block}.{next(parts)}", before, inside)
        yield from layer(f"{block}.{next(parts)}", 1, inside, int(size))
        if squeeze == "SE":
            name, squeezed = f"{block}.{next(parts)}.conc_se_layers.0", divisible(inside // 4)
            yield from ((f"{name}.fc1.weight", (squeezed, inside)), (f"{name}.fc1.bias", (squeezed,)))
            yield from ((f"{name}.fc2.weight", (inside, squeezed)), (f"{name}.fc2.bias", (inside,)))
        yield from layer(f"{block}.{next(parts)}", inside, after)
        before = after
    yield from layer("features.16", before, 6 * before)
    hidden = divisible(1280 * width)
    yield from (("classifier.2.weight", (hidden, 6 * before)), ("classifier.2.bias", (hidden,)))
    yield from (("classifier.5.weight", (527, hidden)), ("classifier.5.bias", (527,)))


def divisible(size: float) -> int:
    """The multiple of 8 that is nearest, and not more than 10 % below."""
    nearest = max(8, 8 * math.floor(size / 8 + 0.5))
    return nearest if nearest >= 0.9 * size else nearest + 8
