"""Material of a checkpoint for doubt: predictions for the calibration artists, and embeddings of training clips.

`predict --set`, `--abstain` and `unlike_training` are computed from it. K calibration clips, C genres, M training clips, E embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

KEY = "doubt"  # in best.ckpt; runs from before it existed lack it


@dataclass(frozen=True)
class Calibration:
    """Calibrated probabilities (K, C) of the K calibration clips, their true genres (K,), names and artists.

    The artist of a clip is its group: the artist, else the album, else the track. `unlike_K` is true for clips that are unlike training: with
    --abstain, they get no answer.
    """

    clips: tuple[str, ...]
    artist: tuple[str, ...]
    genre_K: Tensor
    probability_KC: Tensor
    unlike_K: Tensor

    @property
    def artists(self) -> int:
        return len(set(self.artist))

    @property
    def score_K(self) -> Tensor:
        """The scores for prediction sets: 1 minus the probability of the true genre."""
        return 1 - self.probability_KC.gather(1, self.genre_K[:, None])[:, 0]

    @property
    def confidence_K(self) -> Tensor:
        """The probability of the predicted genre; -1 for a clip unlike training, which is not answered at any limit."""
        return self.probability_KC.amax(dim=1).masked_fill(self.unlike_K, -1.0)

    @property
    def correct_K(self) -> Tensor:
        return self.probability_KC.argmax(dim=1) == self.genre_K


@dataclass(frozen=True)
class Training:
    """Embeddings (M, E) of training clips, and the distance to the nearest of them from which a sound is unlike training.

    Source: Sun et al. 2022, distances to the nearest neighbours in the embedding; here to the first, not scaled to length 1.
    """

    embedding_ME: Tensor
    limit: float

    def distance(self, embedding_BE: Tensor) -> Tensor:
        """Euclidean distance to the nearest training clip, (B, E) -> (B,)."""
        mode = "donot_use_mm_for_euclid_dist"  # a product of matrices would be inexact for small distances
        return torch.cdist(embedding_BE.float().cpu(), self.embedding_ME, compute_mode=mode).amin(dim=1)

    def unlike(self, embedding_BE: Tensor) -> Tensor:
        """True for each of B sounds that is unlike training, (B,)."""
        return self.distance(embedding_BE) > self.limit


@dataclass(frozen=True)
class Doubt:
    """Material for doubt in a checkpoint: None without calibration artists, or for a model without an embedding."""

    calibration: Calibration | None = None
    training: Training | None = None

    def state(self) -> dict[str, Any]:
        """Tensors and plain values for a checkpoint."""
        calibration, training = self.calibration, self.training
        return {
            "calibration": calibration
            and {
                "clips": list(calibration.clips),
                "artist": list(calibration.artist),
                "genre_K": calibration.genre_K,
                "probability_KC": calibration.probability_KC,
                "unlike_K": calibration.unlike_K,
            },
            "training": training and {"embedding_ME": training.embedding_ME, "limit": training.limit},
        }


def from_checkpoint(saved: Any, genres: int, path: Path) -> Doubt:
    """Read what `Doubt.state` wrote; None, of an older run, gives a Doubt without content.

    The checkpoint may come from a stranger. Raises ValueError, which names the file, on anything else.
    """
    if saved is None:
        return Doubt()
    try:
        calibration, training = saved["calibration"], saved["training"]
        read = Doubt(
            None
            if calibration is None
            else Calibration(
                tuple(map(str, calibration["clips"])),
                tuple(map(str, calibration["artist"])),
                calibration["genre_K"].long(),
                calibration["probability_KC"].double(),
                calibration["unlike_K"].bool(),
            ),
            None if training is None else Training(training["embedding_ME"].float(), float(training["limit"])),
        )
        fits = _fits(read, genres)
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError):
        fits = False
    if not fits:
        raise ValueError(f"{path}: its part {KEY!r} is broken. Train the run again.")
    return read


def _fits(doubt: Doubt, genres: int) -> bool:
    """True if all shapes belong together and all numbers are in range."""
    calibration, training = doubt.calibration, doubt.training
    if calibration is not None:
        clips, probability_KC, genre_K = len(calibration.clips), calibration.probability_KC, calibration.genre_K
        shapes = (len(calibration.artist), *genre_K.shape, *calibration.unlike_K.shape, *probability_KC.shape)
        if not clips or shapes != (clips, clips, clips, clips, genres):
            return False
        sums_K = probability_KC.sum(dim=1)
        if not (bool((probability_KC >= 0).all()) and bool(((sums_K - 1).abs() < 1e-3).all())):
            return False
        if not bool(((genre_K >= 0) & (genre_K < genres)).all()):
            return False
    return training is None or (
        training.embedding_ME.ndim == 2
        and len(training.embedding_ME) > 0
        and bool(training.embedding_ME.isfinite().all())
        and 0 <= training.limit < float("inf")
    )


def joined(calibrations: Sequence[Calibration | None], orders: Sequence[Sequence[int]]) -> Calibration | None:
    """The calibration of an average of runs: the mean of their probabilities; None unless all have the same calibration clips.

    `orders` has for each run the indices of the first run's genres among its own. A clip is unlike training if more than half of the runs
    say so.
    """
    first = calibrations[0]
    if first is None:
        return None
    row_of = {clip: row for row, clip in enumerate(first.clips)}
    probabilities, unlike = [], []
    for calibration, order in zip(calibrations, orders, strict=True):
        if calibration is None or {*calibration.clips} != {*row_of} or len(calibration.clips) != len(first.clips):
            return None
        rows = torch.tensor([row_of[clip] for clip in calibration.clips]).argsort()
        probabilities.append(calibration.probability_KC[rows][:, list(order)])
        unlike.append(calibration.unlike_K[rows].double())
    genre_K = torch.tensor([list(orders[0]).index(genre) for genre in first.genre_K.tolist()])
    return Calibration(
        first.clips,
        first.artist,
        genre_K,
        torch.stack(probabilities).mean(dim=0),
        torch.stack(unlike).mean(dim=0) > 0.5,
    )
