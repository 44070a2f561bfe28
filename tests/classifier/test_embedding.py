"""Logits and embedding of a classifier in one pass."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from src.classifier.classifier import Classifier
from src.model import Head, Knn, Majority
from src.normalization import Unchanged

GENRES = ["a", "b"]


class Rows(nn.Module):
    """In place of a feature: four rows of a sound, (B, T) -> (B, 4, T / 4)."""

    def forward(self, wave_BT: Tensor) -> Tensor:
        return wave_BT.reshape(len(wave_BT), 4, -1)


class OwnForward(Head):
    """A head of the user's own, whose logits are not those of the embedding alone."""

    def forward(self, feature_BFN: Tensor) -> Tensor:
        return -super().forward(feature_BFN)


def classifier(model: Any) -> Classifier:
    return Classifier(Rows(), Unchanged(), model, GENRES).eval()


def head(kind: type[Head] = Head) -> Head:
    return kind(hidden=0, dropout=0.5, activation="relu", l2=0.1, rows=4, genres=2)


def sound() -> Tensor:
    return torch.rand(3, 5, 40, generator=torch.Generator().manual_seed(0))  # 3 clips of 5 segments


def test_a_networks_embedding_is_the_mean_of_its_segments() -> None:
    network = classifier(head())
    logits_BC, embedding_BE = network.with_embedding(sound())
    assert embedding_BE is not None
    torch.testing.assert_close(embedding_BE, sound().reshape(3, 5, 4, 10).mean(dim=(1, 3)))
    assert torch.equal(logits_BC, network(sound()))


def test_a_classic_model_gives_its_standardized_statistics() -> None:
    model = Knn(neighbours=1, weights="uniform", metric="euclidean", rows=4, genres=2)
    model.prepare([(torch.rand(6, 4, 10), torch.tensor([0, 1] * 3))])
    logits_BC, embedding_BE = classifier(model).with_embedding(sound())
    assert logits_BC.shape == (3, 2)
    assert embedding_BE is not None
    assert embedding_BE.shape == (3, 12)


@pytest.mark.parametrize("model", [head(OwnForward), Majority(counts=[1, 2])])
def test_a_model_with_a_forward_of_its_own_has_no_embedding(model: Any) -> None:
    own = classifier(model)
    logits_BC, embedding_BE = own.with_embedding(sound())
    assert embedding_BE is None
    torch.testing.assert_close(
        logits_BC, own.model(own.normalized_feature(sound().flatten(0, 1))).reshape(3, 5, 2).mean(1)
    )
