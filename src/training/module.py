"""The Lightning module: a classifier with augmentation, a loss, an optimizer and validation scores."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from src import metrics
from src.classifier.classifier import Classifier
from src.data.datamodule import Batch, GenreData
from src.instantiate import call_with_facts
from src.metrics import calibration


class Predictions(NamedTuple):
    """Predictions for B clips: `clip` (B,) the clip indices, `genre` (B,) the true genre indices, `logits` (B, C)."""

    clip: Tensor
    genre: Tensor
    logits: Tensor

    def with_temperature(self, temperature: float) -> "Predictions":
        """Divide the logits by a temperature -> new predictions, in double precision to avoid ties from rounding."""
        return self._replace(logits=self.logits.double() / temperature)


class GenreModule(Classifier, lightning.LightningModule):
    """Classifier, augmentation, loss, optimizer and scheduler. `parts` are the arguments of Classifier.

    `setup.build_module` builds it from a config.
    """

    prepared: Tensor

    def __init__(
        self,
        augmentation: dict[str, nn.Module],
        loss: nn.Module,
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[..., LRScheduler],
        seed: int,
        **parts: Any,
    ) -> None:
        super().__init__(**parts)
        self.augmentation, self.loss = nn.ModuleDict(augmentation), loss
        self.optimizer, self.scheduler, self.seed = optimizer, scheduler, seed
        self.register_buffer("prepared", torch.tensor(False))  # so that a resumed run does not prepare again
        self.passes: dict[str, list[float]] = {}  # values that `prepare` returns, e.g. a reconstruction error per pass
        self.validation_predictions: list[Predictions] = []  # of this epoch

    @property
    def caches_feature(self) -> bool:
        """True if the feature of each segment is computed once and cached: it is costly, and the sound is not augmented."""
        return bool(self.feature.cached) and isinstance(self.augmentation["wave"], nn.Identity)

    def calibrate(self, validation: Predictions) -> float:
        """Fit the temperature to this module's predictions for the validation clips, set it in the module, and return it."""
        assert not self.calibrated, "the module is calibrated already"
        self.temperature.fill_(calibration.temperature(validation.logits, validation.genre))
        self.calibrated.fill_(True)
        return float(self.temperature)

    def on_fit_start(self) -> None:
        """Prepare the normalization, then the model (a model without gradients is fitted here). A resumed run skips this."""
        if self.prepared:
            return
        self.eval()
        self.passes = {**self._prepare_normalization(), **self._prepare_model()}
        self.train()
        self.prepared.fill_(True)
        for logger in self.trainer.loggers:
            for name, values in self.passes.items():
                for pass_number, value in enumerate(values, start=1):
                    logger.log_metrics({f"prepare/{name}": value}, pass_number)

    def _prepare_normalization(self) -> dict[str, list[float]]:
        data: GenreData = self.trainer.datamodule  # type: ignore[attr-defined]
        normalization: Any = self.normalization
        if data.statistics is not None and hasattr(normalization, "prepare_from_statistics"):
            return dict(normalization.prepare_from_statistics(data.training_statistics()))
        return self.normalization.prepare(UnaugmentedFeatures(self, self.raw_feature))

    def _prepare_model(self) -> dict[str, list[float]]:
        data: GenreData = self.trainer.datamodule  # type: ignore[attr-defined]
        if hasattr(self.model, "group_of_clip"):  # Few; not imported here: its code is part of its own runs only
            self.model.group_of_clip = data.training_groups
        if not self.reads_statistics:
            return self.model.prepare(UnaugmentedFeatures(self, self.normalized_feature))
        model: Any = self.model
        batches = (
            (self.normalized_statistics(statistic_BE.to(self.device)), genre_B)
            for statistic_BE, genre_B in data.training_statistics()
        )
        return dict(model.prepare_from_statistics(batches))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["passes"] = self.passes

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.passes = checkpoint["passes"]

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # Dropout and augmentation are seeded by (seed, epoch, batch, process), so that a resumed run repeats the random
        # numbers. A last number of 0 changes nothing: SeedSequence fills up with zeros.
        state = np.random.SeedSequence([self.seed, self.current_epoch, batch_idx, self.global_rank]).generate_state(1)
        torch.manual_seed(int(state[0]))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        sound = self.augmentation["wave"](batch.sound.flatten(0, 1))
        target_BC = batch.target
        if target_BC is None:
            target_BC = nn.functional.one_hot(batch.genre, len(self.genres)).float()
        feature_BFN, target_BC = self.augmentation["mix"](
            self.augmentation["feature"](self.normalized_feature(sound)), target_BC
        )
        loss: Tensor = self.loss(self.model(feature_BFN).float(), target_BC)  # the loss in float32
        self.log(
            "train/loss",
            loss,
            on_step=False,
            on_epoch=True,
            logger=False,  # `curves` logs one row per epoch
            batch_size=len(batch.genre),
            sync_dist=self.trainer.world_size > 1,
        )
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.validation_predictions.append(self.predict_step(batch, batch_idx))

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Predictions:
        return Predictions(batch.clip, batch.genre, self(batch.sound))

    def on_validation_epoch_end(self) -> None:
        predictions = join(self.validation_predictions)
        self.validation_predictions.clear()
        loss = nn.functional.cross_entropy(predictions.logits, predictions.genre)
        scores = metrics.score(predictions.logits, predictions.genre, self.genres)
        values = {"val/loss": loss, "val/accuracy": scores["accuracy"], "val/f1_macro": scores["f1_macro"]}
        values |= {f"val/recall/{genre}": row["recall"] or 0.0 for genre, row in scores["genres"].items()}
        self.log_dict(values, logger=False)

    def configure_optimizers(self) -> Any:
        if not self.uses_gradients:
            return None
        optimizer = self.optimizer(self.parameters())
        total_steps = int(self.trainer.estimated_stepping_batches)
        scheduler = call_with_facts(self.scheduler, optimizer=optimizer, total_steps=total_steps)
        # ReduceLROnPlateau steps once per epoch, when the validation loss is known.
        interval = "epoch" if isinstance(scheduler, ReduceLROnPlateau) else "step"
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": interval, "monitor": "val/loss"},
        }


class UnaugmentedFeatures:
    """Features of the segments of the training clips, without augmentation: batches of (feature (B, F, N), genre (B,)).

    Each iteration computes them again.
    """

    def __init__(self, module: GenreModule, feature: Callable[[Tensor], Tensor]) -> None:
        self.module, self.feature = module, feature

    @torch.no_grad()
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        data: GenreData = self.module.trainer.datamodule  # type: ignore[attr-defined]
        for clip_B in data.fixed_dataloader("train"):
            batch = data.segment_batch(clip_B, self.module.device)
            yield self.feature(batch.sound.flatten(0, 1)), batch.genre.repeat_interleave(batch.sound.shape[1])


def join(batches: Sequence[Predictions]) -> Predictions:
    """Join the predictions of all batches, and of all processes that train together.

    Returns one prediction per clip, in the order of the clip indices, the same in all processes.
    """
    joined = Predictions(*(torch.cat(tensors).cpu() for tensors in zip(*batches, strict=True)))
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        shares: list[Any] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(shares, joined)
        joined = Predictions(*(torch.cat(tensors) for tensors in zip(*shares, strict=True)))
    order = joined.clip.argsort(stable=True)
    # Some clips were repeated, so that all processes had equally many.
    order = order[joined.clip[order].diff(prepend=torch.tensor([-1])) > 0]
    return Predictions(*(tensor[order] for tensor in joined))
