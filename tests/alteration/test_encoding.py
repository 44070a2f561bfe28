"""Lossy encodings: bit rates, length, and what they do to high frequencies."""

import numpy as np
import pytest
from numpy.typing import NDArray

from src.alteration import encoding


def music(rate: int) -> NDArray[np.float32]:
    """Five seconds of chords with noise."""
    time_T = np.arange(5 * rate) / rate
    chord_T = sum(np.sin(2 * np.pi * hz * time_T) for hz in (220, 277, 330, 1760))
    return (0.1 * chord_T + 0.05 * np.random.default_rng(0).standard_normal(len(time_T))).astype(np.float32)


@pytest.mark.parametrize(
    ("rate", "kilobits"), [(44100, 128), (44100, 16), (48000, 32), (22050, 32), (11025, 64), (8000, 16)]
)
def test_an_mp3_has_its_bit_rate_and_the_length_of_the_wave(rate: int, kilobits: int) -> None:
    encoded = encoding.mp3(music(rate), rate, kilobits)
    assert encoded.kilobits == pytest.approx(kilobits, rel=0.07)
    assert encoded.wave.shape == music(rate).shape


@pytest.mark.parametrize("kilobits", [64, 16, 8])
@pytest.mark.parametrize("rate", [44100, 16000])
def test_opus_has_about_its_bit_rate(rate: int, kilobits: int) -> None:
    encoded = encoding.opus(music(rate), rate, kilobits)
    assert encoded.kilobits == pytest.approx(
        kilobits + 1.5, abs=0.1 * kilobits + 1.5
    )  # Ogg's pages take about 2 kbit/s
    assert encoded.wave.shape == music(rate).shape


@pytest.mark.parametrize("encode", [encoding.mp3, encoding.opus])
def test_a_higher_bit_rate_is_nearer_to_the_wave_and_no_shift_is_left(encode: object) -> None:
    wave_T = music(22050)
    errors = [np.std(encode(wave_T, 22050, kilobits).wave - wave_T) for kilobits in (16, 32, 128)]  # type: ignore[operator]
    assert errors == sorted(errors, reverse=True)
    decoded_T = encode(wave_T, 22050, 128).wave  # type: ignore[operator]
    shifts = range(-30, 31)
    similar = [float(np.dot(decoded_T[4000:9000], wave_T[4000 + s : 9000 + s])) for s in shifts]
    assert abs(shifts[int(np.argmax(similar))]) <= 1
