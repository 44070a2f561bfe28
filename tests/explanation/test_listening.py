"""What a map leaves of two tones."""

import numpy as np
import pytest
import torch

from src.explanation.feature_map import feature_map, row_hz
from src.explanation.listening import listen, most_relevant
from src.feature import Cqt, Mel, Stft, ZeroCrossing
from tests.explanation_models import HOP, RATE, Weighted, explained, noise, sound

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
    model.classifier.normalization.mean_F1.fill_(-60.0)  # dB: the average level, far below the tones
    read = sound(model, wave_T)
    hz_F = row_hz(feature)
    assert hz_F is not None
    map_FN = np.tile(np.exp(-((np.log2(np.maximum(hz_F, 1) / TONES[1]) * 12) ** 2))[:, None], (1, 87)).astype(
        np.float32
    )
    heard = listen(model, read, feature_map(model, read), map_FN, 0)
    assert heard is not None
    only_T = heard.only_T / 10 ** (heard.gain_db / 20)
    assert level(only_T, TONES[1]) > 0.17
    assert level(only_T, TONES[0]) < 0.01
    assert level(heard.without_T, TONES[1]) < 0.03
    assert level(heard.without_T, TONES[0]) > 0.19
    assert heard.predictions["energy"] == pytest.approx(0.5, abs=0.08)


def test_a_feature_without_a_frequency_axis_is_not_heard() -> None:
    model = explained(Weighted(torch.ones(1)), ZeroCrossing(RATE, HOP, 1024))
    read = sound(model, np.ones(RATE, np.float32))
    assert listen(model, read, feature_map(model, read), np.ones((1, 44), np.float32), 0) is None


def test_what_is_cut_out_gets_its_average_level() -> None:
    feature = FEATURES["mel"]
    model = explained(Weighted(torch.ones(feature.rows)), feature)
    read = sound(model, noise(2.0))
    model.classifier.normalization.mean_F1.copy_(read.feature_SFN.mean(dim=(0, 2))[:, None] - 15)
    inputs = feature_map(model, read)
    map_FN = np.zeros((40, inputs.columns), np.float32)
    map_FN[20:24] = 1.0
    heard = listen(model, read, inputs, map_FN, 0)
    assert heard is not None
    before_F, after_F = (
        feature(torch.from_numpy(wave_T)[None])[0].mean(dim=1) for wave_T in (read.wave_T, heard.without_T)
    )
    change_F = (after_F - before_F).numpy()
    assert change_F[21:23] == pytest.approx(-15, abs=3)
    assert np.abs(change_F[:18]).max() < 0.5
    assert np.abs(change_F[26:]).max() < 0.5


def test_what_speaks_against_a_genre_is_never_relevant() -> None:
    map_FN = torch.tensor([[-1.0, -2.0, 0.0, 3.0]])
    assert most_relevant(map_FN, 0.75).tolist() == [[0.0, 0.0, 0.0, 1.0]]
    assert most_relevant(map_FN, 0.25).tolist() == [[0.0, 0.0, 0.0, 1.0]]
