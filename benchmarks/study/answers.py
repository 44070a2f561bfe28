"""What the runs of the plan's arms said of the test clips, folds pooled and seeds side by side."""

import shlex
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.study import plan
from src import rundir
from src.config import NOT_IN_IDENTITY, digest
from src.rundir import RunDir, nested


@dataclass(frozen=True)
class Answers:
    """The C genres, K clips and what S seeds answered: `true_K` and `predicted_SK` are indices of genres.

    `clusters` (K) are the clips' artists, where unknown the clips themselves. `seconds` is a run's mean training time.
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
        """Confusion counts of each of G clusters and S seeds: rows are the true genres, columns the predicted ones."""
        names, index_K = np.unique(self.clusters, return_inverse=True)
        seeds, size = len(self.seeds), len(self.genres)
        counts_GSCC = np.zeros((len(names), seeds, size, size))
        np.add.at(counts_GSCC, (index_K, np.arange(seeds)[:, None], self.true_K, self.predicted_SK), 1)
        return counts_GSCC


def read(folder: Path) -> tuple[dict[str, Answers], list[str]]:
    """The answers of each arm (by `plan.key`) from a data set's runs, and in words what could not be used."""
    runs: dict[str, dict[int, dict[int, RunDir]]] = defaultdict(lambda: defaultdict(dict))
    notes = []
    for run in rundir.find(folder):
        if not (run.path / rundir.METRICS).is_file():
            continue  # not finished: its seed is named as missing
        try:
            if nested.get(run.config, "trainer.threads") != plan.THREADS:
                continue  # of a sweep that is not judged
            arm = plan.arm_of(shlex.split(run.environment["command"]))
            if arm is None:
                notes.append(f"{run.path} is no run of the plan: left out.")
                continue
            folds = runs[plan.key(arm)][int(run.config["seed"])]
            fold = int(nested.get(run.config, "split.fold") or 0)
        except (ValueError, KeyError) as error:
            notes.append(f"{run.path} cannot be read: {error}")
            continue
        if fold in folds:  # trained again after the settings' defaults changed
            older, run = sorted((folds[fold], run), key=lambda each: str(each.environment.get("finished")))
            notes.append(f"{older.path} is older than {run.path}, which has the same words: left out.")
        folds[fold] = run
    answers = {}
    for key, seeds in runs.items():
        try:
            whole = {seed: folds for seed, folds in sorted(seeds.items()) if len(folds) == _planned(folds)}
            if whole:
                answers[key] = _pool(whole)
        except ValueError as error:
            notes.append(str(error))
    return answers, notes


def _planned(folds: dict[int, RunDir]) -> int:
    return int(nested.get(next(iter(folds.values())).config, "split.folds") or 1)


def _pool(seeds: dict[int, dict[int, RunDir]]) -> Answers:
    """One arm's runs as one. Raises ValueError where they are not of one experiment."""
    runs = [run for folds in seeds.values() for run in folds.values()]
    first = runs[0]
    if len({digest(run.config, (*NOT_IN_IDENTITY, "seed", "split.fold")) for run in runs}) > 1:
        raise ValueError(f"{first.path} and its other seeds or folds differ in settings: run the sweep again.")
    genres = first.predictions.genres
    said = []  # of each seed: clip -> (cluster, true, predicted)
    for folds in seeds.values():
        rows = [
            (clip, (artist or clip, genres.index(true), genres.index(predicted)))
            for run in folds.values()
            for clip, artist, true, predicted in zip(
                *(run.predictions.clips, run.predictions.artists, run.predictions.true, run.predictions.predicted),
                strict=True,
            )
        ]
        said.append(dict(rows))
        if len(said[-1]) < len(rows) or said[-1].keys() != said[0].keys():
            raise ValueError(f"{first.path} and its other seeds or folds do not test the same clips once each.")
    clips = sorted(said[0])
    return Answers(
        seeds=list(seeds),
        genres=genres,
        clips=clips,
        clusters=[said[0][clip][0] for clip in clips],
        true_K=np.array([said[0][clip][1] for clip in clips]),
        predicted_SK=np.array([[answers[clip][2] for clip in clips] for answers in said]),
        seconds=float(np.mean([run.metrics["train_seconds"] for run in runs])),
    )
