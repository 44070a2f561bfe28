"""Every network of conf/model can be explained, and every copy with random weights differs."""

from typing import Any

import pytest
import torch
from torch import nn

from src.config import compose
from src.explanation import attribution, faithfulness
from src.explanation.feature_map import feature_map
from src.feature import Waveform
from src.instantiate import call_with_facts, instantiate_choice
from src.metrics.rank_correlation import spearman
from tests.explanation_models import RATE, explained, noise, sound

MODELS = ("cnn", "cnn1d", "dbn", "gru", "head", "hybrid", "lstm", "residual", "rnn", "transformer")


def network(model: str, rows: int = 32) -> nn.Module:
    """A small untrained network."""
    config = compose(f"model={model}", *([] if model == "head" else ["model.width=8"])).model
    torch.manual_seed(0)
    built: nn.Module = call_with_facts(instantiate_choice(config), rows=rows, frames=44, genres=3)
    return built.eval()


@pytest.mark.parametrize("model", MODELS)
def test_a_network_is_explained_by_its_gradients(model: str) -> None:
    found = explained(network(model))
    inputs = feature_map(found, sound(found, noise(2.0)))
    relevance_SFN, gap = attribution.integrated_gradients(inputs, 0)
    assert relevance_SFN.shape == inputs.value_SFN.shape
    assert bool(relevance_SFN.isfinite().all())
    assert float(relevance_SFN.abs().sum()) > 0
    assert gap is not None


@pytest.mark.parametrize("model", MODELS)
def test_a_copy_with_random_weights_answers_differently(model: str) -> None:
    own: Any = network(model)
    other = faithfulness.random_network(own, seed=1)
    assert other is not None
    feature = torch.randn(20, 32, 44)
    with torch.no_grad():
        assert abs(spearman(own(feature).numpy(), other(feature).numpy())) < 0.99


def test_a_waveform_is_explained_over_time() -> None:
    found = explained(network("cnn1d", rows=1), Waveform(RATE))
    inputs = feature_map(found, sound(found, noise(2.0)))
    relevance_SFN, _ = attribution.integrated_gradients(inputs, 0, steps=4)
    assert inputs.whole(relevance_SFN).shape == (1, inputs.columns)
