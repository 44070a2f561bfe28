"""How far a score from few clips of few artists can be trusted: intervals for shares, means and paired differences."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

RESAMPLES = 10_000  # the interval's ends then move by about 0.1 standard errors between random seeds
_BLOCK = 4_000_000  # draws held at once: 32 MB


def wilson(successes: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share, `successes` of `total` independent trials -> (low, high) in [0, 1].

    Unlike the textbook normal interval it keeps inside [0, 1] and has width at 0 and at `total` successes. It treats
    clips as independent; clips of one artist are not, see `bootstrap_by_cluster`.
    Raises ValueError unless 0 <= successes <= total and total > 0.
    Source: Wilson 1927; Newcombe 1998, method 3.
    """
    if not 0 <= successes <= total or total == 0:
        raise ValueError(f"{successes} of {total} is no share: expected 0 <= successes <= total and total > 0.")
    interval = binomtest(int(successes), int(total)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap_by_cluster(
    value: ArrayLike, cluster: Sequence[str], confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap of mean(value (K,)), whole clusters (K labels) drawn with replacement -> (low, high).

    `value` is 1 for a clip that was recognized and 0 for one that was not; `cluster` is its artist. Songs of one
    artist succeed and fail together, so K clips of G artists know less than K independent clips. With G clusters
    below about 20 the interval is too narrow. The same input gives the same interval. Raises ValueError on no values
    or on lengths that differ.
    Source: Davison and Hinkley 1997, section 3.8; Field and Welsh 2007.
    """
    value_K = np.asarray(value, dtype=np.float64)
    if value_K.ndim != 1 or len(value_K) != len(cluster) or not len(value_K):
        raise ValueError(
            f"expected one value and one cluster per clip, and at least one clip; got values of shape {value_K.shape} "
            f"and {len(cluster)} clusters."
        )
    mean_R = _resampled_means(value_K, cluster, resamples, seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(mean_R, [tail, 1 - tail])
    return float(low), float(high)


def _resampled_means(
    value_K: NDArray[np.float64], cluster: Sequence[str], resamples: int, seed: int
) -> NDArray[np.float64]:
    """R means, each over the clips of G clusters drawn with replacement out of G."""
    _, index_K = np.unique(np.asarray(cluster), return_inverse=True)
    sum_G = np.bincount(index_K, weights=value_K)
    count_G = np.bincount(index_K)
    clusters = len(count_G)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // clusters)
    means = []
    for first in range(0, resamples, block):
        drawn_RG = rng.integers(clusters, size=(min(block, resamples - first), clusters))
        means.append(sum_G[drawn_RG].sum(axis=1) / count_G[drawn_RG].sum(axis=1))
    return np.concatenate(means)


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    cluster: Sequence[str],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float, float]:
    """mean(a) - mean(b) on the same K clips -> (difference, low, high), bootstrapped by cluster (artist).

    The clips are paired: what is hard for both models cancels, so the interval is narrower than two separate ones
    would suggest. Raises ValueError on shapes that differ.
    """
    a_K, b_K = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a_K.shape != b_K.shape:
        raise ValueError(f"a has shape {a_K.shape} and b {b_K.shape}: a pair needs the same clips in the same order.")
    low, high = bootstrap_by_cluster(a_K - b_K, cluster, confidence, resamples, seed)
    return float((a_K - b_K).mean()), low, high
