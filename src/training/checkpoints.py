"""Checkpoints of a training: which epoch is saved as best.ckpt, and how files are written."""

import io
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import ModelCheckpoint

from src import rundir
from src.classifier.checkpoint import load_checkpoint
from src.plain_files import write_bytes

# trainer.checkpoint -> the metric that ModelCheckpoint monitors, and its mode (highest or lowest value is best).
SELECTION_METRICS = {"val/f1_macro": ("val/f1_macro", "max"), "val/loss": ("val/loss", "min"), "last": ("epoch", "max")}


class AtomicCheckpoints(TorchCheckpointIO):
    """Write checkpoints whole. Lightning itself uses the system's temporary folder, which may be on another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        save(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Load a checkpoint to resume from. The folder may come from a stranger: Lightning itself would unpickle it."""
        return load_checkpoint(Path(path))


def save(checkpoint: dict[str, Any], path: Path) -> None:
    """Write a checkpoint whole: a killed process leaves the old file or the new one. Raises NoRoom if the disk is full."""
    # In memory first: when torch writes to a full disk itself, its error says neither that nor which file.
    content = io.BytesIO()
    torch.save(checkpoint, content)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content.getbuffer())


def checkpoint_callbacks(folder: Path, checkpoint: str) -> list[lightning.Callback]:
    """Build the callbacks that save the best epoch (the first of equals) and the last one, from which a run is resumed.

    `checkpoint` is a key of SELECTION_METRICS. Raises ValueError on another value.
    """
    if checkpoint not in SELECTION_METRICS:
        raise ValueError(f"trainer.checkpoint is {checkpoint!r}: expected {', '.join(SELECTION_METRICS)}.")
    save = partial(ModelCheckpoint, folder, enable_version_counter=False, save_on_train_epoch_end=True)
    best, last = (Path(name).stem for name in (rundir.BEST, rundir.LAST))
    monitor, mode = SELECTION_METRICS[checkpoint]
    return [save(filename=best, monitor=monitor, mode=mode), save(filename=last)]
