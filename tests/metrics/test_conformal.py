"""Prediction sets: quantiles by hand, MAPIE's sets, and coverage on new artists."""

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from sklearn.linear_model import LogisticRegression

from src.metrics.conformal import genre_sets, highest_level, score_limit


def test_known_limits_of_ten_artists() -> None:
    """With one clip each, the limit of 0.8 is the ceil(11 * 0.8) = 9th score; 0.9 needs the 10th; above 10/11 there is none."""
    score_K = np.arange(10) / 10
    assert score_limit(score_K, range(10), 0.8) == 0.8
    assert score_limit(score_K, range(10), 0.9) == 0.9
    assert score_limit(score_K, range(10), 0.92) == float("inf")
    assert highest_level(10) == pytest.approx(10 / 11)


def test_an_artist_with_many_clips_counts_once() -> None:
    """Nine artists with the score 0.1 and one with a hundred clips of 0.9: clips alone would give 0.9 at each level above 0.1."""
    score_K, artist = np.array([0.1] * 9 + [0.9] * 100), [*range(9), *[9] * 100]
    assert score_limit(score_K, artist, 0.8) == 0.1
    assert score_limit(score_K, artist, 0.9) == 0.9
    # By hand: weights 9/11 at 0.1, then 1/1100 for each clip; 0.85 is reached at the 35th of them.
    ladder = np.concatenate([[0.1] * 9, np.linspace(0.2, 0.9, 100)])
    assert score_limit(ladder, artist, 0.85) == pytest.approx(np.linspace(0.2, 0.9, 100)[34])


def test_sets_equal_those_of_mapie() -> None:
    """With one clip for each artist, the method is the usual one: MAPIE's sets by LAC."""
    random = np.random.default_rng(0)
    genre_K = random.integers(4, size=900)
    feature_KF = random.normal(size=(900, 5)) + np.eye(4, 5)[genre_K]
    model = LogisticRegression().fit(feature_KF[:300], genre_K[:300])
    calibration, test = slice(300, 400), slice(400, 900)
    for level in (0.5, 0.8, 0.9, 0.95):
        mapie = SplitConformalClassifier(model, confidence_level=level, conformity_score="lac", prefit=True)
        mapie.conformalize(feature_KF[calibration], genre_K[calibration])
        theirs_KC = mapie.predict_set(feature_KF[test])[1][:, :, 0]
        score_K = 1 - model.predict_proba(feature_KF[calibration])[np.arange(100), genre_K[calibration]]
        probability_KC = model.predict_proba(feature_KF[test])
        ours_KC = genre_sets(probability_KC, score_limit(score_K, range(100), level))
        filled_K = theirs_KC.any(axis=1)  # MAPIE leaves empty sets empty
        np.testing.assert_array_equal(ours_KC[filled_K], theirs_KC[filled_K])
        np.testing.assert_array_equal(ours_KC[~filled_K].argmax(axis=1), probability_KC[~filled_K].argmax(axis=1))


def test_an_empty_set_gets_the_first_genre() -> None:
    sets_KC = genre_sets([[0.5, 0.3, 0.2], [0.1, 0.85, 0.05]], limit=0.2)
    assert sets_KC.tolist() == [[True, False, False], [False, True, False]]
    assert genre_sets([[0.5, 0.3, 0.2]], float("inf")).all()


def _coverage(by_artist: bool, level: float = 0.9, repetitions: int = 3000) -> float:
    """Coverage of a clip by a new artist, whose scores lie around a value of the artist's own; two artists have most clips."""
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(repetitions):
        clips_A = np.array([30, 30, *[1] * 18])
        artist = np.repeat(np.arange(20), clips_A)
        score_K = random.normal(size=20)[artist] + 0.1 * random.normal(size=len(artist))
        limit = score_limit(score_K, artist if by_artist else range(len(artist)), level)
        hits += random.normal() + 0.1 * random.normal() <= limit
    return hits / repetitions


def test_coverage_of_new_artists() -> None:
    """Artists as units reach the level, and at most 1 / (A + 1) more; clips as units do not, if few artists have most clips."""
    assert 0.885 < _coverage(by_artist=True) < 0.965
    assert _coverage(by_artist=False) < 0.80


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, float("nan")])
def test_a_level_that_is_no_probability_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        score_limit([0.1], ["a"], level)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="one artist per clip"):
        score_limit([0.1, 0.2], ["a"], 0.9)
    with pytest.raises(ValueError, match="at least one clip"):
        score_limit([], [], 0.9)
