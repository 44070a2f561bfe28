"""Scores of one arm and differences of several, each with an interval by a paired bootstrap over artists."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.study.answers import Answers

RESAMPLES = 2_000
FEW_ARTISTS = 10  # below it a bootstrap over artists pretends to know what it cannot
ACCURACY, PRECISION, RECALL, F1 = "accuracy", "macro precision", "macro recall", "macro F1"
WORST = "worst genre's recall"
OF_ALL = (ACCURACY, PRECISION, RECALL, F1, WORST)  # the other measures are of one genre: recall_of(genre)
Floats = NDArray[np.float64]


def recall_of(genre: str) -> str:
    """The name of the measure."""
    return f"recall of {genre}"


@dataclass(frozen=True)
class Difference:
    """A score, or a difference of scores, in [-1, 1]: the mean over seeds, its 95 % interval over artists, and the
    standard deviation (n - 1) over seeds, None for one seed. `clips` and `artists` are those that the measure reads."""

    value: float
    low: float
    high: float
    deviation: float | None
    clips: int
    artists: int

    @property
    def few(self) -> bool:
        return self.artists < FEW_ARTISTS


def difference(measure: str, plus: Sequence[Answers], minus: Sequence[Answers] = ()) -> Difference:
    """The sum of a measure over `plus` less its sum over `minus`, on the same clips and the seeds that all have.

    In each of 2,000 resamples whole artists are drawn with replacement, the same for all arms, and the measure is
    taken anew of their clips. The seeds are averaged: the interval is about artists, not about initializations.
    A resample without clips of the genre that is asked for is left out.
    Raises ValueError where clips or seeds do not match. Source: Davison and Hinkley 1997, sections 2.2 and 3.8.
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
        value_RS += sign * measured(measure, np.tensordot(weight_RG, counts_GSCC, 1), first.genres)
    low, high = np.nanquantile(value_RS[1:].mean(axis=1), (0.025, 0.975))
    read_K = [measure in (*OF_ALL, recall_of(first.genres[true])) for true in first.true_K]
    return Difference(
        value=float(value_RS[0].mean()),
        low=float(low),
        high=float(high),
        deviation=float(value_RS[0].std(ddof=1)) if len(seeds) > 1 else None,
        clips=sum(read_K),
        artists=len({cluster for cluster, read in zip(first.clusters, read_K, strict=True) if read}),
    )


@cache
def _weights(clusters: int) -> Floats:
    """How often each of G clusters counts: once in row 0, the sample itself, then as often as it is drawn."""
    drawn_RG = np.random.default_rng(0).integers(clusters, size=(RESAMPLES, clusters))
    flat = (drawn_RG + clusters * np.arange(RESAMPLES)[:, None]).ravel()
    count_RG = np.bincount(flat, minlength=RESAMPLES * clusters).reshape(RESAMPLES, clusters)
    return np.vstack((np.ones(clusters), count_RG))


def measured(measure: str, counts_CC: Floats, genres: Sequence[str]) -> Floats:
    """A measure of confusion counts (..., C, C) -> (...).

    Macro averages are over the genres that have clips; a genre that is never predicted has a precision of 0. Where all
    genres have clips these are the scores of src/metrics/scores.py. The recall of a genre without clips is NaN.
    """
    hits_C, clips_C, calls_C = np.diagonal(counts_CC, axis1=-2, axis2=-1), counts_CC.sum(-1), counts_CC.sum(-2)
    there_C = clips_C > 0
    unknown_C = np.full(hits_C.shape, np.nan)
    if measure == ACCURACY:
        share: Floats = hits_C.sum(-1) / clips_C.sum(-1)
        return share
    if measure == PRECISION:
        return _mean(np.where(there_C, hits_C / np.maximum(calls_C, 1), np.nan))
    if measure == F1:
        return _mean(np.divide(2 * hits_C, clips_C + calls_C, where=there_C, out=unknown_C))
    recall_C: Floats = np.divide(hits_C, clips_C, where=there_C, out=unknown_C)
    if measure == RECALL:
        return _mean(recall_C)
    if measure == WORST:
        lowest: Floats = np.nanmin(recall_C, axis=-1)
        return lowest
    names = [recall_of(genre) for genre in genres]
    if measure not in names:
        raise ValueError(f"{measure} is no measure here: the genres are {', '.join(genres)}.")
    one: Floats = recall_C[..., names.index(measure)]
    return one


def _mean(value_C: Floats) -> Floats:
    mean: Floats = np.nanmean(value_C, axis=-1)
    return mean
