"""Score a group of runs that differ only in seed and fold: pool over folds, average over seeds.

The folds of one split test each clip once, so their predictions are pooled and scored together. Different seeds test
the same clips again and add no new clips: their scores are averaged, and the interval is computed for the clips of one
seed.
"""

import statistics as stdlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from src import formatting, metrics
from src.metrics import Scores, intervals
from src.rundir import RunDir, nested

AVERAGED_SCORES = ("accuracy", "precision_macro", "recall_macro", "f1_macro")
GENRE_SCORES = ("recall", "precision", "f1", "accuracy_one_vs_rest", "support")


@dataclass(frozen=True)
class Group:
    """Runs of one config that differ only in seed and fold, with the scores of the group.

    `runs` are sorted: all folds of the first seed, then those of the second. `scores` has the keys of `test` in
    metrics.json, pooled over folds and averaged over seeds; with several runs, without the scores before calibration.
    `spread` maps each of AVERAGED_SCORES to its mean and standard deviation (n - 1) over the single runs; None for one
    run. `description` states how the scores were pooled and which clips the interval is based on. `val_f1_macro` is the
    mean validation macro F1 of the runs; None if a run has none. `train_seconds` is the median
    training time of a run, `train_seconds_range` the shortest and the longest: one slow run would hide in a mean. `parameters` is the number of parameters trained by gradients, the largest of the runs. `clips` are the names of all
    test clips.
    """

    label: str
    runs: list[RunDir]
    scores: Scores
    spread: dict[str, tuple[float, float]] | None
    description: str
    val_f1_macro: float | None
    train_seconds: float
    train_seconds_range: tuple[float, float]
    parameters: int
    clips: frozenset[str]
    synthetic: bool

    @property
    def uneven_seconds(self) -> bool:
        """True if the longest training took more than twice as long as the shortest: the median alone would hide this."""
        return self.train_seconds_range[1] > 2 * self.train_seconds_range[0]


def pool(label: str, runs: Sequence[RunDir]) -> Group:
    """Pool runs of one config that differ only in seed and fold; `label` names the group.

    Raises ValueError if the files of a run are missing, broken or do not fit together.
    """
    repetitions = _repetitions(runs)
    scores = [_pooled_scores(repetition) for repetition in repetitions]
    test_scores = [run.metrics["test"] for run in runs]
    values_by_key = {key: [test[key] for test in test_scores] for key in AVERAGED_SCORES}
    spread = (
        {key: (stdlib.fmean(values), stdlib.stdev(values)) for key, values in values_by_key.items()}
        if len(runs) > 1
        else None
    )
    val_f1 = [run.metrics["val"]["f1_macro"] for run in runs if run.metrics["val"]]
    seconds = [float(run.metrics["train_seconds"]) for run in runs]
    clips = [frozenset(clip for run in repetition for clip in run.predictions.clips) for repetition in repetitions]
    return Group(
        label,
        [run for repetition in repetitions for run in repetition],
        _mean_scores(scores),
        spread,
        description=_description(repetitions, scores, same_clips=len(set(clips)) == 1),
        val_f1_macro=stdlib.fmean(val_f1) if len(val_f1) == len(runs) else None,
        train_seconds=stdlib.median(seconds),
        train_seconds_range=(min(seconds), max(seconds)),
        parameters=max(run.metrics["parameters"] for run in runs),
        clips=frozenset().union(*clips),
        synthetic=bool(runs[0].metrics["synthetic"]),
    )


def _repetitions(runs: Sequence[RunDir]) -> list[list[RunDir]]:
    """Group the runs into repetitions.

    The runs of one seed are one repetition if no clip is tested twice: they are the folds of a split. Otherwise each run
    is a repetition.
    """
    runs_of_seed: dict[Any, list[RunDir]] = {}
    for run in sorted(runs, key=lambda run: (_order(run, "seed"), _order(run, "split.fold"), str(run.path))):
        runs_of_seed.setdefault(run.config.get("seed"), []).append(run)
    repetitions = []
    for members in runs_of_seed.values():
        clips = [clip for run in members for clip in run.predictions.clips]
        repetitions += [members] if len(clips) == len(set(clips)) else [[run] for run in members]
    return repetitions


def _order(run: RunDir, key: str) -> float:
    """Sort key: the number at `key` in the config; -1 if there is none."""
    value = nested.get(run.config, key)
    return float(value) if isinstance(value, int | float) else -1.0


def _pooled_scores(runs: Sequence[RunDir]) -> Scores:
    """Score the runs of one repetition together, like one run that was tested on all their clips."""
    if len(runs) == 1:
        return dict(runs[0].metrics["test"])
    genres = runs[0].predictions.genres
    track = {str(row["clip"]): row["track"] for run in runs for row in run.split}
    logits, true, artists, tracks = [], [], [], []
    for run in runs:
        predictions = run.predictions
        # Rounding in the file can make probabilities equal. The tiny term makes that of the predicted genre the largest.
        predicted_KC = np.array(predictions.predicted)[:, None] == np.array(genres)
        with np.errstate(divide="ignore"):
            logits.append(np.log(predictions.probability_KC) + 1e-9 * predicted_KC)
        true += [genres.index(genre) for genre in predictions.true]
        artists += predictions.artists
        tracks += [track.get(clip) for clip in predictions.clips]
    scores = metrics.score(torch.from_numpy(np.concatenate(logits)), torch.tensor(true), genres, artists, tracks)
    return metrics.with_clips_only(scores) if runs[0].is_evaluation else scores


def pooled_confusion(runs: Sequence[RunDir]) -> tuple[list[str], NDArray[np.int64]]:
    """The confusion matrices of runs, added -> the C genres, in the order of the first run, and counts (C, C), true in rows."""
    genres, total_CC = runs[0].confusion
    for run in runs[1:]:
        names, counts_CC = run.confusion
        index = [names.index(genre) for genre in genres]
        total_CC = total_CC + counts_CC[np.ix_(index, index)]
    return genres, total_CC


def _mean_scores(scores: Sequence[Scores]) -> Scores:
    """Average scores over repetitions; the interval is Wilson's for the mean accuracy on the clips of one repetition."""
    if len(scores) == 1:
        return scores[0]
    smallest = min(scores, key=lambda score: int(score["clips"]))
    accuracy = stdlib.fmean(score["accuracy"] for score in scores)
    per_genre = {
        genre: {key: _mean_or_none([score["genres"][genre][key] for score in scores]) for key in GENRE_SCORES}
        for genre in smallest["genres"]
    }
    return {
        **{key: smallest[key] for key in ("clips", "tracks", "artists")},
        **{key: stdlib.fmean(score[key] for score in scores) for key in AVERAGED_SCORES},
        "accuracy_interval": list(intervals.wilson(round(accuracy * smallest["clips"]), smallest["clips"])),
        "accuracy_interval_by_artist": None,
        "nll": _mean_or_none([score["nll"] for score in scores]),
        "ece": stdlib.fmean(score["ece"] for score in scores),
        "genres": per_genre,
    }


def _mean_or_none(values: Sequence[float | None]) -> float | None:
    """The mean; None if any value is None."""
    known = [value for value in values if value is not None]
    return stdlib.fmean(known) if len(known) == len(values) else None


def _description(repetitions: Sequence[Sequence[RunDir]], scores: Sequence[Scores], same_clips: bool) -> str:
    """Describe how the scores were pooled and which clips the interval is based on, without a full stop."""
    folds = len(repetitions[0])
    clips = formatting.count(min(score["clips"] for score in scores), "clip")
    if len(repetitions) == 1:
        if folds == 1:
            return f"one run; interval over its {clips}"
        return f"{_format_folds(repetitions[0])} pooled, each of the {clips} tested once; interval over these clips"
    pooling = f" (each pooled over {_format_folds(repetitions[0])})" if folds > 1 else ""
    test_clips = f"the same {clips}" if same_clips else f"different clips ({clips} or more)"
    return (
        f"mean of {len(repetitions)} repetitions{pooling} on {test_clips}; repetitions are not pooled, as they are not "
        f"independent; interval of the mean accuracy on {clips}, without the spread between repetitions"
    )


def _format_folds(runs: Sequence[RunDir]) -> str:
    """ "9 of 10 folds", or "10 folds" if all planned folds have a run."""
    planned = nested.get(runs[0].config, "split.folds")
    return (
        f"{len(runs)} of {planned} folds" if isinstance(planned, int) and planned != len(runs) else f"{len(runs)} folds"
    )
