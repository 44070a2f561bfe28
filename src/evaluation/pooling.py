"""Runs that differ only in seed and fold, as one: their scores are pooled or averaged.

Folds of one split test each clip once, so their predictions are pooled and scored as one. Seeds test the same clips
again, which are no new clips: their scores are averaged, and the interval stays that of one run on its clips.
"""

import statistics as stdlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from src import formatting, metrics
from src.metrics import Scores, intervals
from src.rundir import RunDir, nested

AVERAGED_SCORES = ("accuracy", "precision_macro", "recall_macro", "f1_macro")
GENRE_SCORES = ("recall", "precision", "f1", "accuracy_one_vs_rest", "support")


@dataclass(frozen=True)
class Group:
    """Runs of one config but for seed and fold.

    `scores` has the keys of metrics.json's `test` but for those from before calibration, pooled over folds and averaged
    over seeds; `spread` holds mean and standard deviation (n - 1) over the single runs of the scores in AVERAGED_SCORES, None for one run. `description` says in words
    what was done, and what the interval is of. `val_f1_macro` is the mean validation macro F1 over the runs, by which a group
    may be chosen; None where a run has none. `train_seconds` is the mean training time of a run, `parameters` what gradients train.
    """

    label: str
    runs: list[RunDir]
    scores: Scores
    spread: dict[str, tuple[float, float]] | None
    description: str
    val_f1_macro: float | None
    train_seconds: float
    parameters: int
    clips: frozenset[str]
    synthetic: bool


def pool(label: str, runs: Sequence[RunDir]) -> Group:
    """The group of runs of one config but for seed and fold. Raises ValueError on files that do not fit together."""
    units = _units(runs)
    pooled = [_pooled(unit) for unit in units]
    tests = [run.metrics["test"] for run in runs]
    columns = {key: [test[key] for test in tests] for key in AVERAGED_SCORES}
    spread = (
        {key: (stdlib.fmean(column), stdlib.stdev(column)) for key, column in columns.items()}
        if len(runs) > 1
        else None
    )
    vals = [run.metrics["val"]["f1_macro"] for run in runs if run.metrics["val"]]
    clips = [frozenset(clip for run in unit for clip in run.predictions.clips) for unit in units]
    return Group(
        label,
        [run for unit in units for run in unit],
        _mean(pooled),
        spread,
        description=_description(units, pooled, len(set(clips)) == 1),
        val_f1_macro=stdlib.fmean(vals) if len(vals) == len(runs) else None,
        train_seconds=stdlib.fmean(run.metrics["train_seconds"] for run in runs),
        parameters=max(run.metrics["parameters"] for run in runs),
        clips=frozenset().union(*clips),
        synthetic=bool(runs[0].metrics["synthetic"]),
    )


def _units(runs: Sequence[RunDir]) -> list[list[RunDir]]:
    """The runs of each seed together where no clip is tested twice in them (folds), else each run alone."""
    seeds: dict[Any, list[RunDir]] = {}
    for run in sorted(runs, key=lambda run: (_order(run, "seed"), _order(run, "split.fold"), str(run.path))):
        seeds.setdefault(run.config.get("seed"), []).append(run)
    units = []
    for members in seeds.values():
        clips = [clip for run in members for clip in run.predictions.clips]
        units += [members] if len(clips) == len(set(clips)) else [[run] for run in members]
    return units


def _order(run: RunDir, key: str) -> float:
    value = nested.get(run.config, key)
    return float(value) if isinstance(value, int | float) else -1.0


def _pooled(runs: Sequence[RunDir]) -> Scores:
    """The scores of runs that test different clips, as of one run that tests them all."""
    if len(runs) == 1:
        return dict(runs[0].metrics["test"])
    genres = runs[0].predictions.genres
    track = {str(row["clip"]): row["track"] for run in runs for row in run.split}
    logits, true, artists, tracks = [], [], [], []
    for run in runs:
        given = run.predictions
        # What was predicted wins ties that come from rounding in the file.
        chosen = np.array([[genre == word for genre in genres] for word in given.predicted])
        with np.errstate(divide="ignore"):
            logits.append(np.log(given.probability_KC) + 1e-9 * chosen)
        true += [genres.index(genre) for genre in given.true]
        artists += given.artists
        tracks += [track.get(clip) for clip in given.clips]
    return metrics.score(torch.from_numpy(np.concatenate(logits)), torch.tensor(true), genres, artists, tracks)


def _mean(scores: Sequence[Scores]) -> Scores:
    """Scores averaged over repetitions; the interval is Wilson's of the mean accuracy on one repetition's clips."""
    if len(scores) == 1:
        return scores[0]
    first = min(scores, key=lambda score: int(score["clips"]))
    accuracy = stdlib.fmean(score["accuracy"] for score in scores)
    per_genre = {
        genre: {key: _mean_or_none([score["genres"][genre][key] for score in scores]) for key in GENRE_SCORES}
        for genre in first["genres"]
    }
    return {
        **{key: first[key] for key in ("clips", "tracks", "artists")},
        **{key: stdlib.fmean(score[key] for score in scores) for key in AVERAGED_SCORES},
        "accuracy_interval": list(intervals.wilson(round(accuracy * first["clips"]), first["clips"])),
        "accuracy_interval_by_artist": None,
        "nll": _mean_or_none([score["nll"] for score in scores]),
        "ece": stdlib.fmean(score["ece"] for score in scores),
        "genres": per_genre,
    }


def _mean_or_none(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return stdlib.fmean(known) if len(known) == len(values) else None


def _description(units: Sequence[Sequence[RunDir]], pooled: Sequence[Scores], same: bool) -> str:
    folds = len(units[0])
    on = formatting.count(min(scores["clips"] for scores in pooled), "clip")
    if len(units) == 1:
        if folds == 1:
            return f"one run; interval over its {on}"
        return f"{_folds(units[0])} pooled, each of the {on} tested once; interval over them"
    each = f", each pooling {_folds(units[0])}," if folds > 1 else ""
    clips = f"the same {on}" if same else f"different clips ({on} or more)"
    return (
        f"mean of {len(units)} repetitions{each} on {clips}, not pooled as if they were independent; "
        f"interval of the mean run over {on}, without the spread between repetitions"
    )


def _folds(runs: Sequence[RunDir]) -> str:
    planned = nested.get(runs[0].config, "split.folds")
    return (
        f"{len(runs)} of {planned} folds" if isinstance(planned, int) and planned != len(runs) else f"{len(runs)} folds"
    )
