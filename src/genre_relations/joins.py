"""Joins of genres, by hierarchical clustering, and their stability."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

MOST_ORDERED = 300  # genres whose leaves are put in the best order, whose cost grows fast


@dataclass(frozen=True)
class Join:
    """Two groups of genres that are joined at a distance `height`; `genres` are the indices of both together, sorted.

    `parts` has the numbers of the two groups: below C a genre, from C on the join of number minus C. `stability` is the share of resamples in
    which the same genres form a group, 0 to 1; None if nothing was resampled.
    """

    parts: tuple[int, int]
    height: float
    genres: tuple[int, ...]
    stability: float | None


@dataclass(frozen=True)
class Joins:
    """The C - 1 joins of C genres, from the nearest to the farthest; `order` puts the genres so that no lines cross."""

    joins: list[Join]
    order: list[int]


def join(distance_CC: NDArray[np.floating], resampled_RCC: NDArray[np.floating] | None = None) -> Joins:
    """Cluster genres by average linkage (UPGMA); the stability of each join is its share of the resampled distances.

    A resample in which a distance is undefined (NaN) supports no join. Raises ValueError for fewer than two genres.
    Source: Sokal and Michener 1958; for the stability Felsenstein 1985.
    """
    genres = len(distance_CC)
    if genres < 2:
        raise ValueError(f"{genres} genre cannot be joined: expected two or more.")
    condensed = squareform(np.asarray(distance_CC, np.float64), checks=False)
    merges = linkage(condensed, "average")
    if genres <= MOST_ORDERED:
        merges = optimal_leaf_ordering(merges, condensed)
    groups = _groups(merges)
    found = dict.fromkeys(groups, 0)
    for resample_CC in resampled_RCC if resampled_RCC is not None else ():
        if np.isfinite(resample_CC).all():
            resample = squareform(np.asarray(resample_CC, np.float64), checks=False)
            for group in _groups(linkage(resample, "average")):
                if group in found:
                    found[group] += 1
    resamples = None if resampled_RCC is None else len(resampled_RCC)
    joins = [
        Join(
            (int(row[0]), int(row[1])),
            float(row[2]),
            tuple(k for k in range(genres) if group >> k & 1),
            found[group] / resamples if resamples else None,
        )
        for row, group in zip(merges, groups, strict=True)
    ]
    return Joins(joins, leaves_list(merges).tolist())


def _groups(merges: NDArray[np.float64]) -> list[int]:
    """The genres below each merge, as a number with one bit for each genre."""
    genres = len(merges) + 1
    bits = [1 << k for k in range(genres)]
    for first, second in merges[:, :2].astype(int).tolist():
        bits.append(bits[first] | bits[second])
    return bits[genres:]
