"""Training losses, compared with their formulas and with torch's losses."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from src.loss import CrossEntropy, Focal, Weighted

CLIPS, GENRES = 16, 7
COUNTS = [50, 40, 30, 20, 10, 5, 1]


def _logits() -> Tensor:
    return torch.randn(CLIPS, GENRES, generator=torch.Generator().manual_seed(0))


def _target() -> Tensor:
    return torch.eye(GENRES)[torch.arange(CLIPS) % GENRES]


def _mixed() -> Tensor:
    """Targets of blended examples."""
    return 0.7 * _target() + 0.3 * _target().flip(0)


all_losses = pytest.mark.parametrize(
    "loss", [CrossEntropy(0.1), Weighted(0.1, counts=COUNTS), Focal(0.0, 2.0)], ids=repr
)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("target_BC", [_target(), _mixed()], ids=["one genre", "mixed"])
def test_cross_entropy_is_the_formula(smoothing: float, target_BC: Tensor) -> None:
    """-sum over genres of target * log softmax, averaged over the clips."""
    logits = _logits().double().numpy()
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    target = (1 - smoothing) * target_BC.numpy() + smoothing / GENRES
    expected = float(-(target * log_p).sum(axis=1).mean())
    assert float(CrossEntropy(smoothing)(_logits(), target_BC)) == pytest.approx(expected, rel=1e-6)


def test_equal_logits_cost_the_logarithm_of_the_number_of_genres() -> None:
    equal_BC = torch.zeros(CLIPS, GENRES)
    for loss in (CrossEntropy(0.1), Weighted(0.1, counts=COUNTS), Focal(0.1, 0.0)):
        assert float(loss(equal_BC, _target())) == pytest.approx(np.log(GENRES))


def test_weights_act_as_in_torch() -> None:
    weight_C = torch.tensor([sum(COUNTS) / (GENRES * count) for count in COUNTS])
    expected = nn.CrossEntropyLoss(weight_C)(_logits(), _target().argmax(1))
    assert float(Weighted(0.0, counts=COUNTS)(_logits(), _target())) == pytest.approx(float(expected), rel=1e-6)


def test_equal_counts_give_plain_cross_entropy() -> None:
    plain, weighted = CrossEntropy(0.1), Weighted(0.1, counts=[12] * GENRES)
    assert float(weighted(_logits(), _mixed())) == pytest.approx(float(plain(_logits(), _mixed())), rel=1e-6)


def test_rare_genres_have_the_same_total_weight() -> None:
    """In a batch with the genre counts of training, the clips of each genre make up the same share of the sum."""
    target_BC = torch.eye(GENRES).repeat_interleave(torch.tensor(COUNTS), dim=0)
    logits_BC = torch.zeros(len(target_BC), GENRES, requires_grad=True)
    Weighted(0.0, counts=COUNTS)(logits_BC, target_BC).backward()
    assert logits_BC.grad is not None
    gradient_C = (logits_BC.grad * target_BC).sum(0)  # total gradient of each genre's clips at their own logit
    assert gradient_C == pytest.approx(gradient_C.mean().expand(GENRES), rel=1e-5)


def test_a_genre_without_clips_does_not_divide_by_zero() -> None:
    assert Weighted(0.1, counts=[3, 0])(torch.zeros(2, 2), torch.eye(2)[[0, 0]]).isfinite()


def test_focal_is_the_formula_and_gamma_0_is_cross_entropy() -> None:
    p_B = _logits().softmax(1)[torch.arange(CLIPS), _target().argmax(1)]
    expected = -((1 - p_B) ** 2 * p_B.log()).mean()
    assert float(Focal(0.0, 2.0)(_logits(), _target())) == pytest.approx(float(expected), rel=1e-5)
    plain = CrossEntropy(0.0)(_logits(), _mixed())
    assert float(Focal(0.0, 0.0)(_logits(), _mixed())) == pytest.approx(float(plain), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_gradient_of_focal_is_finite_where_predictions_are_certain(gamma: float) -> None:
    logits_BC = (1e4 * _target()).requires_grad_()
    Focal(0.0, gamma)(logits_BC, _target()).backward()
    assert logits_BC.grad is not None
    assert logits_BC.grad.isfinite().all()


@all_losses
def test_bfloat16_logits_are_converted_to_float32(loss: nn.Module) -> None:
    logits_BC = _logits().bfloat16()
    value = loss(logits_BC, _target())
    assert value.dtype == torch.float32
    assert float(value) == pytest.approx(float(loss(logits_BC.float(), _target())), rel=1e-6)


@all_losses
def test_losses_store_nothing_in_checkpoints(loss: nn.Module) -> None:
    assert not loss.state_dict()


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 3])
@pytest.mark.parametrize(
    ("loss", "facts"), [(CrossEntropy, {}), (Weighted, {"counts": COUNTS}), (Focal, {"gamma": 2.0})]
)
def test_smoothing_out_of_range_is_refused(loss: Any, facts: dict[str, Any], smoothing: float) -> None:
    message = f"^loss.label_smoothing is {smoothing:g}: expected 0 or more, and less than 1.$"
    with pytest.raises(ValueError, match=message):
        loss(smoothing, **facts)


def test_gamma_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^loss.gamma is -1: expected 0 or more\.$"):
        Focal(0.0, -1)
