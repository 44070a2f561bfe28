"""Small models as explanations need them, without a run directory, for tests."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from src.classifier.classifier import Classifier
from src.clip import Clip
from src.explanation.model import ExplainedModel, ExplainedSound
from src.feature import Mel
from src.inference.recognizer import Recognizer
from src.normalization import Standard

RATE, HOP = 22050, 512
GENRES = ["jazz", "rock", "pop"]


class Weighted(nn.Module):
    """A linear model: the logit of the first genre is the sum of the feature times a weight of each row, others are 0."""

    def __init__(self, weight_F: Tensor, genres: int = 3) -> None:
        super().__init__()
        self.weight_F, self.genres = nn.Parameter(weight_F), genres

    def forward(self, feature_BFN: Tensor) -> Tensor:
        own_B = (feature_BFN * self.weight_F[:, None]).mean(dim=(1, 2))
        return torch.stack([own_B, *[torch.zeros_like(own_B)] * (self.genres - 1)], dim=1)


def explained(
    network: Any, feature: Any = None, normalization: Any = None, crop_seconds: float = 1.0
) -> ExplainedModel:
    """A model with this network on a mel spectrogram of 32 bands, or on another feature."""
    feature = feature or Mel(RATE, HOP, 1024, 32, backend="torchaudio")
    classifier = Classifier(feature, normalization or Standard(feature.rows), network, GENRES).eval()
    model = object.__new__(ExplainedModel)
    model.recognizer = Recognizer(classifier, feature.sample_rate, crop_seconds, "test")
    model.classifier, model.feature = classifier, feature
    model.device, model.genres = model.recognizer.device, GENRES
    return model


def noise(seconds: float = 3.0, seed: int = 0, rate: int = RATE) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def sound(model: ExplainedModel, wave_T: Any, name: str = "a.wav") -> ExplainedSound:
    return model.from_wave(Clip(name, Path(name), ""), wave_T)
