"""Analysis of one finished run: majority baseline, confusions, mistakes, intervals of recall, reliability bins."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from src import rundir
from src.metrics import Bin, mistakes_first, reliability
from src.metrics.intervals import wilson
from src.rundir import RunDir, nested


class Baseline(NamedTuple):
    """Always predicting the most frequent genre of the training clips: the genre, and the test accuracy (0 to 1) of this.

    `equal` counts the genres that are the most frequent; of several, `genre` is the first in the alphabet.
    """

    genre: str
    accuracy: float
    equal: int


def majority_baseline(run: RunDir) -> Baseline:
    """The baseline of a run. Raises ValueError if there are no training clips."""
    if run.is_evaluation:
        counts = Counter(run.metrics[rundir.EVALUATION]["training_clips"])
    else:
        counts = Counter(str(row["genre"]) for row in run.split if row["set"] == "train")
    if not counts:
        raise ValueError(
            f"{run.path / rundir.SPLIT} lists no training clips: expected at least one. Train the run again."
        )
    most = max(counts.values())
    equal = sorted(genre for genre, clips in counts.items() if clips == most)
    row = run.metrics["test"]["genres"].get(equal[0])
    return Baseline(equal[0], row["support"] / run.metrics["test"]["clips"] if row else 0.0, len(equal))


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


def confusions(genres: Sequence[str], counts_CC: NDArray[np.int64]) -> list[Confusion]:
    """List all pairs of a true and a wrong predicted genre in a matrix (rows true), those with the most clips first."""
    pairs = [
        (int(counts_CC[true, predicted]), true, predicted)
        for true, predicted in np.argwhere(counts_CC).tolist()
        if true != predicted
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    return [
        Confusion(genres[true], genres[predicted], clips, int(counts_CC[true].sum()))
        for clips, true, predicted in pairs
    ]


def most_frequent(pairs: Sequence[Confusion]) -> list[Confusion]:
    """Those of sorted confusions that have as many clips as the first one."""
    return [pair for pair in pairs if pair.clips == pairs[0].clips]


LIKELIEST = 3  # genres that the report shows for a clip, besides the true one


@dataclass(frozen=True)
class ClipPrediction:
    """The prediction for a test clip; `probability` is that of the predicted genre, 0 to 1.

    `likeliest` are the LIKELIEST genres with the highest probabilities, and the true genre, each with its probability.
    """

    clip: str
    artist: str | None
    true: str
    predicted: str
    probability: float
    probability_true: float
    likeliest: tuple[tuple[str, float], ...]

    @property
    def correct(self) -> bool:
        return self.true == self.predicted


def clip_predictions(run: RunDir) -> list[ClipPrediction]:
    """List the predictions for all test clips: mistakes, then correct ones, each with the highest confidence first."""
    predictions = run.predictions
    column = {genre: index for index, genre in enumerate(predictions.genres)}
    order_KC = np.argsort(-predictions.probability_KC, axis=1, kind="stable")[:, :LIKELIEST]
    listed = []
    for row, (clip, artist, true, predicted) in enumerate(
        zip(predictions.clips, predictions.artists, predictions.true, predictions.predicted, strict=True)
    ):
        probability_C = predictions.probability_KC[row]
        shown = [*order_KC[row].tolist(), column[true]]
        likeliest = tuple((predictions.genres[k], float(probability_C[k])) for k in dict.fromkeys(shown))
        probability, probability_true = probability_C[[column[predicted], column[true]]].tolist()
        listed.append(ClipPrediction(clip, artist, true, predicted, probability, probability_true, likeliest))
    order = mistakes_first(
        torch.tensor([each.probability for each in listed]), torch.tensor([each.correct for each in listed])
    )
    return [listed[k] for k in order]


def contested_genres(run: RunDir) -> list[tuple[str, str, int]]:
    """The pairs of genres that people gave to the same test clip, with the number of such clips, the most frequent first."""
    pairs = Counter(pair for each in run.opinions.values() for pair in combinations(sorted(each.share), 2))
    return [(a, b, clips) for (a, b), clips in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))]


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
