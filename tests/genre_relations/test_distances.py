"""Distances between genres against scipy and against values computed by hand."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import energy_distance

from src.genre_relations.artists import artists_of, pair_means
from src.genre_relations.distances import (
    answer_distances,
    confusion_rows,
    energy_distances,
    place,
    usable_genres,
)


def test_the_energy_distance_is_that_of_scipy_without_pairs_of_an_artist_with_itself() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 12), rng.normal(3, 2, 9)
    genre = ["a"] * 12 + ["b"] * 9
    artists = artists_of([str(k) for k in range(21)], genre, [f"{k:02}" for k in range(21)], "artist", "ab")
    value = np.concatenate([first, second])
    distance_AA = abs(value[:, None] - value).astype(np.float32)
    mean_CC = pair_means(artists, distance_AA, np.ones((1, 21), np.float32))[0]
    # scipy also counts the distance 0 of each value to itself.
    with_itself = 2 * mean_CC[0, 1] - mean_CC[0, 0] * 11 / 12 - mean_CC[1, 1] * 8 / 9
    assert with_itself == pytest.approx(energy_distance(first, second) ** 2, abs=1e-5)
    ours = energy_distances(mean_CC[None])[0]
    assert ours[0, 1] ** 2 == pytest.approx(2 * mean_CC[0, 1] - mean_CC[0, 0] - mean_CC[1, 1], abs=1e-5)
    assert ours[0, 0] == 0


def test_genres_of_one_distribution_have_a_mean_distance_of_zero() -> None:
    rng = np.random.default_rng(0)
    artists = artists_of([str(k) for k in range(20)], ["a", "b"] * 10, [f"{k:02}" for k in range(20)], "artist", "ab")
    squares = []
    for _ in range(400):
        distance_AA = squareform(pdist(rng.normal(size=(20, 3)))).astype(np.float32)
        mean_CC = pair_means(artists, distance_AA, np.ones((1, 20), np.float32))[0]
        squares.append(2 * mean_CC[0, 1] - mean_CC[0, 0] - mean_CC[1, 1])
    assert abs(np.mean(squares)) < 4 * np.std(squares) / 20  # unbiased: within four standard errors


def test_distances_of_answers_go_from_the_same_to_none_in_common() -> None:
    artists = artists_of(["1", "2", "3", "4"], ["a", "a", "b", "c"], ["u", "v", "w", "x"], "artist", "abc")
    share_AG = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.75, 0.25, 0.0], [0.0, 0.0, 1.0]])
    distance_CC = answer_distances(artists, share_AG, np.ones((1, 4), np.float32))[0]
    assert distance_CC[0, 1] == pytest.approx(0)
    assert distance_CC[0, 2] == pytest.approx(1)
    twice = answer_distances(artists, share_AG, np.array([[0, 2, 1, 1]], np.float32))[0]
    assert twice[0, 1] == pytest.approx(0.25)  # half of |0.5 - 0.75| + |0.5 - 0.25|
    assert confusion_rows(artists, share_AG)[0] == pytest.approx([0.75, 0.25, 0])


def test_a_map_of_points_in_a_plane_shows_all_of_their_distances() -> None:
    point_C2 = np.random.default_rng(0).normal(size=(7, 2))
    distance_CC = squareform(pdist(point_C2))
    found_C2, shown = place(distance_CC)
    assert squareform(pdist(found_C2)) == pytest.approx(distance_CC)
    assert shown == pytest.approx(1)
    _, cube = place(np.ones((4, 4)) - np.eye(4))  # four points that need three dimensions
    assert cube == pytest.approx(2 / 3)


def test_two_genres_lie_on_a_line_and_equal_ones_on_a_point() -> None:
    place_C2, shown = place(np.array([[0, 3.0], [3.0, 0]]))
    assert abs(place_C2[0, 0] - place_C2[1, 0]) == pytest.approx(3)
    assert shown == pytest.approx(1)
    assert place(np.zeros((3, 3)))[0] == pytest.approx(np.zeros((3, 2)))


def test_genres_without_distances_are_left_out() -> None:
    distance_CC = np.zeros((4, 4))
    distance_CC[1, :] = distance_CC[:, 1] = np.nan
    assert usable_genres(distance_CC, "abcd") == [0, 2, 3]
    distance_CC[0, 2] = distance_CC[2, 0] = distance_CC[2, 3] = distance_CC[3, 2] = np.nan
    assert usable_genres(distance_CC, "abcd") == [0, 3]
    assert usable_genres(np.full((2, 2), np.nan), "ab") == []
