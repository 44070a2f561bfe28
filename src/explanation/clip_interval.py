"""Means over clips with their interval, over artists where there are enough of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from src.metrics.intervals import MIN_ARTISTS, bootstrap_by_cluster

LEAST_CLIPS = 10


@dataclass(frozen=True)
class ClipInterval:
    """A mean over clips with its 95 % interval, by a bootstrap over artists or, with fewer than MIN_ARTISTS, over clips.

    With fewer than LEAST_CLIPS clips there is none: a bootstrap of a few values is far too narrow.
    """

    mean: float
    interval: tuple[float, float] | None
    clips: int
    artists: int | None  # None: not all are known

    @property
    def by(self) -> str:
        """The unit that was drawn: "artists" or "clips"."""
        return "artists" if self.artists is not None and self.artists >= MIN_ARTISTS else "clips"

    def as_json(self) -> dict[str, Any]:
        return {
            "mean": self.mean,
            "interval": None if self.interval is None else list(self.interval),
            "interval_over": self.by,
            "clips": self.clips,
            "artists": self.artists,
        }


def clip_interval(value: ArrayLike, artists: Sequence[str | None], resamples: int = 2_000) -> ClipInterval:
    """The mean of values (K,) of K clips, with its interval; `artists` are those of the clips, None if unknown."""
    value_K = np.asarray(value, dtype=np.float64)
    known = None if None in artists else len(set(artists))
    if len(value_K) < LEAST_CLIPS:
        return ClipInterval(float(value_K.mean()), None, len(value_K), known)
    by_artist = known is not None and known >= MIN_ARTISTS
    cluster = [str(artist) for artist in artists] if by_artist else [str(k) for k in range(len(value_K))]
    interval = bootstrap_by_cluster(value_K, cluster, resamples=resamples)
    return ClipInterval(float(value_K.mean()), interval, len(value_K), known)
