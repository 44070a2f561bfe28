"""Measures of sounds whose level, bandwidth and faults are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from src.audio import reader
from src.clip import Clip
from src.quality import measures
from tests.conftest import RATE, tone, write


def measure(path: Path, max_seconds: float | None = None) -> measures.ClipMeasures:
    return measures.measure(Clip(path.name, path, "genre"), max_seconds)


def noise(seconds: float = 4.0, rate: int = 44100, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))


def test_a_sine_of_half_the_scale_is_at_minus_9_db(tmp_path: Path) -> None:
    measured = measure(tone(tmp_path / "a.wav", hz=1000, seconds=3, level=0.5))
    assert measured.level_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    assert measured.peak_db == pytest.approx(20 * np.log10(0.5), abs=0.05)
    assert (measured.seconds, measured.start_seconds, measured.sample_rate, measured.channels) == (3.0, 0.0, RATE, 1)
    assert (measured.clipped, measured.fault, measured.shortfall) == (0.0, None, None)


@pytest.mark.parametrize("cutoff_hz", [4000, 8000, 11000, 16000])
def test_bandwidth_is_the_cutoff_of_a_low_pass(tmp_path: Path, cutoff_hz: int) -> None:
    filtered_T = sosfilt(butter(20, cutoff_hz, fs=44100, output="sos"), noise())
    measured = measure(write(tmp_path / "a.wav", filtered_T, 44100))
    # At order 20 the spectrum falls by 70 dB within half an octave.
    assert cutoff_hz <= measured.bandwidth_hz <= 1.55 * cutoff_hz


def test_the_bandwidth_of_noise_is_half_the_sample_rate(tmp_path: Path) -> None:
    assert measure(write(tmp_path / "a.wav", noise(), 44100)).bandwidth_hz > 22000


def test_upsampled_sound_keeps_its_bandwidth(tmp_path: Path) -> None:
    low_T = reader.resample(noise(rate=22050).astype(np.float32), 22050, 44100)
    assert measure(write(tmp_path / "a.wav", low_T, 44100)).bandwidth_hz == pytest.approx(11025, rel=0.03)


def test_a_long_file_is_measured_in_its_middle(tmp_path: Path) -> None:
    wave_T = np.concatenate([np.zeros(3 * RATE), noise(4.0, RATE), np.zeros(3 * RATE)])
    measured = measure(write(tmp_path / "a.wav", wave_T), max_seconds=4.0)
    assert (measured.start_seconds, measured.seconds) == (3.0, 4.0)
    assert measured.level_db == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize(("gain", "clipped"), [(1.0, False), (4.0, False), (20.0, True)])
def test_clipped_samples_are_counted(tmp_path: Path, gain: float, clipped: bool) -> None:
    # The standard deviation is 0.05, so that a gain of 20 brings a third of the samples beyond full scale.
    wave_T = gain * noise(2.0) * 0.5
    measured = measure(write(tmp_path / "a.wav", np.clip(wave_T, -1, 1), 44100))
    expected = (np.abs(wave_T) >= 1).mean() if clipped else 0.0
    assert measured.clipped == pytest.approx(expected, abs=0.005)


def test_clipping_is_found_after_the_level_was_lowered(tmp_path: Path) -> None:
    wave_T = 0.3 * np.clip(5 * tone_T(440), -1, 1)
    assert measure(write(tmp_path / "a.wav", wave_T)).clipped > 0.5


def tone_T(hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(2 * RATE) / RATE)


def test_a_low_tone_is_not_clipped(tmp_path: Path) -> None:
    assert measure(write(tmp_path / "a.wav", 0.5 * tone_T(40))).clipped < 0.005


def test_silence_and_a_constant_are_distinguished(tmp_path: Path) -> None:
    assert measure(write(tmp_path / "a.wav", np.zeros(RATE))).fault == "silent"
    assert measure(write(tmp_path / "b.wav", np.full(RATE, 0.25))).fault == "constant"
    assert measure(write(tmp_path / "c.wav", 0.25 + 0.1 * tone_T(440))).fault is None


def test_the_digest_does_not_depend_on_the_file_format(tmp_path: Path) -> None:
    wave_T = np.round(noise(1.0) * 2**15) / 2**15
    digests = {
        measure(write(tmp_path / f"a{suffix}", wave_T, 44100)).digest for suffix in (".wav", ".flac", ".aiff", ".au")
    }
    assert len(digests) == 1
    assert measure(write(tmp_path / "b.wav", wave_T * 0.5, 44100)).digest not in digests


def test_channels_are_measured_separately_for_clipping(tmp_path: Path) -> None:
    left_T = np.clip(10 * tone_T(440), -1, 1)  # the left channel is clipped, the mean of both is not
    measured = measure(write(tmp_path / "a.wav", np.stack([left_T, 0.1 * tone_T(300)], axis=1)))
    assert measured.channels == 2
    assert measured.clipped > 0.3


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".au", ".mp3"])
@pytest.mark.parametrize("max_seconds", [None, 2.0])
def test_a_file_cut_short_has_a_shortfall(tmp_path: Path, suffix: str, max_seconds: float | None) -> None:
    whole = write(tmp_path / f"a{suffix}", noise(6.0, RATE), RATE)
    assert measure(whole, max_seconds).shortfall is None
    (tmp_path / f"b{suffix}").write_bytes(whole.read_bytes()[: round(0.7 * whole.stat().st_size)])
    assert "cut short" in str(measure(tmp_path / f"b{suffix}", max_seconds).shortfall)


def test_a_missing_end_of_a_flac_is_found_though_only_its_middle_is_measured(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.flac", noise(9.0, RATE), RATE)
    (tmp_path / "b.flac").write_bytes(whole.read_bytes()[: round(0.9 * whole.stat().st_size)])
    assert "the end cannot be decoded" in str(measure(tmp_path / "b.flac", 1.0).shortfall)


def test_an_unreadable_file_raises_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"no music\0" * 100)
    with pytest.raises(reader.AudioError, match="not readable as audio"):
        measure(tmp_path / "a.mp3")


def test_only_the_clips_part_of_a_file_is_measured(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.concatenate([np.zeros(RATE), noise(1.0, RATE), np.zeros(RATE)]))
    clip = replace(Clip("a", path, "genre"), start_seconds=1.0, stop_seconds=2.0)
    assert measures.measure(clip, None).level_db == pytest.approx(-20, abs=0.2)
    assert measures.measure(replace(clip, start_seconds=2.1, stop_seconds=None), None).fault == "silent"
