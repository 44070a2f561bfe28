"""Results of the best epoch of a training, for the files of the run and its report."""

from typing import Any, NamedTuple

from src.training.embedding import Embeddings
from src.training.module import Predictions


class Evaluation(NamedTuple):
    """The calibrated predictions of the test clips, the temperature, and the scores of the validation and test sets.

    `scores` are the `val` and `test` objects of metrics.json, `doubt` is the object of this name; `best_epoch` counts from 1.
    `embeddings` has those of the clips that doubt needed.
    """

    test: Predictions
    temperature: float
    scores: dict[str, dict[str, Any]]
    best_epoch: int
    doubt: dict[str, Any]
    embeddings: Embeddings
