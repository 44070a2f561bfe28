"""Spearman's correlation against ranks by numpy."""

import numpy as np
import pytest

from src.metrics.rank_correlation import spearman


def test_it_is_the_correlation_of_ranks() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 6, 7))
    rank_a, rank_b = (each.ravel().argsort().argsort() for each in (a, a + b))
    assert spearman(a, a + b) == pytest.approx(np.corrcoef(rank_a, rank_b)[0, 1])
    assert spearman(a, np.exp(a)) == pytest.approx(1)
    assert spearman(a, -a) == pytest.approx(-1)


def test_a_constant_has_no_correlation() -> None:
    assert spearman(np.ones(5), np.arange(5)) == 0


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="5 values and b 4"):
        spearman(np.ones(5), np.ones(4))
