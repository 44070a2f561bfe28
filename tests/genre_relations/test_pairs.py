"""The three answers for a pair of genres: many copies of one genre, few of them, and two different genres."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from src.genre_relations import artists as artist_rows
from src.genre_relations.artists import Artists, artists_of
from src.genre_relations.pairs import APART, SAME, UNDECIDED, Pair, judge


def one_pair(artists_each: int, difference: float, seed: int = 0, known: bool = True) -> tuple[Pair, float]:
    """Judge two genres whose artists have one clip each, with normal log-odds that differ; also the AUC by scikit-learn."""
    rng = np.random.default_rng(seed)
    score_A = rng.normal(size=2 * artists_each) + np.repeat([difference, 0], artists_each)
    genre = ["a"] * artists_each + ["b"] * artists_each
    names = [f"{k:04}" for k in range(2 * artists_each)]
    artists = artists_of(names, genre, names, "artist" if known else "track", "ab")
    (pair,) = judge(artists, order_of(artists, score_A), artist_rows.draw(artists, 400))
    return pair, float(roc_auc_score([name == "a" for name in genre], score_A))


def order_of(artists: Artists, score_A: np.ndarray) -> np.ndarray:
    right_AA = np.where(artists.genre_A[:, None] == 0, score_A[:, None] > score_A, score_A[:, None] < score_A)
    same_genre_AA = artists.genre_A[:, None] == artists.genre_A
    return np.where(same_genre_AA, np.nan, right_AA).astype(np.float32)


def test_the_auc_is_that_of_scikit_learn() -> None:
    for difference in (0.0, 1.0, -0.5):
        pair, expected = one_pair(30, difference)
        assert pair.auc == pytest.approx(expected, abs=1e-5)


def test_many_copies_of_one_genre_cannot_be_told_apart() -> None:
    pair, _ = one_pair(300, 0.0)
    assert pair.answer == SAME
    assert pair.interval is not None
    assert 0.4 <= pair.interval[0] < 0.5 < pair.interval[1] <= 0.6


def test_few_copies_of_one_genre_are_too_few() -> None:
    pair, _ = one_pair(12, 0.0)
    assert (pair.answer, pair.reason) == (UNDECIDED, "the interval has chance in it, and is too wide")
    pair, _ = one_pair(9, 0.0)
    assert (pair.answer, pair.interval) == (UNDECIDED, None)
    assert pair.reason == "9 and 9 artists; 10 of each are needed"


def test_different_genres_are_told_apart_and_nine_artists_are_too_few_for_it() -> None:
    assert one_pair(30, 1.5)[0].answer == APART
    assert one_pair(9, 1.5)[0].answer == UNDECIDED


def test_a_certain_but_tiny_difference_does_not_tell_genres_apart() -> None:
    pair, _ = one_pair(1500, 0.15)
    assert pair.interval is not None
    assert pair.interval[0] > 0.5
    assert pair.answer == SAME


def test_genres_that_are_confused_the_wrong_way_round_are_no_answer() -> None:
    pair, _ = one_pair(60, -1.5)
    assert pair.answer == UNDECIDED
    assert pair.reason.startswith("below chance")


def test_unknown_artists_are_no_answer() -> None:
    pair, _ = one_pair(300, 0.0, known=False)
    assert (pair.answer, pair.reason) == (UNDECIDED, "some artists are unknown")


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 60 samples of 25 artists of each of two equal genres, 95 % of the intervals should cover an AUC of 0.5."""
    covered = sum(
        pair.interval[0] <= 0.5 <= pair.interval[1]
        for seed in range(60)
        if (pair := one_pair(25, 0.0, seed)[0]).interval is not None
    )
    assert 52 <= covered <= 60


def test_genres_that_no_run_tested_together_have_no_auc() -> None:
    artists = artists_of(["1", "2"], ["a", "b"], ["u", "v"], "artist", "ab")
    (pair,) = judge(artists, np.full((2, 2), np.nan, np.float32), artist_rows.draw(artists, 10))
    assert pair.auc is None
    assert pair.reason == "no run tested clips of both, by different artists"
