"""Joins computed by hand, and their stability on distances with and without a tree."""

import numpy as np
import pytest

from src.genre_relations.joins import join


def test_joins_are_those_computed_by_hand() -> None:
    #              a  b  c  d
    distance_CC = [[0, 2, 6, 10], [2, 0, 8, 10], [6, 8, 0, 9], [10, 10, 9, 0]]
    found = join(np.array(distance_CC, float))
    assert [each.genres for each in found.joins] == [(0, 1), (0, 1, 2), (0, 1, 2, 3)]
    assert [each.height for each in found.joins] == pytest.approx([2, 7, 29 / 3])  # means over all pairs
    assert all(each.stability is None for each in found.joins)
    assert set(found.order[:2]) == {0, 1} or set(found.order[-2:]) == {0, 1}


def test_stability_is_the_share_of_resamples_with_the_same_group() -> None:
    near = np.array([[0, 1, 5], [1, 0, 5], [5, 5, 0.0]])
    other = np.array([[0, 5, 1], [5, 0, 5], [1, 5, 0.0]])
    undefined = np.full((3, 3), np.nan)
    found = join(near, np.stack([near, near, other, undefined]))
    assert [(each.genres, each.stability) for each in found.joins] == [((0, 1), 0.5), ((0, 1, 2), 0.75)]


def test_one_genre_cannot_be_joined() -> None:
    with pytest.raises(ValueError, match="1 genre cannot be joined: expected two or more"):
        join(np.zeros((1, 1)))


def test_two_hundred_genres_are_joined() -> None:
    place_C = np.random.default_rng(0).normal(size=(200, 3))
    distance_CC = np.linalg.norm(place_C[:, None] - place_C, axis=2)
    found = join(distance_CC)
    assert len(found.joins) == 199
    assert sorted(found.order) == list(range(200))
