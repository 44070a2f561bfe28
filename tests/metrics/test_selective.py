"""Risk-coverage curves by hand and against scipy, and bounds of the error rate that hold for new artists."""

import numpy as np
import pytest
from scipy.stats import binomtest

from src.metrics.selective import FAILURE, LIMITS, abstention, aurc, lowest_limit, risk_coverage, upper_bound


def test_known_curve() -> None:
    """Right, wrong, right in order of confidence: errors 0/1, 1/2, 1/3."""
    np.testing.assert_allclose(risk_coverage([0.5, 0.9, 0.7], [True, True, False]), [0, 1 / 2, 1 / 3])
    assert aurc([0.5, 0.9, 0.7], [True, True, False]) == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)


def test_equal_confidence_does_not_depend_on_the_order() -> None:
    """Without any order, the error is the error rate at each coverage."""
    for correct in ([True, False, False, True], [False, False, True, True]):
        np.testing.assert_allclose(risk_coverage([0.6] * 4, correct), [0.5] * 4)
        assert aurc([0.6] * 4, correct) == 0.5


def test_a_perfect_order_is_better_than_a_random_one_and_than_its_reverse() -> None:
    random = np.random.default_rng(0)
    correct_K = random.random(1000) < 0.7
    confidence_K = random.random(1000)
    best, by_chance = aurc(correct_K * 1.0, correct_K), aurc(confidence_K, correct_K)
    assert best < 0.06 < 0.25 < by_chance < 0.35 < aurc(1 - correct_K, correct_K)


def test_the_bound_is_clopper_and_pearsons() -> None:
    for errors, answers in ((0, 20), (3, 40), (19, 20)):
        interval = binomtest(errors, answers, alternative="less").proportion_ci(0.95, method="exact")
        assert upper_bound(errors, answers, 0.05) == pytest.approx(interval.high)
    assert upper_bound([5, 0], [5, 0], 0.05).tolist() == [1, 1]


def test_known_bound_without_errors() -> None:
    """n artists without an error: the bound is 1 - failure^(1/n), as (1 - bound)^n = failure."""
    limits = abstention([0.85] * 60, [True] * 60, range(60))
    assert [limit.confidence for limit in limits] == list(LIMITS)
    assert limits[0].error_bound == pytest.approx(1 - (FAILURE / len(LIMITS)) ** (1 / 60))
    assert limits[0].answered == 1
    assert limits[-1] == (0.95, 0.0, 1.0)
    assert lowest_limit(limits, 0.1) == limits[0]
    assert lowest_limit(limits, 0.05) is None


def test_an_artist_with_many_clips_counts_once() -> None:
    """Twenty artists with fifty clips each prove no more than twenty clips, less the half for the draws."""
    artist = np.repeat(np.arange(20), 50)
    limits = abstention([0.85] * 1000, [True] * 1000, artist)
    assert limits[0].error_bound == pytest.approx(1 - (FAILURE / len(LIMITS) / 2) ** (1 / 20))


def test_the_bounds_hold_for_new_artists() -> None:
    """All bounds hold at once in at least 95 % of repetitions; with clips as units they fail in many more.

    An artist is right always or never, so his clips are copies of each other; his confidence says how often.
    """
    random = np.random.default_rng(2)
    failed = {"artists": 0, "clips": 0}
    for _ in range(200):
        confidence_A = random.uniform(0.1, 1, 40)
        correct_A = random.random(40) < confidence_A
        artist = np.repeat(np.arange(40), 10)
        for unit, units in (("artists", artist), ("clips", np.arange(400))):
            limits = abstention(confidence_A[artist], correct_A[artist], units)
            # P(wrong | confidence >= limit) = 1 - (mean of a uniform confidence above the limit)
            failed[unit] += any(limit.error_bound < 1 - (1 + max(limit.confidence, 0.1)) / 2 for limit in limits)
    assert failed["artists"] <= 10
    assert failed["clips"] > 40
