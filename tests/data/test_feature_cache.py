"""Cached features: their values, the settings that change them, and resuming after an interruption."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from src import threads
from src.clip import Clip
from src.data import feature_cache
from src.data.crops import WaveformCrops
from src.data.feature_cache import SegmentValues
from src.data.waveform_cache import WaveformCache

CLIPS, LENGTH, SEGMENTS = 20, 50, 4
CPU = torch.device("cpu")


class CountingFeature:
    """A feature of two rows, mean and range, and one frame.

    It counts the segments that it receives, and raises KeyboardInterrupt where they become more than `fail_at`.
    """

    def __init__(self, fail_at: int = 10**9) -> None:
        self.count, self.fail_at = 0, fail_at

    def __call__(self, wave_BT: Tensor) -> Tensor:
        self.count += len(wave_BT)
        if self.count > self.fail_at:
            raise KeyboardInterrupt
        return torch.stack((wave_BT.mean(1), wave_BT.amax(1) - wave_BT.amin(1)), dim=1)[:, :, None]


@pytest.fixture
def source() -> WaveformCrops:
    samples = torch.from_numpy(np.random.default_rng(0).integers(-9000, 9000, CLIPS * 200).astype(np.int16))
    offset = np.arange(CLIPS) * 200
    digest = [str(k) for k in range(CLIPS)]
    clips, piece = [Clip(name, Path(name), "genre") for name in digest], np.ones(CLIPS, np.int64)
    return WaveformCrops(
        WaveformCache(clips, [], {1: samples}, piece, offset, np.full(CLIPS, 200), digest), LENGTH, False
    )


def prepare(
    source: WaveformCrops, cache: Path, feature: CountingFeature, clips: Sequence[int] | None = None, **about: object
) -> SegmentValues:
    return feature_cache.open_or_compute(source, SEGMENTS, feature, {"kind": "feature", **about}, cache, CPU, clips)


def values(cached: SegmentValues) -> Tensor:
    return cached.segments(torch.arange(CLIPS), SEGMENTS)


def test_features_of_all_segments_are_computed_once(source: WaveformCrops, tmp_path: Path) -> None:
    feature, all_K = CountingFeature(), torch.arange(CLIPS)
    cached = prepare(source, tmp_path, feature)
    sound_BST = source.segments(all_K, SEGMENTS)
    expected_BSFN = torch.unflatten(CountingFeature()(sound_BST.flatten(0, 1)), 0, (CLIPS, SEGMENTS))
    assert torch.equal(cached.segments(all_K, SEGMENTS), expected_BSFN)
    assert torch.equal(values(prepare(source, tmp_path, feature)), values(cached))
    assert feature.count == CLIPS * SEGMENTS


def test_features_with_other_settings_are_computed_again(source: WaveformCrops, tmp_path: Path) -> None:
    feature = CountingFeature()
    prepare(source, tmp_path, feature, layer="pool")
    prepare(source, tmp_path, feature, layer="tags")
    feature_cache.open_or_compute(source, 2, feature, {"kind": "feature", "layer": "tags"}, tmp_path, CPU)
    assert feature.count == CLIPS * (SEGMENTS + SEGMENTS + 2)


@pytest.mark.parametrize("fail_at", [0, 33, 64, 79])
def test_an_interruption_keeps_what_was_computed(
    source: WaveformCrops, tmp_path: Path, fail_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)  # so that it is known which clips come first
    interrupted, resumed = CountingFeature(fail_at), CountingFeature()
    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path, interrupted)
    cached = prepare(source, tmp_path, resumed)
    assert resumed.count == (CLIPS - fail_at // SEGMENTS) * SEGMENTS
    assert torch.equal(values(cached), values(prepare(source, tmp_path / "other", CountingFeature())))


def test_only_the_clips_that_are_needed_and_missing_are_computed(source: WaveformCrops, tmp_path: Path) -> None:
    feature = CountingFeature()
    some = prepare(source, tmp_path, feature, clips=[3, 11])
    assert feature.count == 2 * SEGMENTS
    cached = prepare(source, tmp_path, feature)
    assert feature.count == CLIPS * SEGMENTS
    assert torch.equal(some.segments(torch.tensor([11, 3]), SEGMENTS), cached.segments(torch.tensor([11, 3]), SEGMENTS))


def test_a_crop_is_a_random_segment_that_depends_only_on_its_number_seed_and_epoch(
    source: WaveformCrops, tmp_path: Path
) -> None:
    cached = prepare(source, tmp_path, CountingFeature())
    crop_B = torch.arange(5 * CLIPS)
    value_B1FN = cached.crops(crop_B, 0, 0)
    assert value_B1FN.shape == (5 * CLIPS, 1, 2, 1)
    chosen = [
        _segment(cached, int(crop) % CLIPS, value_1FN) for crop, value_1FN in zip(crop_B, value_B1FN, strict=True)
    ]
    assert set(chosen) == set(range(SEGMENTS))
    assert torch.equal(cached.crops(crop_B[7:9], 0, 0), value_B1FN[7:9])
    assert not torch.equal(cached.crops(crop_B, 0, 1), value_B1FN)
    assert not torch.equal(cached.crops(crop_B, 1, 0), value_B1FN)


def _segment(cached: SegmentValues, clip: int, value_1FN: Tensor) -> int:
    """The number of the clip's segment that has this value."""
    matches: Sequence[bool] = [torch.equal(segment_FN, value_1FN[0]) for segment_FN in cached[clip]]
    return list(matches).index(True)
