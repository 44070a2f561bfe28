"""Seconds of an epoch: ours with wandb, a bare loop over the same parts, and a plain Lightning script."""

import itertools
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import pytorch_lightning as lightning
import torch
from omegaconf import DictConfig
from pytorch_lightning.loggers import WandbLogger

from benchmarks.speed import bare_loop, plain_lightning
from benchmarks.speed.experiment import compose
from benchmarks.speed.figures import Figure, values_in_turn
from benchmarks.speed.shares import Shares
from src import rundir
from src.data.datamodule import GenreData
from src.training import loggers, setup
from src.training.callbacks import History, ProgressBar
from src.training.curves import Curves
from src.training.module import GenreModule

RECIPES = {"cnn": "model=cnn", "rnn": "model=rnn", "hybrid": "model=hybrid", "best": "experiment=best"}
EPOCHS, TURNS = 3, 3  # the first epoch of each training is not timed: it builds and warms what the others use
CPU_LIMIT, GPU_LIMIT = 1.05, 1.10


def figures(folder: Path) -> list[Figure]:
    found: list[Figure] = []
    limit = GPU_LIMIT if torch.cuda.is_available() else CPU_LIMIT
    for name, choice in RECIPES.items():
        config = compose(choice, f"trainer.max_epochs={EPOCHS}")
        data = setup.compose_data(config)
        works: dict[str, Callable[[], list[float]]] = {
            "ours": partial(our_epochs, config, data, folder),
            "bare": partial(bare_loop.epochs, config, data),
        }
        if name == "cnn":
            works["plain"] = partial(plain_lightning.epochs, config, data)
        seconds = values_in_turn(works, TURNS)
        found.append(
            Figure("train", f"{name}: epoch", seconds["ours"], "s", "bare loop", seconds["bare"], at_most=limit)
        )
        if name == "cnn":
            found.append(
                Figure("train", f"{name}: epoch", seconds["ours"], "s", "plain Lightning script", seconds["plain"])
            )
        parts = shares(config, data, folder)
        epoch = parts.pop("epoch")
        found += [Figure("train", f"{name}: {part}", value, "s", "epoch", epoch) for part, value in parts.items()]
    return found


def our_epochs(config: DictConfig, data: GenreData, folder: Path) -> list[float]:
    """Train as the program does, with its logger, callbacks and checkpoints -> the seconds of each epoch but the first.

    Raises RuntimeError if wandb does not work here: the epochs would be too fast.
    """
    run_folder = Path(mkdtemp(dir=folder))
    history = History(run_folder / rundir.HISTORY)
    _fit(config, data, run_folder, history, None)
    ends = [row["seconds"] for row in history.rows]
    return [stop - start for start, stop in itertools.pairwise(ends)]


def shares(config: DictConfig, data: GenreData, folder: Path) -> dict[str, float]:
    """Train once more and time the parts: medians of their seconds in an epoch; `epoch` is the whole."""
    run_folder = Path(mkdtemp(dir=folder))
    measured = Shares()
    _fit(config, data, run_folder, History(run_folder / rundir.HISTORY), measured)
    rows = measured.epochs()[1:]
    return {part: statistics.median(row[part] for row in rows) for part in rows[0]}


def _fit(config: DictConfig, data: GenreData, folder: Path, history: History, measured: Shares | None) -> None:
    """Fit as `src.train` does."""
    module: GenreModule = setup.build_module(config, data.genres, data.counts)
    callbacks: list[lightning.Callback] = [history, Curves(), ProgressBar()]
    with loggers.open_loggers(config, folder, None) as opened:
        trainer = setup.make_trainer(config, module, folder, opened, [*callbacks, *([measured] if measured else [])])
        if measured:
            measured.attach(trainer, module, data, opened, callbacks)
        trainer.fit(module, data)
        if "wandb" in config.logger._target_ and not isinstance(opened[0].logger, WandbLogger):
            raise RuntimeError("wandb does not work here, see above, and the epochs are to be timed with it")
