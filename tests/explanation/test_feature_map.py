"""The grid of a map, its baselines, and the frequencies of its rows."""

from typing import Any

import numpy as np
import pytest
import torch

from src.explanation import feature_map as maps
from src.explanation.listening import listen
from src.feature import Chroma, Combined, Cqt, Mel, Mfcc, Onset, Stft, ZeroCrossing
from src.normalization import Instance, Standard, Unchanged
from tests.explanation_models import HOP, RATE, Weighted, explained, noise, sound


@pytest.mark.parametrize("seconds", [0.4, 1.0, 2.6, 3.0])
def test_windows_of_a_map_are_cut_where_they_were_put(seconds: float) -> None:
    model = explained(Weighted(torch.ones(32)))
    inputs = maps.feature_map(model, sound(model, noise(seconds)))
    whole_FN = torch.rand(32, inputs.columns)
    window_SFN = inputs.windows(whole_FN)
    assert window_SFN.shape == inputs.value_SFN.shape
    np.testing.assert_allclose(inputs.whole(window_SFN, mean=True), whole_FN, atol=1e-6)
    ones = inputs.whole(torch.ones_like(inputs.value_SFN))
    assert ones.min() >= 1  # no column is left out


def test_the_picture_of_a_sound_is_its_feature() -> None:
    model = explained(Weighted(torch.ones(32)))
    wave_T = noise(3.0)
    inputs = maps.feature_map(model, sound(model, wave_T))
    whole_FN = model.feature(torch.from_numpy(wave_T)[None])[0].numpy()
    found_FN = inputs.whole(inputs.value_SFN, mean=True)
    assert found_FN.shape == whole_FN.shape
    away_from_edges = [k for k in range(len(whole_FN[0])) if min(abs(k - edge) for edge in (0, 43, 86, 129)) > 3]
    # A window does not start at a multiple of the hop, so frames differ by less than a hop.
    assert np.corrcoef(found_FN[:, away_from_edges].ravel(), whole_FN[:, away_from_edges].ravel())[0, 1] > 0.6


@pytest.mark.parametrize(
    ("normalization", "text"),
    [
        (Standard(32), maps.TRAINING_MEAN),
        (Instance(), maps.WINDOW_MEAN),
        (Unchanged(), maps.SOUND_MEAN),
    ],
    ids=["standard", "instance", "none"],
)
def test_the_baseline_of_a_normalization(normalization: Any, text: str) -> None:
    if isinstance(normalization, Standard):
        normalization.mean_F1.copy_(torch.arange(32.0)[:, None])
    model = explained(Weighted(torch.ones(32)), normalization=normalization)
    read = sound(model, noise())
    inputs = maps.feature_map(model, read)
    assert inputs.baseline == text
    if isinstance(normalization, Unchanged):
        expected = read.feature_SFN.mean(dim=(0, 2))
        torch.testing.assert_close(inputs.baseline_SFN[0, :, 0], expected)
    else:
        normalized = inputs.baseline_SFN if isinstance(normalization, Instance) else normalization(inputs.baseline_SFN)
        assert float(normalized.abs().max()) == 0
    with torch.no_grad():  # the path through the map is the path of a prediction
        torch.testing.assert_close(inputs.network(inputs.value_SFN).double().cpu(), read.logits_SC)


def test_a_score_of_two_genres_is_the_log_odds() -> None:
    logits = torch.randn(5, 2)
    odds = logits.softmax(dim=1)
    torch.testing.assert_close(maps.score(logits, 1), (odds[:, 1] / odds[:, 0]).log())


def test_a_score_does_not_change_if_all_logits_do() -> None:
    logits = torch.randn(5, 4)
    torch.testing.assert_close(maps.score(logits + 3, 2), maps.score(logits, 2))


FEATURES = {
    "mel": Mel(RATE, HOP, 1024, 32, backend="torchaudio"),
    "stft": Stft(RATE, HOP, 1024, backend="torchaudio"),
    "cqt": Cqt(RATE, HOP, 65.4, 60, 12),
}


@pytest.mark.parametrize("name", FEATURES)
def test_a_tone_is_loudest_in_the_row_of_its_frequency(name: str) -> None:
    feature = FEATURES[name]
    hz_F = maps.row_hz(feature)
    assert hz_F is not None
    time_T = torch.arange(RATE) / RATE
    level_FN = feature(0.5 * torch.sin(2 * torch.pi * 1000 * time_T)[None])[0]
    loudest = int(level_FN.mean(dim=1).argmax())
    assert abs(np.log2(hz_F[loudest] / 1000)) < 0.15


@pytest.mark.parametrize("name", FEATURES)
def test_the_mask_of_a_row_has_the_bins_of_its_frequency(name: str) -> None:
    feature = FEATURES[name]
    found = maps.stft_weights(feature)
    hz_F = maps.row_hz(feature)
    assert found is not None
    assert hz_F is not None
    weights_KF, n_fft = found
    sums_K = weights_KF.sum(dim=1)
    assert bool(((sums_K - 1).abs().lt(1e-5) | sums_K.eq(0)).all())
    row = int(np.argmin(np.abs(hz_F - 1000)))
    hz_K = torch.arange(len(weights_KF)) * RATE / n_fft
    centre = float((weights_KF[:, row] * hz_K).sum() / weights_KF[:, row].sum())
    assert centre == pytest.approx(hz_F[row], rel=0.06)


def test_features_without_a_frequency_axis_have_none() -> None:
    parts = Combined(RATE, {"chroma": Chroma(RATE, HOP, 2048), "zero": ZeroCrossing(RATE, HOP, 1024)})
    assert maps.row_hz(parts) is None
    assert maps.stft_weights(parts) is None
    assert maps.row_names(parts) == [*(f"chroma {name}" for name in maps.PITCH_CLASSES), "zero"]


@pytest.mark.parametrize(
    "feature",
    [Mfcc(RATE, HOP, 1024, 32, 20, backend="torchaudio"), Onset(RATE, HOP, 1024, 32, backend="torchaudio")],
    ids=["mfcc", "onset"],
)
def test_rows_that_are_computed_from_mel_bands_are_none(feature: Any) -> None:
    assert maps.row_hz(feature) is None
    assert maps.stft_weights(feature) is None
    assert len(maps.row_names(feature)) == feature.rows
    model = explained(Weighted(torch.ones(feature.rows)), feature)
    read = sound(model, noise())
    inputs = maps.feature_map(model, read)
    relevance_FN = np.ones((feature.rows, inputs.columns), np.float32)
    assert listen(model, read, inputs, relevance_FN, 0) is None


def test_rows_of_a_network_are_dimensions_and_those_of_chroma_pitch_classes() -> None:
    assert maps.row_names(Chroma(RATE, HOP, 2048))[9] == "A"  # its docstring says so
    trained: Any = Mfcc(RATE, HOP, 1024, 32, 20, backend="torchaudio")
    trained.weight = torch.nn.Parameter(torch.ones(1))  # as if it were a network
    assert maps.row_names(trained)[:2] == ["dimension 1", "dimension 2"]
