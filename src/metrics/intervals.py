"""How far a score from few clips of few artists can be trusted: intervals for shares, means and paired differences."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

FEW = 10  # artists, below which resampling them says too little of others
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
    return percentiles(_resampled_means(_values(value, cluster), cluster, resamples, seed), confidence)


def _values(value: ArrayLike, cluster: Sequence[str]) -> NDArray[np.float64]:
    value_K = np.asarray(value, dtype=np.float64)
    if value_K.ndim != 1 or len(value_K) != len(cluster) or not len(value_K):
        raise ValueError(
            f"expected one value and one cluster per clip, and at least one clip; got values of shape {value_K.shape} "
            f"and {len(cluster)} clusters."
        )
    return value_K


def percentiles(value_R: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    """The percentile interval (low, high) of R bootstrap replicates of a score, or of a difference of two."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(value_R, [tail, 1 - tail])
    return float(low), float(high)


def resampled_sums(
    column_KM: NDArray[np.float64],
    cluster: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int | Sequence[int] = 0,
) -> NDArray[np.float64]:
    """Sums (R, M) of M columns over the clips of G clusters drawn with replacement out of G, R times.

    Any score that is made of counts (accuracy, macro F1) is resampled from its counts. The same clusters, resamples and
    seed draw the same clips, so replicates of two models on the same clips are paired: subtract them row by row.
    """
    names, index_K = np.unique(np.asarray(cluster), return_inverse=True)
    sum_GM = np.zeros((len(names), column_KM.shape[1]))
    np.add.at(sum_GM, index_K, column_KM)
    clusters = len(names)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // clusters)
    sums = []
    for first in range(0, resamples, block):
        drawn_RG = rng.integers(clusters, size=(min(block, resamples - first), clusters))
        row_R1 = clusters * np.arange(len(drawn_RG))[:, None]
        times_RG = np.bincount((drawn_RG + row_R1).ravel(), minlength=drawn_RG.size).reshape(drawn_RG.shape)
        sums.append(times_RG.astype(np.float64) @ sum_GM)
    return np.concatenate(sums)


def _resampled_means(
    value_K: NDArray[np.float64], cluster: Sequence[str], resamples: int, seed: int | Sequence[int]
) -> NDArray[np.float64]:
    """R means, each over the clips of G clusters drawn with replacement out of G."""
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
    """mean(a) - mean(b) on the same K clips -> (difference, low, high), bootstrapped by cluster (artist).

    The clips are paired: what is hard for both models cancels, so the interval is narrower than two separate ones
    would suggest. Raises ValueError on shapes that differ.
    """
    a_K, b_K = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a_K.shape != b_K.shape:
        raise ValueError(f"a has shape {a_K.shape} and b {b_K.shape}: a pair needs the same clips in the same order.")
    low, high = bootstrap_by_cluster(a_K - b_K, cluster, confidence, resamples, seed)
    return float((a_K - b_K).mean()), low, high


def unpaired_difference(
    a: ArrayLike,
    cluster_a: Sequence[str],
    b: ArrayLike,
    cluster_b: Sequence[str],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float, float]:
    """mean(a) - mean(b) on other clips each -> (difference, low, high), either side bootstrapped by cluster (artist).

    The two are drawn independently of one another, as samples of their own: for clips that both have, use
    `paired_difference`, which is narrower. With fewer than about 20 clusters on a side the interval is too narrow.
    Raises ValueError on no values on a side, or on other numbers of values and of clusters.
    Source: Efron and Tibshirani 1993, section 8.3 (the two-sample problem); by cluster as in `bootstrap_by_cluster`.
    """
    a_K, b_L = _values(a, cluster_a), _values(b, cluster_b)
    # A stream each: with one for both, arms of equal size would draw the same numbers and so depend on one another.
    drawn_a_R = _resampled_means(a_K, cluster_a, resamples, [seed, 0])
    drawn_b_R = _resampled_means(b_L, cluster_b, resamples, [seed, 1])
    low, high = percentiles(drawn_a_R - drawn_b_R, confidence)
    return float(a_K.mean() - b_L.mean()), low, high
