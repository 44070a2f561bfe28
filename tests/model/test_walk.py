"""Every model on every feature, for 1 s and 30 s of sound. Models that read frames refuse a waveform."""

from functools import cache
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from torch import Tensor, nn

from src.instantiate import call_with_facts
from tests.test_conf import CONF, compose

# transformers needs the files of a network, and gives embeddings as musicnn does.
FEATURES = sorted({path.stem for path in (CONF / "feature").glob("*.yaml")} - {"transformers"})
MODELS = sorted({path.stem for path in (CONF / "model").glob("*.yaml")} - {"tags"})  # tags reads only one feature
GENRES, RATE = 3, 22050
SMALL = {"width": 4, "dropout": 0.0, "passes": 2, "neighbours": 3}
READS_SAMPLES = {"cnn", "cnn1d", "majority", "residual"}  # the others refuse a waveform
PAIRS = [(feature, model) for feature in FEATURES for model in MODELS]
pytestmark = pytest.mark.usefixtures("with_efficientat")
supported_pairs = pytest.mark.parametrize(
    ("feature", "model"), [pair for pair in PAIRS if pair[0] != "waveform" or pair[1] in READS_SAMPLES]
)


@cache
def _feature(choice: str, clips: int, seconds: int) -> Tensor:
    """A feature of rhythmic noise and tones, with another pitch and beat in each clip; each row is standardized."""
    random = torch.Generator().manual_seed(0)
    time_T = torch.arange(seconds * RATE) / RATE
    hz_B1 = 110 * 1.3 ** torch.arange(clips)[:, None]
    decay_BT = torch.exp(-4 * ((2 + torch.arange(clips)[:, None]) * time_T % 1))
    noise_BT = 0.05 * torch.randn(clips, len(time_T), generator=random)
    with torch.no_grad():
        feature_BFN = _instantiate("feature", choice)(
            0.4 * decay_BT * (torch.sin(2 * torch.pi * hz_B1 * time_T) + noise_BT)
        )
    centred_BFN = feature_BFN - feature_BFN.mean((0, 2), keepdim=True)
    return centred_BFN / centred_BFN.std((0, 2), keepdim=True).clamp_min(1e-6)


@cache
def _config(group: str, choice: str) -> Any:
    return compose(f"{group}={choice}")[group]


def _instantiate(group: str, choice: str) -> Any:
    return instantiate(_config(group, choice), _convert_="object")


def _model(choice: str, feature_BFN: Tensor, **settings: Any) -> nn.Module:
    """A small model, prepared on the feature."""
    torch.manual_seed(0)
    config = _config("model", choice).copy()
    for key, value in {**SMALL, **settings}.items():
        if key in config:
            config[key] = value
    _, rows, frames = feature_BFN.shape
    facts = {"rows": rows, "frames": frames, "genres": GENRES, "counts": [2] * GENRES}
    model: nn.Module = call_with_facts(instantiate(config, _convert_="object"), **facts)
    model.prepare([(feature_BFN, torch.arange(len(feature_BFN)) % GENRES)])  # type: ignore[operator]
    return model


@supported_pairs
def test_any_model_takes_any_feature(feature: str, model: str) -> None:
    """1 s and 30 s are possible, every parameter gets a gradient, and logits do not depend on the batch."""
    short_BFN, long_BFN = _feature(feature, 6, 1), _feature(feature, 2, 30)
    module = _model(model, short_BFN)
    if list(module.parameters()):
        nn.functional.cross_entropy(module(short_BFN), torch.arange(6) % GENRES).backward()
        assert [name for name, p in module.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    module.eval()
    with torch.no_grad():
        together_BC = module(short_BFN)
        alone_BC = torch.cat([module(short_BFN[k : k + 1]) for k in range(6)])
        assert module(long_BFN).shape == (2, GENRES)
        assert module(long_BFN).isfinite().all()
    assert together_BC.isfinite().all()
    torch.testing.assert_close(alone_BC, together_BC, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("model", [model for model in MODELS if model not in READS_SAMPLES])
def test_models_that_read_frames_refuse_a_waveform(model: str) -> None:
    with pytest.raises(ValueError, match=r"choose a feature with\s+frames \(feature=.*model=cnn1d\."):
        _model(model, _feature("waveform", 6, 1))(_feature("waveform", 6, 1))


@pytest.mark.slow
@supported_pairs
def test_one_batch_can_be_overfitted(feature: str, model: str) -> None:
    feature_BFN, genre_B = _feature(feature, 6, 1), torch.arange(6) % GENRES
    if model == "head" and feature_BFN.shape[1] == 1:
        pytest.skip("a linear layer cannot separate six points on a line with any labels")
    module = _model(model, feature_BFN, width=16)
    if list(module.parameters()):
        optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
        for step in range(900):  # 300 are enough, except for an LSTM on a single row
            loss = nn.functional.cross_entropy(module(feature_BFN), genre_B)
            if step >= 300 and loss < 0.1:
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        accuracy = float((module(feature_BFN).argmax(1) == genre_B).float().mean())
    assert accuracy >= {"majority": 1 / GENRES, "few": 1 / GENRES, "svm": 2 / 3, "knn": 2 / 3}.get(model, 1)
