"""Both networks as one feature: the rate of each, patches at the same times, the order of rows, frozen and trained weights."""

import copy
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch
from hydra.errors import InstantiationException
from torch import Tensor

from src.audio.reader import read
from src.feature import DeepClassic
from src.pretrained import TAGS
from src.pretrained.efficientat import TAGS as CLASSES
from tests.feature.conftest import Build

RATE, SLOW_RATE = 32000, 16000
MUSICNN = 400  # rows of both of its networks; those of EfficientAT follow


def noise(seconds: float, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(1, round(seconds * RATE), generator=torch.Generator().manual_seed(seed))


def relative(actual: Tensor, expected: Tensor) -> float:
    """Root mean square of the differences, over that of the expected values."""
    return float((actual - expected).square().mean().sqrt() / expected.square().mean().sqrt())


def test_a_patch_of_3_s_has_the_rows_of_both_networks(build: Build) -> None:
    feature, wave_BT = build("pretrained"), noise(seconds=3)
    musicnn_BEN, efficientat_BEN = feature(wave_BT).tensor_split([MUSICNN], dim=1)
    assert torch.equal(efficientat_BEN, build("efficientat")(wave_BT))
    slow_BT = torch.from_numpy(soxr.resample(wave_BT[0].numpy(), RATE, SLOW_RATE, quality="HQ"))[None]
    assert relative(musicnn_BEN, build("musicnn")(slow_BT)) < 0.02


def test_resampling_equals_soxr(build: Build) -> None:
    """White noise at 44.1 kHz, by soxr to 16 kHz, and by soxr to 32 kHz and from there by the feature."""
    wave_T = (0.1 * np.random.default_rng(0).standard_normal(5 * 44100)).astype(np.float32)
    expected_T = torch.from_numpy(soxr.resample(wave_T, 44100, SLOW_RATE, quality="HQ"))
    fast_BT = torch.from_numpy(soxr.resample(wave_T, 44100, RATE, quality="HQ"))[None]
    actual_T = build("pretrained").resample(fast_BT)[0]
    assert len(actual_T) == len(expected_T)
    assert relative(actual_T[100:-100], expected_T[100:-100]) < 3e-3


@pytest.mark.parametrize("share", [25, pytest.param(1, marks=pytest.mark.slow)], ids=["few", "all"])
def test_rows_of_recordings_equal_those_of_sound_decoded_at_16_khz(build: Build, music: Path, share: int) -> None:
    """10 s of each recording: musicnn's rows by both paths. docs/pretrained.md states these limits."""
    resample = build("pretrained").resample
    for path in sorted(music.rglob("*.ogg"))[::share]:
        fast_BT, slow_BT = (torch.from_numpy(read(path, rate, 5, 15))[None] for rate in (RATE, SLOW_RATE))
        for layer in ("penultimate", "tags"):
            musicnn = build("musicnn", f"layer={layer}")
            actual_BF, expected_BF = (musicnn(wave_BT).mean(dim=2) for wave_BT in (resample(fast_BT), slow_BT))
            if layer == "tags":
                assert (actual_BF.sigmoid() - expected_BF.sigmoid()).abs().max() < 0.02, path
            assert relative(actual_BF, expected_BF) < 0.02, path


def test_each_frame_is_the_same_time_for_both_networks(build: Build) -> None:
    """Three patches of 10 s: each has the rows of its 10 s alone, in both networks."""
    feature, wave_BT = build("pretrained"), noise(seconds=30)
    wave_BT[:, 10 * RATE : 20 * RATE] *= torch.linspace(0, 1, 10 * RATE).square()
    feature_BEN = feature(wave_BT)
    assert feature_BEN.shape[2] == feature.frames(wave_BT.shape[1]) == 3
    for n in range(3):
        alone_BEN = feature(wave_BT[:, n * 10 * RATE : (n + 1) * 10 * RATE])
        for rows in (slice(MUSICNN), slice(MUSICNN, None)):
            same = relative(feature_BEN[:, rows, n], alone_BEN[:, rows, 0])
            other = relative(feature_BEN[:, rows, (n + 1) % 3], alone_BEN[:, rows, 0])
            assert same < 0.05 * other


def test_a_change_in_the_middle_is_in_the_patches_that_contain_it(build: Build) -> None:
    """Noise that becomes other noise at 12.1 s: patches that start at 0 and 2 s do not have it, those at 4 and 6 s do."""
    feature, start_BT = build("pretrained", "hop_seconds=2"), noise(seconds=12.1)
    one_BEN, other_BEN = (feature(torch.cat([start_BT, noise(seconds=3.9, seed=seed)], dim=1)) for seed in (1, 2))
    assert one_BEN.shape[2] == 4
    changed = ((one_BEN - other_BEN).abs() > 1e-3)[0]
    assert changed[:MUSICNN].any(dim=0).tolist() == [False, False, True, True]
    assert changed[MUSICNN:].any(dim=0).tolist() == [False, False, True, True]


def test_musicnn_is_the_mean_of_three_patches(build: Build) -> None:
    feature, wave_BT = build("pretrained", "layer=tags"), noise(seconds=12)
    with torch.no_grad():
        slow_BT = feature.resample(wave_BT)
    expected_BF = build("musicnn", "layer=tags")(slow_BT[:, : 999 * 160]).mean(dim=2)
    torch.testing.assert_close(feature(wave_BT)[:, :100, 0], expected_BF)


def test_tags_are_named_after_their_networks(build: Build) -> None:
    feature = build("pretrained", "layer=tags", "network=msd")
    assert feature.row_names == (*(f"msd/{tag}" for tag in TAGS["msd"]), *(f"audioset/{name}" for name in CLASSES))
    assert feature.rows == 50 + 527
    assert not build("pretrained").row_names


def test_both_networks_weigh_equally(build: Build) -> None:
    feature = build("pretrained")
    assert feature.part_rows == (MUSICNN, build("efficientat").rows)
    musicnn_E, efficientat_E = feature.scale_F.split(feature.part_rows)
    assert float(musicnn_E.square().sum()) == pytest.approx(float(efficientat_E.square().sum()))


def test_the_corpora_of_both_networks_are_named(build: Build) -> None:
    assert build("pretrained").pretrained == f"{build('musicnn').pretrained}, and {build('efficientat').pretrained}"
    assert build("pretrained").cached


@pytest.mark.parametrize("layer", ["embedding", "tags"])
def test_fine_tuning_trains_both_networks(build: Build, layer: str) -> None:
    """Every weight that is to be trained gets a gradient: several processes would wait for one without."""
    feature = copy.deepcopy(build("pretrained", "trainable=true", "network=msd", f"layer={layer}"))
    assert not feature.cached
    feature(noise(seconds=3)).square().mean().backward()
    for network in (feature.musicnn, feature.efficientat):
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        assert trained
        assert all(weight.grad is not None for weight in trained)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("sample_rate=16000", "feature.sample_rate is 16000: expected 32000"),
        ("layer=penultimate", "feature.layer is 'penultimate': expected embedding or tags"),
        ("weights=none.pt", "feature.weights is none.pt, which does not exist."),
    ],
)
def test_invalid_settings_are_refused(build: Build, setting: str, message: str) -> None:
    with pytest.raises(InstantiationException) as raised:
        build("pretrained", setting)
    assert message in str(raised.value.__cause__)


def test_hand_made_features_stand_beside_both_networks(build: Build) -> None:
    """Three parts of equal weight; the patch of the hand-made features is that of 10 s."""
    parts = {part: build(part, f"sample_rate={RATE}") for part in ("mfcc", "chroma")}
    feature, wave_BT = DeepClassic(RATE, build("pretrained"), parts), noise(seconds=20)
    assert feature.part_rows == (MUSICNN, build("efficientat").rows, 64)
    feature_BEN = feature(wave_BT)
    assert torch.equal(feature_BEN[:, :-64], build("pretrained")(wave_BT))
    mfcc_BFN = parts["mfcc"](wave_BT)
    inside = [n for n in range(mfcc_BFN.shape[2]) if 10 * RATE <= 512 * n < 20 * RATE]
    torch.testing.assert_close(feature_BEN[:, -64:-44, 1], mfcc_BFN[:, :, inside].mean(dim=2), rtol=1e-4, atol=1e-3)
