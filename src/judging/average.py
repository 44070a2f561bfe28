"""Judge the average of several runs as one: the arithmetic mean of their calibrated probabilities for the same clips.

Why this mean: see `src.inference.ensemble`. Shared artists and copies are searched in the training and validation
clips of all runs: a clip that one of them was trained on is no fair test of their average.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from src import config as configs
from src import console, formatting
from src.classifier.doubt import Calibration, Doubt, joined
from src.evaluation import run_names
from src.judging import judge, shared
from src.judging.judged_data import Request, asks_for_own_clips, judged_config, same_data_set
from src.judging.predictions import RunPredictions, run_predictions
from src.rundir import RunDir, members
from src.training.doubt import scores as doubt_scores
from src.training.module import Predictions

MEMBER_SCORES = ("clips", "accuracy", "accuracy_interval", "recall_macro", "f1_macro")
OTHER_MUSIC = "Judge the average on other music (dataset=), or average runs of one split, such as a sweep of seeds."


def judge_average(runs: Sequence[RunDir], request: Request, trust: Sequence[str] = ()) -> judge.Judgement:
    """Judge the average of runs, which may come from strangers, on the same clips.

    Raises ValueError, which says what to do, if the runs do not fit together, or if the clips cannot be used.
    """
    members.check_members(runs)
    if request.dataset is None:
        _check_one_data_set(runs)
    own = all(asks_for_own_clips(run, request, judged_config(run, request)) for run in runs)
    if own and (other := _other_test_clips(runs)):
        if request.dataset is None:
            raise ValueError(_different_test_clips(runs[0], other))
        own = False  # all clips of the named data set; those of the training are reported as shared
    given = []
    for run in runs:
        console.note(f"{run.path}: predicting")
        given.append(run_predictions(run.path, request, trust, own))
    predictions, found = mean(given), _union([each.found for each in given], given)
    first = given[0]
    scores = judge.test_scores(first, predictions, 1.0)
    test = {key: value for key, value in scores.items() if not key.endswith("_uncalibrated")}
    names = members.distinct_names([run.path for run in runs])
    evaluation = {
        "run": members.average_name(names),
        "members": [_member(each, name) for each, name in zip(given, names, strict=True)],
        "trained_on": ", ".join(dict.fromkeys(str(run.metrics["dataset"]) for run in runs)),
        "training_clips": _training_clips(runs),
        "training_artists_known": all(row["artist"] for run in runs for row in run.split),
        "own_test_clips": own,
        "scores_of_run": None,
        **judge.scores_of(predictions, 1.0, first.data, test, found),
    }
    notes = list(dict.fromkeys(note for each in given for note in each.notes))
    doubt = doubt_scores(predictions, first.data, Doubt(_calibration(given)), None)
    return judge.Judgement(
        list(runs), _config(given), first.data, own, predictions, test, evaluation, found, notes, doubt
    )


def _calibration(given: Sequence[RunPredictions]) -> Calibration | None:
    """The calibration of the average, from the calibration clips that all runs have; None if they differ."""
    first = given[0]
    orders = [
        members.genre_order(str(each.run.path), each.data.genres, str(first.run.path), first.data.genres)
        for each in given
    ]
    return joined([each.doubt.calibration for each in given], orders)


def mean(given: Sequence[RunPredictions]) -> Predictions:
    """Average the calibrated probabilities of several runs -> the predictions of the first, with the logarithms of the mean.

    Clips and genres are matched by name. Raises ValueError if the runs do not have the same clips and genres.
    """
    first, logarithms = given[0], []
    for each in given:
        row_of = {clip: row for row, clip in enumerate(each.clips)}
        if different := sorted({*row_of} ^ {*first.clips}):
            raise ValueError(
                f"{first.run.path} and {each.run.path} cannot use the same clips: {formatting.count(len(different), 'clip')} "
                f"can be used by one of them only, such as {different[0]}. Leave them out: dataset.exclude=FILE."
            )
        order = members.genre_order(str(each.run.path), each.data.genres, str(first.run.path), first.data.genres)
        rows = [row_of[clip] for clip in first.clips]
        calibrated = each.predictions.with_temperature(each.temperature).logits.log_softmax(dim=1)
        logarithms.append(calibrated[rows][:, order])
    # The logarithm of the mean, without rounding a small probability to 0.
    return first.predictions._replace(logits=torch.stack(logarithms).logsumexp(dim=0) - math.log(len(given)))


def _check_one_data_set(runs: Sequence[RunDir]) -> None:
    """Raise ValueError unless the runs were trained on one data set."""
    first = runs[0]
    for run in runs[1:]:
        if not _same_data(first, run):
            raise ValueError(
                f"{first.path} was trained on {first.metrics['dataset']}, and {run.path} on {run.metrics['dataset']}, or with other "
                "settings of it: name the data set on which their average is judged, with dataset=."
            )


def _same_data(first: RunDir, run: RunDir) -> bool:
    same_name = first.metrics["dataset"] == run.metrics["dataset"]
    return same_name and same_data_set(first.config["dataset"], run.config["dataset"])


def _other_test_clips(runs: Sequence[RunDir]) -> RunDir | None:
    """The first run whose test clips are not those of the first run; None if there is none."""
    return next((run for run in runs if not _same_data(runs[0], run) or _tested(run) != _tested(runs[0])), None)


def _different_test_clips(first: RunDir, other: RunDir) -> str:
    of_first, of_other = _tested(first), _tested(other)
    return (
        f"{first.path} and {other.path} have different test clips ({len(of_first & of_other)} of {len(of_first)} and of "
        f"{len(of_other)} are in both), so one of them may be trained on those of the other. {OTHER_MUSIC}"
    )


def _tested(run: RunDir) -> set[tuple[str, str]]:
    return set(zip(run.predictions.clips, run.predictions.true, strict=True))


def _union(found: Sequence[shared.Shared], given: Sequence[RunPredictions]) -> shared.Shared:
    """Artists, tracks and copies that the clips share with the training of any run. Clips are numbered as in the data of the first run."""
    number_of = {clip.name: k for k, clip in enumerate(given[0].data.clips)}
    clips = {
        kind: {
            number_of[each.data.clips[k].name]
            for of_run, each in zip(found, given, strict=True)
            for k in of_run.clips[kind]
        }
        for kind in found[0].clips
    }
    audio, near_copies = (
        None
        if any(groups is None for groups in of_runs)
        else shared.distinct(group for groups in of_runs for group in groups or [])
        for of_runs in ([each.audio for each in found], [each.near_copies for each in found])
    )
    return shared.Shared(
        sorted({name for each in found for name in each.artists}),
        sorted({name for each in found for name in each.tracks}),
        audio,
        near_copies,
        clips,
    )


def _member(given: RunPredictions, name: str) -> dict[str, Any]:
    """The entry of a run in `members` of the `evaluation` object: its names, and its own scores on the clips."""
    run, scores = given.run, judge.test_scores(given, given.predictions, given.temperature)
    return {
        "run": name,
        "name": run_names.run_name(run),
        "trained_on": run.metrics["dataset"],
        "identity": run.metrics["identity"],
        **{key: scores[key] for key in MEMBER_SCORES},
    }


def _training_clips(runs: Sequence[RunDir]) -> dict[str, int]:
    """The number of clips of each genre that any of the runs was trained on, by the first run's names of the genres."""
    genres = runs[0].genres
    genre_of: dict[tuple[str, str], str] = {}
    for run in runs:
        own = run.genres
        order = members.genre_order(str(run.path), own, str(runs[0].path), genres)
        names = {own[k]: genre for k, genre in zip(order, genres, strict=True)}
        for row in run.split:
            if row["set"] == "train":
                genre_of[str(run.metrics["dataset"]), str(row["clip"])] = names[str(row["genre"])]
    return dict(Counter(genre_of.values()))


def _config(given: Sequence[RunPredictions]) -> dict[str, Any]:
    """The settings that all runs have in common; `trained` tells averages of other runs apart."""
    config = _common([each.config for each in given])
    runs = [each.run for each in given]
    identities = sorted(configs.digest(run.metrics["identity"]) for run in runs)
    return {
        **config,
        **{group: config.get(group) or {} for group in ("feature", "model", "trainer")},
        "trained": {
            "dataset": ", ".join(dict.fromkeys(str(run.metrics["dataset"]) for run in runs)),
            "settings": configs.digest({"average": identities})[:8],
        },
    }


def _common(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The keys that have the same value in all mappings, at any depth."""
    result: dict[str, Any] = {}
    for key, value in settings[0].items():
        values = [each.get(key, _common) for each in settings]  # _common: a default that equals no value
        if all(other == value for other in values):
            result[key] = value
        elif all(isinstance(other, Mapping) for other in values):
            result[key] = _common(values)
    return result
