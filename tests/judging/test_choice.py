"""The choice of test clips."""

from collections import Counter
from pathlib import Path

from src.clip import Clip
from src.judging.choice import choose


def test_the_choice_has_all_genres_and_many_artists() -> None:
    clips = [Clip(f"{g}{a}{k}", Path("x"), g, a) for g in "abc" for a in "xyz" for k in range(10)]
    chosen = choose(clips, 9)
    assert Counter(clip.genre for clip in chosen) == {"a": 3, "b": 3, "c": 3}
    assert Counter(clip.artist for clip in chosen) == {"x": 3, "y": 3, "z": 3}
    assert chosen == choose(clips, 9)
    assert choose(clips, 3) == chosen[:3]


def test_fewer_clips_than_asked_for_are_all_chosen() -> None:
    clips = [Clip(str(k), Path("x"), "a") for k in range(4)]
    assert sorted(choose(clips, 9), key=lambda clip: clip.name) == clips
