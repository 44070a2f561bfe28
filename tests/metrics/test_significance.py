"""p values against published examples, against statsmodels, and in simulations without a true difference."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from src.metrics import intervals, significance


@pytest.mark.parametrize(
    ("a_only", "b_only", "p"),
    [
        (86, 150, 3.7159361395713866e-05),  # Agresti 1990, p. 350: the president's approval, asked twice
        (2, 10, 0.03857421875),
        (8, 1, 0.0390625),
        (5, 5, 1.0),
    ],
)
def test_mcnemar_gives_the_values_of_statsmodels(a_only: int, b_only: int, p: float) -> None:
    # statsmodels 0.15.0, stats.contingency_tables.mcnemar(exact=True).
    assert significance.mcnemar(a_only, b_only) == pytest.approx(p, rel=1e-12)
    assert significance.mcnemar(b_only, a_only) == significance.mcnemar(a_only, b_only)


def test_mcnemar_by_hand() -> None:
    assert significance.mcnemar(0, 0) == 1  # no clip tells the models apart
    assert significance.mcnemar(1, 0) == 1  # one clip is no evidence
    assert significance.mcnemar(6, 0) == pytest.approx(2 / 2**6)
    with pytest.raises(ValueError, match="expected 0 or more"):
        significance.mcnemar(-1, 3)


def test_corrected_t_gives_scikit_learns_worked_example() -> None:
    """The user guide's "Statistical comparison of models using grid search": t = 0.750, one-sided p = 0.227."""
    x, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    radial, linear = (
        cross_val_score(SVC(kernel=kernel, random_state=0), x, y, cv=folds, scoring="roc_auc")
        for kernel in ("rbf", "linear")
    )
    result = significance.corrected_t(radial - linear, 10 / 90)
    assert result.p == pytest.approx(2 * 0.227, abs=0.001)
    assert result.low is not None
    assert result.high is not None
    assert result.low < 0 < result.high
    standard_error = np.sqrt((radial - linear).var(ddof=1) * (1 / 100 + 10 / 90))
    assert result.difference / standard_error == pytest.approx(0.750, abs=0.0005)


def test_corrected_t_by_hand() -> None:
    # Differences 1, 2, 3: mean 2, variance 1. 3 folds with as many test as training clips: t = 2 / sqrt(4 / 3).
    result = significance.corrected_t([1, 2, 3], 1.0)
    assert result.difference == 2
    # 4.302653 is the 97.5 % quantile of Student's t with 2 degrees of freedom.
    assert result.low == pytest.approx(2 - 4.302653 * np.sqrt(4 / 3), abs=1e-5)
    assert result.high == pytest.approx(2 + 4.302653 * np.sqrt(4 / 3), abs=1e-5)
    # t = sqrt(3): p = 1 - t / sqrt(2 + t**2) = 1 - sqrt(3 / 5).
    assert result.p == pytest.approx(0.225403, abs=1e-6)


def test_corrected_t_without_the_correction_is_students() -> None:
    value = np.random.default_rng(0).normal(0.3, 1, 10)
    plain = ttest_1samp(value, 0)
    uncorrected = significance.corrected_t(value, 1e-12)
    assert uncorrected.p == pytest.approx(plain.pvalue)
    assert uncorrected[1:3] == pytest.approx(plain.confidence_interval(0.95))
    corrected = significance.corrected_t(value, 1 / 9)
    assert corrected.p is not None
    assert corrected.p > plain.pvalue
    mirrored = significance.corrected_t(-value, 1 / 9)
    assert (mirrored.low, mirrored.high) == pytest.approx((-(corrected.high or 0), -(corrected.low or 0)))


def test_folds_without_variance() -> None:
    assert significance.corrected_t([0, 0, 0, 0], 1 / 3) == (0, 0, 0, 1)
    assert significance.corrected_t([0.1, 0.1, 0.3 - 0.2], 1 / 3) == (pytest.approx(0.1), None, None, None)


@pytest.mark.parametrize(
    ("folds", "ratio", "message"),
    [
        ([0.1], 0.1, "each of two or more folds; got"),
        ([0.1, float("nan")], 0.1, "a number for each"),
        ([0.1, 0.2], 0.0, "test_per_train is 0.0"),
    ],
)
def test_corrected_t_refuses_invalid_input(folds: list[float], ratio: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        significance.corrected_t(folds, ratio)


def test_holm_gives_published_values() -> None:
    # The example in Wikipedia's "Holm-Bonferroni method": H4 and H1 are rejected at 0.05, the others are not.
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # statsmodels 0.15.0, stats.multitest.multipletests(method="holm").
    assert significance.holm([0.01, 0.02, 0.03, 0.04, 0.05, 0.9]) == pytest.approx([0.06, 0.1, 0.12, 0.12, 0.12, 0.9])


def test_holm_edge_cases() -> None:
    assert significance.holm([]) == []
    assert significance.holm([0.04]) == [0.04]
    assert significance.holm([0.9, 0.8]) == [1, 1]
    with pytest.raises(ValueError, match=r"1.2 is not a p value"):
        significance.holm([0.5, 1.2])


def test_bootstrap_p_is_small_where_the_interval_excludes_0() -> None:
    rng = np.random.default_rng(0)
    for shift in np.linspace(-0.4, 0.4, 81):
        value_R = rng.normal(shift, 0.1, 2000)
        low, high = intervals.percentiles(value_R)
        p = significance.bootstrap_p(value_R)
        if abs(p - 0.05) > 0.003:  # p value and interval count the replicates at the edge differently
            assert (p < 0.05) == (low > 0 or high < 0), shift
    assert significance.bootstrap_p(np.zeros(100)) == 1
    assert significance.bootstrap_p(np.ones(999)) == 2 / 1000
    with pytest.raises(ValueError, match="no replicates"):
        significance.bootstrap_p(np.array([]))


def test_p_values_of_no_difference_have_the_nominal_false_positive_rate() -> None:
    """60 artists of 4 clips; two equally good models, each tending to be right or wrong on all clips of an artist."""
    rng = np.random.default_rng(1)
    artist = [str(k // 4) for k in range(240)]
    by_artist = by_clip = 0
    for _ in range(300):
        a, b = (rng.random(240) < np.repeat(rng.beta(0.8, 0.8, 60), 4) for _ in range(2))
        sum_R2 = intervals.resampled_sums(np.stack([a - b.astype(float), np.ones(240)], 1), artist, 800)
        by_artist += significance.bootstrap_p(sum_R2[:, 0] / sum_R2[:, 1]) < 0.05
        by_clip += significance.mcnemar(int((a & ~b).sum()), int((~a & b).sum())) < 0.05
    assert by_artist / 300 < 0.09
    assert by_clip / 300 > 0.11  # so McNemar's test is not reported alone
