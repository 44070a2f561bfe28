"""Confidence intervals of proportions, means and differences, for test sets with few clips and few artists."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, norm

MIN_ARTISTS = 10  # for a bootstrap over artists; with fewer, it says too little about new artists
RESAMPLES = 10_000  # with this number, the ends of an interval vary by about 0.1 standard errors between random seeds
_BLOCK_DRAWS = 4_000_000  # random draws in memory at once: 32 MB


def wilson(successes: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion, `successes` of `total` independent trials -> (low, high) in [0, 1].

    Unlike the textbook normal interval, it stays inside [0, 1], and its width is not 0 at 0 or at `total` successes. It
    treats clips as independent, but clips of one artist are not: see `bootstrap_by_cluster`.
    Raises ValueError unless 0 <= successes <= total and total > 0.
    Source: Wilson 1927; Newcombe 1998, method 3.
    """
    if not 0 <= successes <= total or total == 0:
        raise ValueError(f"{successes} of {total} is not a proportion: expected 0 <= successes <= total and total > 0.")
    interval = binomtest(int(successes), int(total)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def difference_of_proportions(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float]:
    """95 % interval of the difference of two independent proportions, each (successes, total) -> (low, high) in [-1, 1].

    From the Wilson intervals of both. Source: Newcombe 1998, method 10.
    """
    p, q = (successes / total for successes, total in (first, second))
    (p_low, p_high), (q_low, q_high) = wilson(*first), wilson(*second)
    return p - q - math.hypot(p - p_low, q_high - q), p - q + math.hypot(p_high - p, q - q_low)


def bootstrap_by_cluster(
    value: ArrayLike, cluster: Sequence[str], confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of mean(value), drawing whole clusters with replacement -> (low, high).

    `value` (K,) is 1 for a correctly classified clip and 0 for any other; `cluster` contains K labels, the artist of
    each clip. Songs of one artist tend to be right or wrong together, so K clips of G artists carry less information
    than K independent clips. With fewer than about 20 clusters the interval is too narrow. The same input gives the
    same interval. Raises ValueError if there are no values or if the lengths differ.
    Source: Davison and Hinkley 1997, section 3.8; Field and Welsh 2007.
    """
    return percentiles(_resampled_means(_checked_values(value, cluster), cluster, resamples, seed), confidence)


def _checked_values(value: ArrayLike, cluster: Sequence[str]) -> NDArray[np.float64]:
    value_K = np.asarray(value, dtype=np.float64)
    if value_K.ndim != 1 or len(value_K) != len(cluster) or not len(value_K):
        raise ValueError(
            f"expected one value and one cluster per clip, and at least one clip; got values of shape {value_K.shape} "
            f"and {len(cluster)} clusters."
        )
    return value_K


def percentiles(value_R: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    """Percentile interval (low, high) of R bootstrap replicates of a score, or of a difference between two scores."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(value_R, [tail, 1 - tail])
    return float(low), float(high)


def resampled_sums(
    column_KM: NDArray[np.float64],
    cluster: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int | Sequence[int] = 0,
) -> NDArray[np.float64]:
    """Bootstrap the sums of M columns over K clips: column (K, M) -> (R, M), one row per resample.

    Each resample draws G clusters with replacement, as many as there are, and sums over all their clips. `cluster`
    contains K labels. Use it for scores that are computed from counts (accuracy, macro F1). The same clusters,
    resamples and seed draw the same clips, so the replicates of two models on the same clips are paired: subtract them
    row by row.
    """
    cluster_names, index_K = np.unique(np.asarray(cluster), return_inverse=True)
    clusters = len(cluster_names)
    sum_GM = np.zeros((clusters, column_KM.shape[1]))
    np.add.at(sum_GM, index_K, column_KM)
    rng = np.random.default_rng(seed)
    block_resamples = max(1, _BLOCK_DRAWS // clusters)
    sums = []
    for start in range(0, resamples, block_resamples):
        drawn_RG = rng.integers(clusters, size=(min(block_resamples, resamples - start), clusters))
        offset_R1 = clusters * np.arange(len(drawn_RG))[:, None]
        count_RG = np.bincount((drawn_RG + offset_R1).ravel(), minlength=drawn_RG.size).reshape(drawn_RG.shape)
        sums.append(count_RG.astype(np.float64) @ sum_GM)
    return np.concatenate(sums)


def _resampled_means(
    value_K: NDArray[np.float64], cluster: Sequence[str], resamples: int, seed: int | Sequence[int]
) -> NDArray[np.float64]:
    """Bootstrap the mean over clips, drawing whole clusters: value (K,) -> (R,)."""
    sum_R2 = resampled_sums(np.stack([value_K, np.ones_like(value_K)], axis=1), cluster, resamples, seed)
    mean_R: NDArray[np.float64] = sum_R2[:, 0] / sum_R2[:, 1]
    return mean_R


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    cluster: Sequence[str],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Interval of mean(a) - mean(b) on the same K clips, by a bootstrap over clusters -> (difference, low, high).

    `a` and `b` are the values of two models, e.g. 1 for each correctly classified clip; `cluster` is the artist of each
    clip. The clips are paired: clips that are hard for both models cancel out, so the interval is narrower than two
    separate intervals would suggest. Raises ValueError if the shapes differ.
    """
    a_K, b_K = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a_K.shape != b_K.shape:
        raise ValueError(f"a has shape {a_K.shape} and b {b_K.shape}: expected the same clips in the same order.")
    low, high = bootstrap_by_cluster(a_K - b_K, cluster, confidence, resamples, seed)
    return float((a_K - b_K).mean()), low, high


def paired_proportions(only_a: int, only_b: int, total: int, confidence: float = 0.95) -> tuple[float, float, float]:
    """Interval of the difference between two proportions of the same K = `total` clips -> (difference, low, high).

    `only_a` clips are counted in the first proportion only, `only_b` in the second only. Unlike a bootstrap, its width is not
    0 if no clip differs: of 20 clips, none need not mean never. It treats clips as independent, but clips of one artist are
    not: see `paired_difference`. Raises ValueError on counts that cannot be.
    Source: Agresti and Min 2005, Simple improved confidence intervals for comparing matched proportions: Wald's interval
    after half a clip was added to each of the four cells.
    """
    if min(only_a, only_b) < 0 or total == 0 or only_a + only_b > total:
        raise ValueError(
            f"{only_a} and {only_b} of {total} clips differ: expected counts of 0 or more, whose sum is at most the total, "
            "which is above 0."
        )
    shift = (only_a - only_b) / (total + 2)
    deviation = math.sqrt(max(only_a + only_b + 1 - (only_a - only_b) ** 2 / (total + 2), 0)) / (total + 2)
    half = float(norm.ppf((1 + confidence) / 2)) * deviation
    return (only_a - only_b) / total, max(-1.0, shift - half), min(1.0, shift + half)


def unpaired_difference(
    a: ArrayLike,
    cluster_a: Sequence[str],
    b: ArrayLike,
    cluster_b: Sequence[str],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Interval of mean(a) - mean(b) on different clips, by a bootstrap over clusters -> (difference, low, high).

    A cluster is an artist. The clusters of both samples are drawn independently of each other. For two models on the
    same clips, use `paired_difference`: its interval is narrower. With fewer than about 20 clusters in one sample the
    interval is too narrow. Raises ValueError if a sample has no values, or not one cluster for each value.
    Source: Efron and Tibshirani 1993, section 8.3 (the two-sample problem); by cluster as in `bootstrap_by_cluster`.
    """
    a_K, b_L = _checked_values(a, cluster_a), _checked_values(b, cluster_b)
    # Each sample has its own random seed: with one seed for both, samples of equal size would draw the same numbers, and
    # their means would not be independent.
    mean_a_R = _resampled_means(a_K, cluster_a, resamples, [seed, 0])
    mean_b_R = _resampled_means(b_L, cluster_b, resamples, [seed, 1])
    low, high = percentiles(mean_a_R - mean_b_R, confidence)
    return float(a_K.mean() - b_L.mean()), low, high
