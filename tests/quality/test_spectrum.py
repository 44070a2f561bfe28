"""Long-term spectra of sounds with known answers: bands of noise, steady tones, notes, low passes."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from src.quality.spectrum import LOWEST_BAND_DB, THIRD_OCTAVES_HZ, long_term_spectrum

RATE = 22050
SECONDS = 8


def noise(seed: int = 0, rate: int = RATE, seconds: float = SECONDS) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def tone(hz: float, level: float = 0.001, seconds: float = SECONDS) -> NDArray[np.float32]:
    """A sine with an RMS of `level`: 0.001 is 40 dB below `noise`."""
    return (2**0.5 * level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def music(seed: int = 0) -> NDArray[np.float32]:
    """Plucked notes of random pitches on a beat of half a second, with a soft hiss."""
    random = np.random.default_rng(seed)
    wave_T = 0.002 * random.standard_normal(SECONDS * RATE)
    time_T = np.arange(RATE // 2) / RATE
    for beat in range(2 * SECONDS):
        hz = 110 * 2 ** (random.integers(36) / 12)
        wave_T[beat * (RATE // 2) :][: len(time_T)] += sum(
            0.3 / k * np.sin(2 * np.pi * k * hz * time_T) * np.exp(-6 * time_T) for k in range(1, 6)
        )
    return wave_T.astype(np.float32)


def test_third_octaves_of_white_noise_rise_by_1_db_each() -> None:
    """A band's width is proportional to its frequency: 10 log10(2) / 3 dB from band to band, 0 dB in all up to 11 kHz."""
    level_B = np.array(long_term_spectrum(noise(seconds=30), RATE).third_octaves_db)
    inside_B = np.array(THIRD_OCTAVES_HZ) * 2 ** (1 / 6) < RATE / 2
    expected_B = 10 * np.log10(np.array(THIRD_OCTAVES_HZ) * (2 ** (1 / 6) - 2 ** (-1 / 6)) / (RATE / 2))
    np.testing.assert_allclose(level_B[inside_B][6:], expected_B[inside_B][6:], atol=0.3)
    np.testing.assert_allclose(level_B[inside_B], expected_B[inside_B], atol=2.0)  # few bins in the lowest bands
    assert level_B[-1] == LOWEST_BAND_DB  # 16 kHz: above half the sample rate


def test_a_sine_is_in_one_band_at_0_db_at_any_level() -> None:
    for level in (0.01, 0.5):
        level_B = np.array(long_term_spectrum(tone(1000, level), RATE).third_octaves_db)
        assert level_B.argmax() == 13
        assert level_B[13] == pytest.approx(0, abs=0.1)


def test_third_octaves_equal_those_of_scipy() -> None:
    wave_T = music()
    hz_F, power_F = signal.welch(wave_T, RATE, nperseg=4096, noverlap=0, window=np.hanning(4096), detrend=False)
    level_B = np.array(long_term_spectrum(wave_T, RATE).third_octaves_db)
    for b in (9, 13, 17, 20):
        low, high = THIRD_OCTAVES_HZ[b] * 2 ** (-1 / 6), THIRD_OCTAVES_HZ[b] * 2 ** (1 / 6)
        share = power_F[(hz_F >= low) & (hz_F < high)].sum() / power_F.sum()
        assert level_B[b] == pytest.approx(10 * np.log10(share), abs=0.7)


@pytest.mark.parametrize("hz", [100.0, 1234.5, 9000.0])
def test_a_weak_steady_tone_is_found_at_its_frequency(hz: float) -> None:
    (found,) = long_term_spectrum(noise() * np.float32(0.3) + tone(hz, 0.003), RATE).steady_hz
    assert found == pytest.approx(hz, abs=1.5)


def test_a_tone_40_db_below_the_music_is_found() -> None:
    wave_T = music()
    level = float(np.sqrt(np.mean(wave_T**2))) / 100
    assert long_term_spectrum(wave_T, RATE).steady_hz == ()
    (found,) = long_term_spectrum(wave_T + tone(9000, level), RATE).steady_hz
    assert found == pytest.approx(9000, abs=1.5)


def test_tones_that_come_and_go_are_not_steady() -> None:
    """A tone of half the time, a tone whose level swells by 20 dB, and a siren are no steady peaks."""
    time_T = np.arange(SECONDS * RATE) / RATE
    half = tone(2000, 0.01) * (time_T < SECONDS / 2)
    swell = tone(3000, 0.01) * 10 ** (-np.abs(time_T - SECONDS / 2) / SECONDS * 2)
    siren = 0.014 * np.sin(2 * np.pi * (4000 * time_T + 30 * np.sin(2 * np.pi * 0.5 * time_T)))
    for wave_T in (half, swell, siren):
        assert long_term_spectrum((0.1 * noise() + wave_T).astype(np.float32), RATE).steady_hz == ()


def test_noise_has_no_steady_peak_nor_limit() -> None:
    for seed in range(20):
        measured = long_term_spectrum(noise(seed, seconds=4), RATE)
        assert (measured.steady_hz, measured.limit_hz) == ((), None)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
@pytest.mark.parametrize("cutoff_hz", [4000.0, 6000.0, 8000.0])
def test_a_steep_low_pass_is_a_limit(cutoff_hz: float, rate: int) -> None:
    filtered_T = signal.sosfilt(signal.butter(16, cutoff_hz, fs=rate, output="sos"), noise(rate=rate))
    limit_hz = long_term_spectrum(filtered_T.astype(np.float32), rate).limit_hz
    assert limit_hz is not None
    assert cutoff_hz / 1.1 < limit_hz < cutoff_hz * 1.2


@pytest.mark.parametrize("db_per_octave", [6, 12, 24])
def test_a_gentle_slope_is_no_limit(db_per_octave: int) -> None:
    spectrum_F = np.fft.rfft(noise())
    octaves_F = np.log2(np.maximum(1, np.fft.rfftfreq(SECONDS * RATE, 1 / RATE) / 3000))
    filtered_T = np.fft.irfft(spectrum_F * 10 ** (-db_per_octave * octaves_F / 20))
    assert long_term_spectrum(filtered_T.astype(np.float32), RATE).limit_hz is None


def test_the_limit_of_a_lower_sample_rate_is_found_in_a_resampled_file() -> None:
    wave_T = signal.resample_poly(noise(), 2, 1).astype(np.float32)
    limit_hz = long_term_spectrum(wave_T, 2 * RATE).limit_hz
    assert limit_hz == pytest.approx(RATE / 2, rel=0.1)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 3.0])
def test_a_short_clip_has_no_steady_peak(seconds: float) -> None:
    assert long_term_spectrum(tone(1000, 0.1, seconds), RATE).steady_hz == ()


def test_silence_has_the_lowest_levels() -> None:
    measured = long_term_spectrum(np.zeros(RATE, np.float32), RATE)
    assert set(measured.third_octaves_db) == {LOWEST_BAND_DB}
    assert (measured.bandwidth_hz, measured.steady_hz, measured.limit_hz) == (0.0, (), None)
