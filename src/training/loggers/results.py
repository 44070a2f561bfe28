"""Results of a run as loggers show them: scores by name, and rows of tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from src import metrics
from src.data.datamodule import GenreData
from src.metrics import intervals
from src.plain_files import displayable
from src.training.module import Predictions

SCORES = ("accuracy", "precision_macro", "recall_macro", "f1_macro", "nll", "ece")
RUN_FACTS = ("temperature", "best_epoch", "epochs", "parameters", "train_seconds")
GENRE_COLUMNS = (
    *("genre", "recall", "recall_low", "recall_high"),
    *("precision", "precision_low", "precision_high", "f1", "support"),
)
CLIP_COLUMNS = ("clip", "genre", "predicted", "right", "probability", "probability_of_genre")


def axis(names: Iterable[str]) -> str:
    """The unit of the step of these values: "pass" (of pre-training) or "epoch"."""
    return "pass" if any(name.startswith("prepare/") for name in names) else "epoch"


@dataclass(frozen=True)
class Results:
    """Results of a finished run: the content of metrics.json, the calibrated predictions of the test clips, the data."""

    metrics: Mapping[str, Any]
    test: Predictions
    data: GenreData

    @cached_property
    def genres(self) -> list[str]:
        """The names of the C genres as valid text."""
        return list(map(displayable, self.data.genres))

    @cached_property
    def predicted_K(self) -> Tensor:
        """The predicted genre index of each of the K test clips."""
        return self.test.logits.argmax(dim=1)

    @cached_property
    def confusion_CC(self) -> Tensor:
        """Numbers of test clips: rows are the true genres, columns the predicted genres."""
        return metrics.confusion(self.predicted_K, self.test.genre, len(self.genres))

    def scores(self) -> dict[str, float]:
        """The scores of the evaluated epoch and facts of the run, by the names that all loggers use; None is left out."""
        values: dict[str, Any] = {
            f"best/{subset}/{key}": self.metrics[subset][key] for subset in ("val", "test") for key in SCORES
        }
        low, high = self.metrics["test"]["accuracy_interval"]
        values |= {"best/test/accuracy_low": low, "best/test/accuracy_high": high}
        for name, row in self.metrics["test"]["genres"].items():
            values[f"best/test/recall/{displayable(name)}"] = row["recall"]
        values |= {key: self.metrics[key] for key in RUN_FACTS}
        return {key: value for key, value in values.items() if value is not None}

    def genre_rows(self) -> list[tuple[Any, ...]]:
        """A row for each genre, with GENRE_COLUMNS: scores in [0, 1] with Wilson's 95 % intervals over clips; None if undefined."""
        rows = []
        for k, (name, row) in enumerate(self.metrics["test"]["genres"].items()):
            correct = int(self.confusion_CC[k, k])
            recall, precision = (
                intervals.wilson(correct, int(count)) if count else (None, None)
                for count in (self.confusion_CC[k].sum(), self.confusion_CC[:, k].sum())
            )
            rows.append(
                (displayable(name), row["recall"], *recall, row["precision"], *precision, row["f1"], row["support"])
            )
        return rows

    def confusion_rows(self) -> list[tuple[str, str, int]]:
        """The pairs of true and predicted genre that occur, with their number of clips."""
        return [
            (self.genres[true], self.genres[predicted], int(self.confusion_CC[true, predicted]))
            for true, predicted in self.confusion_CC.nonzero().tolist()
        ]

    @cached_property
    def order_K(self) -> list[int]:
        """The test clips in the order of the tables: mistakes, then correct ones, each with the highest confidence first."""
        probability_K = self.test.logits.softmax(dim=1).amax(dim=1)
        return metrics.mistakes_first(probability_K, self.predicted_K == self.test.genre)

    def clip_rows(self, most: int | None = None, mistakes_only: bool = False) -> list[tuple[Any, ...]]:
        """A row for each test clip, with CLIP_COLUMNS, in the order of `order_K`."""
        probability_KC = self.test.logits.softmax(dim=1)
        rows = []
        for k in self.mistakes if mistakes_only else self.order_K:
            true, predicted = int(self.test.genre[k]), int(self.predicted_K[k])
            name = displayable(self.data.clips[int(self.test.clip[k])].name)
            probabilities = (float(probability_KC[k, predicted]), float(probability_KC[k, true]))
            rows.append((name, self.genres[true], self.genres[predicted], true == predicted, *probabilities))
        return rows[:most]

    @property
    def mistakes(self) -> Sequence[int]:
        """The test clips whose predicted genre is wrong, the highest confidence first."""
        return [k for k in self.order_K if self.predicted_K[k] != self.test.genre[k]]
