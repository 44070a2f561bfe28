"""Pairs of genres: told apart, not told apart, or undecided."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.genre_relations.artists import Artists, pair_means
from src.metrics.intervals import MIN_ARTISTS

CHANCE = 0.5
MARGIN = 0.1  # AUC: below 60 % on new artists, a model is of little use for two genres
APART, SAME, UNDECIDED = "told apart", "cannot be told apart", "undecided"


@dataclass(frozen=True)
class Pair:
    """Two genres, as indices, and how well their test clips are told apart.

    `auc` is the probability that a clip of each, by different artists, are ordered correctly by their log-odds, 0 to 1;
    chance is 0.5; None if no run tested both. `interval` is its 95 % interval over artists, None below MIN_ARTISTS.
    `artists` are those that were compared, of each genre. `reason` says why the pair is undecided; empty for other answers.
    """

    genres: tuple[int, int]
    auc: float | None
    interval: tuple[float, float] | None
    artists: tuple[int, int]
    answer: str
    reason: str


def judge(
    artists: Artists, order_AA: NDArray[np.float32], weight_RA: NDArray[np.float32], margin: float = MARGIN
) -> list[Pair]:
    """Judge all pairs of genres, the pair with the lowest AUC first; pairs without an AUC come last.

    `order_AA` is that of `material.order`, `weight_RA` the resampled weights of `artists.draw`. A pair cannot be told apart
    if its interval lies within `margin` of chance, it is told apart if its interval lies above chance otherwise.
    Source: for the equivalence Schuirmann 1987, with a 95 instead of a 90 % interval.
    """
    point_CC = pair_means(artists, order_AA, np.ones((1, len(artists.owner_A)), np.float32))[0]
    compared_CC = _compared(artists, order_AA)
    known = artists.owner_kind == "artist"
    enough_CC = (compared_CC >= MIN_ARTISTS) & (compared_CC.T >= MIN_ARTISTS) & known
    interval_2CC = None
    if enough_CC.any():
        resampled_RCC = pair_means(artists, order_AA, weight_RA)
        interval_2CC = np.nanquantile(np.where(enough_CC, resampled_RCC, 0.5), (0.025, 0.975), axis=0)
    pairs = []
    for i, j in zip(*np.triu_indices(len(artists.genres), 1), strict=True):
        auc = float(point_CC[i, j]) if np.isfinite(point_CC[i, j]) else None
        interval = None
        if interval_2CC is not None and enough_CC[i, j]:
            interval = (float(interval_2CC[0, i, j]), float(interval_2CC[1, i, j]))
        counts = (int(compared_CC[i, j]), int(compared_CC[j, i]))
        answer, reason = _answer(auc, interval, counts, known, margin)
        pairs.append(Pair((int(i), int(j)), auc, interval, counts, answer, reason))
    return sorted(pairs, key=lambda pair: (pair.auc is None, pair.auc or 0, pair.genres))


def _compared(artists: Artists, order_AA: NDArray[np.float32]) -> NDArray[np.intp]:
    """(C, C): the number of artists of genre i that are compared with an artist of genre j."""
    valid_AA = np.isfinite(order_AA) & artists.different_AA
    any_AC = np.add.reduceat(valid_AA, artists.start_C, axis=1, dtype=np.intp) > 0
    return np.add.reduceat(any_AC, artists.start_C, axis=0, dtype=np.intp)


def _answer(
    auc: float | None, interval: tuple[float, float] | None, artists: tuple[int, int], known: bool, margin: float
) -> tuple[str, str]:
    """The answer for a pair, and the reason if it is undecided."""
    if auc is None:
        return UNDECIDED, "no run tested clips of both, by different artists"
    if not known:
        return UNDECIDED, "some artists are unknown"
    if interval is None:
        return UNDECIDED, f"{artists[0]} and {artists[1]} artists; {MIN_ARTISTS} of each are needed"
    low, high = interval
    if CHANCE - margin <= low and high <= CHANCE + margin:
        return SAME, ""
    if low > CHANCE:
        return APART, ""
    if high < CHANCE:
        return UNDECIDED, "below chance: clips of one are like training clips of the other"
    return UNDECIDED, "the interval has chance in it, and is too wide"
