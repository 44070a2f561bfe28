"""The classifier: wave -> feature -> normalization -> model -> one set of logits a clip."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn


class Prepared(Protocol):
    """A normalization or a model: a module that may have something to fit before training. Most have nothing."""

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit to (feature (B, F, N), genre (B,)) of the un-augmented training clips; return values to log, one a pass."""

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def __call__(self, feature_BFN: Tensor) -> Tensor: ...


# The buffers of calibration before it is done, and in checkpoints older than calibration.
UNCALIBRATED = {"temperature": torch.tensor(1.0), "calibrated": torch.tensor(False)}


class Classifier(nn.Module):
    """All that a prediction needs, and nothing that only training does."""

    temperature: Tensor
    calibrated: Tensor

    def __init__(self, feature: nn.Module, normalization: Prepared, model: Prepared, genres: Sequence[str]) -> None:
        super().__init__()
        self.feature, self.normalization, self.model, self.genres = feature, normalization, model, list(genres)
        for name, value in UNCALIBRATED.items():
            self.register_buffer(name, value.clone())

    @property
    def trained(self) -> bool:
        """Whether gradients train the model; otherwise `prepare` fits all of it."""
        return any(True for _ in self.model.parameters())

    @property
    def pretrained(self) -> str | None:
        """The corpus on which the feature was pretrained; None where it was not."""
        return getattr(self.feature, "pretrained", None)

    @property
    def notes(self) -> list[str]:
        """What the user should know about the feature and the model, a sentence each."""
        notes = list(getattr(self.model, "notes", []))
        if self.pretrained is None:
            return notes
        return [
            f"The feature was pretrained on {self.pretrained}: whether artists of these clips were in it is unknown.",
            *notes,
        ]

    def extract(self, sound: Tensor) -> Tensor:
        """The feature of sound (B, T) -> (B, F, N); a cached feature (B, F, N) passes through."""
        feature_BFN: Tensor = self.feature(sound.float()) if sound.dim() == 2 else sound
        return feature_BFN

    def features(self, sound: Tensor) -> Tensor:
        """The normalized feature of un-augmented sound, in float32 whatever the precision: (B, T) -> (B, F, N)."""
        with torch.autocast(sound.device.type, enabled=False):
            feature_BFN: Tensor = self.normalization(self.extract(sound))
        return feature_BFN

    def forward(self, sound: Tensor) -> Tensor:
        """Calibrated logits: the mean over the S segments of each clip, divided by the temperature: (B, S, T) -> (B, C)."""
        logits_MC = self.model(self.features(sound.flatten(0, 1)))  # M = B * S segments
        return logits_MC.float().reshape(*sound.shape[:2], -1).mean(dim=1) / self.temperature
