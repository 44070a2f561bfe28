"""A logger whose failures never stop a training."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.loggers.logger import DummyLogger

from src import console
from src.plain_files import first_line


class Tolerant(Logger):
    """Pass everything on to another logger; if that fails, print a note once, and log nothing more.

    `choice` is the name of the logger, for the note. `folder` is the run directory.
    """

    def __init__(self, choice: str, open_: Callable[[], Logger], folder: Path) -> None:
        super().__init__()
        self.choice, self.folder = choice, folder
        self.logger: Logger | None = DummyLogger()
        self.attempt(lambda _: self._open(open_))

    def _open(self, open_: Callable[[], Logger]) -> None:
        self.logger = open_()

    def attempt(self, use: Callable[[Any], object]) -> None:
        """Call a function with the logger, unless it has failed before."""
        if self.logger is None:
            return
        try:
            use(self.logger)
        except (Exception, SystemExit) as error:  # SystemExit: wandb, if its own process was killed
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Print a note on the first failure; log nothing more."""
        if self.logger is not None:
            self.logger = None
            console.note(
                f"Note: the logger {self.choice} failed ({type(error).__name__}: {first_line(error)}), so it logs nothing "
                f"more. The training goes on, and {console.relative_path(self.folder)} gets all results."
            )

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self.folder)

    @property
    def experiment(self) -> Any:
        """The wandb run, or whatever else the logger writes to; an object that does nothing after a failure."""
        opened = [DummyLogger().experiment]
        self.attempt(lambda logger: opened.append(logger.experiment))
        return opened[-1]

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.attempt(lambda logger: logger.log_metrics(metrics, step))

    def log_hyperparams(self, params: Any, *rest: Any, **settings: Any) -> None:
        self.attempt(lambda logger: logger.log_hyperparams(params, *rest, **settings))

    def save(self) -> None:
        self.attempt(lambda logger: logger.save())

    def finalize(self, status: str) -> None:
        self.attempt(lambda logger: logger.finalize(status))
