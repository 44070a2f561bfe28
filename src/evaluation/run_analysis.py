"""Analysis of one finished run: majority baseline, confusions, mistakes, intervals of recall, reliability bins."""

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
    """The most frequent genre of the training clips, and the test accuracy (0 to 1) of always predicting it.

    If several genres are equally frequent, the first in the alphabet is used. Raises ValueError if there are no training clips.
    """
    if run.is_evaluation:
        counts = Counter(run.metrics[rundir.EVALUATION]["training_clips"])
    else:
        counts = Counter(str(row["genre"]) for row in run.split if row["set"] == "train")
    if not counts:
        raise ValueError(
            f"{run.path / rundir.SPLIT} lists no training clips: expected at least one. Train the run again."
        )
    genre = min(counts, key=lambda name: (-counts[name], name))
    row = run.metrics["test"]["genres"].get(genre)
    return genre, row["support"] / run.metrics["test"]["clips"] if row else 0.0


def epoch_selected_on_validation(run: RunDir) -> bool:
    """Return True if the evaluated epoch was selected by its score on the validation clips."""
    return run.metrics["best_epoch"] is not None and nested.get(run.config, "trainer.checkpoint") != "last"


def recall_interval(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a genre's recall, in shares; None if the genre has no test clips.

    `row` is the genre's entry of `genres` in metrics.json.
    """
    if not row["support"] or row["recall"] is None:
        return None
    return wilson(round(row["recall"] * row["support"]), row["support"])


def extreme_genres(genres: Mapping[str, Mapping[str, Any]], each: int) -> tuple[list[str], list[str]]:
    """The `each` genres with the lowest F1 and those with the highest, both from low to high; no genre is in both.

    `genres` is the object of this name in metrics.json. Genres without clips and predictions have no F1 and are left out.
    """
    by_f1 = sorted((genre for genre, row in genres.items() if row["f1"] is not None), key=lambda g: genres[g]["f1"])
    return by_f1[:each], by_f1[each:][-each:]


@dataclass(frozen=True)
class Confusion:
    """`clips` of the `support` test clips of genre `true` were predicted as genre `predicted`."""

    true: str
    predicted: str
    clips: int
    support: int


def confusions(run: RunDir, limit: int = 5) -> list[Confusion]:
    """List up to `limit` pairs of a true and a wrong predicted genre, those with the most clips first."""
    genres, counts_CC = run.confusion
    pairs = [
        (int(counts_CC[true, predicted]), true, predicted)
        for true, predicted in np.argwhere(counts_CC).tolist()
        if true != predicted
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    return [
        Confusion(genres[true], genres[predicted], clips, int(counts_CC[true].sum()))
        for clips, true, predicted in pairs[:limit]
    ]


LIKELIEST = 3  # genres that the report shows for a clip


@dataclass(frozen=True)
class Answer:
    """A prediction for a test clip; `probability` is that of the predicted genre, 0 to 1.

    `likeliest` are the LIKELIEST genres with the highest probabilities, each with its probability.
    """

    clip: str
    artist: str | None
    true: str
    predicted: str
    probability: float
    probability_true: float
    likeliest: tuple[tuple[str, float], ...]


def answers(run: RunDir) -> list[Answer]:
    """List the predictions for all test clips, in descending order of the probability of the predicted genre."""
    predictions = run.predictions
    column = {genre: index for index, genre in enumerate(predictions.genres)}
    order_KC = np.argsort(-predictions.probability_KC, axis=1, kind="stable")[:, :LIKELIEST]
    found = []
    for row, (clip, artist, true, predicted) in enumerate(
        zip(predictions.clips, predictions.artists, predictions.true, predictions.predicted, strict=True)
    ):
        probability_C = predictions.probability_KC[row]
        likeliest = tuple((predictions.genres[k], float(probability_C[k])) for k in order_KC[row].tolist())
        probability, probability_true = probability_C[[column[predicted], column[true]]].tolist()
        found.append(Answer(clip, artist, true, predicted, probability, probability_true, likeliest))
    return sorted(found, key=lambda answer: (-answer.probability, answer.clip))


def mistakes(run: RunDir, limit: int = 10) -> list[Answer]:
    """List the `limit` wrong predictions with the highest probability, in descending order."""
    return [answer for answer in answers(run) if answer.true != answer.predicted][:limit]


def reliability_bins(run: RunDir) -> tuple[list[Bin], list[Bin]]:
    """Reliability bins of the test clips, after and before calibration; without calibration the second list is empty."""
    predictions, temperature = run.predictions, run.metrics["temperature"]
    probability_KC = torch.from_numpy(predictions.probability_KC)
    correct_K = torch.tensor(
        [true == predicted for true, predicted in zip(predictions.true, predictions.predicted, strict=True)]
    )
    after = reliability(probability_KC.amax(dim=1), correct_K)
    if temperature is None:
        return after, []
    # The temperature times log p is the model's logits up to a constant per clip, which softmax removes.
    before_KC = (temperature * probability_KC.log()).softmax(dim=1)
    return after, reliability(before_KC.amax(dim=1), correct_K)


def reliability_intervals(bins: Sequence[Bin]) -> list[tuple[float, float]]:
    """Wilson's 95 % interval of the share of correct predictions in each bin."""
    return [wilson(one_bin.correct, one_bin.clips) for one_bin in bins]
