"""The nearest training clips of a clip, by the cosine of embeddings.

Shapes: K training clips, E embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.clip import Clip

MOST = 3  # clips of each genre


@dataclass(frozen=True)
class Neighbour:
    """A training clip and the cosine of its embedding with that of the explained clip, both minus the training mean.

    `rank`: 1 for the nearest of all `clips` of its genre. `median` is the median cosine of these clips.
    """

    clip: Clip
    cosine: float
    rank: int
    clips: int
    median: float

    def as_json(self) -> dict[str, Any]:
        return {
            "clip": self.clip.name,
            "genre": self.clip.genre,
            "artist": self.clip.artist,
            "cosine": self.cosine,
            "rank": self.rank,
            "training_clips_of_genre": self.clips,
            "median_cosine_of_genre": self.median,
        }


def nearest(
    embedding_E: NDArray[np.float64],
    training_KE: NDArray[np.float64],
    clips: Sequence[Clip],
    genre: str,
    most: int = MOST,
    without: str = "",
) -> list[Neighbour]:
    """The `most` training clips of a genre that are nearest to an embedding (E,), the nearest first.

    `without` is the name of a clip that is left out: the explained one. Embeddings of networks are positive and point in similar
    directions, so the mean of the training clips is subtracted before the cosine. Equally near clips keep their order.
    """
    chosen = [k for k, clip in enumerate(clips) if clip.genre == genre and clip.name != without]
    if not chosen or not training_KE.shape[1]:
        return []
    mean_E = training_KE.mean(axis=0)
    cosine_K = _unit(training_KE[chosen] - mean_E) @ _unit(embedding_E - mean_E)
    order = np.argsort(-cosine_K, kind="stable")[:most]
    median = float(np.median(cosine_K))
    return [
        Neighbour(clips[chosen[k]], float(cosine_K[k]), rank, len(chosen), median)
        for rank, k in enumerate(order.tolist(), start=1)
    ]


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors of length 1; a vector of length 0 stays 0."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    unit: NDArray[np.float64] = vector / np.where(length > 0, length, 1)
    return unit
