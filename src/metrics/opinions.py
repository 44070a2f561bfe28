"""A model's probabilities against the shares of people's opinions: cross-entropy, divergence and disagreement.

`share_KC` and `probability_KC` are distributions over C genres for each of K clips; all results are in nats.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, rel_entr, xlogy

from src.metrics import intervals
from src.metrics.rank_correlation import spearman

RESAMPLES = 1000
Values = NDArray[np.float64]


def cross_entropy(share_KC: Values, probability_KC: Values) -> Values:
    """Cross-entropy of each clip, (K,): -sum_c share log(probability); infinite if a shared genre has probability 0.

    Its mean is least for the model that gives the shares themselves, and is then their mean entropy.
    Source: Peterson et al. 2019, "Human uncertainty makes classification more robust".
    """
    with np.errstate(divide="ignore"):
        value_K: Values = -xlogy(share_KC, probability_KC).sum(axis=1)
    return value_K


def entropy(share_KC: Values) -> Values:
    """Entropy of each clip, (K,): 0 if all agree, log C if all genres are equally frequent."""
    value_K: Values = entr(share_KC).sum(axis=1)
    return value_K


def jensen_shannon(share_KC: Values, probability_KC: Values) -> Values:
    """Jensen-Shannon divergence of each clip, (K,): 0 for equal distributions, log 2 for distributions without overlap.

    Source: Lin 1991, "Divergence measures based on the Shannon entropy".
    """
    middle_KC = (share_KC + probability_KC) / 2
    value_K: Values = (rel_entr(share_KC, middle_KC) + rel_entr(probability_KC, middle_KC)).sum(axis=1) / 2
    return value_K


def rank_correlation(a_K: Values, b_K: Values, cluster: Sequence[str]) -> tuple[float, tuple[float, float]] | None:
    """Spearman's correlation with its 95 % interval, by a bootstrap over clusters; None if a side is constant.

    Equal values have their mean rank. Resamples in which a side is constant are left out.
    Source: Spearman 1904; Davison and Hinkley 1997, section 3.8.
    """
    value = _spearman(a_K, b_K)
    if value is None:
        return None
    names, index_K = np.unique(np.asarray(cluster), return_inverse=True)
    members = [np.flatnonzero(index_K == k) for k in range(len(names))]
    rng = np.random.default_rng(0)
    replicates = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))])
        replicates.append(_spearman(a_K[drawn], b_K[drawn]))
    found = np.array([replicate for replicate in replicates if replicate is not None])
    return value, intervals.percentiles(found)


def _spearman(a_K: Values, b_K: Values) -> float | None:
    return None if np.ptp(a_K) == 0 or np.ptp(b_K) == 0 else spearman(a_K, b_K)
