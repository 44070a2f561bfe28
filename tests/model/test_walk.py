"""Every model on every feature: what makes sense works, on a second and on half a minute; what does not is refused."""

from functools import cache
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from torch import Tensor, nn

from src.instantiate import supply
from tests.test_conf import CONF, compose

FEATURES = sorted(path.stem for path in (CONF / "feature").glob("*.yaml"))
MODELS = sorted({path.stem for path in (CONF / "model").glob("*.yaml")} - {"tags"})  # which reads one feature only
GENRES, RATE = 3, 22050
SMALL = {"width": 4, "dropout": 0.0, "passes": 2, "neighbours": 3}
READS_SAMPLES = {"cnn", "cnn1d", "majority"}  # the others refuse a waveform
PAIRS = [(feature, model) for feature in FEATURES for model in MODELS]
sensible = pytest.mark.parametrize(
    ("feature", "model"), [pair for pair in PAIRS if pair[0] != "waveform" or pair[1] in READS_SAMPLES]
)


@cache
def _feature(word: str, clips: int, seconds: int) -> Tensor:
    """Rhythmic noise and tones, another pitch and beat for each clip, through a feature, each row standardized."""
    random = torch.Generator().manual_seed(0)
    time_T = torch.arange(seconds * RATE) / RATE
    hz_B1 = 110 * 1.3 ** torch.arange(clips)[:, None]
    decay_BT = torch.exp(-4 * ((2 + torch.arange(clips)[:, None]) * time_T % 1))
    noise_BT = 0.05 * torch.randn(clips, len(time_T), generator=random)
    with torch.no_grad():
        feature_BFN = _choice("feature", word)(0.4 * decay_BT * (torch.sin(2 * torch.pi * hz_B1 * time_T) + noise_BT))
    centred_BFN = feature_BFN - feature_BFN.mean((0, 2), keepdim=True)
    return centred_BFN / centred_BFN.std((0, 2), keepdim=True).clamp_min(1e-6)


@cache
def _config(group: str, word: str) -> Any:
    return compose(f"{group}={word}")[group]


def _choice(group: str, word: str) -> Any:
    return instantiate(_config(group, word), _convert_="object")


def _model(word: str, feature_BFN: Tensor, **settings: Any) -> nn.Module:
    """The model, small, prepared on the feature."""
    torch.manual_seed(0)
    config = _config("model", word).copy()
    for key, value in {**SMALL, **settings}.items():
        if key in config:
            config[key] = value
    _, rows, frames = feature_BFN.shape
    facts = {"rows": rows, "frames": frames, "genres": GENRES, "counts": [2] * GENRES}
    model: nn.Module = supply(instantiate(config, _convert_="object"), **facts)
    model.prepare([(feature_BFN, torch.arange(len(feature_BFN)) % GENRES)])  # type: ignore[operator]
    return model


@sensible
def test_any_model_takes_any_feature(feature: str, model: str) -> None:
    """A second and half a minute go through, every parameter gets a gradient, and a clip is heard alone."""
    short_BFN, long_BFN = _feature(feature, 6, 1), _feature(feature, 2, 30)
    made = _model(model, short_BFN)
    if list(made.parameters()):
        nn.functional.cross_entropy(made(short_BFN), torch.arange(6) % GENRES).backward()
        assert [name for name, p in made.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    made.eval()
    with torch.no_grad():
        together_BC = made(short_BFN)
        alone_BC = torch.cat([made(short_BFN[k : k + 1]) for k in range(6)])
        assert made(long_BFN).shape == (2, GENRES)
        assert made(long_BFN).isfinite().all()
    assert together_BC.isfinite().all()
    torch.testing.assert_close(alone_BC, together_BC, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("model", [model for model in MODELS if model not in READS_SAMPLES])
def test_samples_are_refused_by_what_reads_frames(model: str) -> None:
    with pytest.raises(ValueError, match=r"choose a feature with\s+frames \(feature=.*model=cnn1d\."):
        _model(model, _feature("waveform", 6, 1))(_feature("waveform", 6, 1))


@pytest.mark.slow
@sensible
def test_one_batch_is_learned_by_heart(feature: str, model: str) -> None:
    feature_BFN, genre_B = _feature(feature, 6, 1), torch.arange(6) % GENRES
    if model == "head" and feature_BFN.shape[1] == 1:
        pytest.skip("a linear layer cannot part six places on one line in any order")
    made = _model(model, feature_BFN, width=16)
    if list(made.parameters()):
        optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
        for step in range(900):  # 300 do, but for an LSTM on a single row
            loss = nn.functional.cross_entropy(made(feature_BFN), genre_B)
            if step >= 300 and loss < 0.1:
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        right = float((made(feature_BFN).argmax(1) == genre_B).float().mean())
    assert right >= (1 / GENRES if model == "majority" else 1 if model not in ("svm", "knn") else 2 / 3)
