"""The choice of a few clips out of many, where a program does not measure all: of all genres, by as many artists as possible."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, zip_longest

import numpy as np

from src.clip import Clip


def choose(clips: Sequence[Clip], count: int) -> list[Clip]:
    """Choose `count` clips: the genres in turn, and within a genre the artists in turn, at random with a fixed seed."""
    order = np.random.default_rng(0).permutation(len(clips)).tolist()
    of_genre: dict[str, dict[str | None, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for k in order:
        of_genre[clips[k].genre][clips[k].artist].append(clips[k])
    queues = [_in_turn(list(of_artist.values())) for _, of_artist in sorted(of_genre.items())]
    return _in_turn(queues)[:count]


def _in_turn(queues: Sequence[Sequence[Clip]]) -> list[Clip]:
    return [clip for clip in chain.from_iterable(zip_longest(*queues)) if clip is not None]
