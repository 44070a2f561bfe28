"""Predictions of the plan's arms on the test clips: folds pooled, one row per seed."""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import plan
from src import rundir
from src.config import NOT_IN_IDENTITY, digest
from src.rundir import RunDir, nested


@dataclass(frozen=True)
class ArmPredictions:
    """Predictions of one arm: C genres, K clips, S seeds. `true_K` and `predicted_SK` are indices into `genres`.

    `clusters` (K) are the artists of the clips; a clip of unknown artist is its own cluster. `seconds` is the mean
    training time of a run.
    """

    seeds: list[int]
    genres: list[str]
    clips: list[str]
    clusters: list[str]
    true_K: NDArray[np.int64]
    predicted_SK: NDArray[np.int64]
    seconds: float

    @cached_property
    def counts_GSCC(self) -> NDArray[np.float64]:
        """Confusion matrices of G clusters and S seeds: rows are the true genres, columns the predicted ones."""
        names, index_K = np.unique(self.clusters, return_inverse=True)
        seeds, size = len(self.seeds), len(self.genres)
        counts_GSCC = np.zeros((len(names), seeds, size, size))
        np.add.at(counts_GSCC, (index_K, np.arange(seeds)[:, None], self.true_K, self.predicted_SK), 1)
        return counts_GSCC


def read(folder: Path) -> tuple[dict[str, ArmPredictions], list[str], dict[str, Any]]:
    """Read a data set's runs -> (predictions of each arm by `plan.key`, notes on excluded runs, where the runs are from)."""
    runs: dict[str, dict[int, dict[int, RunDir]]] = defaultdict(lambda: defaultdict(dict))
    notes = []
    for run in rundir.find_runs(folder):
        if not (run.path / rundir.METRICS).is_file():
            continue  # not finished: the report lists its seed as missing
        try:
            if nested.get(run.config, "trainer.threads") != plan.THREADS:
                continue  # of a sweep without comparisons
            arm = plan.arm_of(shlex.split(run.environment["command"]))
            if arm is None:
                notes.append(f"{run.path} is not a run of the plan: excluded.")
                continue
            folds = runs[plan.key(arm)][int(run.config["seed"])]
            fold = int(nested.get(run.config, "split.fold") or 0)
        except (ValueError, KeyError) as error:
            notes.append(f"{run.path} cannot be read: {error}")
            continue
        if fold in folds:  # trained again after default settings changed
            older, run = sorted((folds[fold], run), key=lambda candidate: str(candidate.environment.get("finished")))
            notes.append(f"{older.path} is older than {run.path}, of the same arm, seed and fold: excluded.")
        folds[fold] = run
    predictions, used = {}, []
    for key, seeds in runs.items():
        try:
            complete = {seed: folds for seed, folds in sorted(seeds.items()) if len(folds) == _planned_folds(folds)}
            if complete:
                predictions[key] = _pool(complete)
                used += [run for folds in complete.values() for run in folds.values()]
        except ValueError as error:
            notes.append(str(error))
    return predictions, notes, describe(used)


def describe(runs: Sequence[RunDir]) -> dict[str, Any]:
    """Collect where runs come from: their number, commits, versions, machines, precision, threads and last day."""
    environments = [run.environment for run in runs]
    return {
        "kind": "runs",
        "runs": len(runs),
        "commits": _distinct(environment.get("git", {}).get("commit") for environment in environments),
        "torch": _distinct(environment.get("versions", {}).get("torch") for environment in environments),
        "machines": _distinct(
            " ".join(str(part) for part in environment.get("hardware", {}).values() if part is not None)
            for environment in environments
        ),
        "precision": _distinct(environment.get("precision") for environment in environments),
        "threads": _distinct(environment.get("threads") for environment in environments),
        "finished": max((str(environment.get("finished"))[:10] for environment in environments), default=""),
    }


def _distinct(values: Iterable[Any]) -> list[str]:
    return sorted({str(value) for value in values})


def _planned_folds(folds: dict[int, RunDir]) -> int:
    return int(nested.get(next(iter(folds.values())).config, "split.folds") or 1)


def _pool(seeds: dict[int, dict[int, RunDir]]) -> ArmPredictions:
    """Pool the runs of one arm (seed -> fold -> run).

    Raises ValueError if their settings differ in more than seed and fold, or if a seed does not test the same clips, each
    clip once.
    """
    runs = [run for folds in seeds.values() for run in folds.values()]
    first = runs[0]
    if len({digest(run.config, (*NOT_IN_IDENTITY, "seed", "split.fold")) for run in runs}) > 1:
        raise ValueError(f"{first.path} and its other seeds or folds differ in settings: run the sweep again.")
    genres = first.predictions.genres
    clip_rows = []  # of each seed: clip -> (cluster, true, predicted)
    for folds in seeds.values():
        rows = [
            (clip, (artist or clip, genres.index(true), genres.index(predicted)))
            for run in folds.values()
            for clip, artist, true, predicted in zip(
                *(run.predictions.clips, run.predictions.artists, run.predictions.true, run.predictions.predicted),
                strict=True,
            )
        ]
        clip_rows.append(dict(rows))
        if len(clip_rows[-1]) < len(rows) or clip_rows[-1].keys() != clip_rows[0].keys():
            raise ValueError(f"{first.path} and its other seeds or folds do not test the same clips once each.")
    clips = sorted(clip_rows[0])
    return ArmPredictions(
        seeds=list(seeds),
        genres=genres,
        clips=clips,
        clusters=[clip_rows[0][clip][0] for clip in clips],
        true_K=np.array([clip_rows[0][clip][1] for clip in clips]),
        predicted_SK=np.array([[by_clip[clip][2] for clip in clips] for by_clip in clip_rows]),
        seconds=float(np.mean([run.metrics["train_seconds"] for run in runs])),
    )
