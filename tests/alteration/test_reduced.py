"""Reduced sound keeps one trait of a clip, and nothing else."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from src.alteration import reduced
from src.quality.spectrum import long_term_spectrum

RATE = 22050


def clip(beats_a_second: float, hz: float, level: float = 0.3, cutoff_hz: float = 6000) -> NDArray[np.float32]:
    """Four seconds of a struck tone and noise below a cutoff."""
    time_T = np.arange(4 * RATE) / RATE
    struck_T = np.exp(-8 * (time_T * beats_a_second % 1) / beats_a_second)
    noise_T = 0.01 * np.random.default_rng(0).standard_normal(len(time_T))
    sound_T = struck_T * np.sin(2 * np.pi * hz * time_T) + noise_T
    return (level * signal.sosfilt(signal.butter(10, cutoff_hz, fs=RATE, output="sos"), sound_T)).astype(np.float32)


def rms(wave_T: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(wave_T, dtype=np.float64))))


def envelope(wave_T: NDArray[np.floating]) -> NDArray[np.float64]:
    """Level of each 50 ms."""
    return np.array([rms(part_T) for part_T in wave_T[: 4 * RATE // 1102 * 1102].reshape(-1, 1102)])


def correlation(a_T: NDArray[np.floating], b_T: NDArray[np.floating]) -> float:
    return float(np.corrcoef(a_T, b_T)[0, 1])


def test_level_and_bandwidth_are_those_of_the_audit() -> None:
    for level, cutoff_hz in ((0.3, 4000), (0.03, 2000)):
        wave_T = clip(2, 440, level, cutoff_hz)
        noise_T = reduced.level_and_bandwidth(wave_T, RATE, np.random.default_rng(1))
        assert rms(noise_T) == pytest.approx(rms(wave_T), rel=1e-3)
        own, theirs = (long_term_spectrum(each_T, RATE).bandwidth_hz for each_T in (noise_T, wave_T))
        assert own == pytest.approx(theirs, rel=0.05)
        power_F = reduced.long_term_power(noise_T)[: round(0.9 * theirs / RATE * reduced.N_FFT)]
        assert 10 * np.log10(power_F[5:].max() / power_F[5:].min()) < 9  # white: only the noise of the estimate
        assert abs(correlation(envelope(noise_T), envelope(wave_T))) < 0.3


def test_the_long_term_spectrum_stays_and_the_rhythm_goes() -> None:
    wave_T = clip(2, 440)
    noise_T = reduced.long_term_spectrum(wave_T, RATE, np.random.default_rng(1))
    assert rms(noise_T) == pytest.approx(rms(wave_T), rel=1e-3)
    own, theirs = (10 * np.log10(reduced.long_term_power(each_T)[10:1000]) for each_T in (noise_T, wave_T))
    assert correlation(own, theirs) > 0.98
    assert abs(correlation(envelope(noise_T), envelope(wave_T))) < 0.3


def test_the_rhythm_stays_and_level_and_spectrum_go() -> None:
    loud, soft = clip(2, 440), clip(2, 440, 0.01)
    one, other = (reduced.rhythm(each_T, RATE, np.random.default_rng(1)) for each_T in (loud, soft))
    assert rms(one) == pytest.approx(rms(other), rel=1e-3)
    band = slice(*(round(hz / RATE * 2 * len(loud) / 2) for hz in (200, 800)))
    in_band = np.fft.irfft(np.pad(np.fft.rfft(one)[band], (band.start, 0)), n=len(one))
    assert correlation(envelope(in_band), envelope(loud)) > 0.8
    # A tone of another pitch in the same band gives the same sound: notes are gone.
    pitched = reduced.rhythm(clip(2, 500), RATE, np.random.default_rng(1))
    assert correlation(one, pitched) > 0.97
    slower = reduced.rhythm(clip(3, 440), RATE, np.random.default_rng(1))
    assert correlation(envelope(one), envelope(slower)) < 0.7


@pytest.mark.parametrize("reduce", [reduced.level_and_bandwidth, reduced.long_term_spectrum, reduced.rhythm])
def test_silence_and_short_sound_are_no_trouble(reduce: object) -> None:
    for wave_T in (np.zeros(RATE, np.float32), clip(2, 440)[:300]):
        noise_T = reduce(wave_T, RATE, np.random.default_rng(0))  # type: ignore[operator]
        assert noise_T.shape == wave_T.shape
        assert np.isfinite(noise_T).all()
