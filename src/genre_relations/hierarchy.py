"""Hierarchical precision, recall and F1 of predictions, by a tree of genres."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hiclass import metrics as hiclass_metrics
from numpy.typing import NDArray
from omegaconf import OmegaConf

from src.clip import comparable
from src.config import CONF
from src.dataset.genre_tree import GenreTree, read_tree
from src.evaluation.group_predictions import TestPredictions
from src.metrics import intervals
from src.model.genre_table import GenreTable
from src.rundir import RunDir, nested

TAGS = CONF / "model" / "tags.yaml"
TAGS_NAME = "the genres of model=tags, as in AudioSet"
SCORES = ("precision", "recall", "f1")


def tree_of(runs: Sequence[RunDir], given: Path | None) -> GenreTree:
    """The tree at the path given on the command line, else that of the runs' data set, else that of model=tags.

    Raises ValueError if a file cannot be used.
    """
    if given is not None:
        return read_tree(given, "--tree")
    of_run = nested.get(runs[0].config, "dataset.tree")
    return read_tree(Path(str(of_run)), f"dataset.tree of {runs[0].path}") if of_run else tags_tree()


def tags_tree() -> GenreTree:
    """The tree in conf/model/tags.yaml: that of AudioSet's ontology, with the exceptions that are listed there."""
    table = GenreTable(OmegaConf.to_container(OmegaConf.load(TAGS).table))  # type: ignore[arg-type]
    above: dict[str, str | None] = {}
    for key, genre in table.genres.items():
        parent = table.genres[genre.above[0]].name if genre.above else None
        above |= {comparable(name): parent for name in (genre.name, *_other_names(table, key))}
    return GenreTree(TAGS_NAME, above)


def _other_names(table: GenreTable, key: str) -> list[str]:
    return [name for name, other in table.key_of_name.items() if other == key]


def score(predictions: TestPredictions, answers: Sequence[str], tree: GenreTree) -> dict[str, Any]:
    """Score predictions by a tree -> precision, recall and f1, each with an interval; unlisted genres are at the top.

    Each clip and each answer stands for its genre and all genres above it. Precision is the number of genres that both have,
    added over the clips, in that of the answers; recall in that of the true ones; f1 is their harmonic mean (hiclass,
    micro average). Several repetitions are averaged. `evenly_wrong` are the same scores if wrong answers were spread evenly
    over all other genres: a model that errs to near genres is above them, and `gain_interval` is that of the difference. Intervals are over artists, None unless each
    genre has MIN_ARTISTS. `reason` says why there are no scores, otherwise it is None.
    """
    unlisted = [genre for genre in answers if not tree.lists(genre)]
    content: dict[str, Any] = {"tree": tree.source, "not_in_tree": unlisted, "reason": None}
    paths = {genre: tree.path(genre) for genre in answers}
    shared = {
        genre: [other for other in answers if other != genre and set(paths[genre]) & set(paths[other])]
        for genre in answers
    }
    if not any(shared.values()):
        reason = (
            f"No two genres have a genre above them in common ({tree.source}), so the scores would be the accuracy."
        )
        return {**content, "reason": f"{reason} Name your own tree: --tree FILE, with the columns genre and under."}
    counts_K3 = np.mean([_counts(predictions, paths, repetition) for repetition in predictions.predicted_KS.T], axis=0)
    names = [genre for genre in answers if genre in set(predictions.true)]
    even_K3 = _evenly_wrong(predictions, answers, paths)
    intervals_3 = _intervals(predictions, counts_K3, even_K3, names)
    repeated = [_by_hiclass(predictions.true, repetition, paths) for repetition in predictions.predicted_KS.T]
    even_3 = _ratios(even_K3.sum(axis=0)[None])[0]
    content["scores"] = {
        name: {
            "value": float(np.mean([scores[k] for scores in repeated])),
            "interval": None if intervals_3 is None else intervals_3[k][0],
            "evenly_wrong": float(even_3[k]),
            "gain_interval": None if intervals_3 is None else intervals_3[k][1],
        }
        for k, name in enumerate(SCORES)
    }
    top_K = np.array([paths[genre][0] for genre in predictions.true])
    top_KS = np.vectorize(lambda genre: paths[genre][0], otypes=[object])(predictions.predicted_KS)
    wrong_KS = ~predictions.correct_KS
    content["accuracy"] = float(predictions.correct_KS.mean())
    content["wrong_within_top"] = float((top_KS == top_K[:, None])[wrong_KS].mean()) if wrong_KS.any() else None
    return content


def _by_hiclass(true: Sequence[str], predicted: NDArray[np.str_], paths: dict[str, tuple[str, ...]]) -> list[float]:
    depth = max(map(len, paths.values()))
    padded = {genre: [*path, *[""] * (depth - len(path))] for genre, path in paths.items()}
    pair = [padded[genre] for genre in true], [padded[str(genre)] for genre in predicted]
    functions = (hiclass_metrics.precision, hiclass_metrics.recall)
    precision, recall = (float(function(*pair, average="micro")) for function in functions)
    return [precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0]


def _counts(
    predictions: TestPredictions, paths: dict[str, tuple[str, ...]], predicted: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Of each clip, the genres that its answer and the truth have in common, those of the answer, those of the truth: (K, 3)."""
    pairs = [(paths[true], paths[str(answer)]) for true, answer in zip(predictions.true, predicted, strict=True)]
    return np.array([(len({*true} & {*answer}), len(answer), len(true)) for true, answer in pairs], np.float64)


def _evenly_wrong(
    predictions: TestPredictions, answers: Sequence[str], paths: dict[str, tuple[str, ...]]
) -> NDArray[np.float64]:
    """`_counts` if each wrong answer is replaced by the mean over all wrong answers."""
    mean_of: dict[str, NDArray[np.float64]] = {}
    for genre in set(predictions.true):
        others = [paths[other] for other in answers if other != genre]
        rows = [(len({*paths[genre]} & {*other}), len(other), len(paths[genre])) for other in others]
        mean_of[genre] = np.mean(np.array(rows, np.float64), axis=0)
    right_of = {genre: np.full(3, float(len(path))) for genre, path in paths.items()}
    return np.array(
        [
            share * right_of[genre] + (1 - share) * mean_of[genre]
            for genre, share in zip(predictions.true, predictions.accuracy_K.tolist(), strict=True)
        ]
    )


def _ratios(sums_R3: NDArray[np.float64]) -> NDArray[np.float64]:
    """Precision, recall and F1 of sums of counts (R, 3) -> (R, 3)."""
    common_R, answered_R, true_R = sums_R3.T
    return np.stack([common_R / answered_R, common_R / true_R, 2 * common_R / (answered_R + true_R)], axis=1)


def _intervals(
    predictions: TestPredictions, counts_K3: NDArray[np.float64], even_K3: NDArray[np.float64], genres: Sequence[str]
) -> list[tuple[list[float], list[float]]] | None:
    """95 % intervals over artists of precision, recall and F1, and of what each exceeds its value for `even_K3` by.

    None unless each genre has MIN_ARTISTS artists.
    """
    artists: dict[str, set[str]] = {genre: set() for genre in genres}
    for genre, owner in zip(predictions.true, predictions.owner, strict=True):
        artists[genre].add(owner)
    if predictions.artists is None or min(map(len, artists.values())) < intervals.MIN_ARTISTS:
        return None
    sums_R6 = intervals.resampled_sums(np.concatenate([counts_K3, even_K3], axis=1), predictions.owner)
    ratios_R3, even_R3 = _ratios(sums_R6[:, :3]), _ratios(sums_R6[:, 3:])
    ends = (
        [list(intervals.percentiles(value_R3[:, k])) for k in range(3)] for value_R3 in (ratios_R3, ratios_R3 - even_R3)
    )
    return list(zip(*ends, strict=True))
