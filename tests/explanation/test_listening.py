"""What a map leaves of two tones."""

import numpy as np
import pytest
import torch

from src.explanation.feature_map import row_hz
from src.explanation.listening import listen, most_relevant
from src.feature import Cqt, Mel, Stft, ZeroCrossing
from tests.explanation_models import HOP, RATE, Weighted, explained, sound

TONES = (700.0, 5000.0)
FEATURES = {
    "mel": Mel(RATE, HOP, 1024, 40, backend="torchaudio"),
    "stft": Stft(RATE, HOP, 1024, backend="torchaudio"),
    "cqt": Cqt(RATE, HOP, 65.4, 84, 12),
}


def level(wave_T: np.ndarray, hz: float) -> float:
    """The amplitude of a tone in a wave."""
    time_T = np.arange(len(wave_T)) / RATE
    return float(2 * abs(np.mean(wave_T * np.exp(-2j * np.pi * hz * time_T))))


@pytest.mark.parametrize("name", FEATURES)
def test_the_relevant_tone_is_in_one_sound_and_the_other_tone_in_the_other(name: str) -> None:
    feature = FEATURES[name]
    model = explained(Weighted(torch.ones(feature.rows)), feature)
    time_T = np.arange(2 * RATE) / RATE
    wave_T = sum(0.2 * np.sin(2 * np.pi * hz * time_T) for hz in TONES).astype(np.float32)  # type: ignore[union-attr]
    read = sound(model, wave_T)
    hz_F = row_hz(feature)
    assert hz_F is not None
    map_FN = np.tile(np.exp(-((np.log2(np.maximum(hz_F, 1) / TONES[1]) * 12) ** 2))[:, None], (1, 87)).astype(
        np.float32
    )
    heard = listen(model, read, map_FN, 0)
    assert heard is not None
    only_T = heard.only_T / 10 ** (heard.gain_db / 20)
    assert level(only_T, TONES[1]) > 0.17
    assert level(only_T, TONES[0]) < 0.01
    assert level(heard.without_T, TONES[1]) < 0.03
    assert level(heard.without_T, TONES[0]) > 0.19
    assert heard.predictions["energy"] == pytest.approx(0.5, abs=0.08)
    np.testing.assert_allclose(only_T + heard.without_T, wave_T, atol=1e-3)


def test_a_feature_without_a_frequency_axis_is_not_heard() -> None:
    model = explained(Weighted(torch.ones(1)), ZeroCrossing(RATE, HOP, 1024))
    assert listen(model, sound(model, np.ones(RATE, np.float32)), np.ones((1, 44), np.float32), 0) is None


def test_what_speaks_against_a_genre_is_never_relevant() -> None:
    map_FN = torch.tensor([[-1.0, -2.0, 0.0, 3.0]])
    assert most_relevant(map_FN, 0.75).tolist() == [[0.0, 0.0, 0.0, 1.0]]
    assert most_relevant(map_FN, 0.25).tolist() == [[0.0, 0.0, 0.0, 1.0]]
