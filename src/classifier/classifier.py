"""The journey of a waveform: wave -> feature -> normalization -> model -> one answer a clip."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn


class Prepared(Protocol):
    """A normalization or a model: a module with something to fit before training, which is nothing in most."""

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit to (feature (B, F, N), genre (B,)) of the un-augmented training clips; what was seen in each pass."""

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def __call__(self, feature_BFN: Tensor) -> Tensor: ...


# The buffers of calibration as they are until it is done, and in checkpoints that are older than it.
UNCALIBRATED = {"temperature": torch.tensor(1.0), "calibrated": torch.tensor(False)}


class Journey(nn.Module):
    """What a trained model is made of: all that an answer needs, and nothing that only training does."""

    temperature: Tensor
    calibrated: Tensor

    def __init__(self, feature: nn.Module, normalization: Prepared, model: Prepared, genres: Sequence[str]) -> None:
        super().__init__()
        self.feature, self.normalization, self.model, self.genres = feature, normalization, model, list(genres)
        for name, value in UNCALIBRATED.items():
            self.register_buffer(name, value.clone())

    @property
    def trained(self) -> bool:
        """Whether gradients train the model; otherwise all there is to learn is learned in `prepare`."""
        return any(True for _ in self.model.parameters())

    @property
    def pretrained(self) -> str | None:
        """What the feature was trained on before, in words; None where it was not."""
        return getattr(self.feature, "pretrained", None)

    @property
    def notes(self) -> list[str]:
        """What the user should know of the feature and of the model, a sentence each."""
        corpus, said = self.pretrained, list(getattr(self.model, "notes", []))
        heard = f"The feature was trained on {corpus}: whether it heard artists of these clips there is unknown."
        return [heard, *said] if corpus else said

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
