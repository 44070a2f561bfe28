"""Test predictions of runs with one config: true genre, owner, and the prediction of each repetition for each clip."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from src.rundir import RunDir


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy on the test clips of one fold and the number of training clips, both as means over its seeds."""

    clips: frozenset[str]
    training_clips: float
    accuracy: float


@dataclass(frozen=True)
class TestPredictions:
    """Predictions for K test clips, sorted by name, by S repetitions (seeds), each over all folds.

    `owner` is the artist of a clip, else its track, else the clip itself: a bootstrap draws whole owners. `owner_kind`
    is "artist" if all artists are known; "track" or "clip" if no artist is known; else "artist, where known".
    """

    clips: list[str]
    true: list[str]
    owner: list[str]
    owner_kind: str
    predicted_KS: NDArray[np.str_]
    folds: list[FoldAccuracy]

    @cached_property
    def correct_KS(self) -> NDArray[np.bool_]:
        """True where a repetition recognized the clip."""
        return np.asarray(self.predicted_KS == np.array(self.true)[:, None])

    @cached_property
    def accuracy_K(self) -> NDArray[np.float64]:
        """The share of repetitions that recognized each clip: 0 or 1 if there is one repetition."""
        return np.asarray(self.correct_KS.mean(axis=1))

    @property
    def artists(self) -> int | None:
        """The number of artists; None if the artist of a clip is unknown."""
        return len(set(self.owner)) if self.owner_kind == "artist" else None


def collect_predictions(runs: Sequence[RunDir]) -> TestPredictions:
    """Collect the test predictions of runs with one config; the first prediction for each clip belongs to repetition 1.

    Raises ValueError if a clip has two true genres, or if some clips were tested more often than others: then the
    repetitions would not be on the same clips.
    """
    predictions: dict[str, list[str]] = defaultdict(list)
    genre: dict[str, str] = {}
    owner: dict[str, tuple[str, str]] = {}
    for run in runs:
        of_run = run.predictions
        owner |= clip_owners(run)
        for clip, true, predicted in zip(of_run.clips, of_run.true, of_run.predicted, strict=True):
            predictions[clip].append(predicted)
            if genre.setdefault(clip, true) != true:
                raise ValueError(
                    f"{clip} is {genre[clip]} in one run and {true} in {run.path}: expected one true genre. Train the runs "
                    "on the same labels."
                )
    times = {len(of_clip) for of_clip in predictions.values()}
    if len(times) > 1:
        fewer = sum(len(of_clip) < max(times) for of_clip in predictions.values())
        raise ValueError(
            f"its {len(runs)} runs tested {fewer} of {len(predictions)} clips less often than the others ({min(times)} and "
            f"{max(times)} times), so its seeds have different test clips. Train the missing folds, or name only the seeds "
            "that have all folds."
        )
    clips = sorted(predictions)
    return TestPredictions(
        clips,
        true=[genre[clip] for clip in clips],
        owner=[" ".join(owner[clip]) for clip in clips],
        owner_kind=_owner_kind({kind for kind, _ in owner.values()}),
        predicted_KS=np.array([predictions[clip] for clip in clips]),
        folds=_fold_accuracies(runs),
    )


def clip_owners(run: RunDir) -> dict[str, tuple[str, str]]:
    """The owner of each test clip of a run, as (kind, name): its artist, else its track, else the clip itself."""
    track = {row["clip"]: row["track"] for row in run.split}
    of_run = run.predictions
    return {
        clip: _owner(clip, artist, track.get(clip)) for clip, artist in zip(of_run.clips, of_run.artists, strict=True)
    }


def _owner(clip: str, artist: str | None, track: str | None) -> tuple[str, str]:
    if artist:
        return "artist", artist
    return ("track", track) if track else ("clip", clip)


def _owner_kind(kinds: set[str]) -> str:
    if "artist" in kinds:
        return "artist" if len(kinds) == 1 else "artist, where known"
    return "clip" if kinds == {"clip"} else "track"


def _fold_accuracies(runs: Sequence[RunDir]) -> list[FoldAccuracy]:
    per_fold = defaultdict(list)
    for run in runs:
        of_run = run.predictions
        correct = sum(true == predicted for true, predicted in zip(of_run.true, of_run.predicted, strict=True))
        training_clips = sum(row["set"] == "train" for row in run.split)
        per_fold[frozenset(of_run.clips)].append((training_clips, correct / len(of_run.clips)))
    return [
        FoldAccuracy(clips, *(float(mean) for mean in np.mean(values, axis=0))) for clips, values in per_fold.items()
    ]
