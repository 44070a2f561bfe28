"""Rank correlation of two sets of values."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's rank correlation of two arrays of one shape, over all their values; 0 if one of them is constant.

    Source: Spearman 1904.
    """
    a_M, b_M = np.ravel(a), np.ravel(b)
    if a_M.shape != b_M.shape or len(a_M) < 2:
        raise ValueError(f"a has {len(a_M)} values and b {len(b_M)}: expected equally many, at least 2.")
    if np.ptp(a_M) == 0 or np.ptp(b_M) == 0:
        return 0.0
    # Not scipy.stats.spearmanr, which also computes a p value, and is 20 times slower in a bootstrap.
    rank_a, rank_b = (rankdata(value_M) - (len(value_M) + 1) / 2 for value_M in (a_M, b_M))
    value = float((rank_a * rank_b).sum() / np.sqrt((rank_a**2).sum() * (rank_b**2).sum()))
    return 0.0 if math.isnan(value) else value
