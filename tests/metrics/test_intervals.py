"""Confidence intervals against published values, against scipy, and against simulations with known true values."""

import numpy as np
import pytest
from scipy.stats import bootstrap
from statsmodels.stats.proportion import confint_proportions_2indep

from src.metrics import intervals


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_newcombes_published_intervals(successes: int, total: int, low: float, high: float) -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    assert intervals.wilson(successes, total) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_in_successes_and_failures() -> None:
    low, high = intervals.wilson(13, 40)
    assert intervals.wilson(27, 40) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("successes", "total"), [(1, 0), (0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_invalid_counts(successes: int, total: int) -> None:
    with pytest.raises(ValueError, match="is not a proportion"):
        intervals.wilson(successes, total)


def test_clusters_of_one_clip_give_scipys_bootstrap() -> None:
    value = np.random.default_rng(0).random(120)
    scipys = bootstrap((value,), np.mean, method="percentile", n_resamples=9999, rng=1).confidence_interval
    ours = intervals.bootstrap_by_cluster(value, [str(k) for k in range(120)])
    assert ours == pytest.approx((scipys.low, scipys.high), abs=0.003)


def test_bootstrap_is_reproducible_and_independent_of_the_order_of_clips() -> None:
    rng = np.random.default_rng(0)
    value, cluster = rng.random(60), [f"artist {k % 13}" for k in range(60)]
    order = rng.permutation(60)
    first = intervals.bootstrap_by_cluster(value, cluster)
    assert intervals.bootstrap_by_cluster(value, cluster) == first
    assert intervals.bootstrap_by_cluster(value[order], [cluster[k] for k in order]) == pytest.approx(first)


def test_clips_that_agree_within_artists_give_wider_intervals() -> None:
    correct = np.repeat(np.arange(40) % 2, 10)  # 40 artists of 10 clips; an artist's clips are all right or all wrong
    naive = intervals.wilson(int(correct.sum()), len(correct))
    low, high = intervals.bootstrap_by_cluster(correct, [str(k // 10) for k in range(400)])
    # 40 independent artists instead of 400 independent clips: sqrt(10) times as wide.
    assert (high - low) / (naive[1] - naive[0]) == pytest.approx(10**0.5, rel=0.06)


def test_interval_of_clustered_clips_has_the_nominal_coverage() -> None:
    rng = np.random.default_rng(0)
    cluster = [str(k // 5) for k in range(300)]  # 60 artists of 5 clips
    ours = naive = 0
    for _ in range(300):
        correct = rng.random(300) < np.repeat(rng.beta(1.2, 0.8, size=60), 5)  # the true value: 0.6 on average
        low, high = intervals.bootstrap_by_cluster(correct, cluster, resamples=1000)
        ours += low <= 0.6 <= high
        low, high = intervals.wilson(int(correct.sum()), 300)
        naive += low <= 0.6 <= high
    assert 0.91 <= ours / 300 <= 0.98
    assert naive / 300 < 0.85


def test_bootstrap_refuses_lengths_that_differ() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\) and 2 clusters"):
        intervals.bootstrap_by_cluster([1, 0, 1], ["a", "b"])
    with pytest.raises(ValueError, match="at least one clip"):
        intervals.bootstrap_by_cluster([], [])


def test_the_block_size_does_not_change_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    value, cluster = np.arange(10.0), [str(k) for k in range(10)]
    whole = intervals.bootstrap_by_cluster(value, cluster, resamples=50)
    monkeypatch.setattr(intervals, "_BLOCK_DRAWS", 70)
    assert intervals.bootstrap_by_cluster(value, cluster, resamples=50) == whole


def test_paired_difference() -> None:
    rng = np.random.default_rng(0)
    cluster = [str(k // 4) for k in range(200)]
    difficulty = rng.random(200)
    a, b = difficulty < 0.7, difficulty < 0.6  # a is right wherever b is right
    difference, low, high = intervals.paired_difference(a, b, cluster)
    assert difference == pytest.approx(a.mean() - b.mean())
    assert 0 < low < difference < high
    mirrored = intervals.paired_difference(b, a, cluster)
    assert mirrored == pytest.approx((-difference, -high, -low))
    assert intervals.paired_difference(a, a, cluster) == (0.0, 0.0, 0.0)


def test_paired_difference_refuses_different_clips() -> None:
    with pytest.raises(ValueError, match="the same clips in the same order"):
        intervals.paired_difference([1, 0], [1], ["a", "b"])


def test_unpaired_difference_of_clusters_of_one_clip_is_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(120), rng.random(80) ** 2
    names = [str(k) for k in range(120)]
    difference, low, high = intervals.unpaired_difference(a, names, b, names[:80])
    scipys = bootstrap(
        (a, b), lambda x, y, axis: x.mean(axis) - y.mean(axis), method="percentile", n_resamples=9999, rng=1
    ).confidence_interval
    assert difference == pytest.approx(a.mean() - b.mean())
    assert (low, high) == pytest.approx((scipys.low, scipys.high), abs=0.003)
    assert intervals.unpaired_difference(a, names, b, names[:80]) == (difference, low, high)


def test_two_identical_samples_are_drawn_independently() -> None:
    """The paired difference of identical values is exactly 0; the unpaired one treats them as two separate samples."""
    value = np.random.default_rng(0).random(100)
    names = [str(k) for k in range(100)]
    difference, low, high = intervals.unpaired_difference(value, names, value, names)
    assert difference == 0
    one = intervals.bootstrap_by_cluster(value, names)
    assert (high - low) / (one[1] - one[0]) == pytest.approx(2**0.5, rel=0.05)
    assert low == pytest.approx(-high, rel=0.1)


def test_unpaired_interval_has_the_nominal_coverage() -> None:
    rng = np.random.default_rng(0)
    ours = 0
    artists_a, artists_b = [str(k // 5) for k in range(200)], [str(k // 4) for k in range(120)]  # 40 and 30 artists
    for _ in range(300):
        a = rng.random(200) < np.repeat(rng.beta(2, 0.5, size=40), 5)  # 0.8 on average
        b = rng.random(120) < np.repeat(rng.beta(1.2, 0.8, size=30), 4)  # 0.6 on average
        _, low, high = intervals.unpaired_difference(a, artists_a, b, artists_b, resamples=1000)
        ours += low <= 0.2 <= high
    assert 0.91 <= ours / 300 <= 0.98


def test_unpaired_difference_refuses_an_empty_sample() -> None:
    with pytest.raises(ValueError, match="at least one clip"):
        intervals.unpaired_difference([1, 0], ["a", "b"], [], [])


def test_paired_proportions_are_agrestis_of_the_approval_ratings() -> None:
    # Agresti 2013, Categorical data analysis, section 11.1.2: 1,600 voters, of whom 150 and 86 changed their mind.
    difference, low, high = intervals.paired_proportions(86, 150, 1600)
    assert difference == -0.04
    assert (low, high) == pytest.approx((-0.059, -0.021), abs=6e-4)


def test_paired_proportions_of_clips_without_a_difference_have_a_width() -> None:
    difference, low, high = intervals.paired_proportions(0, 0, 20)
    assert difference == 0
    assert -0.1 < low < 0 < high < 0.1
    assert intervals.paired_proportions(20, 0, 20)[2] <= 1
    gained, lost = intervals.paired_proportions(3, 1, 20), intervals.paired_proportions(1, 3, 20)
    assert gained == pytest.approx((-lost[0], -lost[2], -lost[1]))


def test_paired_proportions_cover_the_true_difference() -> None:
    rng = np.random.default_rng(0)
    for clips in (12, 40):
        covered = 0
        for both_K in rng.choice(4, p=(0.5, 0.05, 0.25, 0.2), size=(2000, clips)):
            _, low, high = intervals.paired_proportions(int((both_K == 1).sum()), int((both_K == 2).sum()), clips)
            covered += low <= -0.2 <= high
        assert 0.93 <= covered / 2000 <= 0.98


@pytest.mark.parametrize(("only_a", "only_b", "total"), [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_paired_proportions_refuse_impossible_counts(only_a: int, only_b: int, total: int) -> None:
    with pytest.raises(ValueError, match="expected counts"):
        intervals.paired_proportions(only_a, only_b, total)


def test_resampled_sums_of_clusters_of_one_clip_are_scipys_bootstrap() -> None:
    """A ratio of two sums, as in macro F1."""
    rng = np.random.default_rng(0)
    part, whole = rng.random(90), 1 + rng.random(90)
    scipys = bootstrap(
        (part, whole),
        lambda x, y, axis: x.sum(axis) / y.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=9999,
        rng=1,
    ).confidence_interval
    sum_R2 = intervals.resampled_sums(np.stack([part, whole], axis=1), [str(k) for k in range(90)])
    assert intervals.percentiles(sum_R2[:, 0] / sum_R2[:, 1]) == pytest.approx((scipys.low, scipys.high), abs=0.003)


def test_resampled_sums_draw_whole_clusters_and_the_same_ones_each_time() -> None:
    cluster = ["b", "a", "b", "c"]
    column = np.array([[1.0, 0], [10, 1], [2, 0], [100, 0]])
    sum_R2 = intervals.resampled_sums(column, cluster, resamples=200)
    counts = {(k, j, 3 - k - j) for k in range(4) for j in range(4 - k)}  # counts of clusters a, b and c
    assert {tuple(row) for row in sum_R2.tolist()} == {(10.0 * a + 3 * b + 100 * c, float(a)) for a, b, c in counts}
    again = intervals.resampled_sums(2 * column[:, :1], cluster, resamples=200)
    assert (again[:, 0] == 2 * sum_R2[:, 0]).all()


@pytest.mark.parametrize("first", [(0, 24), (10, 24), (24, 24)])
@pytest.mark.parametrize("second", [(4, 24), (80, 160)])
def test_a_difference_of_proportions_is_that_of_statsmodels(first: tuple[int, int], second: tuple[int, int]) -> None:
    theirs = confint_proportions_2indep(*first, *second, method="newcomb", compare="diff")
    assert intervals.difference_of_proportions(first, second) == pytest.approx(theirs)
