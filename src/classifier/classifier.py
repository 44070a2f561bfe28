"""The classifier: wave -> feature -> normalization -> model -> one set of logits per clip."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from src.classifier.doubt import Doubt


class Fittable(Protocol):
    """Interface of a normalization or a model: a module with an optional fit before training."""

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit to the training clips without augmentation: batches of (feature (B, F, N), genre (B,)).

        Returns values to log by name, one value per pass over the clips.
        """

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def __call__(self, feature_BFN: Tensor) -> Tensor: ...


# Calibration buffers of a classifier that is not calibrated. Checkpoints from before calibration existed lack them.
UNCALIBRATED = {"temperature": torch.tensor(1.0), "calibrated": torch.tensor(False)}


class Classifier(nn.Module):
    """The parts that a prediction needs; training adds the others in `GenreModule`."""

    temperature: Tensor
    calibrated: Tensor

    def __init__(self, feature: nn.Module, normalization: Fittable, model: Fittable, genres: Sequence[str]) -> None:
        super().__init__()
        self.feature, self.normalization, self.model, self.genres = feature, normalization, model, list(genres)
        self.doubt = Doubt()  # of the checkpoint, if it has any
        self.reads_statistics = False  # True: in place of sound, it gets statistics of the feature, (B, S, 3 F)
        for name, value in UNCALIBRATED.items():
            self.register_buffer(name, value.clone())

    @property
    def uses_gradients(self) -> bool:
        """True if the model is trained by gradients, False if `prepare` fits all of it."""
        return any(True for _ in self.model.parameters())

    @property
    def pretrained(self) -> str | None:
        """The corpus on which the feature was pretrained; None if it was not pretrained."""
        return getattr(self.feature, "pretrained", None)

    @property
    def has_statistics(self) -> bool:
        """True if statistics over time of the feature can take its place where only they are needed: see `src.normalization`.

        It must be frozen and have frames, and the normalization must know what it does to statistics.
        """
        feature: Any = self.feature
        frozen = not any(True for _ in feature.parameters())
        return frozen and bool(feature.hop_length > 1) and hasattr(self.normalization, "normalized_statistics")

    @property
    def notes(self) -> list[str]:
        """Notes for the user about the feature and the model, one sentence each."""
        notes = list(getattr(self.model, "notes", []))
        if self.pretrained is None:
            return notes
        return [
            f"The feature was pretrained on {self.pretrained}: whether artists of these clips were in it is unknown.",
            *notes,
        ]

    def raw_feature(self, sound: Tensor) -> Tensor:
        """Compute the feature, not normalized: sound (B, T) -> (B, F, N). A cached feature is not computed again.

        `weigh`, if the feature has it, is the part that is trained with the model, and therefore not cached.
        """
        feature: Any = self.feature
        feature_BFN: Tensor = feature(sound.float()) if sound.dim() == 2 else sound
        return feature.weigh(feature_BFN) if hasattr(feature, "weigh") else feature_BFN

    def normalized_feature(self, sound: Tensor) -> Tensor:
        """Compute the normalized feature: sound (B, T) or a cached feature -> (B, F, N). Always in float32."""
        with torch.autocast(sound.device.type, enabled=False):
            feature_BFN: Tensor = self.normalization(self.raw_feature(sound))
        return feature_BFN

    def normalized_statistics(self, statistic_BE: Tensor) -> Tensor:
        """The statistics of the normalized feature, from those of the feature: (B, 3 F) -> (B, 3 F) in float32."""
        normalization: Any = self.normalization
        statistic_BE = normalization.normalized_statistics(statistic_BE)
        return statistic_BE.float()

    def forward(self, sound: Tensor) -> Tensor:
        """Logits per clip: the mean over its S segments, divided by the temperature: (B, S, T) or (B, S, F, N) -> (B, C).

        They are calibrated only after the temperature was fitted; before, it is 1.
        """
        return self.with_embedding(sound)[0]

    def with_embedding(self, sound: Tensor) -> tuple[Tensor, Tensor | None]:
        """The logits per clip (B, C), as `forward`, and the mean embedding of its segments (B, E); None if the model has none.

        A model whose class defines its own `forward` has no embedding here, as its `forward` may not use it.
        """
        segment_M = sound.flatten(0, 1)  # M = B * S segments
        model: Any = self.model
        embedding_ME: Tensor | None = None
        if self.reads_statistics:  # a `model.classic.Classic`
            statistic_ME = self.normalized_statistics(segment_M)
            logits_MC, embedding_ME = model.from_statistics(statistic_ME), model.standardize(statistic_ME)
        elif _class_defining(model, "with_embedding") is _class_defining(model, "forward"):
            logits_MC, embedding_ME = model.with_embedding(self.normalized_feature(segment_M))
        else:
            logits_MC = model(self.normalized_feature(segment_M))
        logits_BC: Tensor = logits_MC.float().reshape(*sound.shape[:2], -1).mean(dim=1) / self.temperature
        if embedding_ME is None:
            return logits_BC, None
        return logits_BC, embedding_ME.float().reshape(*sound.shape[:2], -1).mean(dim=1)


def _class_defining(model: object, name: str) -> type | None:
    """The class of a model, or of its bases, that defines a method; None if there is none."""
    return next((kind for kind in type(model).__mro__ if name in vars(kind)), None)
