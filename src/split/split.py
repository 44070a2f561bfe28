"""The interface of a split."""

from collections.abc import Sequence
from typing import Protocol

from src.clip import Clip


class Split(Protocol):
    """A split, as chosen by `split=`: it assigns each clip to the train, validation, test or calibration set."""

    description: str  # the method; read it after `assign`, which may add to it, e.g. the name of the test artist
    grouped: bool  # True if clips of one artist, else album, else track, are never divided between sets
    allow_leak: bool  # True if training may use a split that leaks

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """Return the set of each clip: "train", "val", "test" or "calibration"."""
        ...
