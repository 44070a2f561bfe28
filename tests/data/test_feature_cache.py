"""A feature that is computed once: what is kept, for which settings, and that an interruption loses nothing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from src.data import feature_cache
from src.data.crops import WaveformCrops
from src.data.waveform_cache import WaveformCache

CLIPS, LENGTH, SEGMENTS = 20, 50, 4
CPU = torch.device("cpu")


class Counting:
    """A feature of two rows and one frame: mean and range; it counts what it hears, and may fail at a stretch."""

    def __init__(self, fail_at: int = 10**9) -> None:
        self.heard, self.fail_at = 0, fail_at

    def __call__(self, wave_BT: Tensor) -> Tensor:
        self.heard += len(wave_BT)
        if self.heard > self.fail_at:
            raise KeyboardInterrupt
        return torch.stack((wave_BT.mean(1), wave_BT.amax(1) - wave_BT.amin(1)), dim=1)[:, :, None]


@pytest.fixture
def cutter() -> WaveformCrops:
    samples = torch.from_numpy(np.random.default_rng(0).integers(-9000, 9000, CLIPS * 200).astype(np.int16))
    offset = np.arange(CLIPS) * 200
    digest = [str(k) for k in range(CLIPS)]
    return WaveformCrops(WaveformCache([None] * CLIPS, [], samples, offset, np.full(CLIPS, 200), digest), LENGTH, False)  # type: ignore[list-item]


def prepare(cutter: WaveformCrops, cache: Path, feature: Counting, **words: object) -> feature_cache.CachedFeature:
    return feature_cache.open_or_compute(cutter, SEGMENTS, feature, words, cache, CPU)


def test_it_is_the_feature_of_the_fixed_stretches_and_computed_once(cutter: WaveformCrops, tmp_path: Path) -> None:
    feature, every_K = Counting(), torch.arange(CLIPS)
    held = prepare(cutter, tmp_path, feature)
    sound_BST = cutter.segments(every_K, SEGMENTS)
    expected_BSFN = torch.unflatten(Counting()(sound_BST.flatten(0, 1)), 0, (CLIPS, SEGMENTS))
    assert torch.equal(held.segments(every_K, SEGMENTS), expected_BSFN)
    assert torch.equal(prepare(cutter, tmp_path, feature).value, held.value)
    assert feature.heard == CLIPS * SEGMENTS


def test_other_settings_are_computed_anew(cutter: WaveformCrops, tmp_path: Path) -> None:
    feature = Counting()
    prepare(cutter, tmp_path, feature, layer="pool")
    prepare(cutter, tmp_path, feature, layer="tags")
    feature_cache.open_or_compute(cutter, 2, feature, {"layer": "tags"}, tmp_path, CPU)
    assert feature.heard == CLIPS * (SEGMENTS + SEGMENTS + 2)


@pytest.mark.parametrize("fail_at", [0, 33, 64, 79])
def test_an_interruption_loses_at_most_a_batch(cutter: WaveformCrops, tmp_path: Path, fail_at: int) -> None:
    stopped, again = Counting(fail_at), Counting()
    with pytest.raises(KeyboardInterrupt):
        prepare(cutter, tmp_path, stopped)
    held = prepare(cutter, tmp_path, again)
    assert again.heard == CLIPS * SEGMENTS - fail_at // feature_cache.BATCH * feature_cache.BATCH
    assert torch.equal(held.value, prepare(cutter, tmp_path / "other", Counting()).value)


def test_a_crop_is_one_of_the_stretches_and_has_an_address(cutter: WaveformCrops, tmp_path: Path) -> None:
    held = prepare(cutter, tmp_path, Counting())
    number_B = torch.arange(5 * CLIPS)
    crop_B1FN = held.crops(number_B, 0, 0)
    assert crop_B1FN.shape == (5 * CLIPS, 1, 2, 1)
    chosen = [_which(held, int(n) % CLIPS, crop) for n, crop in zip(number_B, crop_B1FN, strict=True)]
    assert set(chosen) == set(range(SEGMENTS))
    assert torch.equal(held.crops(number_B[7:9], 0, 0), crop_B1FN[7:9])
    assert not torch.equal(held.crops(number_B, 0, 1), crop_B1FN)
    assert not torch.equal(held.crops(number_B, 1, 0), crop_B1FN)


def _which(held: feature_cache.CachedFeature, clip: int, crop_1FN: Tensor) -> int:
    matches: Sequence[bool] = [torch.equal(stretch_FN, crop_1FN[0]) for stretch_FN in held.value[clip]]
    return list(matches).index(True)
