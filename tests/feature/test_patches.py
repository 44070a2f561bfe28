"""musicnn as a feature: patches, layers, frozen and trained weights. Its values are tested in tests/pretrained."""

import copy

import pytest
import torch
from hydra.errors import InstantiationException

from src.pretrained import TAGS, Musicnn, logmel
from tests.feature.conftest import Build, noise

RATE, PATCH = 16000, 186 * 256  # samples needed for 187 frames


def test_each_patch_is_the_networks_output(build: Build) -> None:
    feature, wave_BT = build("musicnn", "network=msd", "hop_seconds=1"), noise(clips=2, seconds=4)
    mel_BMN = logmel(wave_BT)
    expected_BFP = torch.stack(
        [Musicnn("msd")(mel_BMN[:, :, n : n + 187]).penultimate for n in range(0, mel_BMN.shape[2] - 186, 62)], dim=2
    )
    torch.testing.assert_close(feature(wave_BT), expected_BFP.detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("samples", "patches"), [(1, 1), (PATCH - 1, 1), (PATCH, 1), (2 * PATCH, 1), (7 * RATE, 2)])
def test_number_of_patches(build: Build, samples: int, patches: int) -> None:
    feature = build("musicnn", "network=mtt")
    assert feature.frames(samples) == patches
    assert feature(torch.zeros(1, samples)).shape == (1, 200, patches)


@pytest.mark.parametrize(("layer", "rows"), [("pool", 1506), ("penultimate", 200), ("tags", 50)])
def test_both_stacks_the_rows_of_the_two_networks(build: Build, layer: str, rows: int) -> None:
    wave_BT = noise(seconds=3)
    both, msd, mtt = (
        build("musicnn", f"layer={layer}", f"network={network}")(wave_BT) for network in ("both", "msd", "mtt")
    )
    assert both.shape == (1, 2 * rows, 1)
    assert torch.equal(both, torch.cat((msd, mtt), dim=1))


def test_tags_are_log_odds_minus_their_mean(build: Build) -> None:
    feature, wave_BT = build("musicnn", "layer=tags", "network=mtt"), noise(seconds=3.1)
    network = Musicnn("mtt")
    probability_F = network(logmel(wave_BT)[:, :, :187]).tags[0]
    torch.testing.assert_close(
        feature(wave_BT)[0, :, 0], (probability_F.logit() - network.mean_logits).detach(), rtol=1e-3, atol=1e-3
    )
    assert feature.row_names == tuple(f"mtt/{tag}" for tag in TAGS["mtt"])


def test_mean_log_odds_follow_from_the_batch_norm_statistics() -> None:
    network = Musicnn("msd")
    hidden_SH = torch.randn(20000, 200, generator=torch.Generator().manual_seed(0))  # S songs, before the shift
    input_SH = hidden_SH * network.hidden.variance.sqrt() + network.hidden.mean
    with torch.no_grad():
        mean_F = network.tags(network.hidden(input_SH)).mean(0)
    torch.testing.assert_close(mean_F, network.mean_logits.detach(), rtol=0, atol=0.05)


def test_frozen_weights_are_neither_trained_nor_saved(build: Build) -> None:
    feature = build("musicnn", "network=msd")
    assert not list(feature.parameters())
    assert not feature.state_dict()
    assert feature.cached
    assert not feature(noise()).requires_grad


def test_trainable_weights_are_trained_and_saved(build: Build) -> None:
    feature = copy.deepcopy(build("musicnn", "network=msd", "trainable=true"))
    wave_BT = noise(seconds=3)
    torch.testing.assert_close(feature(wave_BT).detach(), build("musicnn", "network=msd")(wave_BT))
    assert not feature.cached
    assert {name for name, _ in feature.named_parameters()} <= set(feature.state_dict())
    feature.train()
    feature(wave_BT).square().mean().backward()
    trained = {name for name, weight in feature.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert {name for name, _ in feature.named_parameters()} - trained == {
        "networks.0.tags.weight",
        "networks.0.tags.bias",
    }
    statistics = {name: value.clone() for name, value in feature.named_buffers()}
    feature(wave_BT)
    assert all(torch.equal(value, statistics[name]) for name, value in feature.named_buffers())


@pytest.mark.parametrize("amplitude", [0.1, 0.0])
def test_gradients_are_finite_on_silence_too(build: Build, amplitude: float) -> None:
    feature = copy.deepcopy(build("musicnn", "network=mtt", "trainable=true"))
    feature(noise(seconds=0.5, amplitude=amplitude)).mean().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in feature.parameters())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("sample_rate=22050", "feature.sample_rate is 22050: expected 16000, because musicnn was trained on it"),
        ("network=vgg", "feature.network is 'vgg': expected msd, mtt or both"),
        ("layer=last", "feature.layer is 'last': expected pool, penultimate or tags"),
        ("hop_seconds=0", "feature.hop_seconds is 0: expected a number from 0.1 to 60"),
    ],
)
def test_invalid_settings_are_refused(build: Build, setting: str, message: str) -> None:
    with pytest.raises(InstantiationException) as raised:
        build("musicnn", setting)
    assert message in str(raised.value.__cause__)
