"""Time and frequency masks."""

import pytest
import torch
from torch import Tensor

from src.augmentation import Spectrogram

B, F, N = 400, 96, 130


def _masked_parts(feature_BFN: Tensor) -> tuple[Tensor, Tensor]:
    """Masked frames (B, N) and rows (B, F) of a feature of ones, after a check that nothing else was changed."""
    unmasked_BFN = feature_BFN == 1
    frames_BN, rows_BF = ~unmasked_BFN.any(dim=1), ~unmasked_BFN.any(dim=2)
    assert torch.equal(feature_BFN, 1.0 - (frames_BN[:, None, :] | rows_BF[:, :, None]).float())
    return frames_BN, rows_BF


def _masked(masks: int, time_share: float, frequency_share: float, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    masked: Tensor = Spectrogram(masks, time_share, frequency_share)(torch.ones(B, F, N))
    return masked


def _blocks(masked_BK: Tensor) -> Tensor:
    """Number of separate masked blocks in each example, (B,)."""
    return (torch.diff(masked_BK.int(), prepend=torch.zeros(len(masked_BK), 1).int()) == 1).sum(dim=1)


@pytest.mark.parametrize(("time_share", "frequency_share"), [(0.15, 0.15), (0.4, 0.1), (0.1, 0.6)])
def test_one_mask_of_each_kind_covers_up_to_its_share(time_share: float, frequency_share: float) -> None:
    frames_BN, rows_BF = _masked_parts(_masked(1, time_share, frequency_share))
    for masked_BK, share in ((frames_BN, time_share), (rows_BF, frequency_share)):
        length = masked_BK.shape[1]
        width_B = masked_BK.sum(dim=1)
        assert width_B.max() <= share * length
        assert width_B.max() >= share * length - 2  # 400 examples include widths near the limit
        assert width_B.min() == 0  # and masks of width 0
        # On average a mask has half the largest width, in whole frames.
        assert width_B.float().mean() == pytest.approx(share * length / 2, abs=1 + 0.05 * share * length)
        assert _blocks(masked_BK).max() == 1
        assert masked_BK[:, 3:-3].any(dim=0).all()  # each is masked in some example; those at the edges only rarely


def test_more_masks_give_more_blocks() -> None:
    frames_BN, rows_BF = _masked_parts(_masked(3, 0.1, 0.1))
    for masked_BK in (frames_BN, rows_BF):
        assert _blocks(masked_BK).max() == 3
        assert masked_BK.sum(dim=1).max() <= 3 * 0.1 * masked_BK.shape[1]


def test_each_example_has_its_own_masks() -> None:
    frames_BN, rows_BF = _masked_parts(_masked(1, 0.4, 0.4))
    assert len({tuple(row) for row in frames_BN.tolist()}) > B // 2
    assert len({tuple(row) for row in rows_BF.tolist()}) > B // 2


def test_the_masks_depend_on_the_torch_seed() -> None:
    first = _masked(2, 0.3, 0.3, seed=5)
    assert torch.equal(_masked(2, 0.3, 0.3, seed=5), first)
    assert not torch.equal(_masked(2, 0.3, 0.3, seed=6), first)


@pytest.mark.parametrize("settings", [(0, 0.5, 0.5), (3, 0.0, 0.0)], ids=["no masks", "share 0"])
def test_without_masks_nothing_changes(settings: tuple[int, float, float]) -> None:
    feature_BFN = torch.randn(B, F, N)
    assert torch.equal(Spectrogram(*settings)(feature_BFN), feature_BFN)


def test_time_masks_alone_leave_the_rows_whole() -> None:
    frames_BN, rows_BF = _masked_parts(_masked(1, 0.3, 0.0))
    assert frames_BN.any()
    assert not rows_BF.any()


def test_unmasked_values_and_the_input_batch_are_not_changed() -> None:
    feature_BFN = torch.randn(8, F, N)
    before = feature_BFN.clone()
    masked = Spectrogram(1, 0.3, 0.3)(feature_BFN)
    assert torch.equal(feature_BFN, before)
    assert torch.equal(masked[masked != 0], feature_BFN[masked != 0])
    assert (masked == 0).any()


@pytest.mark.parametrize("shape", [(2, 1, 1), (1, 1, 50), (3, 12, 1)])
def test_small_features_are_accepted(shape: tuple[int, int, int]) -> None:
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
