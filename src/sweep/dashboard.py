"""The table of a sweep as a wandb run. Hydra callback of conf/train.yaml."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from src import console
from src.sweep import jobs, names

if TYPE_CHECKING:
    from src.evaluation.pooling import Group

COLUMNS = (
    *("configuration", "runs", "accuracy", "accuracy_low", "accuracy_high", "f1_macro"),
    *("val_f1_macro", "train_seconds", "parameters"),
)


class Dashboard(Callback):
    """Log a table with one row per configuration at the end of a sweep, if its jobs log to wandb."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Log the table in a wandb run of job type sweep, in the group of the jobs. A failure only prints a note."""
        from src import rundir

        try:
            folder = Path(config.hydra.sweep.dir)
            done = [job.folder for job in jobs.read(names.notes_folder(config)) if job.f1_macro is not None]
            runs = [rundir.RunDir(folder / name, trust=None) for name in dict.fromkeys(done)]
            if runs:
                _log(folder, runs)
        except (ValueError, OSError, HydraException, OmegaConfBaseException) as error:
            console.note(f"Note: the table of the sweep is not logged. {error}")


def _log(folder: Path, runs: list[Any]) -> None:
    from src.evaluation.groups import group_by_config
    from src.training import loggers

    logger = OmegaConf.create(runs[0].config["logger"])
    if "wandb" in loggers.chosen(logger):
        loggers.log_sweep(logger, folder, COLUMNS, [row(group) for group in group_by_config(runs)])


def row(group: "Group") -> tuple[Any, ...]:
    """The row of a configuration: test scores pooled over folds and averaged over seeds, with Wilson's 95 % interval."""
    low, high = group.scores["accuracy_interval"]
    scores = (group.scores["accuracy"], low, high, group.scores["f1_macro"], group.val_f1_macro)
    return (group.label, len(group.runs), *scores, group.train_seconds, group.parameters)
