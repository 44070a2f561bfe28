"""Artists of genres: the units that distances compare and that resampling draws."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

MOST_ARTISTS = 6000  # of all genres together: matrices of more artists would need gigabytes
LEAST_ARTISTS_KEPT = 10  # of a genre, even if there are more than MOST_ARTISTS / this number of genres
_BLOCK = 250  # resamples in memory at once


@dataclass(frozen=True)
class Artists:
    """The A artists of C genres, sorted by genre; an artist of two genres is listed under both.

    `genre_A` is the index of the genre in `genres`, `owner_A` the name. `owner_kind` is "artist", or, where artists are
    not known, what stands for them (`evaluation.group_predictions`). `row_of_clip` has the row of each clip that counts.
    `total_C` counts the artists of each genre, of which A may be a part.
    """

    genres: list[str]
    genre_A: NDArray[np.intp]
    owner_A: list[str]
    owner_kind: str
    row_of_clip: dict[str, int]
    total_C: list[int]

    @cached_property
    def start_C(self) -> NDArray[np.intp]:
        """The first row of each genre."""
        return np.searchsorted(self.genre_A, np.arange(len(self.genres)))

    @cached_property
    def different_AA(self) -> NDArray[np.bool_]:
        """(A, A): True if two rows are different artists. A row differs from itself in nothing."""
        code_A = np.unique(np.array(self.owner_A), return_inverse=True)[1]
        return np.asarray(code_A[:, None] != code_A[None, :])

    def rows(self, genre: int) -> slice:
        """The rows of a genre."""
        ends = [*self.start_C[1:].tolist(), len(self.genre_A)]
        return slice(int(self.start_C[genre]), ends[genre])


def artists_of(
    clips: Sequence[str], genre: Sequence[str], owner: Sequence[str], owner_kind: str, genres: Sequence[str]
) -> Artists:
    """Find the artists of clips with their genres and owners; of very many artists, an evenly spaced part of each genre."""
    clips_of: dict[tuple[int, str], list[str]] = defaultdict(list)
    index = {name: k for k, name in enumerate(genres)}
    for clip, name, artist in zip(clips, genre, owner, strict=True):
        clips_of[index[name], artist].append(clip)
    by_genre: list[list[str]] = [[] for _ in genres]
    for k, artist in sorted(clips_of):
        by_genre[k].append(artist)
    most = max(LEAST_ARTISTS_KEPT, MOST_ARTISTS // len(genres))
    kept = [
        names if len(names) <= most else [names[round(k)] for k in np.linspace(0, len(names) - 1, most)]
        for names in by_genre
    ]
    rows = [(k, artist) for k, names in enumerate(kept) for artist in names]
    return Artists(
        list(genres),
        np.array([k for k, _ in rows], dtype=np.intp),
        [artist for _, artist in rows],
        owner_kind,
        {clip: number for number, row in enumerate(rows) for clip in clips_of[row]},
        [len(names) for names in by_genre],
    )


def draw(artists: Artists, resamples: int, seed: int = 0) -> NDArray[np.float32]:
    """Draw artists with replacement, in each genre as many as it has -> how often each was drawn, (R, A).

    Source: Davison and Hinkley 1997, section 3.8.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for genre in range(len(artists.genres)):
        rows = artists.rows(genre)
        count = rows.stop - rows.start
        parts.append(rng.multinomial(count, np.full(count, 1 / count), size=resamples))
    return np.concatenate(parts, axis=1).astype(np.float32)


def pair_means(artists: Artists, value_AA: NDArray[np.float32], weight_RA: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of a value over all pairs of two different artists of two genres, by the weight of each artist -> (R, C, C).

    `value_AA` is NaN for a pair without a value; pairs of an artist with itself never count, also if it was drawn twice.
    NaN if two genres have no pair.
    """
    counts_AA = (np.isfinite(value_AA) & artists.different_AA).astype(np.float32)
    filled_AA = np.where(counts_AA > 0, value_AA, 0).astype(np.float32)
    genres = len(artists.genres)
    mean_RCC = np.empty((len(weight_RA), genres, genres), dtype=np.float32)
    for first in range(0, len(weight_RA), _BLOCK):
        weight_AR = np.ascontiguousarray(weight_RA[first : first + _BLOCK].T)
        for genre in range(genres):
            rows = artists.rows(genre)
            sums = [
                np.add.reduceat((matrix_AA[:, rows] @ weight_AR[rows]) * weight_AR, artists.start_C, axis=0)
                for matrix_AA in (filled_AA, counts_AA)
            ]
            with np.errstate(invalid="ignore"):
                mean_RCC[first : first + _BLOCK, :, genre] = (sums[0] / np.where(sums[1] > 0, sums[1], np.nan)).T
    return mean_RCC
