"""Mixup of examples and their genres."""

import pytest
import torch
from scipy import stats
from torch import Tensor

from src.augmentation import Mixup, Unmixed

B, F, N = 64, 5, 7


def _mixed(alpha: float = 0.4, examples: int = B, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Mix constant examples: example b has the value b and genre b, so that a target shows its two parts and shares."""
    torch.manual_seed(seed)
    feature_BFN = torch.arange(float(examples))[:, None, None].expand(-1, F, N)
    mixed: tuple[Tensor, Tensor] = Mixup(alpha)(feature_BFN, torch.eye(examples))
    return mixed


def test_targets_are_shares_of_the_example_and_of_one_other() -> None:
    _, target_BC = _mixed(alpha=2.0)
    assert torch.allclose(target_BC.sum(dim=1), torch.ones(B))
    assert (target_BC >= 0).all()
    assert ((target_BC > 0).sum(dim=1) == 2).all()
    assert (target_BC.diag() > 0).all()
    assert ((target_BC > 0).sum(dim=0) == 2).all()  # a circle: each example is mixed into one other


def test_the_feature_is_the_same_combination_as_the_target() -> None:
    feature_BFN, target_BC = _mixed()
    expected_B = target_BC @ torch.arange(float(B))
    assert torch.allclose(feature_BFN, expected_B[:, None, None].expand(-1, F, N), atol=1e-4)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_share_of_the_example_follows_the_beta_distribution(alpha: float) -> None:
    """Compare with scipy's distribution by a Kolmogorov-Smirnov test."""
    _, target_BC = _mixed(alpha, examples=1000)
    assert stats.kstest(target_BC.diag().double().numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_results_depend_on_the_torch_seed_and_the_input_batch_is_not_changed() -> None:
    feature_BFN, target_BC = torch.randn(B, F, N), torch.eye(B)
    before = feature_BFN.clone()
    torch.manual_seed(1)
    Mixup(0.4)(feature_BFN, target_BC)
    assert torch.equal(feature_BFN, before)
    assert torch.equal(target_BC, torch.eye(B))
    assert torch.equal(_mixed(seed=5)[1], _mixed(seed=5)[1])
    assert not torch.equal(_mixed(seed=5)[1], _mixed(seed=6)[1])


def test_a_batch_of_one_keeps_its_values_shape_and_dtype() -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        feature_BFN, target_BC = torch.randn(1, F, N, dtype=dtype), torch.tensor([[0.0, 1.0]])
        mixed_BFN, mixed_BC = Mixup(0.4)(feature_BFN, target_BC)
        assert torch.equal(mixed_BFN, feature_BFN)
        assert torch.equal(mixed_BC, target_BC)
        assert mixed_BFN.dtype == dtype


def test_unmixed_returns_its_input() -> None:
    feature_BFN, target_BC = torch.randn(B, F, N), torch.eye(B)
    same_BFN, same_BC = Unmixed()(feature_BFN, target_BC)
    assert same_BFN is feature_BFN
    assert same_BC is target_BC


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf")])
def test_settings_out_of_range_are_refused(alpha: float) -> None:
    message = (
        f"augmentation.mix.alpha is {alpha:g}: expected a finite number above 0. For no mixup, choose another "
        "augmentation, such as augmentation=none."
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        Mixup(alpha)
