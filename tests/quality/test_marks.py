"""Marks of a genre: what counts is how many of its clips and artists have the tone or the limit, and how few others."""

from pathlib import Path

import pytest

from src.clip import Clip
from src.quality.marks import Mark, marks
from src.quality.measures import ClipMeasures
from tests.quality.test_faults import SOUND

CLIPS = 40  # of each genre, by 10 artists


def found(jazz: int, rock: int = 0, artists: int = 10, **mark: object) -> list[Mark]:
    """The marks if the first `jazz` clips of jazz and the first `rock` clips of rock have the measures `mark`."""
    clips, measures = [], []
    for genre, count in (("jazz", jazz), ("rock", rock)):
        for k in range(CLIPS):
            clips.append(Clip(f"{genre}{k}", Path("x"), genre, artist=f"{genre} {k % artists}"))
            measures.append(SOUND._replace(**mark) if k < count else SOUND)  # type: ignore[arg-type]
    return marks(clips, measures)


def test_a_tone_in_half_of_a_genre_is_a_mark() -> None:
    assert found(20, 1, steady_hz=(9000.0,)) == [Mark("peak", 9000.0, "jazz", 20, 40, 10, 10, 1, 40)]


def test_a_limit_in_a_genre_is_a_mark() -> None:
    assert found(24, limit_hz=6350.0) == [Mark("limit", 6350.0, "jazz", 24, 40, 10, 10, 0, 40)]


@pytest.mark.parametrize(("jazz", "rock"), [(12, 0), (40, 40), (20, 5), (0, 0), (1, 0)])
def test_what_is_rare_or_in_other_genres_too_is_none(jazz: int, rock: int) -> None:
    assert found(jazz, rock, steady_hz=(9000.0,)) == []
    assert found(jazz, rock, limit_hz=6000.0) == []


def test_a_tone_of_one_artist_of_several_is_none() -> None:
    clips = [
        Clip(f"{k}", Path("x"), "jazz" if k < 20 else "rock", artist="one" if k < 10 else str(k)) for k in range(40)
    ]
    own = [SOUND._replace(steady_hz=(100.0,)) if k < 10 else SOUND for k in range(40)]
    assert marks(clips, own) == []


def test_notes_of_different_pitch_are_not_one_tone() -> None:
    clips = [Clip(f"{k}", Path("x"), "jazz" if k < 20 else "rock") for k in range(40)]
    held: list[ClipMeasures] = [SOUND._replace(steady_hz=(220 * 2 ** (k / 12),) if k < 20 else ()) for k in range(40)]
    assert marks(clips, held) == []


def test_frequencies_are_the_same_within_the_resolution() -> None:
    clips = [Clip(f"{k}", Path("x"), "jazz" if k < 20 else "rock") for k in range(40)]
    drifting = [SOUND._replace(steady_hz=(9000 + 0.4 * k,) if k < 20 else ()) for k in range(40)]
    (mark,) = marks(clips, drifting)
    assert (mark.clips, mark.hz) == (20, pytest.approx(9003.8, abs=0.3))


def test_each_harmonic_of_a_hum_is_listed() -> None:
    assert [mark.hz for mark in found(40, steady_hz=(50.0, 100.0, 150.0))] == [50.0, 100.0, 150.0]


def test_too_few_clips_have_no_marks() -> None:
    clips = [Clip(f"{k}", Path("x"), "jazz" if k < 4 else "rock") for k in range(40)]
    assert marks(clips, [SOUND._replace(steady_hz=(50.0,)) if k < 4 else SOUND for k in range(40)]) == []
