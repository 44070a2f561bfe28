"""Embeddings beside hand-made features: which frames belong to a patch, the order of rows, the parts and their weight."""

import pytest
import torch
from hydra.errors import InstantiationException
from torch import Tensor

from src.feature import DeepClassic
from tests.feature.conftest import Build

RATE = 16000
EMBEDDING, CLASSIC = 200, 45  # rows of one network, rows of the hand-made features


def noise(seconds: float, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(1, round(seconds * RATE), generator=torch.Generator().manual_seed(seed))


def rows_of(feature_BFN: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Embedding, means and deviations."""
    return feature_BFN.split([EMBEDDING, CLASSIC, CLASSIC], dim=1)  # type: ignore[return-value]


def test_embeddings_are_those_of_the_network(build: Build) -> None:
    wave_BT = noise(seconds=7)
    embedding_BEN, _, _ = rows_of(build("deep_classic", "deep.network=msd")(wave_BT))
    torch.testing.assert_close(embedding_BEN, build("musicnn", "network=msd")(wave_BT))


@pytest.mark.parametrize(("seconds", "patches"), [(0.5, 1), (2.9, 1), (7.0, 2), (10.0, 3)])
def test_statistics_are_those_of_the_frames_in_each_patch(build: Build, seconds: float, patches: int) -> None:
    """The frames of every part, computed alone, and their mean and deviation between the two times by NumPy."""
    feature, wave_BT = build("deep_classic", "deep.network=msd"), noise(seconds)
    _, mean_BFN, deviation_BFN = rows_of(feature(wave_BT))
    assert mean_BFN.shape[2] == feature.frames(wave_BT.shape[1]) == patches
    parts = [build(part, f"sample_rate={RATE}")(wave_BT)[0] for part in feature.classic.parts]
    classic_FM = torch.cat(parts).double().numpy()
    for n in range(patches):
        start, length = n * 188 * 256, 187 * 256  # samples: musicnn's hop of 188 frames, its patch of 187
        centres = range(0, wave_BT.shape[1] + 1, 512)
        inside = [m for m, centre in enumerate(centres) if start <= centre < start + length]
        torch.testing.assert_close(
            mean_BFN[0, :, n].double(), torch.from_numpy(classic_FM[:, inside].mean(axis=1)), rtol=1e-4, atol=1e-4
        )
        torch.testing.assert_close(
            deviation_BFN[0, :, n].double(), torch.from_numpy(classic_FM[:, inside].std(axis=1)), rtol=1e-3, atol=1e-3
        )


def test_a_change_in_the_middle_is_in_the_second_patch_only(build: Build) -> None:
    """The change is at 3.1 s, in the patch from 3.008 s on; no frame of the first patch reaches so far."""
    feature, start = build("deep_classic", "deep.network=msd"), noise(seconds=3.1)
    one, other = (feature(torch.cat([start, noise(seconds=3.4, seed=seed)], dim=1)) for seed in (1, 2))
    torch.testing.assert_close(one[:, :, 0], other[:, :, 0], rtol=1e-5, atol=1e-4)
    for first, second in zip(rows_of(one), rows_of(other), strict=True):
        assert (first[:, :, 1] - second[:, :, 1]).abs().max() > 1e-2


def test_a_steady_tone_has_its_centroid_and_no_deviation(build: Build) -> None:
    time_T = torch.arange(8 * RATE, dtype=torch.float64) / RATE
    wave_BT = (0.5 * torch.sin(2 * torch.pi * 1000 * time_T)).float()[None, RATE:-RATE]
    feature = build("deep_classic", "deep.network=msd")
    _, mean_BFN, deviation_BFN = rows_of(feature(torch.cat([wave_BT] * 2, dim=1)))
    row = feature.classic.parts["mfcc"].rows  # the centroid follows it
    assert float(mean_BFN[0, row, 1]) == pytest.approx(1000, rel=0.01)
    assert float(deviation_BFN[0, row, 1]) < 10


def test_both_parts_weigh_equally_and_follow_the_settings(build: Build) -> None:
    assert build("deep_classic").part_rows == (400, 90)
    feature = build("deep_classic", "deep.layer=tags", "deep.network=mtt", "parts.mfcc.n_mfcc=13")
    assert feature.part_rows == (50, 76)
    assert feature.rows == 126
    embedding_E, classic_F = feature.scale_F.split(feature.part_rows)
    assert float(embedding_E.square().sum()) == pytest.approx(63)  # the variances of standardized rows after scaling
    assert float(classic_F.square().sum()) == pytest.approx(63)
    assert torch.equal(build("musicnn").scale_F, torch.ones(400))
    assert build("deep_classic").cached
    assert build("deep_classic").pretrained == build("musicnn").pretrained


@pytest.mark.parametrize("setting", ["deep.trainable=true", "parts.mfcc.trainable=true"])
def test_a_part_that_is_trained_is_not_cached(build: Build, setting: str) -> None:
    feature = build("deep_classic", "deep.network=msd", setting)
    assert not feature.cached
    feature(noise(seconds=3)).mean().backward()
    assert any(parameter.grad is not None for parameter in feature.parameters())


def test_settings_that_do_not_fit_are_refused(build: Build) -> None:
    with pytest.raises(
        InstantiationException, match=r"feature\.sample_rate is 22050: expected 16000, the rate of"
    ) as e:
        build("deep_classic", "sample_rate=22050")
    assert isinstance(e.value.__cause__, ValueError)
    with pytest.raises(ValueError, match=r"feature\.deep is Mel: .* feature@feature\.deep=musicnn"):
        DeepClassic(22050, build("mel"), {"chroma": build("chroma")})
