"""Shortcuts: data sets where level and bandwidth alone predict the genre, and where they do not."""

from pathlib import Path

import numpy as np
import pytest

from src.clip import Clip
from src.quality.measures import ClipMeasures
from src.quality.shortcuts import shortcut
from tests.quality.test_faults import SOUND

GENRES = ("blues", "jazz", "rock")


def corpus(count: int = 40, artists: int = 10, **shift: dict[str, float]) -> tuple[list[Clip], list[ClipMeasures]]:
    """Clips of three genres with measures of the same distribution, plus shifts for some genres: jazz={"level_db": 6}."""
    random = np.random.default_rng(0)
    clips, measures = [], []
    for genre in GENRES:
        for k in range(count):
            clips.append(Clip(f"{genre}/{k}", Path("x"), genre, artist=f"{genre} {k % artists}"))
            level, peak, band = random.normal((-18.0, -3.0, 15000.0), (2.0, 0.5, 500.0))
            values = {"level_db": level, "peak_db": peak, "bandwidth_hz": band}
            measures.append(
                SOUND._replace(**{key: value + shift.get(genre, {}).get(key, 0.0) for key, value in values.items()})
            )
    return clips, measures


def test_genres_with_the_same_measures_have_no_shortcut() -> None:
    result = shortcut(*corpus())
    assert result is not None
    assert not result["found"]
    assert result["apart"] == []
    low, high = result["accuracy_interval"]
    assert low < 1 / 3 < high


def test_a_low_passed_genre_is_a_shortcut_and_named() -> None:
    result = shortcut(*corpus(jazz={"bandwidth_hz": -4000.0}))
    assert result is not None
    assert result["found"]
    assert result["recall"]["jazz"] == 1.0
    (sentence,) = result["apart"]
    assert sentence.startswith("jazz lies below the rest in bandwidth (10.")


def test_a_loud_genre_is_a_shortcut_and_named() -> None:
    result = shortcut(*corpus(rock={"level_db": 12.0}))
    assert result is not None
    assert result["found"]
    assert [sentence.split(" (")[0] for sentence in result["apart"]] == ["rock lies above the rest in level"]


def test_a_genre_between_two_others_is_found_by_products() -> None:
    """A genre in the middle, neither below nor above the rest, is predicted by the squares of the measures."""
    result = shortcut(*corpus(blues={"bandwidth_hz": -5000.0}, rock={"bandwidth_hz": 5000.0}))
    assert result is not None
    assert result["accuracy"] > 0.95


def test_a_level_of_each_artist_is_no_shortcut() -> None:
    """A level of each artist's own identifies the artist, not the genre, since folds are grouped by artist."""
    clips, measures = corpus(artists=8)
    random = np.random.default_rng(1)
    level = {clip.artist: random.uniform(-40, -5) for clip in clips}
    result = shortcut(
        clips, [row._replace(level_db=level[clip.artist]) for clip, row in zip(clips, measures, strict=True)]
    )
    assert result is not None
    assert result["accuracy"] < 0.5


def test_a_sample_rate_of_its_own_is_named() -> None:
    clips, measures = corpus()
    measures = [
        row._replace(sample_rate=22050) if clip.genre == "jazz" else row
        for clip, row in zip(clips, measures, strict=True)
    ]
    result = shortcut(clips, measures)
    assert result is not None
    assert result["apart"] == ["jazz has sample rates that no other genre has: 22050 Hz."]


@pytest.mark.parametrize("genres", [("blues",), ()])
def test_fewer_than_two_genres_have_no_shortcut(genres: tuple[str, ...]) -> None:
    clips, measures = corpus()
    selected = [(clip, row) for clip, row in zip(clips, measures, strict=True) if clip.genre in genres]
    assert shortcut([clip for clip, _ in selected], [row for _, row in selected]) is None
