"""The interface of a split."""

from collections.abc import Sequence
from typing import Protocol

from src.clip import Clip


class Split(Protocol):
    """A split, as chosen by `split=`: it assigns each clip to the train, validation or test set."""

    description: str  # how the split is made; read it after `assign`, which may add what it finds, as the test artist
    grouped: bool  # by artist, else album, else track
    allow_leak: bool

    def assign(self, clips: Sequence[Clip]) -> list[str]: ...
