"""Numbers from one finished run: the majority baseline, the surest mistakes, the reliability bins."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from src import rundir
from src.metrics import Bin, reliability
from src.metrics.intervals import wilson
from src.rundir import RunDir, nested


def majority_baseline(run: RunDir) -> tuple[str, float]:
    """The commonest genre of the training clips (the first in the alphabet of equals) and its share of test clips."""
    counts = Counter(str(row["genre"]) for row in run.split if row["set"] == "train")
    if not counts:
        raise ValueError(f"{run.path / rundir.SPLIT} lists no training clips. Train the run again.")
    genre = min(counts, key=lambda word: (-counts[word], word))
    row = run.metrics["test"]["genres"].get(genre)
    return genre, row["support"] / run.metrics["test"]["clips"] if row else 0.0


def epoch_selected_on_validation(run: RunDir) -> bool:
    """Tell if the evaluated epoch was selected by its score on the validation clips."""
    return run.metrics["best_epoch"] is not None and nested.get(run.config, "trainer.checkpoint") != "last"


def recall_interval(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a genre's recall; None for a genre without clips."""
    if not row["support"]:
        return None
    return wilson(round(row["recall"] * row["support"]), row["support"])


@dataclass(frozen=True)
class Confusion:
    """Clips of one genre that were predicted as another: `clips` of the `support` clips of the true genre."""

    true: str
    predicted: str
    clips: int
    support: int


def confusions(run: RunDir, limit: int = 5) -> list[Confusion]:
    """The pairs of genres that were confused most often, the most frequent first."""
    genres, counts_CC = run.confusion
    pairs = [
        (int(counts_CC[true, other]), true, other) for true, other in np.argwhere(counts_CC).tolist() if true != other
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    return [
        Confusion(genres[true], genres[other], clips, int(counts_CC[true].sum()))
        for clips, true, other in pairs[:limit]
    ]


@dataclass(frozen=True)
class Mistake:
    """A test clip that got another genre than its own, and the probability that the model gave to each of the two."""

    clip: str
    artist: str | None
    true: str
    predicted: str
    probability: float
    probability_true: float


def mistakes(run: RunDir, limit: int = 10) -> list[Mistake]:
    """The wrong predictions that the model was surest of, the surest first."""
    given = run.predictions
    column = {genre: index for index, genre in enumerate(given.genres)}
    found = []
    for row, (clip, artist, true, predicted) in enumerate(
        zip(given.clips, given.artists, given.true, given.predicted, strict=True)
    ):
        if true not in column or predicted not in column:
            raise ValueError(
                f"{run.path / rundir.PREDICTIONS}: {clip!r} is {true!r}, predicted {predicted!r}, but the columns "
                f"are of {', '.join(given.genres)}. Train the run again."
            )
        if true != predicted:
            sure, right = given.probability_KC[row, [column[predicted], column[true]]].tolist()
            found.append(Mistake(clip, artist, true, predicted, sure, right))
    return sorted(found, key=lambda mistake: (-mistake.probability, mistake.clip))[:limit]


def reliability_bins(run: RunDir) -> tuple[list[Bin], list[Bin]]:
    """The test clips by the probability that they were given, and by that before calibration, empty without one."""
    given, temperature = run.predictions, run.metrics["temperature"]
    probability_KC = torch.from_numpy(given.probability_KC)
    correct_K = torch.tensor([true == predicted for true, predicted in zip(given.true, given.predicted, strict=True)])
    after = reliability(probability_KC.amax(dim=1), correct_K)
    if temperature is None:
        return after, []
    # log p times the temperature are the model's logits, but for a constant of each clip, which softmax drops.
    before_KC = (temperature * probability_KC.log()).softmax(dim=1)
    return after, reliability(before_KC.amax(dim=1), correct_K)


def reliability_intervals(bins: Sequence[Bin]) -> list[tuple[float, float]]:
    """Wilson's 95 % interval of the share of correct predictions in each bin."""
    return [wilson(each.correct, each.clips) for each in bins]
