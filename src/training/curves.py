"""Curves of a training: one point per epoch, under the same names in all loggers. Lightning callback."""

import time
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.utilities.types import STEP_OUTPUT
from torch import Tensor
from torch.optim import Optimizer

from src.data.datamodule import Batch
from src.plain_files import displayable

# Computed by GenreModule, as is val/recall/<genre>.
COMPUTED = ("train/loss", "val/loss", "val/accuracy", "val/f1_macro")


class Curves(lightning.Callback):
    """Log the curves to all loggers at the end of each epoch, with the epoch, from 1, as the step.

    The gradient norm is the mean of the Euclidean norm over the steps of the epoch, before clipping; steps whose
    gradients are not finite are left out. It stays on the accelerator until the epoch ends, so that no step waits for it.
    Clips per second count the crops of all processes, without validation.
    """

    def __init__(self) -> None:
        self.norms: list[Tensor] = []
        self.clips, self.started, self.seconds = 0, 0.0, 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.norms, self.clips, self.started = [], 0, time.monotonic()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        self.clips += len(batch.genre) * trainer.world_size

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, optimizer: Optimizer
    ) -> None:
        if not trainer.loggers:
            return
        gradients = [parameter.grad for parameter in pl_module.parameters() if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            norm = norm / scaler.get_scale()  # 16-mixed with a fused optimizer, which unscales in its step
        self.norms.append(norm)

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)  # the last steps may still be in its queue
        self.seconds = time.monotonic() - self.started

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not trainer.loggers:
            return
        computed = trainer.callback_metrics
        values: dict[str, Any] = {key: float(computed[key]) for key in COMPUTED}
        values["train/lr"] = trainer.optimizers[0].param_groups[0]["lr"]
        norm_S = torch.stack(self.norms).float().cpu() if self.norms else torch.zeros(0)
        if len(finite_S := norm_S[norm_S.isfinite()]):
            values["train/gradient_norm"] = float(finite_S.mean())
        values["train/clips_per_second"] = self.clips / self.seconds
        recalls = {key: float(value) for key, value in computed.items() if key.startswith("val/recall/")}
        values |= {displayable(key): value for key, value in recalls.items()}
        for logger in trainer.loggers:
            logger.log_metrics(values, trainer.current_epoch + 1)
            logger.save()
