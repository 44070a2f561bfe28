"""The Lightning Trainer of an experiment: CPU threads, weight averaging, warnings of Lightning that are hidden."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging

from src.threads import limit
from src.training.callbacks import Compile
from src.training.checkpoints import AtomicCheckpoints, checkpoint_callbacks


def build_trainer(
    threads: int,
    accelerator: str,
    ema_decay: float,
    compile: bool,
    checkpoint: str,
    folder: Path,
    callbacks: Sequence[lightning.Callback] = (),
    **settings: Any,
) -> lightning.Trainer:
    """Build Lightning's Trainer with `threads` CPU threads for torch and BLAS in this process; `settings` are passed to Lightning.

    If `ema_decay` is above 0, the exponential moving average of the weights is validated and saved (Polyak and Juditsky
    1992): average = `ema_decay` * average + (1 - `ema_decay`) * weights, after each step. `compile` compiles the model with
    torch.compile. Also hides some of Lightning's warnings. Raises ValueError on a setting out of range, and on a GPU accelerator if torch finds no GPU.
    """
    if not 0 <= ema_decay < 1:
        raise ValueError(f"trainer.ema_decay is {ema_decay:g}: expected 0 or more, and less than 1.")
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"trainer.accelerator is {accelerator}, but torch finds no GPU here: use trainer.accelerator=cpu, or auto."
        )
    limit(threads)
    _silence_lightning()
    averaging = [EMAWeightAveraging(decay=ema_decay)] if ema_decay else []
    compiler = [Compile()] if compile else []
    return lightning.Trainer(
        accelerator=accelerator,
        devices=1,
        benchmark=False,  # cuDNN's benchmark chooses algorithms by speed, so the same command could give other numbers
        num_sanity_val_steps=0,
        enable_progress_bar=False,  # callbacks.ProgressBar shows the remaining time of the whole training instead
        enable_model_summary=False,
        callbacks=[*averaging, *compiler, *callbacks, *checkpoint_callbacks(folder, checkpoint)],
        plugins=[AtomicCheckpoints()],
        **settings,
    )


def _silence_lightning() -> None:
    """Hide warnings of Lightning that the user cannot act on."""
    for warning in (
        "Checkpoint directory .* exists and is not empty",  # a run directory contains more than checkpoints
        ".*does not have many workers",  # no worker is needed: the loaders yield crop ids or clip indices only
        r".*isinstance\(treespec, LeafSpec\)",  # Lightning 2.6 on torch 2.11
        ".*configure_optimizers. returned .None.",  # a model that does not use gradients
        "The number of training batches .* is smaller than the logging interval",
    ):
        warnings.filterwarnings("ignore", warning)
    for library in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
