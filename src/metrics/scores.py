"""Classification scores of metrics.json, in total and per genre; confusion matrix; reliability diagram."""

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
ARTISTS_PER_GENRE = intervals.MIN_ARTISTS
Scores = dict[str, Any]


def score(
    logits_KC: Tensor,
    genre_K: Tensor,
    genres: Sequence[str],
    artists: Sequence[str | None] | None = None,
    tracks: Sequence[str | None] | None = None,
) -> Scores:
    """Compute the scores of K clips: the `val` or `test` object of metrics.json, in plain Python types.

    `logits_KC` are logits; pass probabilities as their logarithms, which are logits too. `genre_K` are the indices of
    the true genres and `genres` the C genre names. `artists` and `tracks` are those of the clips, None if unknown.

    Macro averages are plain means over the genres that have clips or predictions here. Precision, recall and F1 use the
    same genres, so macro F1 never exceeds the harmonic mean of macro precision and macro recall. A genre without clips
    has no recall, one without predictions no precision, and one without both no F1. In the result, `genres` then
    contains None; a macro average counts None as 0 (scikit-learn's `zero_division=0`). `nll` is the mean negative
    log-likelihood in nats, None if a true genre got probability 0. `ece` is the expected calibration error, with 15
    bins of equal width. The counts `tracks` and `artists` are None if the track or artist of any clip is unknown.
    `accuracy_interval_by_artist` is None unless every genre that has clips has at least 10 artists.

    Raises ValueError if there are no clips, fewer than two genres, lengths that differ, or logits that are NaN.
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
        else len(set(zip(artists, tracks, strict=True))),  # two artists may both have a track "Intro"
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
        raise ValueError("no clips to score: this set of the split is empty. Use more clips or another split.")
    if len(genres) < 2:
        raise ValueError(f"{len(genres)} genre(s): at least two are needed for classification.")
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
    known_artists = [artist for artist in artists if artist is not None]
    if len(known_artists) < len(artists):
        return None
    pairs = set(zip(genre_K.tolist(), known_artists, strict=True))
    artists_of_genre_C = torch.tensor([genre for genre, _ in pairs]).bincount()
    if bool((artists_of_genre_C[genre_K] < ARTISTS_PER_GENRE).any()):
        return None
    return list(intervals.bootstrap_by_cluster(correct_K.numpy(), known_artists))


def _per_genre(predicted_K: Tensor, genre_K: Tensor, genres: Sequence[str]) -> dict[str, Scores]:
    # Computed from counts: torchmetrics' own ratios are float32, and what it calls per-class accuracy is recall.
    counts_C5 = multiclass_stat_scores(predicted_K, genre_K, len(genres), average="none").tolist()
    per_genre = {}
    for genre, counts in zip(genres, counts_C5, strict=True):
        true_positives, false_positives, true_negatives, false_negatives, support = counts
        per_genre[genre] = {
            "recall": _ratio(true_positives, support),
            "precision": _ratio(true_positives, true_positives + false_positives),
            "f1": _ratio(2 * true_positives, 2 * true_positives + false_positives + false_negatives),
            "accuracy_one_vs_rest": (true_positives + true_negatives) / len(genre_K),
            "support": support,
        }
    return per_genre


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def macro(per_genre: Mapping[str, Scores], score: str) -> float:
    """Mean of a score over the genres that have clips or predictions, i.e. whose F1 is defined; None counts as 0."""
    values = [row[score] or 0.0 for row in per_genre.values() if row["f1"] is not None]
    return sum(values) / len(values)


def with_clips_only(scores: Scores) -> Scores:
    """Average over the genres that have clips: the others get no precision and F1, even if some clips got them as an answer.

    For clips of another data set, which does not know all genres of the model.
    """
    per_genre = {
        genre: row if row["support"] else {**row, "precision": None, "f1": None}
        for genre, row in scores["genres"].items()
    }
    averages = {f"{key}_macro": macro(per_genre, key) for key in ("precision", "recall", "f1")}
    return {key: averages.get(key, value) for key, value in {**scores, "genres": per_genre}.items()}


def confusion(predicted_K: Tensor, genre_K: Tensor, genres: int) -> Tensor:
    """Confusion matrix (C, C), in clips: rows are the true genres, columns the predicted genres."""
    counts_CC: Tensor = multiclass_confusion_matrix(predicted_K.cpu(), genre_K.cpu(), num_classes=genres)
    return counts_CC


def mistakes_first(probability_K: Tensor, correct_K: Tensor) -> list[int]:
    """Order K predictions: the wrong ones, then the correct ones, each with the highest confidence first -> positions.

    `probability_K` is the probability of the predicted genre, 0 to 1. Equal ones keep their order.
    """
    order = (probability_K.double() + ~correct_K).argsort(descending=True, stable=True)
    return [int(k) for k in order]


class Bin(NamedTuple):
    """One bin of a reliability diagram: the clips whose predicted genre has a probability in [low, low + 1 / ECE_BINS).

    The last bin includes 1. `correct` counts the clips with a correct prediction; `mean_probability` is the mean
    probability of the predicted genres.
    """

    low: float
    clips: int
    correct: int
    mean_probability: float


def reliability(probability_K: Tensor, correct_K: Tensor) -> list[Bin]:
    """Sort K clips into bins by the probability of their predicted genre: the reliability diagram, lowest bin first.

    The bins are those of `ece`, without the empty ones. `correct_K` is True for each correct prediction. `ece` is the
    mean over the clips of |correct / clips - mean_probability| of their bin.
    Source: DeGroot and Fienberg 1983.
    """
    bin_K = (probability_K * ECE_BINS).long().clamp_max(ECE_BINS - 1)  # probability 1 belongs to the last bin
    bins = [(k / ECE_BINS, bin_K == k) for k in range(ECE_BINS)]
    return [
        Bin(low, int(inside_K.sum()), int(correct_K[inside_K].sum()), float(probability_K[inside_K].mean()))
        for low, inside_K in bins
        if inside_K.any()
    ]
