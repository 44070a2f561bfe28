"""In which order, and how often, training hears its clips.

An epoch has `crops` crops; crop i is cut number i // clips of training clip i % clips, at a random place of its own.
(seed, epoch) alone decides the order, so that a resumed run repeats it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Sampler


class _Order(Sampler[int], ABC):
    """An order drawn anew for each epoch."""

    def __init__(self, crops: int, seed: int) -> None:
        self.crops, self.seed, self.epoch = crops, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.crops

    def __iter__(self) -> Iterator[int]:
        yield from self.draw(torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)).tolist()

    @abstractmethod
    def draw(self, generator: torch.Generator) -> Tensor:
        """The numbers of one epoch's crops, in order: (crops,)."""


class Shuffled(_Order):
    """Every training crop once an epoch."""

    def draw(self, generator: torch.Generator) -> Tensor:
        return torch.randperm(self.crops, generator=generator)


class Balanced(_Order):
    """Every genre equally often, to within one crop; a genre's clips come equally often too.

    `clip_genres`: the genre's number of each training clip.
    """

    def __init__(self, crops: int, seed: int, clip_genres: Sequence[int]) -> None:
        super().__init__(crops, seed)
        genre_K = torch.tensor(clip_genres)
        self.clips, self.members = (
            len(genre_K),
            [(genre_K == genre).nonzero()[:, 0] for genre in sorted(set(clip_genres))],
        )

    def draw(self, generator: torch.Generator) -> Tensor:
        drawn = []
        for turn, place in enumerate(torch.randperm(len(self.members), generator=generator).tolist()):
            clip_M = self.members[place]
            share = self.crops // len(self.members) + (turn < self.crops % len(self.members))
            cut_R = torch.arange(-(-share // len(clip_M)))  # rounds through the genre's clips
            round_RM = torch.stack([clip_M[torch.randperm(len(clip_M), generator=generator)] for _ in cut_R])
            drawn.append((cut_R[:, None] * self.clips + round_RM).flatten()[:share])
        return torch.cat(drawn)[torch.randperm(self.crops, generator=generator)]
