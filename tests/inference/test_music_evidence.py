"""The check by tags if a sound is music, on tags whose answer is known."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from src.inference import music_evidence
from src.inference.music_evidence import LEAST_TAGS, MusicEvidence
from src.model import Tags
from src.pretrained import TAGS
from tests.cases.noises import noise
from tests.cases.sounds import RATE, music

CLASSES = ("Speech", "Singing", "Rapping", "Humming", "Bark", "Music", "Guitar", "Jazz", "Scary music", "Wind", "Noise")
CLASS_ROWS = tuple(f"audioset/{name}" for name in CLASSES)
MUSICNN_ROWS = tuple(f"{network}/{tag}" for network, tags in TAGS.items() for tag in tags)
TABLE = {"jazz": {"tags": ["jazz"], "audioset": "Jazz"}, "rock": ["rock"]}
WAVE_T = torch.from_numpy(music(3.0, 0, RATE))


def measure(rows: tuple[str, ...], feature_SFN: Tensor, wave_T: Tensor = WAVE_T) -> MusicEvidence:
    model = Tags(TABLE, 0.2, genre_names=["jazz", "rock"], row_names=rows, normalized=False)
    feature: Any = SimpleNamespace(sample_rate=RATE, mean_logits=torch.full((len(rows),), -2.0))
    wave_ST = wave_T.float().expand(len(feature_SFN), -1)
    return music_evidence.measure(wave_ST, feature_SFN, feature, model)


def classes(**logits: float) -> Tensor:
    """One window with one patch, -4 in all classes that are not named."""
    values = {name.replace("_", " "): value for name, value in logits.items()}
    return torch.tensor([[[values.get(name, -4.0)] for name in CLASSES]])


@pytest.mark.parametrize(
    ("logits", "strength"),
    [
        ({"Music": 1.0, "Speech": -1.0}, 2.0),
        ({"Music": -1.0, "Speech": 1.0}, -2.0),
        ({"Music": 0.0, "Singing": 3.0, "Rapping": 3.0, "Humming": 3.0, "Guitar": 3.0, "Scary_music": 3.0}, 4.0),
        ({"Music": 0.0, "Wind": 0.5}, -0.5),
        ({"Music": 0.0, "Bark": 0.5}, -0.5),
    ],
)
def test_music_is_compared_with_the_most_probable_class_of_other_sounds(
    logits: dict[str, float], strength: float
) -> None:
    evidence = measure(CLASS_ROWS, classes(**logits))
    assert evidence.strength_S is not None
    assert float(evidence.strength_S) == pytest.approx(strength)
    assert evidence.is_music(10.0) is (strength >= 0)


def test_with_audiosets_classes_the_signal_is_not_checked() -> None:
    """A held tone, such as a drone, is music if the network says so."""
    drone_T = torch.sin(torch.arange(3 * RATE) * 2 * torch.pi * 110 / RATE)
    assert measure(CLASS_ROWS, classes(Music=1.0), drone_T).is_music(10.0)


def test_musicnns_strength_is_the_expected_number_of_tags() -> None:
    """The tags have log-odds of -2 on average; 4 of 100 are as good as certain."""
    feature_SFN = torch.full((2, 100, 3), -30.0)
    feature_SFN[0, :4] = 40.0
    evidence = measure(MUSICNN_ROWS, feature_SFN)
    assert evidence.strength_S is not None
    np.testing.assert_allclose(evidence.strength_S, [4 - LEAST_TAGS, -LEAST_TAGS], atol=1e-5)
    assert evidence.of([0]).is_music(3.0)
    assert not evidence.of([1]).is_music(3.0)
    assert not evidence.is_music(6.0)  # 2 on average
    assert evidence.of([1]).is_music(0.9)


def test_with_musicnn_alone_the_signal_is_checked_too() -> None:
    feature_SFN = torch.full((1, 100, 1), 3.0)
    assert measure(MUSICNN_ROWS, feature_SFN).is_music(3.0)
    assert not measure(MUSICNN_ROWS, feature_SFN, torch.from_numpy(noise(0, 0.5, 3.0))).is_music(3.0)


def test_one_network_of_musicnn_has_no_strength() -> None:
    evidence = measure(MUSICNN_ROWS[:50], torch.full((1, 50, 1), -30.0))
    assert evidence.strength_S is None
    assert evidence.is_music(3.0)


def test_batches_are_joined_in_order() -> None:
    feature_SFN = torch.linspace(-3, 3, 4)[:, None, None].expand(4, 100, 1)
    whole = measure(MUSICNN_ROWS, feature_SFN)
    joined = music_evidence.join([measure(MUSICNN_ROWS, part_SFN) for part_SFN in feature_SFN.split(3)])
    assert whole.strength_S is not None
    assert joined.strength_S is not None
    torch.testing.assert_close(joined.strength_S, whole.strength_S)
    assert joined.spectrum is not None
    assert len(joined.of([1, 3]).spectrum.block_SNB) == 2  # type: ignore[union-attr]
