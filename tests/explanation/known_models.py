"""Classifiers whose logits are a known function of the rows of the feature."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from src.classifier.classifier import Classifier
from src.explanation.model_input import ModelInput
from src.normalization import Unchanged


class Formula(nn.Module):
    """Logits (B, 2) from the mean of each row over time: that of the first genre is a function of the rows, the other 0."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, feature_BFN: Tensor) -> Tensor:
        logit_B = self.function(feature_BFN.mean(dim=2))
        return torch.stack((logit_B, torch.zeros_like(logit_B)), dim=1)

    def embed(self, feature_BFN: Tensor) -> Tensor:
        return feature_BFN.mean(dim=2)


def known_model(function: Callable[[Tensor], Tensor], mean_F: list[float]) -> ModelInput:
    """A model of the genres jazz and rock: the margin of jazz over rock is a function of the means of the rows, (B, F) -> (B,)."""
    feature: Any = nn.Identity()
    classifier = Classifier(feature, Unchanged(), Formula(function), ["jazz", "rock"])
    return ModelInput(classifier, torch.tensor(mean_F)[:, None])
