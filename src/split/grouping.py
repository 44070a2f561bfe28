"""Group clips by artist (else album, else track), and assign whole groups to sets."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.clip import Clip

KINDS = ("artist", "album", "track", "clip")  # a clip is grouped by the first of these that is known
Group = tuple[str, str]  # kind and name: ("artist", "Miles Davis")
_TOLERANCE = 1e-9  # needs of two sets that differ by less count as equal


def artist_groups(clips: Sequence[Clip]) -> list[Group]:
    """The group of each clip, as (kind, name): its artist, else its album, else its track, else the clip itself.

    The clips of an album stay together if their artist is unknown, since a model can recognize an album by its sound, as
    it can recognize an artist by the voice.
    Source: Pampalk, Flexer and Widmer 2005 and Flexer 2007 for artists; Kim, Williamson and Pilli 2006 for albums.
    """
    return [
        ("artist", clip.artist)
        if clip.artist
        else ("album", clip.album)
        if clip.album
        else ("track", clip.track)
        if clip.track
        else ("clip", clip.name)
        for clip in clips
    ]


def full_track_name(clip: Clip) -> str | None:
    """The track of a clip with its artist or album, since two artists, or two albums, may each have an Intro.

    The album is used only if the artist is unknown. None if the track is unknown.
    """
    owner = clip.artist or clip.album
    return f"{owner} - {clip.track}" if clip.track and owner else clip.track


def single_clips(clips: Sequence[Clip]) -> list[Group]:
    """Make each clip a group of its own, regardless of its artist: the split of these groups leaks artists."""
    return [("clip", clip.name) for clip in clips]


def assign_groups(clips: Sequence[Clip], groups: Sequence[Group], shares: Sequence[float], seed: int) -> list[int]:
    """Assign whole groups to sets -> for each clip, the index of its set in `shares`.

    Stratified: each set gets its share of every genre as nearly as whole groups allow. Greedy: the groups are assigned from
    the largest to the smallest, in random order among equal sizes. Each goes to the set that is furthest below its share of
    the group's genres. If every artist has one genre only, a genre with at least as many groups as there are sets is in
    every set; a genre with fewer groups is in the first sets.
    """
    table = _group_table(clips, groups, seed)
    total_C = [0] * len({clip.genre for clip in clips})
    left_C = list(total_C)  # groups of each genre that are not assigned yet
    for c, clip_count in zip(table.genre_P, table.clips_P, strict=True):
        total_C[c] += clip_count
        left_C[c] += 1
    wanted_KC = np.outer(shares, total_C)  # clips of C genres that K sets should get
    wanted_CK, wanted_K = wanted_KC.T.tolist(), wanted_KC.sum(axis=1).tolist()
    # Plain lists from here: one call of numpy takes longer than these few additions.
    sets = range(len(shares))
    assigned_CK = [[0] * len(shares) for _ in total_C]
    need_CK = [[1.0] * len(shares) for _ in total_C]  # share of the wanted clips that is still missing
    empty_C = [len(shares)] * len(total_C)  # number of sets that have no clip of a genre yet
    clips_K, full_K = [0] * len(shares), [0.0] * len(shares)  # clips of each set, and as a share of the wanted ones
    set_G = [0] * len(table.order)
    for g in table.order:
        pairs = slice(table.first_G[g], table.first_G[g + 1])
        genres = table.genre_P[pairs]
        need_K = need_CK[genres[0]] if len(genres) == 1 else _mean([need_CK[c] for c in genres])
        # Reserve the last groups of a genre for the sets that have none of it yet.
        scarce = [c for c in genres if empty_C[c] and empty_C[c] >= left_C[c]]
        if scarce:
            candidates = [k for k in sets if not all(assigned_CK[c][k] for c in scarce)]
            best = max(candidates, key=need_K.__getitem__)
        else:
            # Among sets with equal need, take the one with the fewest clips for its size. Otherwise the first set would get
            # the remaining group of every genre.
            threshold = max(need_K) - _TOLERANCE
            neediest = [k for k in sets if need_K[k] > threshold]
            best = neediest[0] if len(neediest) == 1 else min(neediest, key=full_K.__getitem__)
        set_G[g] = best
        for c, clip_count in zip(genres, table.clips_P[pairs], strict=True):
            empty_C[c] -= not assigned_CK[c][best]
            left_C[c] -= 1
            assigned_CK[c][best] += clip_count
            need_CK[c][best] = (wanted_CK[c][best] - assigned_CK[c][best]) / wanted_CK[c][best]
            clips_K[best] += clip_count
        full_K[best] = clips_K[best] / wanted_K[best]
    return [set_G[g] for g in table.group_of_clip]


class _GroupTable(NamedTuple):
    """The number of clips of each genre in each of G groups, as a sparse table: millions of groups fit into memory.

    The table has P entries, one for each genre of each group: its genre index `genre_P` and number of clips `clips_P`. The
    entries of group g are first_G[g] to first_G[g + 1] - 1. `order` has the group indices in the order of assignment,
    `group_of_clip` the group index of each clip.
    """

    order: list[int]
    group_of_clip: list[int]
    first_G: list[int]
    genre_P: list[int]
    clips_P: list[int]


def _group_table(clips: Sequence[Clip], groups: Sequence[Group], seed: int) -> _GroupTable:
    """Count the clips of each group by genre, and sort the groups: the largest first, in random order among equal sizes."""
    column = {genre: c for c, genre in enumerate(sorted({clip.genre for clip in clips}))}
    row = {
        group: g for g, group in enumerate(sorted(dict.fromkeys(groups)))
    }  # dict.fromkeys, unlike set, keeps the order: sorted input sorts faster
    group_of_clip = np.fromiter((row[group] for group in groups), dtype=np.int64, count=len(groups))
    genre_of_clip = np.fromiter((column[clip.genre] for clip in clips), dtype=np.int64, count=len(clips))
    pair, count = np.unique(group_of_clip * len(column) + genre_of_clip, return_counts=True)
    group_of_pair, genre = np.divmod(pair, max(1, len(column)))
    first = np.searchsorted(group_of_pair, np.arange(len(row) + 1))
    random = np.random.default_rng(seed).permutation(len(row))
    order = random[np.argsort(-np.bincount(group_of_clip, minlength=len(row))[random], kind="stable")]
    return _GroupTable(order.tolist(), group_of_clip.tolist(), first.tolist(), genre.tolist(), count.tolist())


def _mean(rows: Sequence[Sequence[float]]) -> list[float]:
    """The mean of each column, added row by row.

    `sum` is not used: since Python 3.12 it rounds differently, so ties would be decided differently.
    """
    total = list(rows[0])
    for row in rows[1:]:
        total = [a + b for a, b in zip(total, row, strict=True)]
    return [a / len(rows) for a in total]


def held_out(clips: Sequence[Clip], groups: Sequence[Group], folds: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield a mask (K,) for each fold: True for the clips to test on. Each of the K clips is in exactly one fold.

    Groups are never divided. If there are few groups, a fold may be empty; it is skipped.
    """
    fold_K = np.array(assign_groups(clips, groups, [1 / folds] * folds, seed))
    for fold in np.unique(fold_K):
        yield fold_K == fold
