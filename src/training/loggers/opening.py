"""Check, open, use and close the loggers of a run, each on its own: a failure of one does not stop the others."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger

from src.instantiate import call_with_facts
from src.training.loggers import choices, mlflow_store, wandb_run
from src.training.loggers.results import Results
from src.training.loggers.tolerant import Tolerant

EXTRAS = {choices.tensorboard: "tensorboard", choices.mlflow: "mlflow"}  # choice -> the package that its extra installs


def check(config: DictConfig) -> None:
    """Check the settings of the loggers, and for wandb online the API key, without the network.

    Raises ValueError on a setting that a logger refuses, on a missing key, and on a key that cannot be one; ImportError
    if an optional package is missing.
    """
    for name, choice in choices.chosen(config.logger).items():
        function = _function(choice)
        extra = EXTRAS.get(function)
        if extra and find_spec(extra) is None:
            raise ImportError(f"logger={name} needs an optional package. Install it with: make extra-{extra}")
        prefix = "logger" if _function_of(config) is function else f"logger.{name}"
        if function is choices.wandb:
            wandb_run.check(prefix, **_keywords(choice))
        if function is choices.mlflow:
            mlflow_store.check(prefix, **_keywords(choice))


@contextmanager
def open_loggers(
    config: DictConfig, folder: Path, sweep: str | None, resumed: bool = False
) -> Iterator[list[Tolerant]]:
    """Open the loggers of a run. They are closed at the end, so that each job of a sweep has its own wandb run.

    `sweep` is the name of the sweep, under which wandb groups its jobs; None for a single run. `resumed`: the run
    continues an interrupted one. A failure of a logger, also at its start and end, only prints a note.
    """
    facts: dict[str, Any] = {
        "folder": folder,
        "name": folder.name,
        "sweep": sweep,
        "resumed": resumed,
        "settings": OmegaConf.to_container(config, resolve=True),
    }
    with ExitStack() as stack:
        stack.enter_context(_without_logging_errors())
        opened = []
        for name, choice in choices.chosen(config.logger).items():
            function = _function(choice)
            if function is choices.wandb:
                stack.enter_context(wandb_run.own_folders(folder))
            if function is choices.mlflow:
                stack.enter_context(mlflow_store.quiet())
            logger = Tolerant(name, partial(call_with_facts, choice, **facts), folder)
            if function is choices.wandb:
                stack.push(partial(_finish_wandb, logger))
            opened.append(logger)
        yield opened


def _finish_wandb(logger: Tolerant, kind: type[BaseException] | None, *_: Any) -> None:
    wandb_run.finish(logger, failed=kind is not None)


def log_results(loggers: Sequence[Tolerant], results: Results) -> None:
    """Log the scores of a finished run, and its tables where the logger has tables."""
    for logger in loggers:
        logger.attempt(lambda opened: _log_results(opened, results))
        logger.save()


def _log_results(logger: Logger, results: Results) -> None:
    own = getattr(logger, "log_results", None)
    if own:
        own(results)
    else:
        logger.log_metrics(results.scores())


def log_files(loggers: Sequence[Tolerant], folder: Path) -> None:
    """Upload the checkpoint and the report of a finished run, where a logger is online."""
    for logger in loggers:
        logger.attempt(lambda opened: opened.log_files(folder) if hasattr(opened, "log_files") else None)


def log_sweep(group: DictConfig, folder: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Log the table of a sweep in a wandb run of its own, in the sweep's folder. `group` is the config of its logger."""
    choice = choices.chosen(group)["wandb"]
    facts: dict[str, Any] = {"folder": folder, "name": folder.name, "sweep": folder.name}
    facts |= {"resumed": False, "settings": {}, "job_type": "sweep"}
    with _without_logging_errors(), wandb_run.own_folders(folder):
        logger = Tolerant("wandb", partial(call_with_facts, choice, **facts), folder)
        try:
            wandb_run.log_sweep(logger, columns, rows)
        finally:
            wandb_run.finish(logger)


def _function(choice: Callable[..., Logger]) -> Callable[..., Logger]:
    return choice.func if isinstance(choice, partial) else choice


def _function_of(config: DictConfig) -> Any:
    return getattr(choices, str(config.logger.get("_target_")).rpartition(".")[2], None)


def _keywords(choice: Callable[..., Logger]) -> dict[str, Any]:
    return dict(choice.keywords) if isinstance(choice, partial) else {}


@contextmanager
def _without_logging_errors() -> Iterator[None]:
    """Hide errors of Python's own logging, which prints a traceback for each line that a full disk does not take."""
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    finally:
        logging.raiseExceptions = before
