"""Features, built as on the command line, and the sounds they are tested on."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from src.audio.reader import read
from src.feature.feature import Feature

ROOT = Path(__file__).parents[2]
MUSIC = ROOT.parent / "shared" / "data" / "music"
RATE, HOP, FRAME = 22050, 512, 2048

CHOICES = {path.stem: OmegaConf.load(path) for path in sorted((ROOT / "conf" / "feature").glob("*.yaml"))}
# A new feature is tested automatically. transformers needs the files of a network: test_transformers.py.
FEATURES = [choice for choice in CHOICES if choice != "transformers"]
WITH_BACKEND = [choice for choice in FEATURES if "backend" in CHOICES[choice]]
TRAINABLE = [choice for choice in WITH_BACKEND if "trainable" in CHOICES[choice]]  # musicnn has its own tests

Build = Callable[..., Any]  # returns a Feature; Any, because tests read attributes of its subclass


@cache
def _build(*overrides: str) -> Feature:
    with initialize_config_dir(str(ROOT / "conf"), version_base=None):
        config = compose(overrides=["+audio=default", *overrides])
    feature: Feature = instantiate(config.feature, _convert_="object")
    return feature


@pytest.fixture(autouse=True, scope="module")
def weights(with_efficientat: None) -> None:
    """Every choice of feature can be built."""


@pytest.fixture(scope="session")
def build() -> Build:
    """build("mel", "n_mels=40") returns feature=mel feature.n_mels=40. All tests share it: only change a copy."""
    return lambda choice, *settings: _build(f"+feature={choice}", *(f"feature.{setting}" for setting in settings))


def tone(hz: float, seconds: float = 1.0, amplitude: float = 1.0) -> Tensor:
    time_T = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return amplitude * torch.sin(2 * torch.pi * hz * time_T)


def on_bin(index: int) -> float:
    """Frequency of a Fourier bin. A tone at this frequency leaks only into the two neighbouring bins."""
    return index * RATE / FRAME


def noise(clips: int = 1, seconds: float = 0.25, amplitude: float = 0.1) -> Tensor:
    return amplitude * torch.randn(clips, round(seconds * RATE), generator=torch.Generator().manual_seed(0))


def clicks(period: int, count: int) -> Tensor:
    """Single samples of height 1, every `period` samples, from `period` on."""
    wave_T = torch.zeros(period * (count + 1))
    wave_T[period::period] = 1
    return wave_T


@pytest.fixture(scope="session", params=["synthetic", "classical", "electronic", "metal"])
def sound(request: pytest.FixtureRequest) -> Tensor:
    """2 s of music (T,): a decaying chord with noise and a click, or the middle of a real recording of a genre."""
    if request.param == "synthetic":
        decay_T = torch.exp(-torch.arange(2 * RATE) / RATE)
        chord_T = (tone(261.63, 2) + tone(329.63, 2) + tone(392.00, 2)) * decay_T
        wave_T = 0.2 * chord_T + noise(seconds=2, amplitude=0.01)[0]
        wave_T[RATE] += 0.5
        return wave_T.float()
    paths = sorted((MUSIC / request.param).glob("*.ogg"))
    if not paths:
        pytest.skip(f"no real recordings: {MUSIC / request.param} has no .ogg files")
    return torch.from_numpy(read(paths[0], RATE, max_seconds=2))
