"""The test clips of runs of one config, each once: its genre, whose it is, and what each repetition answered."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from src.rundir import RunDir


@dataclass(frozen=True)
class FoldAccuracy:
    """The clips that a run tested, its training clips, and the accuracy there, the mean over the seeds that tested them."""

    clips: frozenset[str]
    training_clips: float
    accuracy: float


@dataclass(frozen=True)
class TestPredictions:
    """K test clips in the order of their names, answered by S repetitions (seeds), each over all folds.

    `owner` is the artist of a clip, else its track, else the clip itself: what is drawn as one by a bootstrap. `owner_kind` is
    "artist" where all artists are known, "track" or "clip" where none is, else "artist, where known".
    """

    clips: list[str]
    true: list[str]
    owner: list[str]
    owner_kind: str
    predicted_KS: NDArray[np.str_]
    folds: list[FoldAccuracy]

    @cached_property
    def correct_KS(self) -> NDArray[np.bool_]:
        """Whether a repetition recognized a clip."""
        return np.asarray(self.predicted_KS == np.array(self.true)[:, None])

    @cached_property
    def accuracy_K(self) -> NDArray[np.float64]:
        """The share of repetitions that recognized a clip: 0 or 1 where there is one."""
        return np.asarray(self.correct_KS.mean(axis=1))

    @property
    def artists(self) -> int | None:
        """How many artists the clips have; None where some are unknown."""
        return len(set(self.owner)) if self.owner_kind == "artist" else None


def collect_predictions(runs: Sequence[RunDir]) -> TestPredictions:
    """What runs of one config answered, in the order of the runs: the first answers to each clip are one repetition.

    Raises ValueError where a clip has two genres, or where some clips were tested more often than others: repetitions
    on different clips would be compared as if they were the same.
    """
    answers: dict[str, list[str]] = defaultdict(list)
    genre: dict[str, str] = {}
    owner: dict[str, tuple[str, str]] = {}
    for run in runs:
        given = run.predictions
        owner |= clip_owners(run)
        for clip, true, predicted in zip(given.clips, given.true, given.predicted, strict=True):
            answers[clip].append(predicted)
            if genre.setdefault(clip, true) != true:
                raise ValueError(f"{clip} is {genre[clip]} in one run and {true} in {run.path}: expected one truth.")
    times = {len(each) for each in answers.values()}
    if len(times) > 1:
        few = sum(len(each) < max(times) for each in answers.values())
        raise ValueError(
            f"its {len(runs)} runs tested {few} of {len(answers)} clips less often than the others ({min(times)} and "
            f"{max(times)} times), so its seeds have different test clips. Train the folds that are missing, or name the "
            "complete seeds only."
        )
    clips = sorted(answers)
    return TestPredictions(
        clips,
        true=[genre[clip] for clip in clips],
        owner=[" ".join(owner[clip]) for clip in clips],
        owner_kind=_owner_kind({kind for kind, _ in owner.values()}),
        predicted_KS=np.array([answers[clip] for clip in clips]),
        folds=_folds(runs),
    )


def clip_owners(run: RunDir) -> dict[str, tuple[str, str]]:
    """Whose each test clip of a run is, as kind and name: its artist's, else its track's, else its own."""
    track = {row["clip"]: row["track"] for row in run.split}
    given = run.predictions
    return {
        clip: _owner(clip, artist, track.get(clip)) for clip, artist in zip(given.clips, given.artists, strict=True)
    }


def _owner(clip: str, artist: str | None, track: str | None) -> tuple[str, str]:
    if artist:
        return "artist", artist
    return ("track", track) if track else ("clip", clip)


def _owner_kind(kinds: set[str]) -> str:
    if "artist" in kinds:
        return "artist" if len(kinds) == 1 else "artist, where known"
    return "clip" if kinds == {"clip"} else "track"


def _folds(runs: Sequence[RunDir]) -> list[FoldAccuracy]:
    seeds = defaultdict(list)
    for run in runs:
        given = run.predictions
        right = sum(true == said for true, said in zip(given.true, given.predicted, strict=True))
        train = sum(row["set"] == "train" for row in run.split)
        seeds[frozenset(given.clips)].append((train, right / len(given.clips)))
    return [FoldAccuracy(clips, *(float(x) for x in np.mean(each, axis=0))) for clips, each in seeds.items()]
