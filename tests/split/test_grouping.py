"""Groups are dealt as they always were, whatever makes it fast: published scores rest on their splits."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from src.clip import Clip
from src.split.grouping import Group, artist_groups, assign_groups, single_clips

SHARES = ((0.6, 0.2, 0.2), (0.8, 0.2), (1 / 3,) * 3, (0.1,) * 10)


def _plainly(clips: Sequence[Clip], group: Sequence[Group], shares: Sequence[float], seed: int) -> list[int]:
    """The same greedy cut as whole arrays, G groups by C genres and K sides: short, and slow."""
    genres, names = sorted({clip.genre for clip in clips}), sorted(set(group))
    row = {name: g for g, name in enumerate(names)}
    count_GC = np.zeros((len(names), len(genres)))
    for clip, name in zip(clips, group, strict=True):
        count_GC[row[name], genres.index(clip.genre)] += 1
    wanted_KC = np.outer(shares, count_GC.sum(axis=0))
    dealt_KC = np.zeros_like(wanted_KC)
    left_C = (count_GC > 0).sum(axis=0)
    side_G = np.zeros(len(names), dtype=int)
    for g in sorted(np.random.default_rng(seed).permutation(len(names)), key=lambda g: -count_GC[g].sum()):
        mine = count_GC[g] > 0
        bare_KC = (dealt_KC == 0) & mine
        candidates = np.flatnonzero((bare_KC & (bare_KC.sum(axis=0) >= left_C)).any(axis=1))
        need_K = ((wanted_KC - dealt_KC)[:, mine] / wanted_KC[:, mine]).mean(axis=1)
        if not len(candidates):
            neediest = np.flatnonzero(need_K > need_K.max() - 1e-9)
            full_K = dealt_KC.sum(axis=1) / wanted_KC.sum(axis=1)
            candidates = neediest[[np.argmin(full_K[neediest])]]
        side_G[g] = candidates[int(np.argmax(need_K[candidates]))]
        dealt_KC[side_G[g]] += count_GC[g]
        left_C -= mine
    return [int(side_G[row[name]]) for name in group]


def _clips(seed: int) -> list[Clip]:
    """1 to 29 genres and 1 to 39 artists of one genre, or of some, or of any; some or all of them unknown."""
    random = np.random.default_rng(seed)
    genres, artists = random.integers(1, 30 if seed % 3 == 0 else 8), random.integers(1, 40)
    strays, hidden = random.choice([0, 0.2, 0.9]), random.choice([0, 0.3, 1])
    clips = []
    for k in range(random.integers(1, 200)):
        a = random.integers(artists)
        genre = random.integers(genres) if random.random() < strays else a % genres
        known = [value if random.random() >= hidden else None for value in (f"a{a}", f"t{k // 2}", f"b{a % 5}")]
        clips.append(Clip(f"c{k}", Path("x"), f"g{genre}", known[0], known[1], album=known[2]))
    return clips


@pytest.mark.parametrize("shares", SHARES, ids=lambda shares: f"{len(shares)} sides")
def test_the_fast_way_is_the_plain_way(shares: tuple[float, ...]) -> None:
    for seed in range(60):
        clips = _clips(seed)
        for group in (artist_groups(clips), single_clips(clips)):
            assert assign_groups(clips, group, shares, seed) == _plainly(clips, group, shares, seed)


def test_no_clips_are_dealt_to_nobody() -> None:
    assert assign_groups([], [], (0.8, 0.2), 0) == []


def test_many_groups_take_no_time_and_many_genres_no_room() -> None:
    """200,000 groups of 160 genres; a table of both would take 256 MB, and a step in numpy for each, half a minute."""
    clips = [Clip(f"c{k:06}", Path("x"), f"genre {k * 7919 % 160}") for k in range(200_000)]
    began = time.process_time()
    sides = assign_groups(clips, artist_groups(clips), (0.6, 0.2, 0.2), 0)
    assert time.process_time() - began < 10
    assert np.bincount(sides).tolist() == [120_000, 40_000, 40_000]


def test_groups_are_of_the_first_kind_that_is_known() -> None:
    clips = [
        Clip("a", Path("x"), "g", "Chet", "Solo", album="Live"),
        Clip("b", Path("x"), "g", None, "Solo", album="Live"),
        Clip("c", Path("x"), "g", None, "Solo"),
        Clip("d", Path("x"), "g"),
    ]
    assert artist_groups(clips) == [("artist", "Chet"), ("album", "Live"), ("track", "Solo"), ("clip", "d")]
    assert single_clips(clips) == [("clip", name) for name in "abcd"]
