"""Training and test clips of each draw, for each point of the learning curves (a cell)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from src.clip import Clip

CLIPS = (1, 3, 5, 10, 20)  # k, training clips of each genre
ONE, EACH, SEVERAL = "one artist", "k artists", "all but one artist"  # who the k clips of a genre are by


class Cell(NamedTuple):
    """A point of a learning curve: k training clips of each of some genres, by one or by several artists."""

    genres: tuple[str, ...]
    by: str  # ONE, EACH or SEVERAL
    k: int


class Draw(NamedTuple):
    """The indices of the training and test clips of a draw."""

    train: list[int]
    test: list[int]


def cells(clips: Sequence[Clip], genres: Sequence[str]) -> tuple[list[Cell], dict[Cell, str]]:
    """The cells that can be drawn from the clips of these genres, and the reason for each that cannot, of two genres at most.

    With k = 1, the three kinds are the same, and only ONE is drawn. Where a genre lacks k artists beside one to test on, the
    cell EACH is empty. SEVERAL then spreads the k clips over all artists of the genre but one.
    """
    drawn: list[Cell] = []
    empty: dict[Cell, str] = {}
    for by in (ONE, EACH, SEVERAL):
        for k in CLIPS if by == ONE else CLIPS[1:]:
            cell = Cell(tuple(genres), by, k)
            reasons = [reason for genre in genres if (reason := _lacks(_by_artist(clips, genre), genre, by, k))]
            if by == SEVERAL and Cell(tuple(genres), EACH, k) in drawn:
                continue  # the same clips
            if reasons:
                empty[cell] = "; ".join(reasons[:2]) + ("; ..." if len(reasons) > 2 else "")
            else:
                drawn.append(cell)
    return drawn, empty


def _by_artist(clips: Sequence[Clip], genre: str) -> dict[str, list[int]]:
    """The indices of a genre's clips by artist; a clip without a known artist is an artist of its own."""
    indices: dict[str, list[int]] = {}
    for k, clip in enumerate(clips):
        if clip.genre == genre:
            indices.setdefault(clip.artist or clip.name, []).append(k)
    return indices


def _lacks(artists: dict[str, list[int]], genre: str, by: str, k: int) -> str | None:
    """Describe what a genre lacks for a cell; None if nothing."""
    counts = sorted(map(len, artists.values()))
    if by == ONE and (len(counts) < 2 or counts[-1] < k):
        return f"no artist of {genre} has {k} clips" if counts[-1] < k else f"{genre} has one artist, none to test on"
    if by == EACH and len(counts) <= k:
        return f"{genre} has {len(counts)} artists, and one must be left to test on"
    if by == SEVERAL and (len(counts) < 2 or sum(counts[:-1]) < k):
        return f"{genre} has no {k} clips beside those of an artist to test on"
    return None


def draw(clips: Sequence[Clip], cell: Cell, number: int) -> Draw:
    """Draw the clips of a cell. The order of the artists depends on the number only: larger k keep the artists of smaller k.

    The clips of an artist are taken from different tracks as far as possible. The test clips are all clips of artists that
    were not drawn; an artist with clips in several genres counts as one.
    """
    train: list[int] = []
    used: set[str] = set()
    for genre in cell.genres:
        random = np.random.default_rng([number, *genre.encode()])
        artists = _by_artist(clips, genre)
        order = [sorted(artists)[a] for a in random.permutation(len(artists))]
        queues = {artist: _tracks_first(clips, artists[artist], random) for artist in order}
        if cell.by == ONE:
            chosen = [next(artist for artist in order if len(artists[artist]) >= cell.k)]
        else:
            chosen = order[: min(cell.k, len(order) - 1)]
            # The artist that was left out has too many of the clips: leave out the next one.
            while sum(len(artists[artist]) for artist in chosen) < cell.k:
                order = order[1:] + order[:1]
                chosen = order[: min(cell.k, len(order) - 1)]
        train += _round_robin([queues[artist] for artist in chosen], cell.k)
        used |= set(chosen)
    test = [k for k, clip in enumerate(clips) if clip.genre in cell.genres and (clip.artist or clip.name) not in used]
    return Draw(sorted(train), test)


def _tracks_first(clips: Sequence[Clip], indices: Sequence[int], random: np.random.Generator) -> list[int]:
    """Indices in random order: the first clip of each track, then the second of each, and so on."""
    shuffled = [indices[k] for k in random.permutation(len(indices))]
    seen: Counter[str] = Counter()
    turn: dict[int, int] = {}
    for k in shuffled:
        track = clips[k].track or clips[k].name
        turn[k] = seen[track]
        seen[track] += 1
    return sorted(shuffled, key=turn.__getitem__)  # stable: random within a turn


def _round_robin(queues: Sequence[list[int]], count: int) -> list[int]:
    """The first `count` items, one of each queue in turn."""

    def items() -> Iterator[int]:
        for turn in range(max(map(len, queues))):
            yield from (queue[turn] for queue in queues if turn < len(queue))

    return [item for item, _ in zip(items(), range(count), strict=False)]
