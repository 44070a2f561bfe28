"""How well genres are recognized: the scores of metrics.json, the confusion matrix and the per-genre table."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_calibration_error,
    multiclass_confusion_matrix,
    multiclass_stat_scores,
)

from src.metrics import intervals

ECE_BINS = 15
ARTISTS_PER_GENRE = intervals.FEW
Scores = dict[str, Any]


def score(
    logits_KC: Tensor,
    genre_K: Tensor,
    genres: Sequence[str],
    artists: Sequence[str | None] | None = None,
    tracks: Sequence[str | None] | None = None,
) -> Scores:
    """Score K clips: the `val` or `test` object of metrics.json, in plain ints, floats, lists, dicts and None.

    `logits_KC` are logits; probabilities are passed as their logarithms, which are logits too. `genre_K` are the true
    genres' indices, `genres` their C names, `artists` and `tracks` the clips', None where unknown.

    Averages called macro are plain means over the genres that have clips here or were predicted here, one set for all
    three, so that macro F1 never exceeds the harmonic mean of macro precision and macro recall. Recall without clips,
    precision without predictions and F1 without both are undefined: None in `genres`, and 0 in the averages where the
    genre counts (scikit-learn's `zero_division=0`). `nll` is the mean negative log-likelihood in nats, None where a
    true genre was given a probability of 0; `ece` has 15 bins of equal width. `tracks` and `artists` are None where
    they are unknown for any clip. `accuracy_interval_by_artist` is None unless each genre that has clips has at least
    10 artists.

    Raises ValueError on no clips, fewer than two genres, lengths that differ, or logits that are NaN.
    """
    artists = [None] * len(genre_K) if artists is None else artists
    tracks = [None] * len(genre_K) if tracks is None else tracks
    _check(logits_KC, genre_K, genres, artists, tracks)
    logits_KC, genre_K = logits_KC.detach().cpu().double(), genre_K.detach().cpu().long()
    log_probability_KC = logits_KC.log_softmax(dim=1)
    predicted_K = logits_KC.argmax(dim=1)
    correct_K = predicted_K == genre_K
    clips, correct = len(genre_K), int(correct_K.sum())
    nll = float(-log_probability_KC.gather(1, genre_K[:, None]).mean())
    ece = multiclass_calibration_error(log_probability_KC.exp(), genre_K, len(genres), n_bins=ECE_BINS, norm="l1")
    per_genre = _per_genre(predicted_K, genre_K, genres)
    return {
        "clips": clips,
        "tracks": None
        if None in tracks
        else len(set(zip(artists, tracks, strict=True))),  # two artists may have an Intro
        "artists": None if None in artists else len(set(artists)),
        "accuracy": correct / clips,
        "accuracy_interval": list(intervals.wilson(correct, clips)),
        "accuracy_interval_by_artist": _interval_by_artist(correct_K, genre_K, artists),
        "precision_macro": macro(per_genre, "precision"),
        "recall_macro": macro(per_genre, "recall"),
        "f1_macro": macro(per_genre, "f1"),
        "nll": nll if math.isfinite(nll) else None,
        "ece": float(ece),
        "genres": per_genre,
    }


def _check(
    logits_KC: Tensor,
    genre_K: Tensor,
    genres: Sequence[str],
    artists: Sequence[str | None],
    tracks: Sequence[str | None],
) -> None:
    clips = len(genre_K)
    if clips == 0:
        raise ValueError("no clips to score: this side of the split is empty. Use more clips or another split.")
    if len(genres) < 2:
        raise ValueError(f"{len(genres)} genre(s): at least two are needed to tell apart.")
    if logits_KC.shape != (clips, len(genres)) or len(artists) != clips or len(tracks) != clips:
        raise ValueError(
            f"expected logits of shape ({clips}, {len(genres)}), {clips} artists and {clips} tracks; "
            f"got {tuple(logits_KC.shape)}, {len(artists)} and {len(tracks)}."
        )
    if bool(logits_KC.isnan().any()):
        raise ValueError(
            f"the logits of {int(logits_KC.isnan().any(dim=1).sum())} of {clips} clips are NaN: the model diverged. "
            "Try a lower optimizer.lr."
        )


def _interval_by_artist(correct_K: Tensor, genre_K: Tensor, artists: Sequence[str | None]) -> list[float] | None:
    known = [artist for artist in artists if artist is not None]
    if len(known) < len(artists):
        return None
    pairs = set(zip(genre_K.tolist(), known, strict=True))
    artists_of_genre = torch.tensor([genre for genre, _ in pairs]).bincount()
    if bool((artists_of_genre[genre_K] < ARTISTS_PER_GENRE).any()):
        return None
    return list(intervals.bootstrap_by_cluster(correct_K.numpy(), known))


def _per_genre(predicted_K: Tensor, genre_K: Tensor, genres: Sequence[str]) -> dict[str, Scores]:
    # From counts: torchmetrics' own ratios are float32, and its per-class accuracy is recall under another name.
    counts_C5 = multiclass_stat_scores(predicted_K, genre_K, len(genres), average="none").tolist()
    per_genre = {}
    for genre, (hits, false_alarms, rejections, misses, support) in zip(genres, counts_C5, strict=True):
        per_genre[genre] = {
            "recall": _ratio(hits, support),
            "precision": _ratio(hits, hits + false_alarms),
            "f1": _ratio(2 * hits, 2 * hits + false_alarms + misses),
            "accuracy_one_vs_rest": (hits + rejections) / len(genre_K),
            "support": support,
        }
    return per_genre


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def macro(per_genre: Mapping[str, Scores], score: str) -> float:
    """The mean over the genres that have clips or predictions, which are those whose F1 is defined."""
    counted = [row[score] or 0.0 for row in per_genre.values() if row["f1"] is not None]
    return sum(counted) / len(counted)


def confusion(predicted_K: Tensor, genre_K: Tensor, genres: int) -> Tensor:
    """Counts (C, C) of clips: rows are the true genres, columns the predicted ones."""
    counts_CC: Tensor = multiclass_confusion_matrix(predicted_K.cpu(), genre_K.cpu(), num_classes=genres)
    return counts_CC


class Bin(NamedTuple):
    """Clips whose predicted genre has a probability from `low` on, 1 / ECE_BINS wide; `sure` is its mean over them."""

    low: float
    clips: int
    correct: int
    sure: float


def reliability(probability_K: Tensor, correct_K: Tensor) -> list[Bin]:
    """The clips by the probability of their predicted genre, in the bins of `ece` that have any, the lowest first.

    `correct_K` is whether the prediction was right. `ece` is the mean over the clips of |correct / clips - sure|.
    Source: DeGroot and Fienberg 1983.
    """
    bin_K = (probability_K * ECE_BINS).long().clamp_max(ECE_BINS - 1)  # 1 belongs to the last one
    inside = [(number / ECE_BINS, bin_K == number) for number in range(ECE_BINS)]
    return [
        Bin(low, int(inside_K.sum()), int(correct_K[inside_K].sum()), float(probability_K[inside_K].mean()))
        for low, inside_K in inside
        if inside_K.any()
    ]
