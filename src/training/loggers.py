"""Where a run's numbers are watched: wandb, offline by default, or a CSV file. The only file that speaks to wandb."""

import hashlib
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from pytorch_lightning.loggers.logger import DummyLogger
from torch import Tensor


def wandb(
    offline: bool, project: str, *, folder: Path, name: str, group: str | None, settings: dict[str, Any]
) -> Logger:
    """One wandb run in `folder`/wandb with the resolved `settings`; jobs of one sweep share a `group`."""
    import wandb as library

    run = library.init(
        dir=folder,
        project=project,
        name=name,
        group=group,
        id=hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12],  # a resumed run keeps its id
        config=settings,
        mode="offline" if offline else "online",
        settings=library.Settings(silent=True, console="off"),
    )
    run.define_metric("epoch")
    run.define_metric("*", step_metric="epoch")
    return WandbLogger(experiment=run, save_dir=folder)


def csv(*, folder: Path) -> Logger:
    """`folder`/csv/metrics.csv."""
    return CSVLogger(folder, name="csv", version="")


def none() -> Logger:
    """The null choice: the run directory alone."""
    return DummyLogger()


def show_scores(
    loggers: list[Any], sides: dict[str, dict[str, Any]], predicted: Tensor, genre: Tensor, genres: list[str]
) -> None:
    """The finished run's scores, its per-genre table and its confusion matrix on the test clips."""
    flat: dict[str, float] = {}
    for side, scores in sides.items():
        flat |= {
            f"{side}/{key}": scores[key]
            for key in ("accuracy", "precision_macro", "recall_macro", "f1_macro", "nll", "ece")
        }
        flat |= {
            f"{side}/{key}/{word}": each[key]
            for word, each in scores["genres"].items()
            for key in ("recall", "precision", "f1")
        }
    for logger in loggers:
        logger.log_metrics({f"best/{key}": value for key, value in flat.items() if value is not None})
        if isinstance(logger, WandbLogger):
            import wandb as library

            columns: list[str | int] = ["genre", "support", "recall", "precision", "f1", "accuracy_one_vs_rest"]
            rows = [[word, *(each[key] for key in columns[1:])] for word, each in sides["test"]["genres"].items()]
            matrix = library.plot.confusion_matrix(
                y_true=genre.tolist(), preds=predicted.tolist(), class_names=genres, title="Test clips"
            )
            logger.experiment.log({"test/genres": library.Table(columns, rows), "test/confusion": matrix})


def close(loggers: list[Any]) -> None:
    """End wandb's run, or all jobs of a sweep in one process would share it."""
    if any(isinstance(logger, WandbLogger) for logger in loggers):
        import wandb as library

        library.finish()
