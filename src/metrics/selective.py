"""Selective prediction: which errors remain if a model answers only where it is confident enough.

The confidence of a clip is the probability of its predicted genre.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

# Limits of confidence that `abstention` tries. They are fixed, so they depend on no data.
LIMITS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
FAILURE = 0.05  # probability that an error rate is above its bound
DRAWS = 101  # of one clip for each artist; an odd number, so that the median is one of the bounds


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> NDArray[np.float64]:
    """The error rate among the n most confident of K clips, for n = 1 to K -> (K,).

    Clips of equal confidence are answered together, so each of them adds the mean error of all.
    Source: El-Yaniv and Wiener 2010.
    """
    confidence_K, error_K = np.asarray(confidence, dtype=np.float64), 1 - np.asarray(correct, dtype=np.float64)
    if confidence_K.ndim != 1 or confidence_K.shape != error_K.shape or not len(error_K):
        raise ValueError(
            f"expected a confidence for each clip, and at least one clip; got shapes {confidence_K.shape} and {error_K.shape}."
        )
    _, level_K, clips_L = np.unique(-confidence_K, return_inverse=True, return_counts=True)
    mean_L = np.bincount(level_K, error_K) / clips_L
    risk_K: NDArray[np.float64] = np.repeat(mean_L, clips_L).cumsum() / np.arange(1, len(error_K) + 1)
    return risk_K


def aurc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Area under the risk-coverage curve: the mean of `risk_coverage`. 0 is best; random confidence gives the error rate.

    Source: Geifman, Uziel and El-Yaniv 2019.
    """
    return float(risk_coverage(confidence, correct).mean())


class Limit(NamedTuple):
    """Answer only at a confidence of `confidence` or more: share of calibration clips answered, and bound of the error rate."""

    confidence: float
    answered: float
    error_bound: float


def abstention(confidence: ArrayLike, correct: ArrayLike, artist: Sequence[object]) -> list[Limit]:
    """Bound the error rate among the answers for clips by new artists, at each of LIMITS.

    `confidence` (K,) and `correct` (K,) are of the calibration clips, `artist` their K artists. With a probability of
    1 - FAILURE, all bounds hold at once, so the lowest limit whose bound is low enough can be chosen. The error rate is that
    of a random clip of a random artist, given that it is answered.

    Clips of one artist are not independent, so one clip of each artist is drawn at random. The upper bound is the exact
    one of the binomial distribution (Clopper and Pearson 1934) at FAILURE / (number of limits). To depend on the draw less, it is the
    median over DRAWS draws at half of that, as twice the median of p-values is a p-value. Nothing is drawn
    if each artist has one clip. A limit that no clip reaches has the bound 1.
    Source: Geifman and El-Yaniv 2017, with fixed limits instead of a binary search; Rueschendorf 1982 for the median.
    """
    confidence_K, wrong_K = np.asarray(confidence, dtype=np.float64), ~np.asarray(correct, dtype=bool)
    index_K, clips_A = np.unique(np.asarray(artist), return_inverse=True, return_counts=True)[1:]
    by_artist, first_A = np.argsort(index_K, kind="stable"), np.cumsum(clips_A) - clips_A
    draws = DRAWS if clips_A.max() > 1 else 1
    share_RA = np.random.default_rng(0).random((draws, len(clips_A)))
    drawn_RA = by_artist[first_A + (share_RA * clips_A).astype(np.int64)]
    failure = FAILURE / len(LIMITS) / min(draws, 2)
    found = []
    for limit in LIMITS:
        answered_RA = confidence_K[drawn_RA] >= limit
        bound_R = upper_bound((answered_RA & wrong_K[drawn_RA]).sum(axis=1), answered_RA.sum(axis=1), failure)
        found.append(Limit(limit, float((confidence_K >= limit).mean()), float(np.median(bound_R))))
    return found


def upper_bound(errors: ArrayLike, answers: ArrayLike, failure: float) -> NDArray[np.float64]:
    """The largest error rate at which so few errors among the answers have a probability of `failure` or more; 1 without answers."""
    errors_R, answers_R = np.asarray(errors, dtype=np.float64), np.asarray(answers, dtype=np.float64)
    known_R = errors_R < answers_R
    bound_R = beta.ppf(1 - failure, errors_R + 1, np.where(known_R, answers_R - errors_R, 1.0))
    return np.where(known_R, bound_R, 1.0)


def lowest_limit(limits: Sequence[Limit], rate: float) -> Limit | None:
    """The lowest limit of confidence whose error is at most `rate`; None if there is none."""
    return next((limit for limit in limits if limit.error_bound <= rate), None)
