"""Find marks of a genre: steady narrow peaks and steep limits of the spectrum that many of its clips have, and few others."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.clip import Clip
from src.metrics.intervals import wilson
from src.quality.measures import ClipMeasures
from src.split.grouping import artist_groups

COMMON = 1 / 3  # a mark is in at least this share of the clips of its genre; half of them may be too loud to show it
RARE = 0.05  # and in at most this share of the other clips
LEAST_CLIPS = 5  # of the genre and of the others
MOST_MARKS = 10  # of a kind in a genre: a hum has many harmonics

Frequencies = NDArray[np.float64]  # (M,) in Hz


class Mark(NamedTuple):
    """A steady peak or a steep limit near `hz`: how many of the genre's clips and groups (artists) have it, and of the others."""

    kind: str  # "peak" or "limit"
    hz: float
    genre: str
    clips: int
    genre_clips: int
    groups: int
    genre_groups: int
    other_clips: int
    others: int


def marks(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> list[Mark]:
    """List the marks of each genre, the most telling ones of a kind first.

    Frequencies are the same if they differ by at most 6 Hz and 0.1 % (peaks), or a sixth of an octave (limits). A mark is in at
    least COMMON of the genre's clips and at most RARE of the others, with 95 % intervals (Wilson) that do not overlap. If the
    genre has several groups (artists, else albums, tracks, clips), at least two of them have it.
    """
    genre_K = np.array([clip.genre for clip in clips])
    group_names = artist_groups(clips)
    number = {group: k for k, group in enumerate(dict.fromkeys(group_names))}
    group_K = np.array([number[group] for group in group_names], int)
    peaks = [(hz, k) for k, row in enumerate(measures) for hz in row.steady_hz]
    limits = [(row.limit_hz, k) for k, row in enumerate(measures) if row.limit_hz is not None]
    return [
        *_of_a_kind("peak", peaks, lambda hz_M: (hz_M * 0.999 - 6, hz_M * 1.001 + 6), genre_K, group_K),
        *_of_a_kind("limit", limits, lambda hz_M: (hz_M * 2 ** (-1 / 6), hz_M * 2 ** (1 / 6)), genre_K, group_K),
    ]


def _of_a_kind(
    kind: str,
    places: Sequence[tuple[float, int]],
    near: Callable[[Frequencies], tuple[Frequencies, Frequencies]],
    genre_K: NDArray[np.str_],
    group_K: NDArray[np.int_],
) -> list[Mark]:
    """The marks among `places`, M pairs of a frequency and the number of its clip. `near` gives the ranges of equal frequencies."""
    ordered = sorted(places)
    hz_M, clip_M = np.array([hz for hz, _ in ordered], float), np.array([k for _, k in ordered], int)
    low_M, high_M = near(hz_M)
    first_M, stop_M = np.searchsorted(hz_M, low_M), np.searchsorted(hz_M, high_M, "right")
    found = []
    for genre in sorted(set(genre_K.tolist())):
        in_genre_K = genre_K == genre
        genre_clips, genre_groups = int(in_genre_K.sum()), len(np.unique(group_K[in_genre_K]))
        others = len(genre_K) - genre_clips
        own_M = in_genre_K[clip_M]
        for _ in range(MOST_MARKS if min(genre_clips, others) >= LEAST_CLIPS else 0):
            if own_M.sum() < COMMON * genre_clips:
                break
            # The range with the most frequencies of the genre, which are of nearly as many clips.
            sum_M = np.concatenate([[0], np.cumsum(own_M)])
            best = int(np.argmax(np.where(own_M, sum_M[stop_M] - sum_M[first_M], -1)))
            inside = slice(int(first_M[best]), int(stop_M[best]))
            other_clips = len(np.unique(clip_M[inside][~in_genre_K[clip_M[inside]]]))
            own_K = np.unique(clip_M[inside][own_M[inside]])
            if len(own_K) < COMMON * genre_clips:
                break
            groups = len(np.unique(group_K[own_K]))
            if (
                other_clips <= RARE * others
                and wilson(len(own_K), genre_clips)[0] > wilson(other_clips, others)[1]
                and groups >= min(2, genre_groups)
            ):
                hz = round(float(np.median(hz_M[inside][own_M[inside]])), 1)
                found.append(Mark(kind, hz, genre, len(own_K), genre_clips, groups, genre_groups, other_clips, others))
            own_M[inside] = False
    return sorted(found, key=lambda mark: mark.other_clips / mark.others - mark.clips / mark.genre_clips)
