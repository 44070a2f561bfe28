"""The loss, compared with the formula."""

import numpy as np
import pytest
import torch
from torch import Tensor

from src.loss import CrossEntropy


def _formula(logits_BC: Tensor, genre_B: Tensor, smoothing: float) -> float:
    """-sum over genres of target * log softmax, averaged over the clips."""
    logits = logits_BC.double().numpy()
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    target = (1 - smoothing) * np.eye(logits.shape[1])[genre_B.numpy()] + smoothing / logits.shape[1]
    return float(-(target * log_p).sum(axis=1).mean())


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_it_is_the_formula(smoothing: float) -> None:
    logits_BC, genre_B = torch.randn(16, 7, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 7
    found = float(CrossEntropy(smoothing)(logits_BC, genre_B))
    assert found == pytest.approx(_formula(logits_BC, genre_B, smoothing), rel=1e-6)


def test_knowing_nothing_costs_the_logarithm_of_the_genres() -> None:
    assert float(CrossEntropy(0.1)(torch.zeros(3, 10), torch.tensor([0, 4, 9]))) == pytest.approx(np.log(10))


def test_coarse_logits_are_computed_on_in_float32() -> None:
    logits_BC, genre_B = (
        torch.randn(64, 10, generator=torch.Generator().manual_seed(0)).bfloat16(),
        torch.arange(64) % 10,
    )
    loss = CrossEntropy(0.1)(logits_BC, genre_B)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(_formula(logits_BC, genre_B, 0.1), rel=1e-6)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 3])
def test_smoothing_out_of_range_is_refused(smoothing: float) -> None:
    message = f"^loss.label_smoothing is {smoothing:g}: expected 0 or more, and less than 1.$"
    with pytest.raises(ValueError, match=message):
        CrossEntropy(smoothing)
