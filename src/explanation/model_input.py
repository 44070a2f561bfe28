"""Input of a model for the segments of a clip, in the form that explanations change: rows that can be replaced by their training mean.

Shapes: S segments, M of several clips, F feature rows, N values of a row, C genres, E embedding.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from src.classifier.classifier import Classifier
from src.feature.feature import Feature
from src.model.classic import Classic, log_probability, statistics
from src.model.head import Head
from src.model.tags import Tags
from src.normalization import Unchanged


@dataclass(frozen=True)
class ModelInput:
    """Input from which a model computes its logits, (S, F, N), and the training mean of each row, (F, N) or (F, 1).

    Of networks, it is the normalized feature. Of head and tags, which average over time, it is that mean: N = 1. Of svm, knn and
    few, it is the statistics of each row, standardized: its mean, deviation and mean change, N = 3. `mean_FN` is None if
    it is not known: see `needs_training_mean`.
    """

    classifier: Classifier
    mean_FN: Tensor | None

    @classmethod
    def of(cls, classifier: Classifier, training_mean_FN: Tensor | None = None) -> "ModelInput":
        """The input of a classifier. `training_mean_FN` is used only if `needs_training_mean`."""
        if needs_training_mean(classifier):
            return cls(classifier, training_mean_FN)
        rows: int = feature_of(classifier).rows
        return cls(classifier, torch.zeros(rows, 3 if isinstance(classifier.model, Classic) else 1))

    @property
    def is_small(self) -> bool:
        """True if the inputs of all clips of a set fit into memory: few values for each row."""
        return isinstance(self.classifier.model, Classic | Head | Tags)

    @torch.no_grad()
    def values(self, sound: Tensor, is_statistics: bool = False) -> Tensor:
        """The input for segments: sound (S, T), a feature (S, F, N), or statistics of it (S, 3 F) -> (S, F, N)."""
        model: Any = self.classifier.model
        if isinstance(model, Classic):
            if is_statistics:
                statistic_SE = self.classifier.normalized_statistics(sound)
            else:
                statistic_SE = statistics(self.classifier.normalized_feature(sound).float())
            return torch.stack(model.standardize(statistic_SE).chunk(3, dim=1), dim=2)
        value_SFN = self.classifier.normalized_feature(sound)
        return value_SFN.mean(dim=2, keepdim=True) if self.is_small else value_SFN

    @torch.no_grad()
    def logits(self, value_MFN: Tensor) -> Tensor:
        """Calibrated logits of each segment, (M, F, N) -> (M, C). Their mean over the segments of a clip is that of the clip."""
        model: Any = self.classifier.model
        if isinstance(model, Classic):
            logits_MC: Tensor = log_probability(model.probabilities(value_MFN.transpose(1, 2).flatten(1)))
        else:
            logits_MC = model(value_MFN)
        return logits_MC.double() / self.classifier.temperature

    @property
    def has_embedding(self) -> bool:
        """True if the model computes something between the feature and its logits, or reads tags."""
        return isinstance(self.classifier.model, Tags) or hasattr(self.classifier.model, "embed")

    @torch.no_grad()
    def embedding(self, value_SFN: Tensor) -> Tensor:
        """Embedding of a clip (E,): the mean over its segments of the input of the model's last layer.

        Of svm, knn and few it is the standardized statistics, of tags the tags.
        """
        model: Any = self.classifier.model
        if isinstance(model, Classic | Tags):
            return value_SFN.flatten(1).double().mean(dim=0)
        embedding_SE: Tensor = model.embed(value_SFN)
        return embedding_SE.double().mean(dim=0)


def needs_training_mean(classifier: Classifier) -> bool:
    """True if the training mean of the model's input does not follow from the normalization or the fitted model.

    After the standard normalization, and in the standardized statistics, the training mean of each row is 0; after that by clip,
    each row has the mean 0 in every segment. Without normalization, it must be computed from the training clips.
    """
    return isinstance(classifier.normalization, Unchanged) and not isinstance(classifier.model, Classic)


def feature_of(classifier: Classifier) -> Feature:
    feature = classifier.feature
    assert isinstance(feature, Feature)
    return feature


def margin_genres(logits_C: Tensor) -> tuple[int, int]:
    """The two genres with the largest logits: the predicted one and its rival."""
    first, second = logits_C.topk(2).indices.tolist()
    return first, second
