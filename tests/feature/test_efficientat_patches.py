"""EfficientAT as a feature: patches, layers, frozen and trained weights. Its values are tested in tests/pretrained."""

import copy
from pathlib import Path

import pytest
import torch
from hydra.errors import InstantiationException

from src.pretrained import files
from src.pretrained.efficientat import TAGS, EfficientAT, logmel
from tests.feature.conftest import Build, noise
from tests.pretrained.mobilenet_reference import random_state

RATE, PATCH = 32000, 999 * 320 + 1  # samples needed for 1000 frames


def test_each_patch_is_the_networks_output(build: Build, efficientat: Path) -> None:
    wave_BT = noise(clips=2, seconds=14 * 32000 / 22050)
    mel_BMN, network = logmel(wave_BT), EfficientAT(efficientat)
    expected_BEP = torch.stack([network(mel_BMN[:, :, n : n + 1000]).embedding for n in (0, 200, 400)], dim=2)
    actual_BEP = build("efficientat", "hop_seconds=2")(wave_BT)
    torch.testing.assert_close(actual_BEP, expected_BEP.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "patches"), [(1, 1), (PATCH, 1), (20 * RATE - 320, 1), (20 * RATE, 2), (30 * RATE, 3)]
)
def test_number_of_patches(build: Build, samples: int, patches: int) -> None:
    feature = build("efficientat")
    assert feature.frames(samples) == patches
    assert feature(torch.zeros(1, samples)).shape == (1, 96, patches)


@pytest.mark.parametrize("samples", [1, 600, RATE, 10 * RATE - 320])
def test_a_short_wave_is_repeated(build: Build, efficientat: Path, samples: int) -> None:
    wave_BT = noise(clips=2, seconds=15)[:, :samples]
    mel_BMN = logmel(wave_BT)
    repeated_BMN = torch.cat([mel_BMN] * (1 + 1000 // mel_BMN.shape[2]), dim=2)[:, :, :1000]
    expected_BE = EfficientAT(efficientat)(repeated_BMN).embedding
    torch.testing.assert_close(build("efficientat")(wave_BT)[:, :, 0], expected_BE.detach(), rtol=1e-4, atol=1e-4)


def test_tags_are_log_odds_named_after_audiosets_classes(build: Build, efficientat: Path) -> None:
    feature, wave_BT = build("efficientat", "layer=tags"), noise(seconds=15)  # 10.3 s at 32 kHz
    expected_BF = EfficientAT(efficientat)(logmel(wave_BT)[:, :, :1000]).logits
    torch.testing.assert_close(feature(wave_BT)[:, :, 0], expected_BF.detach(), rtol=1e-4, atol=1e-4)
    assert feature.row_names == tuple(f"audioset/{tag}" for tag in TAGS)
    assert feature.row_names[137] == "audioset/Music"


def test_frozen_weights_are_neither_trained_nor_saved(build: Build) -> None:
    feature = build("efficientat")
    assert not list(feature.parameters())
    assert not feature.state_dict()
    assert feature.cached
    assert not feature(noise()).requires_grad


@pytest.mark.parametrize("layer", ["embedding", "tags"])
def test_trainable_weights_are_trained_and_saved(build: Build, layer: str) -> None:
    feature = copy.deepcopy(build("efficientat", "trainable=true", f"layer={layer}"))
    wave_BT = noise(seconds=3)
    torch.testing.assert_close(feature(wave_BT).detach(), build("efficientat", f"layer={layer}")(wave_BT))
    assert not feature.cached
    assert {name for name, _ in feature.named_parameters()} <= set(feature.state_dict())
    feature.train()
    feature(wave_BT).square().mean().backward()
    trained = {name for name, weight in feature.named_parameters() if weight.grad is not None and weight.grad.any()}
    asked = {name for name, weight in feature.named_parameters() if weight.requires_grad}
    assert trained == asked
    assert any("classifier" in name for name in asked) == (layer == "tags")
    statistics = {name: value.clone() for name, value in feature.named_buffers()}
    feature(wave_BT)
    assert all(torch.equal(value, statistics[name]) for name, value in feature.named_buffers())


@pytest.mark.parametrize("amplitude", [0.1, 0.0])
def test_gradients_are_finite_on_silence_too(build: Build, amplitude: float) -> None:
    feature = copy.deepcopy(build("efficientat", "trainable=true"))
    feature(noise(seconds=0.5, amplitude=amplitude)).mean().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in feature.parameters())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("sample_rate=22050", "feature.sample_rate is 22050: expected 32000, because EfficientAT was trained on it"),
        ("layer=penultimate", "feature.layer is 'penultimate': expected embedding or tags"),
        ("hop_seconds=0", "feature.hop_seconds is 0: expected a number from 0.1 to 60"),
        (
            "weights=none.pt",
            "feature.weights is none.pt, which does not exist. Download them with: python -m src.weights",
        ),
        ("sha256=0123", "weights with the SHA-256 0123..., which was not found: it is not "),
    ],
)
def test_invalid_settings_are_refused(build: Build, setting: str, message: str) -> None:
    with pytest.raises(InstantiationException) as raised:
        build("efficientat", setting)
    assert message in str(raised.value.__cause__)


def test_the_file_of_a_run_is_found_by_its_digest(
    build: Build, efficientat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = files.digest(efficientat)
    torch.save(random_state(0.2), tmp_path / "other.pt")
    wave_BT = noise()
    # The path of another machine is passed over.
    feature = build("efficientat", f"sha256={sha256}", "weights=elsewhere.pt")
    assert torch.equal(feature(wave_BT), build("efficientat")(wave_BT))
    monkeypatch.setenv("MUSIC_GENRE_EFFICIENTAT", str(tmp_path / "other.pt"))
    with pytest.raises(InstantiationException, match="weights") as raised:
        build("efficientat", f"sha256={sha256}", "weights=elsewhere.mp3")
    assert sha256[:16] in str(raised.value.__cause__)
