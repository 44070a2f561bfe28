"""Test predictions of runs with one config: for each clip, its true genre, its owner and the prediction of each seed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from src.rundir import RunDir


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy of one fold.

    `clips` are the names of its test clips. `training_clips` (a number of clips) and `accuracy` (0 to 1) are means over
    the runs that were tested on this fold, one run for each seed.
    """

    clips: frozenset[str]
    training_clips: float
    accuracy: float


@dataclass(frozen=True)
class TestPredictions:
    """Predictions of S repetitions for K test clips, which are sorted by name.

    A repetition is one complete test of all K clips: the runs of one seed, over all folds. `true` has the true genre of
    each clip, `predicted_KS` the predicted genres. `owner` has the artist of each clip, else its track, else the clip
    itself: the bootstrap draws owners, each with all its clips. `owner_kind` is "artist" if all artists are known;
    "track" or "clip" if no artist is known; else "artist, where known".
    """

    clips: list[str]
    true: list[str]
    owner: list[str]
    owner_kind: str
    predicted_KS: NDArray[np.str_]
    folds: list[FoldAccuracy]

    @cached_property
    def correct_KS(self) -> NDArray[np.bool_]:
        """(K, S): True if the repetition predicted the true genre of the clip."""
        return np.asarray(self.predicted_KS == np.array(self.true)[:, None])

    @cached_property
    def accuracy_K(self) -> NDArray[np.float64]:
        """(K,): the share of repetitions that recognized each clip, 0 to 1; it is 0 or 1 if there is one repetition."""
        return np.asarray(self.correct_KS.mean(axis=1))

    @property
    def artists(self) -> int | None:
        """The number of artists of the test clips; None if the artist of some clip is unknown."""
        return len(set(self.owner)) if self.owner_kind == "artist" else None


def collect_predictions(runs: Sequence[RunDir]) -> TestPredictions:
    """Collect the test predictions of runs with one config, in the order of `Group.runs`: all folds of one seed together.

    The first prediction for a clip belongs to the first repetition, the second one to the second, and so on.
    Raises ValueError if a clip has two true genres, or if some clips were tested more often than others, so that the
    repetitions have different clips.
    """
    predictions: dict[str, list[str]] = defaultdict(list)
    genre: dict[str, str] = {}
    owner: dict[str, tuple[str, str]] = {}
    for run in runs:
        run_predictions = run.predictions
        owner |= clip_owners(run)
        for clip, true, predicted in zip(
            run_predictions.clips, run_predictions.true, run_predictions.predicted, strict=True
        ):
            predictions[clip].append(predicted)
            if genre.setdefault(clip, true) != true:
                raise ValueError(
                    f"{clip} is {genre[clip]} in one run and {true} in {run.path}: expected one true genre. Train the runs "
                    "on the same labels."
                )
    test_counts = {len(clip_predictions) for clip_predictions in predictions.values()}
    if len(test_counts) > 1:
        fewer = sum(len(clip_predictions) < max(test_counts) for clip_predictions in predictions.values())
        raise ValueError(
            f"its {len(runs)} runs tested {fewer} of {len(predictions)} clips less often than the others ({min(test_counts)} "
            f"and {max(test_counts)} times), so its seeds have different test clips. Train the missing folds, or name only "
            "the seeds that have all folds."
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
    """Map each test clip of a run to its owner, (kind, name): its artist, else its track, else the clip itself."""
    track = {row["clip"]: row["track"] for row in run.split}
    predictions = run.predictions
    return {
        clip: _owner(clip, artist, track.get(clip))
        for clip, artist in zip(predictions.clips, predictions.artists, strict=True)
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
    """Average over the runs that have the same test clips, which are the runs of one fold."""
    per_fold = defaultdict(list)
    for run in runs:
        predictions = run.predictions
        correct = sum(
            true == predicted for true, predicted in zip(predictions.true, predictions.predicted, strict=True)
        )
        training_clips = sum(row["set"] == "train" for row in run.split)
        per_fold[frozenset(predictions.clips)].append((training_clips, correct / len(predictions.clips)))
    return [
        FoldAccuracy(clips, *(float(mean) for mean in np.mean(values, axis=0))) for clips, values in per_fold.items()
    ]
