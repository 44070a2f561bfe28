"""The fast assignment of groups equals a plain one, since published scores depend on their splits."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from src.clip import Clip
from src.split.grouping import Group, artist_groups, assign_groups, single_clips

SHARES = ((0.6, 0.2, 0.2), (0.8, 0.2), (1 / 3,) * 3, (0.1,) * 10)


def _assign_plainly(clips: Sequence[Clip], groups: Sequence[Group], shares: Sequence[float], seed: int) -> list[int]:
    """The same greedy assignment with whole arrays, G groups by C genres and K sets: short, and slow."""
    genres, names = sorted({clip.genre for clip in clips}), sorted(set(groups))
    row = {name: g for g, name in enumerate(names)}
    count_GC = np.zeros((len(names), len(genres)))
    for clip, name in zip(clips, groups, strict=True):
        count_GC[row[name], genres.index(clip.genre)] += 1
    wanted_KC = np.outer(shares, count_GC.sum(axis=0))
    assigned_KC = np.zeros_like(wanted_KC)
    left_C = (count_GC > 0).sum(axis=0)
    set_G = np.zeros(len(names), dtype=int)
    for g in sorted(np.random.default_rng(seed).permutation(len(names)), key=lambda g: -count_GC[g].sum()):
        genres_C = count_GC[g] > 0
        empty_KC = (assigned_KC == 0) & genres_C
        candidates = np.flatnonzero((empty_KC & (empty_KC.sum(axis=0) >= left_C)).any(axis=1))
        need_K = ((wanted_KC - assigned_KC)[:, genres_C] / wanted_KC[:, genres_C]).mean(axis=1)
        if not len(candidates):
            neediest = np.flatnonzero(need_K > need_K.max() - 1e-9)
            full_K = assigned_KC.sum(axis=1) / wanted_KC.sum(axis=1)
            candidates = neediest[[np.argmin(full_K[neediest])]]
        set_G[g] = candidates[int(np.argmax(need_K[candidates]))]
        assigned_KC[set_G[g]] += count_GC[g]
        left_C -= genres_C
    return [int(set_G[row[name]]) for name in groups]


def _clips(seed: int) -> list[Clip]:
    """1 to 29 genres and 1 to 39 artists with one genre each, or several; none, some or all of the artists unknown."""
    random = np.random.default_rng(seed)
    genres, artists = random.integers(1, 30 if seed % 3 == 0 else 8), random.integers(1, 40)
    other_genre, unknown = random.choice([0, 0.2, 0.9]), random.choice([0, 0.3, 1])
    clips = []
    for k in range(random.integers(1, 200)):
        a = random.integers(artists)
        genre = random.integers(genres) if random.random() < other_genre else a % genres
        names = [value if random.random() >= unknown else None for value in (f"a{a}", f"t{k // 2}", f"b{a % 5}")]
        clips.append(Clip(f"c{k}", Path("x"), f"g{genre}", names[0], names[1], album=names[2]))
    return clips


@pytest.mark.parametrize("shares", SHARES, ids=lambda shares: f"{len(shares)} sets")
def test_the_fast_assignment_equals_the_plain_one(shares: tuple[float, ...]) -> None:
    for seed in range(60):
        clips = _clips(seed)
        for groups in (artist_groups(clips), single_clips(clips)):
            assert assign_groups(clips, groups, shares, seed) == _assign_plainly(clips, groups, shares, seed)


def test_no_clips_give_an_empty_assignment() -> None:
    assert assign_groups([], [], (0.8, 0.2), 0) == []


def test_many_groups_take_little_time_and_many_genres_little_memory() -> None:
    """200,000 groups, 160 genres: a table of both would take 256 MB, and a numpy step for each group half a minute in all."""
    clips = [Clip(f"c{k:06}", Path("x"), f"genre {k * 7919 % 160}") for k in range(200_000)]
    start = time.process_time()
    set_of_clip = assign_groups(clips, artist_groups(clips), (0.6, 0.2, 0.2), 0)
    assert time.process_time() - start < 10
    assert np.bincount(set_of_clip).tolist() == [120_000, 40_000, 40_000]


def test_a_clip_is_grouped_by_the_first_kind_that_is_known() -> None:
    clips = [
        Clip("a", Path("x"), "g", "Chet", "Solo", album="Live"),
        Clip("b", Path("x"), "g", None, "Solo", album="Live"),
        Clip("c", Path("x"), "g", None, "Solo"),
        Clip("d", Path("x"), "g"),
    ]
    assert artist_groups(clips) == [("artist", "Chet"), ("album", "Live"), ("track", "Solo"), ("clip", "d")]
    assert single_clips(clips) == [("clip", name) for name in "abcd"]
