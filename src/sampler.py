"""Samplers: the order of the training crops, the frequency of each genre, and the share of each process.

An epoch has `crops` crops. Crop i is the (i // clips)-th crop, counted from 0, of training clip i % clips. Each crop
has its own random position. The order depends on (seed, epoch) only, so that a resumed run repeats it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor
from torch.utils.data import Sampler


class _Order(Sampler[int], ABC):
    """Random order of the crops, drawn again for each epoch."""

    def __init__(self, crops: int, seed: int) -> None:
        self.crops, self.seed, self.epoch = crops, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch. Lightning calls this at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.crops

    def __iter__(self) -> Iterator[int]:
        yield from self.draw(torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)).tolist()

    @abstractmethod
    def draw(self, generator: torch.Generator) -> Tensor:
        """Draw the crop indices of one epoch, in the order of training: (crops,)."""


class Shuffled(_Order):
    """Every training crop once per epoch."""

    def draw(self, generator: torch.Generator) -> Tensor:
        return torch.randperm(self.crops, generator=generator)


class Balanced(_Order):
    """All genres equally often, and within a genre all its clips, up to a difference of one crop.

    `clip_genres`: the genre index of each training clip.
    """

    def __init__(self, crops: int, seed: int, clip_genres: Sequence[int]) -> None:
        super().__init__(crops, seed)
        genre_K = torch.tensor(clip_genres)
        self.clips, self.genre_clips = (
            len(genre_K),
            [(genre_K == genre).nonzero()[:, 0] for genre in sorted(set(clip_genres))],
        )

    def draw(self, generator: torch.Generator) -> Tensor:
        genre_crops = []
        for rank, index in enumerate(torch.randperm(len(self.genre_clips), generator=generator).tolist()):
            clip_M = self.genre_clips[index]
            # The remainder of the division goes to the first genres of the random order, one crop each.
            count = self.crops // len(self.genre_clips) + (rank < self.crops % len(self.genre_clips))
            round_R = torch.arange(-(-count // len(clip_M)))  # rounds through the clips of the genre
            clip_RM = torch.stack([clip_M[torch.randperm(len(clip_M), generator=generator)] for _ in round_R])
            genre_crops.append((round_R[:, None] * self.clips + clip_RM).flatten()[:count])
        return torch.cat(genre_crops)[torch.randperm(self.crops, generator=generator)]


class Share(Sampler[int]):
    """The share of process `rank` of `ranks` in the order of another sampler: its crops rank, rank + ranks, rank + 2 * ranks ...

    If each process takes 1 / ranks of the batch size, their batches together are those of one process. No crop is
    repeated. The last crops of an epoch, at most ranks - 1, are left out if they do not suffice for all processes.
    """

    def __init__(self, sampler: Sampler[int], rank: int, ranks: int) -> None:
        self.sampler, self.rank, self.ranks = sampler, rank, ranks
        self.crops = len(sampler)  # type: ignore[arg-type]
        if self.crops < ranks:
            raise ValueError(
                f"An epoch has {self.crops} crops, fewer than the {ranks} processes: lower trainer.devices, or set "
                "data.least_crops."
            )

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the other sampler, if its order depends on it."""
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return self.crops // self.ranks

    def __iter__(self) -> Iterator[int]:
        return islice(self.sampler, self.rank, len(self) * self.ranks, self.ranks)
