"""The whole measurement of a run: the content of robustness.json."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from src.formatting import count
from src.sensitivity import retrained, scores
from src.sensitivity.conditions import REDUCED, UNALTERED, Condition, without_effect
from src.sensitivity.measurement import Parts, Results, measure, reasons
from src.sensitivity.scores import TestSet
from src.sensitivity.subject import DecodedSound, Subject

SCHEMA = 1


def report(
    subject: Subject,
    folder: Path,
    conditions: Mapping[Condition, bool],
    clip_count: int | None = None,
    retrain: bool = False,
) -> dict[str, Any]:
    """Measure a run and return the content of robustness.json. What is computed of single clips is stored in `folder`.

    The value of a condition is True if the user named its strength: then it is an error if it has no effect; otherwise it is
    listed with the reason. Raises ValueError, which says what to do, on anything that cannot be measured.
    """
    idle = without_effect(list(conditions), subject.sample_rate)
    for condition, reason in idle.items():
        if conditions[condition] or len(idle) == len(conditions):
            raise ValueError(f"--only {condition.key} would change nothing: {reason}. Name a lower frequency.")
    if retrain:
        retrained.require_frames(subject)
    unaltered = Condition(UNALTERED)
    wanted = [unaltered, *(condition for condition in conditions if condition not in idle)]
    clips = subject.test_clips(clip_count)
    parts = Parts(folder, subject)
    results = measure(
        subject, parts, "logits", clips, wanted, _logits(subject), f"Measuring {count(len(clips), 'clip')}"
    )
    if not results.clips:
        first, reason = next(iter(results.unreadable.items()))
        raise ValueError(f"None of {count(len(clips), 'test clip')} can be read. The first is {first}: {reason}.")
    if len(results.failed) == len(wanted) - 1:
        first_failed, reason = next(iter(results.failed.items()))
        raise ValueError(f"--only {first_failed.key} cannot be measured: {reason}. Name another strength.")
    predicted = {condition: logits_KC.argmax(dim=1).numpy() for condition, logits_KC in results.values.items()}
    test = TestSet(results.clips, subject.genres, predicted[unaltered])
    rows = scores.altered(test, predicted)
    reduced = scores.reduced(test, predicted)
    about = None
    if retrain:
        reduced, about = _with_retrained(subject, parts, results, test, reduced, conditions)
    accuracy, interval = test.share(test.predicted_K == test.true_K)
    metrics = subject.run.metrics
    return {
        "schema": SCHEMA,
        "run": subject.run.path.resolve().name,
        "checkpoint": subject.identity,
        "dataset": metrics["dataset"],
        "synthetic": metrics["synthetic"],
        "split": metrics["certificate"]["split"],
        "grouped_by": metrics["certificate"]["grouped_by"],
        "sample_rate": subject.sample_rate,
        "crop_seconds": subject.data.crop_length / subject.sample_rate,
        "segments": subject.data.segments,
        "genres": subject.genres,
        "clips": len(results.clips),
        "test_clips": len(subject.run.predictions.clips),
        "artists": None if None in test.artists else len(set(test.artists)),
        "interval_over": test.interval_over,
        "unaltered": {
            "accuracy": accuracy,
            "accuracy_interval": interval,
            "differs_from_run": _differing(subject, results, predicted[unaltered]),
            "genres": {
                genre: {"clips": len(of), "recall": float((test.predicted_K == test.true_K)[of].mean())}
                for genre, of in test.present()
            },
        },
        "chance": _chance(test),
        "alterations": rows,
        "findings": scores.findings(rows),
        "reduced": reduced,
        "retrained": about,
        "left_out": [
            {"clip": clip, "reason": reason} for clip, reason in {**subject.left_out(), **results.unreadable}.items()
        ],
        "not_measured": reasons({**idle, **results.failed}),
    }


def _logits(subject: Subject) -> Any:
    def compute(sound: DecodedSound, condition: Condition) -> torch.Tensor:
        is_unaltered = condition.name == UNALTERED  # altered sound may be beyond full scale: it is not clipped
        return subject.logits(subject.segments(sound, condition.segment_factor, clipped=is_unaltered))

    return compute


def _differing(subject: Subject, results: Results, predicted_K: NDArray[np.int64]) -> int:
    """The number of clips whose prediction is not that of predictions.csv: the sound, code or hardware differs."""
    stored = subject.run.predictions
    before = dict(zip(stored.clips, stored.predicted, strict=True))
    return sum(
        before[clip.name] != subject.genres[genre] for clip, genre in zip(results.clips, predicted_K, strict=True)
    )


def _chance(test: TestSet) -> dict[str, Any]:
    """The accuracy of guessing: the most frequent genre of the test clips always, or all genres equally often."""
    counts = np.bincount(test.true_K, minlength=len(test.genres))
    genre = int(counts.argmax())
    return {"commonest": test.genres[genre], "commonest_share": float(counts[genre] / counts.sum())}


def _with_retrained(
    subject: Subject,
    parts: Parts,
    results: Results,
    test: TestSet,
    rows: Sequence[Mapping[str, Any]],
    conditions: Mapping[Condition, bool],
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Add the scores of retrained models to the rows of reduced sound, and describe these models.

    Their scores on unaltered sound, for which a model was fitted as well, are in the description.
    """
    kinds = [Condition(name) for name in REDUCED if Condition(name) in conditions]
    unaltered = Condition(UNALTERED)
    predictions, about = retrained.retrain(subject, parts, results.clips, [unaltered, *kinds])
    by_name = {condition.name: retrained.scores(test, predicted_K) for condition, predicted_K in predictions.items()}
    joined = [{**row, "retrained": by_name[row["name"]]} for row in rows]
    share = float(np.mean(test.true_K == test.genres.index(about["commonest"])))
    return joined, {**about, "unaltered": by_name[UNALTERED], "commonest_share": share}
