"""Lightning callbacks: history.csv, the progress bar of training, torch.compile, and several processes."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from rich.progress import Progress, TaskID

from src import console
from src.plain_files import write_csv
from src.training import ranks

COLUMNS = ("epoch", "train_loss", "val_loss", "val_accuracy", "val_f1_macro", "lr", "seconds")


class Compile(lightning.Callback):
    """Compile the model with torch.compile before training. Its first steps then take longer."""

    def setup(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        if stage == "fit":
            # Not torch.compile(model), which would rename the weights in checkpoints.
            pl_module.model.compile()  # type: ignore[union-attr]


class History(lightning.Callback):
    """Write history.csv, one row per epoch. Its column `seconds` is the total time so far, also of resumed parts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = []
        self.resumed_seconds = 0.0
        self.started = 0.0
        self.stopped: float | None = None

    @property
    def seconds(self) -> float:
        """Time of preparation, training and validation in s: until now, or until the end of training if it has ended."""
        return self.resumed_seconds + (self.stopped or time.monotonic()) - self.started

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self.resumed_seconds = state_dict["rows"], state_dict["seconds"]

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.started = time.monotonic()

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.stopped = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        metrics = trainer.callback_metrics
        self.rows.append(
            {
                "epoch": trainer.current_epoch + 1,
                "train_loss": float(metrics["train/loss"]),
                "val_loss": float(metrics["val/loss"]),
                "val_accuracy": float(metrics["val/accuracy"]),
                "val_f1_macro": float(metrics["val/f1_macro"]),
                "lr": trainer.optimizers[0].param_groups[0]["lr"],
                "seconds": round(self.seconds, 3),
            }
        )
        if trainer.is_global_zero:
            write_csv(self.path, COLUMNS, ([row[column] for column in COLUMNS] for row in self.rows))


class SeveralProcesses(lightning.Callback):
    """Training in several processes: rank 0 prepares for all, and batch normalization has one set of statistics."""

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Fit the normalization and pre-train the model on rank 0 only, and copy them to the other processes."""
        if trainer.is_global_zero:
            pl_module.on_fit_start()  # the module's own hook, which comes next, then has nothing to do
        state = {name: value.cpu() for name, value in pl_module.state_dict().items()} if trainer.is_global_zero else {}
        pl_module.load_state_dict(trainer.strategy.broadcast(state))

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        ranks.end_at_sigterm()

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._average_statistics(trainer, pl_module)

    def on_validation_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._average_statistics(trainer, pl_module)  # of the moving average of the weights, with trainer.ema_decay

    def _average_statistics(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Average the means and variances of batch normalization over the processes; each has seen its share of the crops."""
        for module in pl_module.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                for statistic in (module.running_mean, module.running_var):
                    if statistic is not None:
                        statistic.copy_(trainer.strategy.reduce(statistic.clone(), reduce_op="mean"))


class ProgressBar(lightning.Callback):
    """Show one bar over all epochs with the remaining time, and after each epoch its loss and validation scores.

    If standard error is not a terminal, print one line per epoch instead.
    """

    progress: Progress
    task: TaskID

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.progress = console.bar()
        steps = int(trainer.estimated_stepping_batches)
        self.task = self.progress.add_task("Preparing the normalization and the model", total=steps)
        if console.stderr.is_terminal:
            self.progress.start()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.progress.update(
            self.task, completed=trainer.global_step, description=f"Training, {trainer.max_epochs} epochs"
        )

    def on_train_batch_end(self, trainer: lightning.Trainer, *rest: Any) -> None:
        self.progress.update(self.task, completed=trainer.global_step)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        metrics = trainer.callback_metrics
        line = f"Epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: " + ", ".join(
            f"{key} {float(metrics[key]):.3f}" for key in ("train/loss", "val/loss", "val/accuracy", "val/f1_macro")
        )
        if console.stderr.is_terminal:
            self.progress.update(self.task, description=line)
        else:
            console.note(line)

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        if stage == "fit" and hasattr(self, "progress"):
            self.progress.stop()
