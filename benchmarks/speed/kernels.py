"""A training step of a network of 32-64-128-128 channels: memory order of the weights, and bfloat16."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.speed.figures import Figure, in_turn
from src.classifier.precision import has_bf16
from src.model import Cnn
from src.model.network import Block

BATCH, ROWS, FRAMES, GENRES, TURNS = 32, 128, 130, 10, 9
FP32_LIMIT, BF16_LIMIT = 0.75, 0.5  # of the step with weights in torch's own order


def figures(folder: Path) -> list[Figure]:
    torch.set_num_threads(2)
    works: dict[str, Callable[[], object]] = {"torch's order, float32": _step(torch.contiguous_format, bf16=False)}
    works["ours, float32"] = _step(torch.channels_last, bf16=False)
    if has_bf16("cpu"):
        works["ours, bfloat16"] = _step(torch.channels_last, bf16=True)
    seconds = in_turn(works, TURNS, warmups=2)
    other = next(iter(works))
    return [
        Figure("kernels", f"step, {name}", seconds[name], "s", other, seconds[other], at_most=limit)
        for name, limit in (("ours, float32", FP32_LIMIT), ("ours, bfloat16", BF16_LIMIT))
        if name in seconds
    ]


def _step(order: torch.memory_format, bf16: bool) -> Callable[[], object]:
    """A training step with the weights of the convolutions in a memory order."""
    torch.manual_seed(0)
    model = Cnn(layers=4, width=32, dropout=0.3, activation="relu", rows=ROWS, genres=GENRES)
    for block in model.modules():
        if isinstance(block, Block):
            block.convolution.weight.data = block.convolution.weight.data.to(memory_format=order)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    feature_BFN, genre_B = torch.randn(BATCH, ROWS, FRAMES), torch.randint(GENRES, (BATCH,))
    return partial(_train, model, optimizer, feature_BFN, genre_B, bf16)


def _train(
    model: nn.Module, optimizer: torch.optim.Optimizer, feature_BFN: torch.Tensor, genre_B: torch.Tensor, bf16: bool
) -> None:
    optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits_BC = model(feature_BFN)
    loss: Any = nn.functional.cross_entropy(logits_BC.float(), genre_B)
    loss.backward()
    optimizer.step()
