"""The Lightning Trainer of an experiment: threads, weight averaging, checkpoints."""

import logging
import os
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint

from src import rundir

# trainer.checkpoint -> the number that ModelCheckpoint watches, and whether more or less of it is better.
CHECKPOINTS = {"val/f1_macro": ("val/f1_macro", "max"), "val/loss": ("val/loss", "min"), "last": ("epoch", "max")}


def build_trainer(
    threads: int,
    accelerator: str,
    ema_decay: float,
    checkpoint: str,
    folder: Path,
    callbacks: Sequence[lightning.Callback] = (),
    **settings: Any,
) -> lightning.Trainer:
    """Lightning's Trainer on a fixed number of CPU threads; `settings` are Lightning's own.

    `ema_decay` above 0: the exponential moving average of the weights is validated and saved (Polyak and Juditsky 1992);
    the new weights of each step make up the share 1 - `ema_decay` of it. Raises ValueError on settings out of range, and
    where a GPU is asked for and there is none.
    """
    if not 0 <= ema_decay < 1:
        raise ValueError(f"trainer.ema_decay is {ema_decay:g}: expected 0 or more, and less than 1.")
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"trainer.accelerator is {accelerator}, but torch finds no GPU here: use trainer.accelerator=cpu, or auto."
        )
    torch.set_num_threads(threads)
    _silence_lightning()
    averaging = [EMAWeightAveraging(decay=ema_decay)] if ema_decay else []
    return lightning.Trainer(
        accelerator=accelerator,
        devices=1,
        benchmark=False,  # cuDNN must not choose by speed, or the same command gives other numbers
        num_sanity_val_steps=0,
        enable_progress_bar=False,  # ours shows the time left for the whole training
        enable_model_summary=False,
        callbacks=[*averaging, *callbacks, *checkpoint_callbacks(folder, checkpoint)],
        plugins=[AtomicCheckpoints()],
        **settings,
    )


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its place, then renames it, so that a killed process never leaves half a file.

    Lightning itself goes through the temporary folder, which may lie on another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        part = Path(f"{path}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, part)
        os.replace(part, path)


def checkpoint_callbacks(folder: Path, checkpoint: str) -> list[lightning.Callback]:
    """Save the best epoch as CHECKPOINTS says (the first of equals), and the last one, which a resumed run needs."""
    if checkpoint not in CHECKPOINTS:
        raise ValueError(f"trainer.checkpoint is {checkpoint!r}: expected {', '.join(CHECKPOINTS)}.")
    save = partial(ModelCheckpoint, folder, enable_version_counter=False, save_on_train_epoch_end=True)
    best, last = (Path(name).stem for name in (rundir.BEST, rundir.LAST))
    monitor, mode = CHECKPOINTS[checkpoint]
    return [save(filename=best, monitor=monitor, mode=mode), save(filename=last)]


def _silence_lightning() -> None:
    """Hide Lightning's remarks on matters that a user cannot change."""
    for remark in (
        "Checkpoint directory .* exists and is not empty",  # a run directory holds more than checkpoints
        ".*does not have many workers",  # none is needed: the loaders yield clip numbers only
        r".*isinstance\(treespec, LeafSpec\)",  # Lightning 2.6 on torch 2.11
        ".*configure_optimizers. returned .None.",  # for a model that is fitted, not trained
        "The number of training batches .* is smaller than the logging interval",
    ):
        warnings.filterwarnings("ignore", remark)
    for library in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
