"""Cross-entropy, divergence and rank correlation against SciPy and known answers."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, spearmanr

from src.metrics import opinions


def _distributions(seed: int, clips: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(4), clips)


def test_measures_are_those_of_scipy() -> None:
    a_KC, b_KC = _distributions(0), _distributions(1)
    assert opinions.entropy(a_KC) == pytest.approx(entropy(a_KC, axis=1))
    assert opinions.cross_entropy(a_KC, b_KC) == pytest.approx(entropy(a_KC, axis=1) + entropy(a_KC, b_KC, axis=1))
    assert opinions.jensen_shannon(a_KC, b_KC) == pytest.approx(jensenshannon(a_KC, b_KC, axis=1) ** 2)


def test_certain_shares_and_impossible_genres() -> None:
    sure, other = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert opinions.entropy(sure) == opinions.cross_entropy(sure, sure) == 0
    assert opinions.cross_entropy(sure, other) == np.inf
    assert opinions.jensen_shannon(sure, other) == pytest.approx(np.log(2))


def test_no_model_has_less_cross_entropy_than_the_shares_themselves() -> None:
    share_KC = _distributions(2)
    least = opinions.cross_entropy(share_KC, share_KC)
    assert least == pytest.approx(opinions.entropy(share_KC))
    for seed in range(3, 8):
        assert np.all(opinions.cross_entropy(share_KC, _distributions(seed)) > least)


def test_the_rank_correlation_is_spearmans_with_ties() -> None:
    random = np.random.default_rng(4)
    a_K = random.integers(4, size=80).astype(float)
    b_K = a_K + random.normal(size=80)
    found = opinions.rank_correlation(a_K, b_K, [str(k) for k in range(80)])
    assert found
    value, (low, high) = found
    assert value == pytest.approx(spearmanr(a_K, b_K).statistic)
    assert 0 < low < value < high < 1
    assert 0.05 < high - low < 0.3


def test_a_constant_side_has_no_rank_correlation() -> None:
    assert opinions.rank_correlation(np.zeros(5), np.arange(5.0), list("abcde")) is None
