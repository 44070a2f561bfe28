"""Material of the runs of one config on pairs of artists: their answers, their order and their distance in the embedding."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from src import console, formatting
from src.evaluation.group_predictions import TestPredictions, collect_predictions
from src.genre_relations.artists import Artists, artists_of
from src.rundir import RunDir, extras

SMALLEST_PROBABILITY = 1e-7  # predictions.csv has six decimals: smaller ones read 0
MOST_NAMED = 5  # runs or genres in a sentence


@dataclass(frozen=True)
class Material:
    """Test predictions of runs of one config, and the artists of their clips.

    `answers` are all genres that can be predicted; the genres of `artists` are those that have test clips.
    """

    runs: list[RunDir]
    predictions: TestPredictions
    answers: list[str]
    artists: Artists

    @property
    def clips_of_genre(self) -> dict[str, int]:
        """Number of test clips of each genre."""
        return {genre: self.predictions.true.count(genre) for genre in self.artists.genres}


def collect(runs: Sequence[RunDir]) -> Material:
    """Read the test predictions of runs of one config, sorted as in `evaluation.pooling.Group.runs`.

    Raises ValueError if fewer than two genres have test clips, or if the runs do not fit together.
    """
    predictions = collect_predictions(runs)
    answers = list(runs[0].predictions.genres)
    genres = [genre for genre in answers if genre in set(predictions.true)]
    if len(genres) < 2:
        raise ValueError(
            f"{runs[0].path}: all test clips are {genres[0]}, and relations need two genres with test clips. Test a run on "
            "clips of more genres."
        )
    artists = artists_of(predictions.clips, predictions.true, predictions.owner, predictions.owner_kind, genres)
    return Material(list(runs), predictions, answers, artists)


def answer_shares(material: Material) -> NDArray[np.float64]:
    """The share of each answer among the predictions for the clips of each artist -> (A, G), G genres that can be predicted.

    Several repetitions (seeds) are averaged.
    """
    column = {genre: k for k, genre in enumerate(material.answers)}
    share_AG = np.zeros((len(material.artists.owner_A), len(column)))
    for clip, predicted_S in zip(material.predictions.clips, material.predictions.predicted_KS, strict=True):
        row = material.artists.row_of_clip.get(clip)
        if row is not None:
            for genre in predicted_S:
                share_AG[row, column[str(genre)]] += 1
    total_A1: NDArray[np.float64] = share_AG.sum(axis=1, keepdims=True)
    return np.asarray(share_AG / total_A1)


def order(material: Material) -> NDArray[np.float32]:
    """Share of the pairs of clips, of two artists of different genres i and j, that a run orders correctly -> (A, A), 0 to 1.

    It is the share of pairs of a clip k of artist a (genre i) and a clip l of artist b (genre j) for which the log-odds of i
    against j are larger for k than for l; equal ones count half. Its mean over pairs of artists is the area under the ROC
    curve (AUC). Only clips of one run are compared, as the probabilities of two runs have different scales; several runs
    on the same clips are averaged. NaN for artists of one genre, for an artist and itself, and for artists that no run tested
    together.
    Source: Mann and Whitney 1947; within folds only as in Forman and Scholz 2010.
    """
    artists = material.artists
    sum_AA, runs_AA = (np.zeros((len(artists.owner_A),) * 2, np.float32) for _ in range(2))
    for run in console.track(material.runs, "pairs of genres", len(material.runs)):
        predictions = run.predictions
        rows_K, clip_K = _sorted_by_row(artists, predictions.clips)
        column = {genre: k for k, genre in enumerate(predictions.genres)}
        log_KG = np.log(np.maximum(predictions.probability_KC[clip_K], SMALLEST_PROBABILITY)).astype(np.float32)
        blocks = _blocks(artists, rows_K)
        for first, (genre, clips) in enumerate(blocks):
            for other_genre, other_clips in blocks[first + 1 :]:
                i, j = column[artists.genres[genre]], column[artists.genres[other_genre]]
                own_N, other_N = (log_KG[each, i] - log_KG[each, j] for each in (clips, other_clips))
                right_NN = (own_N[:, None] > other_N).astype(np.float32) + 0.5 * (own_N[:, None] == other_N)
                rows, other_rows, mean = _artist_means(right_NN, rows_K[clips], rows_K[other_clips])
                for target_AA, value in ((sum_AA, mean), (runs_AA, np.ones_like(mean))):
                    target_AA[np.ix_(rows, other_rows)] += value
                    target_AA[np.ix_(other_rows, rows)] += value.T
    return _means(artists, sum_AA, runs_AA)


def embedding_distances(material: Material) -> tuple[NDArray[np.float32] | None, list[str]]:
    """Mean distance of the clips of two artists in the embedding -> (A, A), and sentences on the runs that have none.

    Distances are Euclidean, between the stored principal components, which were fitted on training clips. Every run has an
    embedding of its own, so only clips of one run are compared, in units of the mean distance of two artists of this run;
    several runs are averaged. NaN for artists that no run tested together, and for an artist and itself. None instead of
    the matrix if no run has an embedding.
    """
    artists = material.artists
    sum_AA, runs_AA = (np.zeros((len(artists.owner_A),) * 2, np.float32) for _ in range(2))
    missing, notes = [], []
    for run in console.track(material.runs, "embeddings", len(material.runs)):
        try:
            embedding = extras.read_embedding(run.path, len(run.predictions.clips))
        except ValueError as error:
            notes.append(str(error))
            continue
        if embedding is None:
            missing.append(str(run.path.name))
            continue
        clips = [run.predictions.clips[row] for row in embedding.row_K.tolist()]
        rows_K, clip_K = _sorted_by_row(artists, clips)
        component_KD = embedding.component_KD[clip_K]
        rows, start_U = np.unique(rows_K, return_index=True)
        count_U = np.diff([*start_U, len(rows_K)])
        mean_UU = np.empty((len(rows), len(rows)), np.float32)
        for k, (start, count) in enumerate(zip(start_U.tolist(), count_U.tolist(), strict=True)):
            distance_NK = cdist(component_KD[start : start + count], component_KD)
            mean_UU[k] = np.add.reduceat(distance_NK.sum(axis=0), start_U) / (count * count_U)
        scale = mean_UU[artists.different_AA[np.ix_(rows, rows)]].mean() if len(rows) > 1 else 0
        if not scale > 0:
            notes.append(f"{run.path.name}: all clips have the same embedding, so it was left out.")
            continue
        sum_AA[np.ix_(rows, rows)] += mean_UU / scale
        runs_AA[np.ix_(rows, rows)] += 1
    if missing:
        notes.append(_describe_missing(missing, len(material.runs)))
    return (_means(artists, sum_AA, runs_AA) if runs_AA.any() else None), notes


def _describe_missing(missing: Sequence[str], runs: int) -> str:
    which = f"{len(missing)} of {runs} runs have" if runs > 1 else "The run has"
    names = f" ({formatting.first_names(missing, MOST_NAMED)})" if runs > 1 else ""
    return (
        f"{which} no {extras.EMBEDDING}{names}: runs of an earlier version, evaluations, and models without an embedding (tags, "
        "majority) have none. Train again with another model to see distances in an embedding."
    )


def _sorted_by_row(artists: Artists, clips: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows of the clips that count, in ascending order, and the positions of these clips."""
    pairs = sorted((artists.row_of_clip[clip], k) for k, clip in enumerate(clips) if clip in artists.row_of_clip)
    both = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _blocks(artists: Artists, rows_K: NDArray[np.intp]) -> list[tuple[int, slice]]:
    """The genres of sorted clips, each with the positions of its clips."""
    genre_K = artists.genre_A[rows_K]
    genres, start = np.unique(genre_K, return_index=True)
    ends = [*start[1:].tolist(), len(rows_K)]
    return [(int(genre), slice(int(a), b)) for genre, a, b in zip(genres, start, ends, strict=True)]


def _artist_means(
    value_NN: NDArray[np.float32], rows: NDArray[np.intp], other_rows: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Mean of a matrix of clips over the clips of each artist -> the artists of its rows, of its columns, and the means."""
    (own, start), (other, other_start) = (np.unique(each, return_index=True) for each in (rows, other_rows))
    counts, other_counts = np.diff([*start, len(rows)]), np.diff([*other_start, len(other_rows)])
    sums = np.add.reduceat(np.add.reduceat(value_NN, start, axis=0), other_start, axis=1)
    return own, other, (sums / (counts[:, None] * other_counts)).astype(np.float32)


def _means(artists: Artists, sum_AA: NDArray[np.float32], runs_AA: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide sums by numbers of runs; NaN for an artist and itself, and for pairs that no run tested."""
    return (sum_AA / np.where((runs_AA > 0) & artists.different_AA, runs_AA, np.nan)).astype(np.float32)
