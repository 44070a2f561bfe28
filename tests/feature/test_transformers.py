"""feature=transformers: pieces, layers, the known answer, frozen and trained weights. Its networks are tested in tests/pretrained."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from src.feature import Transformers
from src.pretrained.audio_network import AudioNetwork, load
from src.settings.networks import NetworkError, sample_rate

Networks = Callable[[str], str]
LAYERS = [("ast", "output"), ("clap", "output"), ("clap_fused", "output"), ("wav2vec2", 1), ("hubert", "all")]


def build(name: str, layer: str | int = "output", piece_seconds: float | None = None, **settings: Any) -> Transformers:
    settings = {"sample_rate": sample_rate(name), "trainable": False, "trust_remote_code": False, **settings}
    return Transformers(name=name, layer=layer, piece_seconds=piece_seconds, **settings)


def noise(feature: Transformers, seconds: float, clips: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(clips, round(seconds * feature.sample_rate), generator=generator)


@pytest.mark.parametrize(("kind", "layer"), LAYERS)
def test_the_contract_of_features(networks: Networks, kind: str, layer: str | int) -> None:
    feature = build(networks(kind), layer)
    assert feature.cached
    for samples in (1, 100, 400, 2 * feature.hop_length + 1):
        wave_BT = noise(feature, 1, clips=2).repeat(1, 1 + samples // feature.sample_rate)[:, :samples]
        feature_BFN = feature.weigh(feature(wave_BT))
        assert feature_BFN.shape == (2, feature.rows, feature.frames(samples))
        assert feature_BFN.dtype == torch.float32
        assert feature_BFN.isfinite().all()
    assert feature(torch.zeros(1, 9000)).isfinite().all()
    wave_BT = noise(feature, 0.5, clips=2)
    together_BFN = feature(wave_BT)
    torch.testing.assert_close(together_BFN[1:], feature(wave_BT[1:]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(feature(wave_BT), together_BFN)
    assert not feature(wave_BT.requires_grad_()).requires_grad


@pytest.mark.parametrize(("seconds", "pieces"), [(0.5, 1), (2.0, 1), (2.1, 2), (4.0, 2), (7.0, 4)])
def test_pieces_are_equal_and_as_few_as_possible(networks: Networks, seconds: float, pieces: int) -> None:
    feature = build(networks("clap"))  # reads 2 s
    wave_BT = noise(feature, seconds)
    feature_BFN = feature(wave_BT)
    assert feature_BFN.shape[2] == pieces
    length = wave_BT.shape[1] // pieces
    with torch.no_grad():
        last_BE = AudioNetwork(load(networks("clap")))(wave_BT[:, (pieces - 1) * length : pieces * length])[:, 0]
    torch.testing.assert_close(feature_BFN[:, :, -1], last_BE)


@pytest.mark.parametrize(("layer", "index"), [("output", 2), (0, 0), (2, 2)])
def test_a_layer_is_that_of_the_network(networks: Networks, layer: str | int, index: int) -> None:
    feature = build(networks("wav2vec2"), layer)
    wave_BT = noise(feature, 1)
    with torch.no_grad():
        expected_BE = AudioNetwork(load(networks("wav2vec2")))(wave_BT)[:, index]
    torch.testing.assert_close(feature(wave_BT)[:, :, 0], expected_BE)


def test_all_layers_are_averaged_with_weights_that_are_trained(networks: Networks) -> None:
    feature = build(networks("wav2vec2"), "all")
    stack_BFN = feature(noise(feature, 1, clips=2))
    layer_LBEN = stack_BFN.unflatten(1, (3, 16)).transpose(0, 1)
    torch.testing.assert_close(feature.weigh(stack_BFN), layer_LBEN.mean(dim=0))
    with torch.no_grad():
        feature.layer_weight.copy_(torch.tensor([0.0, 20.0, 0.0]))
    torch.testing.assert_close(feature.weigh(stack_BFN), layer_LBEN[1], rtol=1e-4, atol=1e-4)
    (feature.weigh(stack_BFN).square().sum()).backward()
    assert feature.layer_weight.grad is not None
    assert [name for name, _ in feature.named_parameters()] == ["layer_weight"]


@pytest.mark.parametrize(
    ("kind", "layer", "message"),
    [
        ("ast", 1, "feature.layer is 1: expected output, the only layer"),
        ("clap", "all", "feature.layer is all: expected output, the only layer"),
        ("hubert", 3, "feature.layer is 3: expected output, all or a number from 0 to 2"),
        ("hubert", "last", "feature.layer is last: expected"),
    ],
)
def test_a_layer_that_the_network_lacks_is_refused(
    networks: Networks, kind: str, layer: str | int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(networks(kind), layer)


def test_another_sample_rate_and_longer_pieces_are_refused(networks: Networks) -> None:
    with pytest.raises(ValueError, match="feature.sample_rate is 44100: expected 48000"):
        build(networks("clap"), sample_rate=44100)
    with pytest.raises(ValueError, match="feature.piece_seconds is 5: expected at most 2"):
        build(networks("clap"), piece_seconds=5)
    assert build(networks("clap"), piece_seconds=0.5).frames(48000) == 2


@pytest.mark.parametrize(("kind", "layer"), LAYERS)
def test_the_known_answer_is_all_that_a_frozen_network_saves(networks: Networks, kind: str, layer: str | int) -> None:
    state = build(networks(kind), layer).state_dict()
    assert set(state) == {"known_answer"} | ({"layer_weight"} if layer == "all" else set())
    build(networks(kind), layer).load_state_dict(state)


def test_another_answer_is_refused_and_rounding_is_not(networks: Networks, tmp_path: Any) -> None:
    from tests import tiny_networks

    feature = build(networks("hubert"))
    state = feature.state_dict()
    answer_E = state["known_answer"]
    feature.load_state_dict({"known_answer": answer_E * (1 + 1e-3 * torch.randn(16).sign())})
    tiny_networks.write(tmp_path, "hubert", seed=1)
    for other in (build(str(tmp_path)).known_answer, 1.05 * answer_E, answer_E[:3], answer_E * torch.nan):
        with pytest.raises(NetworkError, match="answers otherwise than when this run was trained"):
            feature.load_state_dict({"known_answer": other})


def test_a_trainable_network_is_saved_and_computes_as_in_prediction(networks: Networks) -> None:
    feature, frozen = build(networks("hubert"), trainable=True), build(networks("hubert"))
    wave_BT = noise(feature, 1)
    assert not feature.cached
    assert torch.equal(feature.train()(wave_BT), feature.eval()(wave_BT))  # no dropout, no masking
    torch.testing.assert_close(feature(wave_BT).detach(), frozen(wave_BT))
    assert feature(wave_BT).requires_grad
    assert "audio_network.network.encoder.layers.0.attention.q_proj.weight" in feature.state_dict()


def test_threads_compute_the_same(networks: Networks) -> None:
    from src.threads import compute_in_order

    feature = build(networks("wav2vec2"), "all")
    waves = [noise(feature, 0.2 + 0.1 * k) for k in range(12)]
    with torch.no_grad():
        expected = [feature(wave_BT) for wave_BT in waves]
    for value, wanted in zip(compute_in_order(feature, waves, 4), expected, strict=True):
        torch.testing.assert_close(value, wanted)
