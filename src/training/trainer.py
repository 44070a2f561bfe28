"""The Lightning Trainer of an experiment: threads, processes, weight averaging, warnings of Lightning that are hidden."""

import logging
import os
import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging
from pytorch_lightning.strategies import DDPStrategy

from src import formatting
from src.threads import limit
from src.training import ranks
from src.training.callbacks import Compile, SeveralProcesses
from src.training.checkpoints import AtomicCheckpoints, checkpoint_callbacks

# The others wait for hours if rank 0 decodes or fits a lot. Processes that wait for a failed one are ended in other ways.
LONGEST_WAIT = timedelta(days=7)


def build_trainer(
    threads: int,
    accelerator: str,
    ema_decay: float,
    compile: bool,
    checkpoint: str,
    folder: Path,
    callbacks: Sequence[lightning.Callback] = (),
    devices: int = 1,
    num_nodes: int = 1,
    strategy: str = "auto",
    **settings: Any,
) -> lightning.Trainer:
    """Build Lightning's Trainer with `threads` CPU threads for torch and BLAS in this process; `settings` are passed to Lightning.

    If `ema_decay` is above 0, the exponential moving average of the weights is validated and saved (Polyak and Juditsky
    1992): average = `ema_decay` * average + (1 - `ema_decay`) * weights, after each step. `compile` compiles the model with
    torch.compile. With several processes (`devices` on each of `num_nodes` machines), each has its gradients averaged with
    those of the others after each backward pass: `strategy` ddp, which is also what auto means. Also hides some of
    Lightning's warnings. Raises ValueError on a setting out of range, and if torch does not find the GPUs.
    """
    if not 0 <= ema_decay < 1:
        raise ValueError(f"trainer.ema_decay is {ema_decay:g}: expected 0 or more, and less than 1.")
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"trainer.accelerator is {accelerator}, but torch finds no GPU here: use trainer.accelerator=cpu, or auto."
        )
    if devices > 1 and accelerator != "cpu" and devices > (gpus := torch.cuda.device_count()):
        raise ValueError(
            f"trainer.devices is {devices}, but torch finds {formatting.count(gpus, 'GPU')} here: use trainer.devices={max(1, gpus)}, or "
            "trainer.accelerator=cpu for processes on the CPU."
        )
    limit(threads)
    _silence_lightning()
    several = devices * num_nodes > 1
    if several:
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # Lightning would set another number of threads
        # Buffers do not change in a step, except the statistics of batch normalization: see SeveralProcesses.
        settings["strategy"] = DDPStrategy(
            cluster_environment=ranks.environment(), timeout=LONGEST_WAIT, broadcast_buffers=False
        )
        settings["sync_batchnorm"] = accelerator != "cpu" and torch.cuda.is_available()  # torch has it for GPUs only
    averaging = [EMAWeightAveraging(decay=ema_decay)] if ema_decay else []
    compiler = [Compile()] if compile else []
    return lightning.Trainer(
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        use_distributed_sampler=False,  # the loaders of GenreData share the clips themselves
        benchmark=False,  # cuDNN's benchmark chooses algorithms by speed, so the same command could give other numbers
        num_sanity_val_steps=0,
        enable_progress_bar=False,  # callbacks.ProgressBar shows the remaining time of the whole training instead
        enable_model_summary=False,
        callbacks=[
            *averaging,
            *compiler,
            *callbacks,
            *([SeveralProcesses()] if several else []),  # after the averaging, whose statistics it averages too
            *checkpoint_callbacks(folder, checkpoint),
        ],
        plugins=[AtomicCheckpoints()],
        **settings,
    )


def _silence_lightning() -> None:
    """Hide warnings of Lightning that the user cannot act on."""
    for warning in (
        "Checkpoint directory .* exists and is not empty",  # a run directory contains more than checkpoints
        ".*does not have many workers",  # no worker is needed: the loaders yield crop ids or clip indices only
        r".*isinstance\(treespec, LeafSpec\)",  # Lightning 2.6 on torch 2.11
        ".*recommended to use .*sync_dist=True.*",  # validation scores are of the clips of all processes already
        ".*configure_optimizers. returned .None.",  # a model that does not use gradients
        "The number of training batches .* is smaller than the logging interval",
    ):
        warnings.filterwarnings("ignore", warning)
    for library in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
