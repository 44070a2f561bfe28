"""Masks over time and frequency."""

import pytest
import torch
from torch import Tensor

from src.augmentation import Spectrogram

B, F, N = 400, 96, 130


def _hidden(feature_BFN: Tensor) -> tuple[Tensor, Tensor]:
    """What was hidden of ones: frames (B, N) and rows (B, F), after a check that nothing else was changed."""
    shown_BFN = feature_BFN == 1
    frames_BN, rows_BF = ~shown_BFN.any(dim=1), ~shown_BFN.any(dim=2)
    assert torch.equal(feature_BFN, 1.0 - (frames_BN[:, None, :] | rows_BF[:, :, None]).float())
    return frames_BN, rows_BF


def _masked(masks: int, time_share: float, frequency_share: float, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    masked: Tensor = Spectrogram(masks, time_share, frequency_share)(torch.ones(B, F, N))
    return masked


def _stretches(hidden_BK: Tensor) -> Tensor:
    """How many separate stretches each example hides, (B,)."""
    return (torch.diff(hidden_BK.int(), prepend=torch.zeros(len(hidden_BK), 1).int()) == 1).sum(dim=1)


@pytest.mark.parametrize(("time_share", "frequency_share"), [(0.15, 0.15), (0.4, 0.1), (0.1, 0.6)])
def test_one_mask_of_each_kind_hides_up_to_its_share(time_share: float, frequency_share: float) -> None:
    frames_BN, rows_BF = _hidden(_masked(1, time_share, frequency_share))
    for hidden_BK, share in ((frames_BN, time_share), (rows_BF, frequency_share)):
        length = hidden_BK.shape[1]
        width_B = hidden_BK.sum(dim=1)
        assert width_B.max() <= share * length
        assert width_B.max() >= share * length - 2  # among 400 examples, widths near the limit occur,
        assert width_B.min() == 0  # and none at all,
        assert width_B.float().mean() == pytest.approx(
            share * length / 2, abs=1 + 0.05 * share * length
        )  # and half on average, in whole frames
        assert _stretches(hidden_BK).max() == 1
        assert hidden_BK[:, 3:-3].any(dim=0).all()  # all are hidden in some example; those at the edges seldom


def test_more_masks_hide_more_stretches() -> None:
    frames_BN, rows_BF = _hidden(_masked(3, 0.1, 0.1))
    for hidden_BK in (frames_BN, rows_BF):
        assert _stretches(hidden_BK).max() == 3
        assert hidden_BK.sum(dim=1).max() <= 3 * 0.1 * hidden_BK.shape[1]


def test_each_example_has_its_own_masks() -> None:
    frames_BN, rows_BF = _hidden(_masked(1, 0.4, 0.4))
    assert len({tuple(row) for row in frames_BN.tolist()}) > B // 2
    assert len({tuple(row) for row in rows_BF.tolist()}) > B // 2


def test_torchs_seed_decides_the_masks() -> None:
    first = _masked(2, 0.3, 0.3, seed=5)
    assert torch.equal(_masked(2, 0.3, 0.3, seed=5), first)
    assert not torch.equal(_masked(2, 0.3, 0.3, seed=6), first)


@pytest.mark.parametrize("settings", [(0, 0.5, 0.5), (3, 0.0, 0.0)], ids=["no mask", "no share"])
def test_nothing_asked_is_nothing_changed(settings: tuple[int, float, float]) -> None:
    feature_BFN = torch.randn(B, F, N)
    assert torch.equal(Spectrogram(*settings)(feature_BFN), feature_BFN)


def test_one_kind_alone_leaves_the_other_whole() -> None:
    frames_BN, rows_BF = _hidden(_masked(1, 0.3, 0.0))
    assert frames_BN.any()
    assert not rows_BF.any()


def test_what_is_shown_keeps_its_value_and_the_batch_given_is_not_written_to() -> None:
    feature_BFN = torch.randn(8, F, N)
    before = feature_BFN.clone()
    masked = Spectrogram(1, 0.3, 0.3)(feature_BFN)
    assert torch.equal(feature_BFN, before)
    assert torch.equal(masked[masked != 0], feature_BFN[masked != 0])
    assert (masked == 0).any()


@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 1, 50), (3, 12, 1)])
def test_small_features_go_through(shape: tuple[int, int, int]) -> None:
    assert Spectrogram(2, 1.0, 1.0)(torch.ones(shape)).shape == shape


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((-1, 0.1, 0.1), "augmentation.feature.masks is -1: expected 0 or more."),
        ((1, 1.5, 0.1), "augmentation.feature.time_share is 1.5: expected a share between 0 and 1."),
        ((1, 0.1, -0.1), "augmentation.feature.frequency_share is -0.1: expected a share between 0 and 1."),
    ],
)
def test_settings_out_of_range_are_refused(settings: tuple[int, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Spectrogram(*settings)
