"""Progress of a training: one bar over all its epochs, with the time that is left, or a line an epoch where piped."""

from typing import Any

import pytorch_lightning as lightning
from rich.progress import Progress, TaskID

from src import console


class Bar(lightning.Callback):
    """Counts optimizer steps; after each epoch it shows the training loss and the validation scores."""

    progress: Progress
    task: TaskID

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.progress = console.bar()
        steps = int(trainer.estimated_stepping_batches)
        self.task = self.progress.add_task("Preparing: one pass over the training clips", total=steps)
        if console.console.is_terminal:
            self.progress.start()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.progress.update(
            self.task, completed=trainer.global_step, description=f"Training, {trainer.max_epochs} epochs"
        )

    def on_train_batch_end(self, trainer: lightning.Trainer, *rest: Any) -> None:
        self.progress.update(self.task, completed=trainer.global_step)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        seen = trainer.callback_metrics
        line = f"Epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: " + ", ".join(
            f"{key} {float(seen[key]):.3f}" for key in ("train/loss", "val/loss", "val/accuracy", "val/f1_macro")
        )
        if console.console.is_terminal:
            self.progress.update(self.task, description=line)
        else:
            console.note(line)

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        if stage == "fit" and hasattr(self, "progress"):
            self.progress.stop()
