"""Prediction sets that hold the true genre with a given probability: split conformal prediction with artists as units.

The score of a clip is 1 minus the probability of its true genre (LAC: Sadinle, Lei and Wasserman 2019). Clips of one artist
are not exchangeable with those of another, but artists are: a new artist is one more draw from the same source.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from src.metrics import intervals

LEAST_ARTISTS = 10  # 90 % sets need 9; with 9, one artist decides the limit alone
LEAST_CLUSTERS = 20  # artists for an interval by artist; with fewer it is too narrow
ROUNDING = 1e-9  # of a sum of weights


def score_limit(score: ArrayLike, artist: Sequence[object], level: float) -> float:
    """The limit below which the score of the true genre of a clip by a new artist is, with probability `level` or more.

    `score` (K,) are the scores of the calibration clips and `artist` their K artists. Each of the A artists weighs
    1 / (A + 1), shared equally by the artist's clips; the new artist's 1 / (A + 1) lies at infinity. The limit is the `level` quantile
    of these weighted scores, infinite if `level` is above A / (A + 1). With one clip for each artist, it is the
    ceil((A + 1) level)-th smallest score, as usual. Raises ValueError unless 0 < level < 1, and without clips.
    Source: Lee, Barber and Willett 2023 (HCP); Vovk, Gammerman and Shafer 2005 for one clip each.
    """
    score_K = np.asarray(score, dtype=np.float64)
    if not 0 < level < 1:
        raise ValueError(f"the level is {level:g}: expected more than 0 and less than 1, e.g. 0.9.")
    if score_K.ndim != 1 or len(score_K) != len(artist) or not len(score_K):
        raise ValueError(
            f"expected one score and one artist per clip, and at least one clip; got scores of shape {score_K.shape} and "
            f"{len(artist)} artists."
        )
    _, index_K, clips_A = np.unique(np.asarray(artist), return_inverse=True, return_counts=True)
    weight_K = 1 / ((len(clips_A) + 1) * clips_A[index_K])
    order = np.argsort(score_K, kind="stable")
    below_K = np.cumsum(weight_K[order])
    rank = int(np.searchsorted(below_K, level - ROUNDING))
    return float(score_K[order][rank]) if rank < len(score_K) else float("inf")


def highest_level(artists: int) -> float:
    """The highest level at which the limit is finite, with this number of calibration artists: A / (A + 1)."""
    return artists / (artists + 1)


def genre_sets(probability: ArrayLike, limit: float) -> NDArray[np.bool_]:
    """The genres of each clip whose score is at most `limit`: probabilities (K, C) -> (K, C).

    A set without any genre gets the most probable one. It only grows by that, so its probability to hold the true genre
    does not fall.
    """
    probability_KC = np.asarray(probability, dtype=np.float64)
    inside_KC: NDArray[np.bool_] = 1 - probability_KC <= limit
    empty_K = ~inside_KC.any(axis=1)
    inside_KC[empty_K, probability_KC[empty_K].argmax(axis=1)] = True
    return inside_KC


def coverage(
    probability: ArrayLike,
    genre: ArrayLike,
    genres: Sequence[str],
    artists: Sequence[str | None],
    limit: float,
) -> dict[str, Any]:
    """Coverage and size of the sets of K clips: the share of sets with the true genre, and the mean number of genres in a set.

    Probabilities (K, C), true genre indices (K,), the C genre names and the artists of the clips, None if unknown. Returns plain values, overall
    and for the clips of each genre (None for a genre without clips). Intervals are 95 %: Wilson's over clips, and
    `coverage_interval_by_artist` by a bootstrap over artists, None if an artist is unknown or there are fewer than 20.
    """
    genre_K = np.asarray(genre)
    sets_KC = genre_sets(probability, limit)
    hit_K, size_K = sets_KC[np.arange(len(genre_K)), genre_K], sets_KC.sum(axis=1)

    def summary(chosen_K: NDArray[np.bool_]) -> dict[str, Any]:
        clips, hits = int(chosen_K.sum()), int(hit_K[chosen_K].sum())
        return {
            "clips": clips,
            "coverage": hits / clips if clips else None,
            "coverage_interval": list(intervals.wilson(hits, clips)) if clips else None,
            "mean_size": float(size_K[chosen_K].mean()) if clips else None,
        }

    known = [artist for artist in artists if artist is not None]
    by_artist = len(known) == len(artists) and len(set(known)) >= LEAST_CLUSTERS
    return {
        **summary(np.ones(len(genre_K), dtype=bool)),
        "coverage_interval_by_artist": list(intervals.bootstrap_by_cluster(hit_K, known)) if by_artist else None,
        "genres": {name: summary(genre_K == k) for k, name in enumerate(genres)},
    }
