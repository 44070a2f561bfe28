"""The interface of a split."""

from collections.abc import Sequence
from typing import Protocol

from src.clip import Clip


class Split(Protocol):
    """What `split=` chooses: something that gives each clip a side."""

    description: str  # how it is made; read after `assign`, since a split may name what it found
    grouped: bool  # by artist, else album, else track
    allow_leak: bool

    def assign(self, clips: Sequence[Clip]) -> list[str]: ...
