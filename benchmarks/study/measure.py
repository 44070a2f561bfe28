"""Scores of arms and differences of scores, with intervals from a paired bootstrap over artists."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.study.answers import ArmPredictions

RESAMPLES = 2_000
FEW_ARTISTS = 10  # with fewer, the interval of a bootstrap over artists is too narrow
ACCURACY, PRECISION, RECALL, F1 = "accuracy", "macro precision", "macro recall", "macro F1"
WORST = "worst genre's recall"
OF_ALL = (ACCURACY, PRECISION, RECALL, F1, WORST)  # the other measures are of one genre: recall_of(genre)
Floats = NDArray[np.float64]


def recall_of(genre: str) -> str:
    """Name of the measure for one genre's recall."""
    return f"recall of {genre}"


@dataclass(frozen=True)
class Difference:
    """A score, or a difference of scores, in [-1, 1].

    `value` is the mean over seeds, `low` and `high` its 95 % interval over artists, `deviation` the standard deviation
    (n - 1) over seeds, None with one seed. `clips` and `artists` count the clips that the measure uses and their artists.
    """

    value: float
    low: float
    high: float
    deviation: float | None
    clips: int
    artists: int

    @property
    def few_artists(self) -> bool:
        return self.artists < FEW_ARTISTS


def difference(measure: str, plus: Sequence[ArmPredictions], minus: Sequence[ArmPredictions] = ()) -> Difference:
    """Compute the sum of a measure over `plus` minus its sum over `minus`, on the same clips and the common seeds.

    Each of 2,000 resamples draws whole artists with replacement, the same ones for all arms, and computes the measure
    again from their clips. The seeds are averaged: the interval is about artists, not about initializations. For the
    recall of one genre, resamples without clips of the genre are left out.
    Raises ValueError if the clips differ or no seed is common. Source: Davison and Hinkley 1997, sections 2.2 and 3.8.
    """
    first, *others = arms = [*plus, *minus]
    if any((arm.clips, arm.genres) != (first.clips, first.genres) for arm in others):
        raise ValueError("these runs were not tested on the same clips.")
    seeds = sorted(set(first.seeds).intersection(*(arm.seeds for arm in others)))
    if not seeds:
        raise ValueError("these runs have no seed in common.")
    weight_RG = _weights(len(first.counts_GSCC))
    value_RS = np.zeros((len(weight_RG), len(seeds)))
    for arm, sign in zip(arms, [1] * len(plus) + [-1] * len(minus), strict=True):
        counts_GSCC = arm.counts_GSCC[:, [arm.seeds.index(seed) for seed in seeds]]
        value_RS += sign * compute(measure, np.tensordot(weight_RG, counts_GSCC, 1), first.genres)
    low, high = np.nanquantile(value_RS[1:].mean(axis=1), (0.025, 0.975))
    used_K = [measure in (*OF_ALL, recall_of(first.genres[true])) for true in first.true_K]
    return Difference(
        value=float(value_RS[0].mean()),
        low=float(low),
        high=float(high),
        deviation=float(value_RS[0].std(ddof=1)) if len(seeds) > 1 else None,
        clips=sum(used_K),
        artists=len({cluster for cluster, used in zip(first.clusters, used_K, strict=True) if used}),
    )


@cache
def _weights(clusters: int) -> Floats:
    """Weights (R + 1, G) of G clusters: 1 in row 0, the sample itself, then the number of draws in each of R resamples."""
    drawn_RG = np.random.default_rng(0).integers(clusters, size=(RESAMPLES, clusters))
    flat = (drawn_RG + clusters * np.arange(RESAMPLES)[:, None]).ravel()
    count_RG = np.bincount(flat, minlength=RESAMPLES * clusters).reshape(RESAMPLES, clusters)
    return np.vstack((np.ones(clusters), count_RG))


def compute(measure: str, counts_CC: Floats, genres: Sequence[str]) -> Floats:
    """Compute a measure from confusion matrices (..., C, C) -> (...).

    Macro averages are over the genres that have clips; a genre that is never predicted has a precision of 0. If all
    genres have clips, these are the scores of src/metrics/scores.py. The recall of a genre without clips is NaN.
    Raises ValueError if there is no such measure.
    """
    hits_C, clips_C, predicted_C = np.diagonal(counts_CC, axis1=-2, axis2=-1), counts_CC.sum(-1), counts_CC.sum(-2)
    has_clips_C = clips_C > 0
    nan_C = np.full(hits_C.shape, np.nan)
    if measure == ACCURACY:
        accuracy: Floats = hits_C.sum(-1) / clips_C.sum(-1)
        return accuracy
    if measure == PRECISION:
        return _mean(np.where(has_clips_C, hits_C / np.maximum(predicted_C, 1), np.nan))
    if measure == F1:
        return _mean(np.divide(2 * hits_C, clips_C + predicted_C, where=has_clips_C, out=nan_C))
    recall_C: Floats = np.divide(hits_C, clips_C, where=has_clips_C, out=nan_C)
    if measure == RECALL:
        return _mean(recall_C)
    if measure == WORST:
        lowest: Floats = np.nanmin(recall_C, axis=-1)
        return lowest
    names = [recall_of(genre) for genre in genres]
    if measure not in names:
        raise ValueError(f"{measure!r} is not a measure: expected one of {', '.join((*OF_ALL, *names))}.")
    recall: Floats = recall_C[..., names.index(measure)]
    return recall


def _mean(value_C: Floats) -> Floats:
    mean: Floats = np.nanmean(value_C, axis=-1)
    return mean
