"""In which order, and how often, training hears its clips."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


class Shuffled(Sampler[int]):
    """Every training crop once an epoch, in an order that (seed, epoch) alone decides, so that a resumed run repeats it."""

    def __init__(self, crops: int, seed: int) -> None:
        self.crops, self.seed, self.epoch = crops, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.crops

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        yield from torch.randperm(self.crops, generator=generator).tolist()
