"""Level and bandwidth alone: where they give genres away, and where they do not."""

from pathlib import Path

import numpy as np
import pytest

from src.clip import Clip
from src.quality.measures import ClipMeasures
from src.quality.shortcuts import shortcut
from tests.quality.test_faults import SOUND

GENRES = ("blues", "jazz", "rock")


def corpus(count: int = 40, artists: int = 10, **shift: dict[str, float]) -> tuple[list[Clip], list[ClipMeasures]]:
    """Clips of three genres whose measures are alike, but for the shifts: jazz={"level_db": 6}."""
    random = np.random.default_rng(0)
    clips, heard = [], []
    for genre in GENRES:
        for k in range(count):
            clips.append(Clip(f"{genre}/{k}", Path("x"), genre, artist=f"{genre} {k % artists}"))
            level, peak, band = random.normal((-18.0, -3.0, 15000.0), (2.0, 0.5, 500.0))
            given = {"level_db": level, "peak_db": peak, "bandwidth_hz": band}
            heard.append(
                SOUND._replace(**{key: value + shift.get(genre, {}).get(key, 0.0) for key, value in given.items()})
            )
    return clips, heard


def test_genres_that_measure_alike_are_not_found() -> None:
    found = shortcut(*corpus())
    assert found is not None
    assert not found["found"]
    assert found["apart"] == []
    low, high = found["accuracy_interval"]
    assert low < 1 / 3 < high


def test_a_low_passed_genre_is_a_shortcut_and_named() -> None:
    found = shortcut(*corpus(jazz={"bandwidth_hz": -4000.0}))
    assert found is not None
    assert found["found"]
    assert found["recall"]["jazz"] == 1.0
    (sentence,) = found["apart"]
    assert sentence.startswith("jazz lies below the rest in bandwidth (10.")


def test_a_loud_genre_is_a_shortcut_and_named() -> None:
    found = shortcut(*corpus(rock={"level_db": 12.0}))
    assert found is not None
    assert found["found"]
    assert [sentence.split(" (")[0] for sentence in found["apart"]] == ["rock lies above the rest in level"]


def test_a_genre_between_two_others_is_found_by_products() -> None:
    """Neither below nor above the rest, but in the middle: squares of the measures tell it."""
    found = shortcut(*corpus(blues={"bandwidth_hz": -5000.0}, rock={"bandwidth_hz": 5000.0}))
    assert found is not None
    assert found["accuracy"] > 0.95


def test_artists_are_judged_by_others() -> None:
    """An artist's own level gives the artist away, not the genre."""
    clips, heard = corpus(artists=8)
    random = np.random.default_rng(1)
    level = {clip.artist: random.uniform(-40, -5) for clip in clips}
    found = shortcut(
        clips, [each._replace(level_db=level[clip.artist]) for clip, each in zip(clips, heard, strict=True)]
    )
    assert found is not None
    assert found["accuracy"] < 0.5


def test_a_sample_rate_of_its_own_is_named() -> None:
    clips, heard = corpus()
    heard = [
        each._replace(sample_rate=22050) if clip.genre == "jazz" else each
        for clip, each in zip(clips, heard, strict=True)
    ]
    found = shortcut(clips, heard)
    assert found is not None
    assert found["apart"] == ["jazz has sample rates that no other genre has: 22050 Hz."]


@pytest.mark.parametrize("keep", [("blues",), ()])
def test_one_genre_has_no_shortcut(keep: tuple[str, ...]) -> None:
    clips, heard = corpus()
    kept = [(clip, each) for clip, each in zip(clips, heard, strict=True) if clip.genre in keep]
    assert shortcut([clip for clip, _ in kept], [each for _, each in kept]) is None
