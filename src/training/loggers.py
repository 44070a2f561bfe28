"""Loggers of a run: wandb, offline by default, or a CSV file. The only file that imports wandb."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from pytorch_lightning.loggers.logger import DummyLogger

from src import console, metrics
from src.instantiate import call_with_facts, instantiate_choice
from src.plain_files import displayable, first_line
from src.training.module import Predictions

SCORES = ("accuracy", "precision_macro", "recall_macro", "f1_macro", "nll", "ece")
GENRE_SCORES = ("recall", "precision", "f1")
FINISH_SECONDS = (
    600  # an upload that is not finished this long after the training is given up; `wandb sync` continues it
)
MOST_MATRIX_GENRES = 100  # wandb draws at most 10,000 cells
# wandb writes into these folders of the user's home, which may be missing, read-only or full, unless they are set.
FOLDERS = {
    f"WANDB_{kind.upper()}_DIR": kind for kind in ("cache", "config", "data", "artifact")
}  # variable -> folder in RUN/wandb


class Tolerant(Logger):
    """Pass everything on to another logger, until that fails: then print a note once, and log nothing more.

    A dashboard that fails never costs the result of a training.
    """

    def __init__(self, open_: Callable[[], Logger], folder: Path) -> None:
        super().__init__()
        self.folder = folder
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
                f"Note: the logger failed ({type(error).__name__}: {first_line(error)}), so nothing more is logged. "
                f"The training goes on, and {console.relative_path(self.folder)} gets all results."
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


def wandb(
    offline: bool, project: str, *, folder: Path, name: str, group: str | None, settings: dict[str, Any]
) -> Logger:
    """Log to one wandb run in `folder`/wandb with the resolved `settings`. The jobs of a sweep share a `group`."""
    import wandb as library

    # wandb's programs for jobs on other machines, which nothing here uses: importing them would take half a second.
    library.Run._detect_and_apply_job_inputs = lambda self: None  # type: ignore[method-assign]
    run = library.init(
        dir=folder,
        project=project,
        name=name,
        group=group,
        id=hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12],  # a resumed run keeps its id
        config=settings,
        mode="offline" if offline else "online",
        settings=library.Settings(
            silent=True, console="off", finish_timeout=FINISH_SECONDS, finish_timeout_raises=True
        ),
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


def check(config: DictConfig) -> None:
    """Check the settings of the logger, and for wandb online the API key, without the network.

    Raises ValueError on a setting that wandb refuses, on a missing key, and on a key that cannot be one.
    """
    choice = instantiate_choice(config.logger)
    if not isinstance(choice, partial) or choice.func is not wandb:
        return
    import wandb as library

    offline, project = choice.keywords["offline"], choice.keywords["project"]
    try:
        library.Settings(project=project)
    except (library.Error, ValueError) as error:
        raise ValueError(f"logger.project is {project!r}: {first_line(error)}. Choose another name.") from error
    if offline:
        return
    advice = "Run `wandb login`, set WANDB_API_KEY, or set logger.offline=true."
    try:
        library.setup(library.Settings(silent=True))
        has_key = library.login(prompt=False, verify=False)
    except (library.Error, ValueError) as error:
        reason = " ".join(str(error).partition("For further information")[0].split())
        raise ValueError(f"logger.offline is false, but wandb cannot log in: {reason} {advice}") from error
    finally:
        library.teardown()
    if not has_key:
        raise ValueError(f"logger.offline is false, but there is no API key of wandb. {advice}")


@contextmanager
def open_logger(config: DictConfig, folder: Path, sweep: str | None) -> Iterator[Tolerant]:
    """Open the logger of a run. It is closed at the end, so that each job of a sweep has its own wandb run.

    `sweep` is the name of the sweep, under which wandb groups its jobs; None for a single run. A failure of the logger,
    also at its start and end, only prints a note.
    """
    settings = OmegaConf.to_container(config, resolve=True)
    choice = instantiate_choice(config.logger)
    facts = {"folder": folder, "name": folder.name, "group": sweep, "settings": settings}
    is_wandb = isinstance(choice, partial) and choice.func is wandb
    with _wandb_folders(folder if is_wandb else None), _without_logging_errors():
        logger = Tolerant(lambda: call_with_facts(choice, **facts), folder)
        try:
            yield logger
        finally:
            if is_wandb:
                _finish_wandb(logger)


@contextmanager
def _without_logging_errors() -> Iterator[None]:
    """Hide errors of Python's own logging, which prints a traceback for each line that a full disk does not take."""
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    finally:
        logging.raiseExceptions = before


@contextmanager
def _wandb_folders(folder: Path | None) -> Iterator[None]:
    """Let wandb write only into `folder`/wandb; None changes nothing. Variables that the user has set are kept."""
    own = {} if folder is None else {key: folder.resolve() / "wandb" / name for key, name in FOLDERS.items()}
    own = {key: path for key, path in own.items() if key not in os.environ}
    if os.path.exists(
        os.path.expanduser("~/.config/wandb/settings")
    ):  # the user's own server, written by `wandb login`
        own.pop("WANDB_CONFIG_DIR", None)
    os.environ.update({key: str(path) for key, path in own.items()})
    try:
        yield
    finally:
        for key in own:
            os.environ.pop(key, None)


def _finish_wandb(logger: Tolerant) -> None:
    """End the wandb run, then the process that writes it: it would keep the environment of this run for the next one."""
    import wandb as library
    from wandb.sdk.lib.module import unset_globals

    logger.attempt(lambda _: library.finish())
    try:  # also after a failure
        library.teardown()
    except (Exception, SystemExit) as error:
        logger.fail(error)
    # After a failure, the run and its log file are still open, and the next job of a sweep would use them.
    unset_globals()  # type: ignore[no-untyped-call]
    log = logging.getLogger("wandb")
    for handler in [handler for handler in log.handlers if isinstance(handler, logging.FileHandler)]:
        log.removeHandler(handler)
        with suppress(OSError):
            handler.close()


def log_scores(
    logger: Tolerant,
    scores: Mapping[str, Mapping[str, Any]],
    test: Predictions,
    genres: Sequence[str],
) -> None:
    """Log the scores of each set of a finished run. wandb also gets the test set's table of genres and confusion matrix."""
    values: dict[str, float | None] = {}
    for subset, subset_scores in scores.items():
        values |= {f"{subset}/{key}": subset_scores[key] for key in SCORES}
        for name, genre_scores in subset_scores["genres"].items():
            values |= {f"{subset}/{key}/{displayable(name)}": genre_scores[key] for key in GENRE_SCORES}
    logger.log_metrics({f"best/{key}": value for key, value in values.items() if value is not None})
    if isinstance(logger.logger, WandbLogger):
        logger.attempt(lambda opened: opened.experiment.log(_wandb_tables(scores["test"]["genres"], test, genres)))


def _wandb_tables(
    genre_scores: Mapping[str, Mapping[str, Any]], test: Predictions, genres: Sequence[str]
) -> dict[str, Any]:
    """The scores of each genre and the confusion matrix, as wandb's tables and charts."""
    import wandb as library

    names = list(map(displayable, genres))
    columns = ("support", "recall", "precision", "f1", "accuracy_one_vs_rest")
    rows = [[displayable(name), *(row[key] for key in columns)] for name, row in genre_scores.items()]
    predicted_K = test.logits.argmax(dim=1)
    if len(genres) <= MOST_MATRIX_GENRES:
        matrix: Any = library.plot.confusion_matrix(
            y_true=test.genre.tolist(), preds=predicted_K.tolist(), class_names=names, title="Test clips"
        )
    else:  # as a table of the cells that are not 0
        counts_CC = metrics.confusion(predicted_K, test.genre, len(genres))
        cells = [
            [names[true], names[predicted], int(counts_CC[true, predicted])]
            for true, predicted in counts_CC.nonzero().tolist()
        ]
        matrix = library.Table(["genre", "predicted", "clips"], cells)
    return {"test/genres": library.Table(["genre", *columns], rows), "test/confusion": matrix}
