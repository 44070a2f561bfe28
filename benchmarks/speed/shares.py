"""Shares of an epoch: data, features, model, logging, and what is left for Lightning."""

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as lightning
import torch

from src.data.datamodule import GenreData
from src.training.loggers import Tolerant
from src.training.module import GenreModule

PARTS = ("data", "features", "model", "logging")


class Shares(lightning.Callback):
    """Times the methods that belong to each part. A method within another one counts for its own part only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.inner: list[float] = []  # seconds of the methods that were called by each running one
        self.marks: list[dict[str, float]] = []  # at each start of an epoch, and at the end

    def attach(
        self,
        trainer: lightning.Trainer,
        module: GenreModule,
        data: GenreData,
        opened: Sequence[Tolerant],
        callbacks: Sequence[lightning.Callback],
    ) -> None:
        """Wrap the methods of one training. Logging includes the scores of the epoch, the progress bar and checkpoints."""
        for name in ("crop_batch", "segment_batch"):
            self._wrap(data, name, "data")
        self._wrap(module, "normalized_feature", "features")
        for augmentation in module.augmentation.values():
            self._wrap(augmentation, "forward", "features")
        self._wrap(module, "optimizer_step", "model")
        self._wrap(module, "validation_step", "model")
        self._wrap(module, "on_validation_epoch_end", "logging")
        for logger in opened:
            self._wrap(logger, "log_metrics", "logging")
        self._wrap(trainer, "save_checkpoint", "logging")
        for callback in callbacks:
            for name in ("on_train_batch_end", "on_train_epoch_end"):
                self._wrap(callback, name, "logging")

    def _wrap(self, target: object, name: str, part: str) -> None:
        method: Callable[..., Any] = getattr(target, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            self.inner.append(0.0)
            start = time.perf_counter()
            result = method(*arguments, **named)
            if torch.cuda.is_available():
                torch.cuda.synchronize()  # or the time would be that of the launch
            elapsed = time.perf_counter() - start
            self.seconds[part] += elapsed - self.inner.pop()
            if self.inner:
                self.inner[-1] += elapsed
            return result

        setattr(target, name, timed)

    def _mark(self) -> None:
        self.marks.append({"epoch": time.perf_counter(), **{part: self.seconds[part] for part in PARTS}})

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._mark()

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._mark()

    def epochs(self) -> list[dict[str, float]]:
        """The seconds of the parts of each epoch; `epoch` is the whole, `the rest` what no part has."""
        rows = []
        for start, stop in itertools.pairwise(self.marks):
            row = {part: stop[part] - start[part] for part in ("epoch", *PARTS)}
            row["the rest (Lightning)"] = row["epoch"] - sum(row[part] for part in PARTS)
            rows.append(row)
        return rows
