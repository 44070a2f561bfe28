"""What must stay together, and how it is shared out: whole groups of clips dealt to the sides of a split."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.clip import Clip

KINDS = ("artist", "album", "track", "clip")  # what a clip is grouped by: the first of these that is known
Group = tuple[str, str]  # kind and name
_TOLERANCE = 1e-9  # needs that differ by less are the same but for rounding


def artist_groups(clips: Sequence[Clip]) -> list[Group]:
    """What must stay together: each clip's artist, else its album, else its track, else itself, as (kind, name).

    An album of an unknown artist is kept whole, since its sound gives it away as a voice does its artist.
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
    """A track's full name: two artists, or two albums of unknown artists, may each have an Intro. None: unknown."""
    owner = clip.artist or clip.album
    return f"{owner} - {clip.track}" if clip.track and owner else clip.track


def single_clips(clips: Sequence[Clip]) -> list[Group]:
    """Each clip by itself, whoever plays on it: the groups of a split that leaks."""
    return [("clip", clip.name) for clip in clips]


def assign_groups(clips: Sequence[Clip], group: Sequence[Group], shares: Sequence[float], seed: int) -> list[int]:
    """Deal whole groups to sides so that each side gets its share of every genre, as nearly as the groups allow.

    Greedy: groups in random order, then the largest first, each to the side that it brings nearest to its share. A genre
    with at least as many groups as there are sides reaches every side, where artists keep to one genre; with fewer, the
    first sides come first.
    -> the index of each clip's side.
    """
    given = _groups(clips, group, seed)
    total_C = [0] * len({clip.genre for clip in clips})
    left_C = list(total_C)  # groups of each genre still to be dealt
    for c, number in zip(given.genre_P, given.clips_P, strict=True):
        total_C[c] += number
        left_C[c] += 1
    wanted_KC = np.outer(shares, total_C)  # K sides, C genres
    wanted_CK, room_K = wanted_KC.T.tolist(), wanted_KC.sum(axis=1).tolist()
    # Plain lists from here: numpy takes longer to begin an addition than these few numbers take to add.
    sides = range(len(shares))
    dealt_CK = [[0] * len(shares) for _ in total_C]
    need_CK = [[1.0] * len(shares) for _ in total_C]  # the share of what is wanted that is still missing
    bare_C = [len(shares)] * len(total_C)  # sides that have none of a genre yet
    clips_K, full_K = [0] * len(shares), [0.0] * len(shares)
    side_G = [0] * len(given.order)
    for g in given.order:
        own = slice(given.first_G[g], given.first_G[g + 1])
        mine = given.genre_P[own]
        need_K = need_CK[mine[0]] if len(mine) == 1 else _mean([need_CK[c] for c in mine])
        # Reserve the last groups of a genre for the sides that still have none of it.
        short = [c for c in mine if bare_C[c] and bare_C[c] >= left_C[c]]
        if short:
            candidates = [k for k in sides if not all(dealt_CK[c][k] for c in short)]
            best = max(candidates, key=need_K.__getitem__)
        else:
            # Of sides in equal need the emptiest, or the first would get the odd group of every genre.
            least = max(need_K) - _TOLERANCE
            neediest = [k for k in sides if need_K[k] > least]
            best = neediest[0] if len(neediest) == 1 else min(neediest, key=full_K.__getitem__)
        side_G[g] = best
        for c, number in zip(mine, given.clips_P[own], strict=True):
            bare_C[c] -= not dealt_CK[c][best]
            left_C[c] -= 1
            dealt_CK[c][best] += number
            need_CK[c][best] = (wanted_CK[c][best] - dealt_CK[c][best]) / wanted_CK[c][best]
            clips_K[best] += number
        full_K[best] = clips_K[best] / room_K[best]
    return [side_G[g] for g in given.of_clip]


class _Groups(NamedTuple):
    """G groups of P pairs of a group and a genre that it has; of what a group has not, nothing is held, so millions fit.

    `order` is the groups as they are dealt, `of_clip` each clip's group; group g's pairs are `first_G[g]` to
    `first_G[g + 1]`.
    """

    order: list[int]
    of_clip: list[int]
    first_G: list[int]
    genre_P: list[int]
    clips_P: list[int]


def _groups(clips: Sequence[Clip], group: Sequence[Group], seed: int) -> _Groups:
    column = {genre: c for c, genre in enumerate(sorted({clip.genre for clip in clips}))}
    row = {name: g for g, name in enumerate(sorted(dict.fromkeys(group)))}  # not a set: what is in order sorts at once
    of_clip = np.fromiter((row[name] for name in group), dtype=np.int64, count=len(group))
    genre_of_clip = np.fromiter((column[clip.genre] for clip in clips), dtype=np.int64, count=len(clips))
    pair, count = np.unique(of_clip * len(column) + genre_of_clip, return_counts=True)
    owner, genre = np.divmod(pair, max(1, len(column)))
    first = np.searchsorted(owner, np.arange(len(row) + 1))
    random = np.random.default_rng(seed).permutation(len(row))
    order = random[np.argsort(-np.bincount(of_clip, minlength=len(row))[random], kind="stable")]
    return _Groups(order.tolist(), of_clip.tolist(), first.tolist(), genre.tolist(), count.tolist())


def _mean(rows: Sequence[Sequence[float]]) -> list[float]:
    """The mean of each column, added from left to right: `sum` adds otherwise since Python 3.12, and ties would turn."""
    added = list(rows[0])
    for row in rows[1:]:
        added = [a + b for a, b in zip(added, row, strict=True)]
    return [a / len(rows) for a in added]


def held_out(clips: Sequence[Clip], group: Sequence[Group], folds: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Which of K clips are judged in each fold (K,), by what was fitted on the others; over all folds each clip once.

    Few groups may leave a fold empty, which is then passed over.
    """
    fold_K = np.array(assign_groups(clips, group, [1 / folds] * folds, seed))
    for fold in np.unique(fold_K):
        yield fold_K == fold
