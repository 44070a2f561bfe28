"""Judge a finished run on clips: the predictions of its model for them, and the scores."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from src.data.datamodule import GenreData
from src.judging import scores, shared
from src.judging.clips import JudgedData
from src.judging.judged_data import Request
from src.judging.predictions import RunPredictions, run_predictions
from src.rundir import RunDir
from src.training import stages
from src.training.doubt import scores as doubt_scores
from src.training.module import Predictions


@dataclass(frozen=True)
class Judgement:
    """Runs, the clips that they were judged on as one, and the predictions for them, calibrated as the runs are.

    Several `runs` are the members of an average. `config` is the run's, with the data set, split and data settings of the
    judgement. `own` is True for the run's own test clips. `test`, `evaluation` and `doubt` are the objects of these names in
    metrics.json, `found` what the clips share with the training, and `model_notes` sentences about the model.
    """

    runs: list[RunDir]
    config: dict[str, Any]
    data: GenreData
    own: bool
    predictions: Predictions
    test: dict[str, Any]
    evaluation: dict[str, Any]
    found: shared.Shared
    model_notes: list[str]
    doubt: dict[str, Any]


def judge(folder: Path, request: Request, trust: Sequence[str] = ()) -> Judgement:
    """Judge the run in a folder. It may come from a stranger: see `Recognizer.load`.

    Raises ValueError, which says what to do, if the folder has no finished run, or if the clips cannot be used.
    """
    given = run_predictions(folder, request, trust)
    run, predictions = given.run, given.predictions
    test = test_scores(given, predictions, given.temperature)
    training = [row for row in run.split if row["set"] == "train"]
    evaluation = {
        "run": run.path.resolve().name,
        "members": [],
        "trained_on": run.metrics["dataset"],
        "training_clips": dict(Counter(str(row["genre"]) for row in training)),
        "training_artists_known": all(row["artist"] for row in run.split),
        "own_test_clips": given.own,
        "scores_of_run": _same(test, run.metrics["test"]) if given.own else None,
        **scores_of(predictions, given.temperature, given.data, test, given.found),
    }
    calibrated = predictions.with_temperature(given.temperature)
    doubt = doubt_scores(calibrated, given.data, given.doubt, given.unlike_K)
    return Judgement(
        [run], given.config, given.data, given.own, calibrated, test, evaluation, given.found, given.notes, doubt
    )


def test_scores(given: RunPredictions, predictions: Predictions, temperature: float) -> dict[str, Any]:
    """The `test` object of metrics.json for predictions, not calibrated yet, of the clips of a run."""
    score = stages.score if given.own else scores.over_all_genres
    return score(predictions, temperature, given.data)


def scores_of(
    predictions: Predictions, temperature: float, data: GenreData, test: Mapping[str, Any], found: shared.Shared
) -> dict[str, Any]:
    """The part of the `evaluation` object that follows from the predictions, which are not calibrated yet."""
    judged = predictions.clip.tolist()
    apart = torch.tensor([k not in found.any for k in judged])
    common = scores.common_genres(predictions, data.genres)
    return {
        "common_genres": common,
        "other_genres": dict(data.other_genres) if isinstance(data, JudgedData) else {},
        "untested_genres": [genre for genre in data.genres if genre not in common],
        "chance": {"all_genres": 1 / len(data.genres), "common_genres": 1 / len(common)},
        "recall_macro_interval_by_artist": scores.recall_macro_interval(predictions.with_temperature(temperature), data)
        if test["accuracy_interval_by_artist"]
        else None,
        "among_common": scores.over_common_genres(predictions, temperature, data),
        "shared_clips": {
            **{kind: len(clips) for kind, clips in found.clips.items()},
            "near_copy": None if found.near_copies is None else len(found.clips["near_copy"]),
            "any": len(found.any),
        },
        "without_shared": scores.over_all_genres(
            Predictions(*(tensor[apart] for tensor in predictions)), temperature, data
        )
        if apart.any() and not apart.all()
        else None,
    }


def _same(scores_now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """True if all scores that the run has are the same now; an older run lacks some."""
    return all(scores_now.get(key) == value for key, value in before.items() if value is not None)
