"""The losses, compared with their formulas and with torch's."""

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


ALL = pytest.mark.parametrize("loss", [CrossEntropy(0.1), Weighted(0.1, counts=COUNTS), Focal(0.0, 2.0)], ids=repr)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("target_BC", [_target(), _mixed()], ids=["one genre", "mixed"])
def test_cross_entropy_is_the_formula(smoothing: float, target_BC: Tensor) -> None:
    """-sum over genres of target * log softmax, averaged over the clips."""
    logits = _logits().double().numpy()
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    target = (1 - smoothing) * target_BC.numpy() + smoothing / GENRES
    expected = float(-(target * log_p).sum(axis=1).mean())
    assert float(CrossEntropy(smoothing)(_logits(), target_BC)) == pytest.approx(expected, rel=1e-6)


def test_knowing_nothing_costs_the_logarithm_of_the_genres() -> None:
    nothing_BC = torch.zeros(CLIPS, GENRES)
    for loss in (CrossEntropy(0.1), Weighted(0.1, counts=COUNTS), Focal(0.1, 0.0)):
        assert float(loss(nothing_BC, _target())) == pytest.approx(np.log(GENRES))


def test_weights_are_those_of_torch() -> None:
    weight_C = torch.tensor([sum(COUNTS) / (GENRES * count) for count in COUNTS])
    expected = nn.CrossEntropyLoss(weight_C)(_logits(), _target().argmax(1))
    assert float(Weighted(0.0, counts=COUNTS)(_logits(), _target())) == pytest.approx(float(expected), rel=1e-6)


def test_even_counts_weigh_nothing() -> None:
    plain, weighted = CrossEntropy(0.1), Weighted(0.1, counts=[12] * GENRES)
    assert float(weighted(_logits(), _mixed())) == pytest.approx(float(plain(_logits(), _mixed())), rel=1e-6)


def test_every_genre_weighs_the_same_however_rare() -> None:
    """Over a batch with the genres as common as in training, each genre's clips make up the same share of the sum."""
    target_BC = torch.eye(GENRES).repeat_interleave(torch.tensor(COUNTS), dim=0)
    logits_BC = torch.zeros(len(target_BC), GENRES, requires_grad=True)
    Weighted(0.0, counts=COUNTS)(logits_BC, target_BC).backward()
    assert logits_BC.grad is not None
    own_C = (logits_BC.grad * target_BC).sum(0)  # how much each genre's clips raise their own logit
    assert own_C == pytest.approx(own_C.mean().expand(GENRES), rel=1e-5)


def test_a_genre_without_clips_is_no_division_by_zero() -> None:
    assert Weighted(0.1, counts=[3, 0])(torch.zeros(2, 2), torch.eye(2)[[0, 0]]).isfinite()


def test_focal_is_the_formula_and_gamma_0_is_cross_entropy() -> None:
    p_B = _logits().softmax(1)[torch.arange(CLIPS), _target().argmax(1)]
    expected = -((1 - p_B) ** 2 * p_B.log()).mean()
    assert float(Focal(0.0, 2.0)(_logits(), _target())) == pytest.approx(float(expected), rel=1e-5)
    plain = CrossEntropy(0.0)(_logits(), _mixed())
    assert float(Focal(0.0, 0.0)(_logits(), _mixed())) == pytest.approx(float(plain), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_has_a_slope_where_all_is_known(gamma: float) -> None:
    logits_BC = (1e4 * _target()).requires_grad_()
    Focal(0.0, gamma)(logits_BC, _target()).backward()
    assert logits_BC.grad is not None
    assert logits_BC.grad.isfinite().all()


@ALL
def test_coarse_logits_are_computed_on_in_float32(loss: nn.Module) -> None:
    coarse_BC = _logits().bfloat16()
    found = loss(coarse_BC, _target())
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(loss(coarse_BC.float(), _target())), rel=1e-6)


@ALL
def test_nothing_of_a_loss_is_kept_in_checkpoints(loss: nn.Module) -> None:
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
