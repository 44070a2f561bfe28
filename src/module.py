"""The journey of a waveform, as a LightningModule: wave -> feature -> normalization -> model -> one answer a clip."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from src import calibration, metrics
from src.data import Batch, GenreData
from src.supply import supply


class Prepared(Protocol):
    """A normalization or a model: a module with something to fit before training, which is nothing in most."""

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit to (feature (B, F, N), genre (B,)) of the un-augmented training clips; what was seen in each pass."""

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def __call__(self, feature_BFN: Tensor) -> Tensor: ...


class Answer(NamedTuple):
    """What the model says of some clips: `clip` (B,) their numbers, `genre` (B,) the truth, `logits` (B, C)."""

    clip: Tensor
    genre: Tensor
    logits: Tensor

    def at(self, temperature: float) -> "Answer":
        """The answers with their logits divided by a temperature, in double precision, where none of them get equal."""
        return self._replace(logits=self.logits.double() / temperature)


# The buffers of calibration as they are until it is done, and in checkpoints that are older than it.
UNCALIBRATED = {"temperature": torch.tensor(1.0), "calibrated": torch.tensor(False)}


class GenreModule(lightning.LightningModule):
    """Every choice of the command line, joined. Facts come from the data; see `run.build`."""

    prepared: Tensor
    temperature: Tensor
    calibrated: Tensor

    def __init__(
        self,
        feature: nn.Module,
        normalization: Prepared,
        augmentation: dict[str, nn.Module],
        model: Prepared,
        loss: nn.Module,
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[..., LRScheduler],
        genres: Sequence[str],
        seed: int,
    ) -> None:
        super().__init__()
        self.feature, self.normalization, self.model, self.loss = feature, normalization, model, loss
        self.augmentation = nn.ModuleDict(augmentation)
        self.optimizer, self.scheduler, self.genres, self.seed = optimizer, scheduler, list(genres), seed
        self.register_buffer("prepared", torch.tensor(False))  # so that a resumed run does not prepare again
        for name, value in UNCALIBRATED.items():
            self.register_buffer(name, value.clone())
        self.passes: dict[str, list[float]] = {}  # what preparing brought, e.g. a reconstruction error a pass
        self.answers: list[Answer] = []

    @property
    def trained(self) -> bool:
        """Whether gradients train the model; otherwise all there is to learn is learned in `prepare`."""
        return any(True for _ in self.model.parameters())

    @property
    def kept(self) -> bool:
        """Whether each stretch's feature is computed once and kept: it costs much, and its sound is never changed."""
        return bool(self.feature.kept) and isinstance(self.augmentation["wave"], nn.Identity)

    @property
    def notes(self) -> list[str]:
        """What the user should know of the feature and of the model, a sentence each."""
        corpus, said = self.pretrained, list(getattr(self.model, "notes", []))
        heard = f"The feature was trained on {corpus}: whether it heard artists of these clips there is unknown."
        return [heard, *said] if corpus else said

    @property
    def pretrained(self) -> str | None:
        """What the feature was trained on before, in words; None where it was not."""
        return getattr(self.feature, "pretrained", None)

    def extract(self, sound: Tensor) -> Tensor:
        """The feature of sound (B, T) -> (B, F, N); what was kept is one already."""
        feature_BFN: Tensor = self.feature(sound.float()) if sound.dim() == 2 else sound
        return feature_BFN

    def features(self, sound: Tensor) -> Tensor:
        """The normalized feature of un-augmented sound, in float32 whatever the precision: (B, T) -> (B, F, N)."""
        with torch.autocast(sound.device.type, enabled=False):
            feature_BFN: Tensor = self.normalization(self.extract(sound))
        return feature_BFN

    def forward(self, sound: Tensor) -> Tensor:
        """Calibrated logits, the mean over S stretches of each clip by the temperature: (B, S, T) -> (B, C)."""
        logits_MC = self.model(self.features(sound.flatten(0, 1)))  # M = B * S stretches
        return logits_MC.float().reshape(*sound.shape[:2], -1).mean(dim=1) / self.temperature

    def calibrate(self, answer: Answer) -> float:
        """Fit the temperature to this module's answers on the validation clips, and return it."""
        assert not self.calibrated, "these answers were calibrated before"
        self.temperature.fill_(calibration.temperature(answer.logits, answer.genre))
        self.calibrated.fill_(True)
        return float(self.temperature)

    def on_fit_start(self) -> None:
        """Fit what is fitted rather than trained, once: the normalization, then the model."""
        if self.prepared:
            return
        self.eval()
        self.passes = {
            **self.normalization.prepare(Unaugmented(self, self.extract)),
            **self.model.prepare(Unaugmented(self, self.features)),
        }
        self.train()
        self.prepared.fill_(True)
        for logger in self.trainer.loggers:
            for name, values in self.passes.items():
                for number, value in enumerate(values, start=1):
                    logger.log_metrics({f"prepare/{name}": value, "epoch": number})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["passes"] = self.passes

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.passes = checkpoint["passes"]

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # Dropout and augmentation have an address, (seed, epoch, batch), so that a resumed run draws the same.
        state = np.random.SeedSequence([self.seed, self.current_epoch, batch_idx]).generate_state(1)
        torch.manual_seed(int(state[0]))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        sound = self.augmentation["wave"](batch.sound.flatten(0, 1))
        target_BC = nn.functional.one_hot(batch.genre, len(self.genres)).float()
        feature_BFN, target_BC = self.augmentation["mix"](self.augmentation["feature"](self.features(sound)), target_BC)
        loss: Tensor = self.loss(self.model(feature_BFN), target_BC)
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch.genre))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.answers.append(self.predict_step(batch, batch_idx))

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Answer:
        return Answer(batch.clip, batch.genre, self(batch.sound))

    def on_validation_epoch_end(self) -> None:
        answer = gather(self.answers)
        self.answers.clear()
        loss = nn.functional.cross_entropy(answer.logits, answer.genre)
        scores = metrics.score(answer.logits, answer.genre, self.genres)
        self.log("val/loss", loss, prog_bar=True)
        self.log("val/accuracy", scores["accuracy"])
        self.log("val/f1_macro", scores["f1_macro"], prog_bar=True)
        self.log_dict({f"val/recall/{genre}": each["recall"] or 0.0 for genre, each in scores["genres"].items()})

    def configure_optimizers(self) -> Any:
        if not self.trained:
            return None
        optimizer = self.optimizer(self.parameters())
        total_steps = int(self.trainer.estimated_stepping_batches)
        scheduler = supply(self.scheduler, optimizer=optimizer, total_steps=total_steps)
        interval = (
            "epoch" if isinstance(scheduler, ReduceLROnPlateau) else "step"
        )  # as often as what it watches is known
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": interval, "monitor": "val/loss"},
        }


class Unaugmented:
    """Features of the training clips as they are, batch by batch, as often as asked: (feature (B, F, N), genre (B,))."""

    def __init__(self, module: GenreModule, feature: Callable[[Tensor], Tensor]) -> None:
        self.module, self.feature = module, feature

    @torch.no_grad()
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        data: GenreData = self.module.trainer.datamodule  # type: ignore[attr-defined]
        for clip_B in data.fixed_dataloader("train"):
            batch = data.segmented(clip_B.to(self.module.device))
            yield self.feature(batch.sound.flatten(0, 1)), batch.genre.repeat_interleave(batch.sound.shape[1])


def gather(answers: Sequence[Answer]) -> Answer:
    """One answer a clip, in the order of the clips' numbers."""
    joined = Answer(*(torch.cat(parts).cpu() for parts in zip(*answers, strict=True)))
    order = joined.clip.argsort()
    return Answer(*(part[order] for part in joined))
