"""Event files for TensorBoard: curves, final scores, tables as text, and the settings in its tab HParams."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger

from src.config import leaves
from src.training.loggers.results import GENRE_COLUMNS, Results

MOST_MATRIX_GENRES = 100  # columns of the confusion matrix; a wider table is hard to read


class TensorBoardFiles(TensorBoardLogger):
    """Event files in RUN/tensorboard. A resumed run adds a file, and TensorBoard shows both as one run."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        super().__init__(folder, name="tensorboard", version="", default_hp_metric=False)
        self.settings = settings

    def log_results(self, results: Results) -> None:
        """Log the scores as points at the last epoch, two tables, and the settings with the main scores."""
        scores, step = results.scores(), int(results.metrics["epochs"])
        self.log_metrics(scores, step)
        self.experiment.add_text("test/genres", table(GENRE_COLUMNS, results.genre_rows()), step)
        if len(results.genres) <= MOST_MATRIX_GENRES:
            rows = [(name, *counts) for name, counts in zip(results.genres, results.confusion_CC.tolist(), strict=True)]
            self.experiment.add_text("test/confusion", table(("genre", *results.genres), rows), step)
        else:
            self.experiment.add_text(
                "test/confusion", table(("genre", "predicted", "clips"), results.confusion_rows()), step
            )
        main = {key: value for key, value in scores.items() if key.startswith("best/") and key.count("/") == 2}
        self.log_hyperparams({key: _plain(value) for key, value in leaves(self.settings)}, main, step)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown; numbers with a point have three decimals, None is empty."""
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)
