"""Majority baseline: it ignores the sound and knows the genre shares of the training clips."""

import math

import pytest
import torch
from torch import nn

from src.model.majority import Majority


def test_logits_are_the_logarithm_of_each_genres_share() -> None:
    model = Majority(counts=[30, 10, 60])
    assert model.prepare([]) == {}
    logits_BC = model(torch.randn(4, 12, 44))
    torch.testing.assert_close(logits_BC.exp(), torch.tensor([[0.3, 0.1, 0.6]]).repeat(4, 1))


def test_its_cross_entropy_is_the_entropy_of_the_genres() -> None:
    genre_B = torch.tensor([0] * 3 + [1] * 1 + [2] * 6)
    loss = nn.functional.cross_entropy(Majority(counts=[3, 1, 6])(torch.zeros(10, 1, 1)), genre_B)
    assert float(loss) == pytest.approx(-sum(p * math.log(p) for p in (0.3, 0.1, 0.6)), rel=1e-5)


def test_a_genre_without_training_clips_is_one_in_a_million() -> None:
    logits_BC = Majority(counts=[4, 0])(torch.zeros(1, 1, 1))
    assert float(logits_BC[0, 1]) == pytest.approx(math.log(1e-6))


def test_it_has_no_parameter_and_can_be_saved_and_loaded() -> None:
    model, other = Majority(counts=[3, 1]), Majority(counts=[1, 1])
    assert not list(model.parameters())
    other.load_state_dict(model.state_dict())
    assert torch.equal(model(torch.zeros(2, 1, 1)), other(torch.zeros(2, 1, 1)))
