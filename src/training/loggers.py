"""Loggers of a run: wandb, offline by default, or a CSV file. The only file that imports wandb."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from pytorch_lightning.loggers.logger import DummyLogger

from src.instantiate import call_with_facts, instantiate_choice
from src.plain_files import displayable
from src.training.module import Predictions

SCORES = ("accuracy", "precision_macro", "recall_macro", "f1_macro", "nll", "ece")
GENRE_SCORES = ("recall", "precision", "f1")


def wandb(
    offline: bool, project: str, *, folder: Path, name: str, group: str | None, settings: dict[str, Any]
) -> Logger:
    """Log to one wandb run in `folder`/wandb with the resolved `settings`. The jobs of a sweep share a `group`."""
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
    """Log to a table of all metrics, `folder`/csv/metrics.csv."""
    return CSVLogger(folder, name="csv", version="")


def none() -> Logger:
    """Log nothing. The results are in the run directory only."""
    return DummyLogger()


@contextmanager
def open_logger(config: DictConfig, folder: Path, sweep: str | None) -> Iterator[Logger]:
    """Open the logger of a run. It is closed at the end, so that each job of a sweep has its own wandb run.

    `sweep` is the name of the sweep, under which wandb groups its jobs; None for a single run.
    """
    settings = OmegaConf.to_container(config, resolve=True)
    logger: Logger = call_with_facts(
        instantiate_choice(config.logger), folder=folder, name=folder.name, group=sweep, settings=settings
    )
    try:
        yield logger
    finally:
        if isinstance(logger, WandbLogger):
            import wandb as library

            library.finish()


def log_scores(
    logger: Logger,
    scores: Mapping[str, Mapping[str, Any]],
    test: Predictions,
    genres: Sequence[str],
) -> None:
    """Log the scores of each set of a finished run. wandb also gets the test set's table of genres and confusion matrix."""
    metrics: dict[str, float | None] = {}
    for subset, subset_scores in scores.items():
        metrics |= {f"{subset}/{key}": subset_scores[key] for key in SCORES}
        for name, genre_scores in subset_scores["genres"].items():
            metrics |= {f"{subset}/{key}/{displayable(name)}": genre_scores[key] for key in GENRE_SCORES}
    logger.log_metrics({f"best/{key}": value for key, value in metrics.items() if value is not None})
    if isinstance(logger, WandbLogger):
        import wandb as library

        columns: list[str | int] = ["genre", "support", "recall", "precision", "f1", "accuracy_one_vs_rest"]
        rows = [
            [displayable(name), *(genre_scores[key] for key in columns[1:])]
            for name, genre_scores in scores["test"]["genres"].items()
        ]
        matrix = library.plot.confusion_matrix(
            y_true=test.genre.tolist(),
            preds=test.logits.argmax(dim=1).tolist(),
            class_names=list(map(displayable, genres)),
            title="Test clips",
        )
        logger.experiment.log({"test/genres": library.Table(columns, rows), "test/confusion": matrix})
