"""Choices of the config group `logger`: each opens one logger of a run; `many` names several."""

import csv as csv_file
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from pytorch_lightning.loggers import CSVLogger, Logger
from pytorch_lightning.loggers.logger import DummyLogger

from src.instantiate import instantiate_choice
from src.settings.values import did_you_mean
from src.training.loggers.results import axis


def wandb(
    offline: bool | None,
    project: str | None,
    entity: str | None,
    tags: Sequence[str] | None,
    group: str | None,
    job_type: str | None,
    notes: str | None,
    media: bool,
    artifacts: bool,
    *,
    folder: Path,
    name: str,
    sweep: str | None,
    resumed: bool,
    settings: dict[str, Any],
) -> Logger:
    """Log to one wandb run in `folder`/wandb with the resolved `settings`. See `wandb_run.open_run`."""
    from src.training.loggers import wandb_run

    run = wandb_run.open_run(
        folder,
        offline=offline,
        project=project,
        entity=entity,
        tags=tags,
        group=group,
        job_type=job_type,
        notes=notes,
        name=name,
        sweep=sweep,
        settings=settings,
        resumed=resumed,
    )
    return wandb_run.WandbRun(run, folder, media, artifacts)


def tensorboard(*, folder: Path, settings: dict[str, Any]) -> Logger:
    """Log curves, scores and tables for TensorBoard into `folder`/tensorboard. Needs an extra."""
    from src.training.loggers.tensorboard_files import TensorBoardFiles

    return TensorBoardFiles(folder, settings)


def mlflow(
    tracking_uri: str | None,
    experiment: str | None,
    *,
    folder: Path,
    name: str,
    sweep: str | None,
    settings: dict[str, Any],
) -> Logger:
    """Log to one MLflow run, by default in the database `folder`/mlflow.db. Needs an extra."""
    from src.training.loggers.mlflow_store import MlflowStore

    return MlflowStore(tracking_uri, experiment, folder, name, sweep, settings)


class CsvTable(CSVLogger):
    """A table of all curves and scores: one row per epoch, and a last row with the scores."""

    def __init__(self, folder: Path, resumed: bool) -> None:
        super().__init__(folder, name="csv", version="")
        path = folder / "csv" / "metrics.csv"
        # Lightning deletes the rows of an earlier part: read them before, and write them again.
        earlier = list(csv_file.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []
        path.unlink(missing_ok=True)
        for row in earlier if resumed else []:
            values = {key: float(value) for key, value in row.items() if value and key != "step"}
            super().log_metrics(values, int(row["step"]))  # type: ignore[arg-type]

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        super().log_metrics({axis(metrics): step, **metrics} if step is not None else metrics, step)


def csv(*, folder: Path, resumed: bool = False) -> Logger:
    """Log to a table of all curves and scores, `folder`/csv/metrics.csv."""
    return CsvTable(folder, resumed)


def none() -> Logger:
    """Log nothing. The results are in the run directory only."""
    return DummyLogger()


def many(
    names: Sequence[str],
    wandb: Callable[..., Logger],
    tensorboard: Callable[..., Logger],
    mlflow: Callable[..., Logger],
    csv: Callable[..., Logger],
) -> Logger:
    """Several loggers at once: those that `names` lists. `chosen` takes them apart, so this is never called."""
    raise AssertionError("logger=many is opened one logger at a time")


def chosen(group: DictConfig) -> dict[str, Callable[..., Logger]]:
    """The loggers that a config names, each still to be opened: {"wandb": ..., "tensorboard": ...}.

    Raises ValueError if logger.names lists no logger, an unknown one, or one twice.
    """
    choice = instantiate_choice(group)
    if not isinstance(choice, partial):
        return {"": choice}
    if choice.func is not many:
        return {} if choice.func is none else {choice.func.__name__: choice}
    choices = {**choice.keywords}
    names = list(choices.pop("names"))
    for name in names:
        if name not in choices:
            raise ValueError(
                f"logger.names has {name!r}: {did_you_mean(name, list(choices))}Expected a list of {', '.join(choices)}, e.g. "
                "logger.names=[wandb,tensorboard]."
            )
    if not names or len({*names}) < len(names):
        raise ValueError(
            f"logger.names is [{','.join(names)}]: expected one or more of {', '.join(choices)}, each once. For no logger: "
            "logger=none."
        )
    return {name: choices[name] for name in names}
