"""Means over pairs of artists, against a loop, and resampling within genres."""

import numpy as np
import pytest

from src.genre_relations import artists as module
from src.genre_relations.artists import Artists, artists_of, draw, pair_means


def some_artists() -> Artists:
    """Three genres; artist x has clips in two of them."""
    rows = [("a", "x"), ("a", "y"), ("a", "y"), ("b", "x"), ("b", "z"), ("c", "u"), ("c", "v"), ("c", "w")]
    return artists_of([f"clip {k}" for k in range(8)], [g for g, _ in rows], [o for _, o in rows], "artist", "abc")


def test_an_artist_of_two_genres_is_listed_under_both() -> None:
    artists = some_artists()
    assert artists.genre_A.tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert artists.owner_A == ["x", "y", "x", "z", "u", "v", "w"]
    assert artists.row_of_clip["clip 2"] == 1
    assert artists.total_C == [2, 2, 3]


def test_resampling_keeps_the_number_of_artists_of_each_genre() -> None:
    weight_RA = draw(some_artists(), 500)
    assert {tuple(row) for row in np.add.reduceat(weight_RA, [0, 2, 4], axis=1).tolist()} == {(2, 2, 3)}
    assert weight_RA.mean(axis=0) == pytest.approx(1, abs=0.15)
    assert (draw(some_artists(), 500) == weight_RA).all()
    assert (draw(some_artists(), 500, seed=1) != weight_RA).any()


def test_the_mean_over_pairs_is_that_of_a_loop_over_drawn_artists() -> None:
    artists = some_artists()
    rng = np.random.default_rng(0)
    value_AA = rng.normal(size=(7, 7)).astype(np.float32)
    value_AA = value_AA + value_AA.T
    value_AA[1, 4] = value_AA[4, 1] = np.nan
    weight_RA = draw(artists, 20, seed=3)
    found_RCC = pair_means(artists, value_AA, weight_RA)
    for weight_A, found_CC in zip(weight_RA, found_RCC, strict=True):
        drawn = [a for a in range(7) for _ in range(int(weight_A[a]))]
        for i in range(3):
            for j in range(3):
                values = [
                    value_AA[a, b]
                    for a in drawn
                    for b in drawn
                    if artists.genre_A[a] == i
                    and artists.genre_A[b] == j
                    and artists.owner_A[a] != artists.owner_A[b]
                    and np.isfinite(value_AA[a, b])
                ]
                assert found_CC[i, j] == pytest.approx(np.mean(values) if values else np.nan, abs=1e-4, nan_ok=True)


def test_of_very_many_artists_an_even_part_of_each_genre_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ARTISTS", 40)
    names = [f"{k:03}" for k in range(100)]
    artists = artists_of([*names, "last"], ["a"] * 100 + ["b"], [*names, "one"], "artist", "ab")
    assert len(artists.owner_A) == 21
    assert artists.owner_A[0] == "000"
    assert artists.owner_A[19] == "099"
    assert artists.total_C == [100, 1]
