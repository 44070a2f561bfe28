"""Features compared with librosa, on a synthetic sound and on real recordings of three genres.

librosa's `top_db` is not used: it limits each clip to 80 dB below its own loudest bin.
"""

from collections.abc import Callable
from typing import Any

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from tests.feature.conftest import CHOICES, FEATURES, FRAME, HOP, RATE, Build

Array = NDArray[Any]
FRAMES: dict[str, Any] = {"frame_length": FRAME, "hop_length": HOP}
SPECTRUM: dict[str, Any] = {"sr": RATE, "n_fft": FRAME, "hop_length": HOP}


def decibel(power: Array) -> Array:
    level: Array = librosa.power_to_db(power, amin=1e-10, top_db=None)
    return level


def mel(y: Array, n_mels: int = 128) -> Array:
    return decibel(librosa.feature.melspectrogram(y=y, n_mels=n_mels, pad_mode="constant", **SPECTRUM))


def magnitude(y: Array) -> Array:
    spectrum: Array = librosa.stft(y, n_fft=FRAME, hop_length=HOP)
    return np.abs(spectrum)


def onset(y: Array) -> Array:
    return librosa.onset.onset_strength(S=mel(y), sr=RATE, n_fft=FRAME, hop_length=HOP)


def autocorrelation(y: Array) -> Array:
    frames = librosa.util.frame(np.pad(y, FRAME // 2), **FRAMES).astype(np.float64)
    product: Array = librosa.autocorrelate(frames, axis=0)
    lag = np.round(np.geomspace(RATE / 2000, RATE / 50, 32)).astype(int)
    normalized: Array = product[lag] / product[:1]
    return normalized


# feature -> librosa's values, and the tolerance in the unit of the feature
REFERENCES: dict[str, tuple[Callable[[Array], Array], float]] = {
    "mel": (lambda y: mel(y, 96), 1e-3),
    "mfcc": (lambda y: librosa.feature.mfcc(S=mel(y), n_mfcc=20), 1e-3),
    "chroma": (lambda y: librosa.feature.chroma_stft(y=y, tuning=0.0, **SPECTRUM), 1e-5),
    "zero_crossing": (lambda y: librosa.feature.zero_crossing_rate(y, **FRAMES), 1e-7),
    "energy": (lambda y: decibel(librosa.feature.rms(y=y, **FRAMES) ** 2), 1e-4),
    "autocorrelation": (autocorrelation, 1e-5),
    "centroid": (lambda y: librosa.feature.spectral_centroid(y=y, **SPECTRUM), 1e-2),
    "spectral_mean": (lambda y: decibel(magnitude(y).mean(axis=0, keepdims=True) ** 2), 1e-4),
    "spectral_variance": (lambda y: librosa.feature.spectral_bandwidth(y=y, **SPECTRUM), 1e-2),
    "flatness": (lambda y: librosa.feature.spectral_flatness(y=y, n_fft=FRAME, hop_length=HOP), 1e-5),
    "contrast": (lambda y: librosa.feature.spectral_contrast(y=y, **SPECTRUM), 5e-2),  # valleys are rounding noise
    "onset": (onset, 1e-4),
    "tempogram": (
        lambda y: librosa.feature.tempogram(onset_envelope=onset(y), sr=RATE, hop_length=HOP, win_length=192),
        1e-5,
    ),
}
COMPARED_BELOW = {"stft", "rolloff", "cqt"}
COMPARED_ELSEWHERE = {"waveform", "musicnn", "efficientat", "pretrained", "deep_classic"}  # by tests of their own


@pytest.mark.parametrize("choice", REFERENCES)
def test_equals_librosa(build: Build, choice: str, sound: Tensor) -> None:
    reference, tolerance = REFERENCES[choice]
    feature_FN, librosa_FN = build(choice)(sound[None])[0].numpy(), np.atleast_2d(reference(sound.numpy()))
    assert feature_FN.shape == librosa_FN.shape
    np.testing.assert_allclose(feature_FN, librosa_FN, rtol=0, atol=tolerance)


@pytest.mark.parametrize("backend", ["nnaudio", "torchaudio"])
def test_stft_equals_librosa(build: Build, backend: str, sound: Tensor) -> None:
    power_KN = 10 ** (build("stft", f"backend={backend}")(sound[None])[0].numpy() / 10)
    librosa_KN = magnitude(sound.numpy()) ** 2
    # The tolerance is relative to the loudest bin, because quiet bins are rounding noise in librosa too: 1e-5 is 50 dB.
    np.testing.assert_allclose(power_KN, librosa_KN, rtol=0, atol=1e-5 * librosa_KN.max())


def test_rolloff_equals_librosa(build: Build, sound: Tensor) -> None:
    feature_FN = build("rolloff")(sound[None])[0].numpy()
    librosa_FN = librosa.feature.spectral_rolloff(y=sound.numpy(), **SPECTRUM)
    # If the sum equals 85 % to the last digit, rounding decides between two bins.
    np.testing.assert_allclose(feature_FN, librosa_FN, rtol=0, atol=1.01 * RATE / FRAME)
    assert np.isclose(feature_FN, librosa_FN, atol=1e-2).mean() > 0.98


@pytest.mark.parametrize("order", [1, 2])
def test_deltas_equal_librosa(build: Build, order: int, sound: Tensor) -> None:
    feature_FN = build("mfcc", "deltas=2")(sound[None])[0].numpy()
    mfcc_FN = librosa.feature.mfcc(S=mel(sound.numpy()), n_mfcc=20)
    np.testing.assert_allclose(
        feature_FN[20 * order : 20 * (order + 1)],
        librosa.feature.delta(mfcc_FN, order=order, mode="nearest"),
        rtol=0,
        atol=1e-4,
    )


def test_cqt_follows_librosa(build: Build, sound: Tensor) -> None:
    # By correlation, because nnAudio's kernels and librosa's recursion differ by a scale factor per bin.
    feature_FN = 10 ** (build("cqt")(sound[None])[0].numpy() / 20)
    librosa_FN = np.abs(librosa.cqt(sound.numpy(), sr=RATE, hop_length=HOP, tuning=0.0))
    assert np.corrcoef(feature_FN.ravel(), librosa_FN.ravel())[0, 1] > 0.99


def test_chroma_of_the_cqt_follows_librosa(build: Build, sound: Tensor) -> None:
    feature_FN = build("chroma", "source=cqt")(sound[None])[0].numpy()
    librosa_FN = librosa.feature.chroma_cqt(y=sound.numpy(), sr=RATE, hop_length=HOP, tuning=0.0, bins_per_octave=12)
    assert np.corrcoef(feature_FN.ravel(), librosa_FN.ravel())[0, 1] > 0.95


def test_every_feature_is_compared() -> None:
    combinations = {choice for choice in FEATURES if "parts" in CHOICES[choice]}
    assert set(REFERENCES) | COMPARED_BELOW | COMPARED_ELSEWHERE | combinations == set(FEATURES)
