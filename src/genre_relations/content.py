"""The content of relations.json: all numbers on the relations between the genres of a run or a sweep."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src import formatting
from src.evaluation.groups import group_by_config
from src.evaluation.pooling import Group
from src.genre_relations import artists as artist_rows
from src.genre_relations import distances, hierarchy, material, pairs
from src.genre_relations.artists import Artists
from src.genre_relations.joins import join
from src.genre_relations.material import Material
from src.metrics.intervals import MIN_ARTISTS
from src.rundir import RunDir
from src.split.certificate import leaks

SCHEMA = 1
RESAMPLES = 1000  # the standard error of a stability of 50 % is then 1.6 points
STABLE = 0.7  # of a join: Hillis and Bull 1993 found such joins of species to be right in 95 % of cases
MOST_NAMED = 5
Content = dict[str, Any]


def one_group(runs: Sequence[RunDir]) -> Group:
    """The group of runs that differ only in seed and fold. Raises ValueError if they have several configs."""
    groups = group_by_config(runs)
    if len(groups) > 1:
        names = formatting.first_names([f"{group.label} ({group.runs[0].path})" for group in groups], MOST_NAMED)
        raise ValueError(
            f"expected one run, or runs that differ only in seed and fold; found {len(groups)} configurations: {names}. Name the "
            "runs of one of them."
        )
    return groups[0]


def content(
    group: Group, tree: Path | None = None, margin: float = pairs.MARGIN, resamples: int = RESAMPLES, seed: int = 0
) -> Content:
    """Compute the relations between the genres of a group of runs: distances, joins, pairs, and scores by a tree.

    `tree` is a file with a tree of genres, None for that of the run; `margin` is that of `pairs.judge`. Raises ValueError if
    the runs do not fit together, if fewer than two genres have test clips, and on a tree that cannot be used.
    """
    chosen_tree = hierarchy.tree_of(group.runs, tree)  # an error is found before the long work
    found = material.collect(group.runs)
    artists = found.artists
    weight_RA = artist_rows.draw(artists, resamples, seed)
    share_AG = material.answer_shares(found)
    all_1A = np.ones((1, len(artists.owner_A)), np.float32)
    enough = _too_few(artists, range(len(artists.genres))) is None
    answers = _view(
        artists,
        distances.answer_distances(artists, share_AG, all_1A)[0],
        distances.answer_distances(artists, share_AG, weight_RA) if enough else None,
    )
    embedding, notes = _embedding_view(found, all_1A, weight_RA)
    confusion_CG = distances.confusion_rows(artists, share_AG)
    judged = pairs.judge(artists, material.order(found), weight_RA, margin)
    return {
        "schema": SCHEMA,
        "label": group.label,
        "runs": [str(run.path) for run in group.runs],
        "pooling": group.description,
        "dataset": group.runs[0].metrics["dataset"],
        "synthetic": group.synthetic,
        "clips": len(found.predictions.clips),
        "artists": found.predictions.artists,
        "genres": _genres(found),
        "artists_per_run": _artists_per_run(found),
        "untested_genres": [genre for genre in found.answers if genre not in artists.genres],
        "resamples": resamples,
        "margin": margin,
        "stable": STABLE,
        "confusion": {
            "answers": found.answers,
            "shares": _rounded(confusion_CG),
            "counts": _counts(found),
        },
        "views": {"embedding": embedding, "answers": answers},
        "pairs": [_pair(pair, artists.genres, found.answers, confusion_CG, (embedding, answers)) for pair in judged],
        "hierarchy": hierarchy.score(found.predictions, found.answers, chosen_tree),
        "notes": [*_notes(found), *notes],
    }


def _embedding_view(
    found: Material, all_1A: NDArray[np.float32], weight_RA: NDArray[np.float32]
) -> tuple[Content, list[str]]:
    """The view by embeddings, or the reason that there is none; and notes."""
    artists = found.artists
    distance_AA, notes = material.embedding_distances(found)
    if distance_AA is None:
        return {"reason": " ".join(notes)}, []
    mean_CC = artist_rows.pair_means(artists, distance_AA, all_1A)
    distance_CC = distances.energy_distances(mean_CC)[0]
    kept = distances.usable_genres(distance_CC, artists.genres)
    resampled_RCC = None
    if len(kept) > 1 and _too_few(artists, kept) is None:
        resampled_RCC = distances.energy_distances(artist_rows.pair_means(artists, distance_AA, weight_RA))
    return _view(artists, distance_CC, resampled_RCC), notes


def _view(artists: Artists, distance_CC: NDArray[np.floating], resampled_RCC: NDArray[np.floating] | None) -> Content:
    """Distances, joins and places of the genres that have distances; or the reason that there are none."""
    kept = distances.usable_genres(distance_CC, artists.genres)
    names = [artists.genres[k] for k in kept]
    left_out = {
        genre: f"{formatting.count(artists.total_C[k], artists.owner_kind.partition(',')[0])} with test clips"
        for k, genre in enumerate(artists.genres)
        if k not in kept
    }
    if len(kept) < 2:
        reason = (
            "They need two artists of a genre in one run, to compare distances between genres with those within one; "
            f"{len(kept)} of {formatting.count(len(artists.genres), 'genre')} have them. Test clips of more artists."
        )
        return {"reason": reason, "left_out": left_out}
    inner_CC = distance_CC[np.ix_(kept, kept)]
    inner_RCC = None if resampled_RCC is None else resampled_RCC[:, kept][:, :, kept]
    joined = join(inner_CC, inner_RCC)
    place_C2, shown = distances.place(inner_CC)
    return {
        "reason": None,
        "genres": names,
        "left_out": left_out,
        "no_stability": _too_few(artists, kept),
        "distances": _rounded(inner_CC),
        "joins": [
            {
                "genres": [names[k] for k in each.genres],
                "parts": list(each.parts),
                "distance": round(each.height, 4),
                "stability": each.stability,
            }
            for each in joined.joins
        ],
        "order": joined.order,
        "places": _rounded(place_C2),
        "shown": round(shown, 4),
    }


def _too_few(artists: Artists, genres: Sequence[int] | range) -> str | None:
    """Why no stability of joins of these genres is shown; None if each has enough known artists."""
    if artists.owner_kind != "artist":
        return "the artists of some test clips are unknown"
    few = {artists.genres[k]: artists.total_C[k] for k in genres if artists.total_C[k] < MIN_ARTISTS}
    if not few:
        return None
    counts = formatting.first_names([f"{genre}: {count}" for genre, count in few.items()], MOST_NAMED)
    number = f"{len(few)} of {formatting.count(len(genres), 'genre')} {'has' if len(few) == 1 else 'have'}"
    return f"{number} test clips of fewer than {MIN_ARTISTS} artists ({counts})"


def _genres(found: Material) -> dict[str, dict[str, int]]:
    """Of each genre with test clips: its test clips, their artists, and the artists in all sets of the split."""
    in_split: dict[str, set[str]] = defaultdict(set)
    for run in found.runs:
        for row in run.split:
            if row["artist"] and row["genre"]:
                in_split[row["genre"]].add(row["artist"])
    return {
        genre: {"clips": found.clips_of_genre[genre], "artists": artists, "artists_in_split": len(in_split[genre])}
        for genre, artists in zip(found.artists.genres, found.artists.total_C, strict=True)
    }


def _artists_per_run(found: Material) -> float:
    """The median number of artists of a genre among the test clips of one run."""
    artists, counts = found.artists, []
    for run in found.runs:
        rows = sorted({artists.row_of_clip[clip] for clip in run.predictions.clips if clip in artists.row_of_clip})
        counts += np.bincount(artists.genre_A[rows], minlength=len(artists.genres)).tolist()
    return float(np.median(counts))


def _counts(found: Material) -> list[list[float]]:
    """Confusion matrix in clips, rows as `genres`, columns as `answers`; the mean over repetitions."""
    row = {genre: k for k, genre in enumerate(found.artists.genres)}
    column = {genre: k for k, genre in enumerate(found.answers)}
    counts_CG = np.zeros((len(row), len(column)))
    for true, predicted_S in zip(found.predictions.true, found.predictions.predicted_KS, strict=True):
        for predicted in predicted_S:
            counts_CG[row[true], column[str(predicted)]] += 1 / len(predicted_S)
    return _rounded(counts_CG)


def _pair(
    pair: pairs.Pair,
    genres: Sequence[str],
    answers: Sequence[str],
    confusion_CG: NDArray[np.float64],
    views: Sequence[Mapping[str, Any]],
) -> Content:
    i, j = pair.genres
    a, b = genres[i], genres[j]
    embedding, answer = (_distance(view, a, b) for view in views)
    return {
        "a": a,
        "b": b,
        "answer": pair.answer,
        "reason": pair.reason,
        "auc": None if pair.auc is None else round(pair.auc, 4),
        "interval": None if pair.interval is None else [round(end, 4) for end in pair.interval],
        "artists": list(pair.artists),
        "a_as_b": round(float(confusion_CG[i, answers.index(b)]), 4),
        "b_as_a": round(float(confusion_CG[j, answers.index(a)]), 4),
        "embedding_distance": embedding,
        "answer_distance": answer,
    }


def _distance(view: Mapping[str, Any], a: str, b: str) -> float | None:
    if view["reason"] or a not in view["genres"] or b not in view["genres"]:
        return None
    return float(view["distances"][view["genres"].index(a)][view["genres"].index(b)])


def _notes(found: Material) -> list[str]:
    """Sentences on what limits the numbers: unknown artists, artists left out, a split that leaks."""
    artists, notes = found.artists, []
    if artists.owner_kind != "artist":
        notes.append(
            f"Some artists are unknown, so each {artists.owner_kind.replace('artist, where known', 'track')} counts as one. Distances "
            "between clips of one artist may be among the others, and make genres look farther apart than they are."
        )
    part = {
        genre: total
        for k, (genre, total) in enumerate(zip(artists.genres, artists.total_C, strict=True))
        if total > artists.rows(k).stop - artists.rows(k).start
    }
    if part:
        counts = formatting.first_names([f"{genre} {total:,}" for genre, total in part.items()], MOST_NAMED)
        notes.append(
            f"Distances and pairs use a part of the artists of {formatting.count(len(part), 'genre')} (of {counts}): "
            f"{len(artists.owner_A):,} in all, evenly spaced by name."
        )
    leaking = [run for run in found.runs if leaks(run.metrics["certificate"])]
    if leaking:
        shared = ", ".join(leaks(leaking[0].metrics["certificate"]))
        notes.append(
            f"Test clips share {shared} with the training ({leaking[0].path.name}). Genres look farther apart than they are for "
            "new artists. Use a split that is grouped by artist."
        )
    return notes


def _rounded(matrix: NDArray[np.floating]) -> list[list[float]]:
    return [[round(float(value), 4) for value in row] for row in matrix]
