"""What a hearing measures, on sounds whose level, bandwidth and faults are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from src.audio import reader
from src.clip import Clip
from src.quality import measures
from tests.conftest import RATE, tone, write


def heard(path: Path, max_seconds: float | None = None) -> measures.ClipMeasures:
    return measures.measure(Clip(path.name, path, "genre"), max_seconds)


def noise(seconds: float = 4.0, rate: int = 44100, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))


def test_a_sine_of_half_the_scale_is_at_minus_9_db(tmp_path: Path) -> None:
    found = heard(tone(tmp_path / "a.wav", hz=1000, seconds=3, level=0.5))
    assert found.level_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    assert found.peak_db == pytest.approx(20 * np.log10(0.5), abs=0.05)
    assert (found.seconds, found.start_seconds, found.sample_rate, found.channels) == (3.0, 0.0, RATE, 1)
    assert (found.clipped, found.fault, found.shortfall) == (0.0, None, None)


@pytest.mark.parametrize("cutoff_hz", [4000, 8000, 11000, 16000])
def test_bandwidth_is_where_the_low_pass_cut(tmp_path: Path, cutoff_hz: int) -> None:
    filtered_T = sosfilt(butter(20, cutoff_hz, fs=44100, output="sos"), noise())
    found = heard(write(tmp_path / "a.wav", filtered_T, 44100))
    # At order 20 the spectrum falls by 70 dB within half an octave.
    assert cutoff_hz <= found.bandwidth_hz <= 1.55 * cutoff_hz


def test_noise_reaches_the_end_of_the_spectrum(tmp_path: Path) -> None:
    assert heard(write(tmp_path / "a.wav", noise(), 44100)).bandwidth_hz > 22000


def test_resampled_sound_keeps_the_old_bandwidth(tmp_path: Path) -> None:
    low_T = reader.resample(noise(rate=22050).astype(np.float32), 22050, 44100)
    assert heard(write(tmp_path / "a.wav", low_T, 44100)).bandwidth_hz == pytest.approx(11025, rel=0.03)


def test_level_and_bandwidth_of_a_long_file_are_its_middles(tmp_path: Path) -> None:
    wave_T = np.concatenate([np.zeros(3 * RATE), noise(4.0, RATE), np.zeros(3 * RATE)])
    found = heard(write(tmp_path / "a.wav", wave_T), max_seconds=4.0)
    assert (found.start_seconds, found.seconds) == (3.0, 4.0)
    assert found.level_db == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize(("gain", "clipped"), [(1.0, False), (4.0, False), (20.0, True)])
def test_clipped_samples_are_counted(tmp_path: Path, gain: float, clipped: bool) -> None:
    wave_T = gain * noise(2.0) * 0.5  # deviation 0.05, so that a gain of 20 brings a third of it beyond full scale
    found = heard(write(tmp_path / "a.wav", np.clip(wave_T, -1, 1), 44100))
    expected = (np.abs(wave_T) >= 1).mean() if clipped else 0.0
    assert found.clipped == pytest.approx(expected, abs=0.005)


def test_sound_that_was_clipped_and_turned_down_is_clipped_all_the_same(tmp_path: Path) -> None:
    wave_T = 0.3 * np.clip(5 * tone_T(440), -1, 1)
    assert heard(write(tmp_path / "a.wav", wave_T)).clipped > 0.5


def tone_T(hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(2 * RATE) / RATE)


def test_a_low_tone_is_not_clipped(tmp_path: Path) -> None:
    assert heard(write(tmp_path / "a.wav", 0.5 * tone_T(40))).clipped < 0.005


def test_silence_and_a_constant_are_told_apart(tmp_path: Path) -> None:
    assert heard(write(tmp_path / "a.wav", np.zeros(RATE))).fault == "silent"
    assert heard(write(tmp_path / "b.wav", np.full(RATE, 0.25))).fault == "constant"
    assert heard(write(tmp_path / "c.wav", 0.25 + 0.1 * tone_T(440))).fault is None


def test_the_digest_is_of_the_sound_not_of_the_file(tmp_path: Path) -> None:
    wave_T = np.round(noise(1.0) * 2**15) / 2**15
    same = {heard(write(tmp_path / f"a{suffix}", wave_T, 44100)).digest for suffix in (".wav", ".flac", ".aiff", ".au")}
    assert len(same) == 1
    assert heard(write(tmp_path / "b.wav", wave_T * 0.5, 44100)).digest not in same


def test_stereo_is_measured_as_it_is(tmp_path: Path) -> None:
    left_T = np.clip(10 * tone_T(440), -1, 1)  # one channel clips, and the mean of both does not
    found = heard(write(tmp_path / "a.wav", np.stack([left_T, 0.1 * tone_T(300)], axis=1)))
    assert found.channels == 2
    assert found.clipped > 0.3


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".au", ".mp3"])
@pytest.mark.parametrize("max_seconds", [None, 2.0])
def test_a_file_cut_short_says_so(tmp_path: Path, suffix: str, max_seconds: float | None) -> None:
    whole = write(tmp_path / f"a{suffix}", noise(6.0, RATE), RATE)
    assert heard(whole, max_seconds).shortfall is None
    (tmp_path / f"b{suffix}").write_bytes(whole.read_bytes()[: round(0.7 * whole.stat().st_size)])
    assert "cut short" in str(heard(tmp_path / f"b{suffix}", max_seconds).shortfall)


def test_a_flac_whose_end_is_missing_says_so_where_its_middle_is_heard(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.flac", noise(9.0, RATE), RATE)
    (tmp_path / "b.flac").write_bytes(whole.read_bytes()[: round(0.9 * whole.stat().st_size)])
    assert "the end is not there" in str(heard(tmp_path / "b.flac", 1.0).shortfall)


def test_what_cannot_be_read_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"no music" * 100)
    with pytest.raises(reader.AudioError, match="not readable as audio"):
        heard(tmp_path / "a.mp3")


def test_a_stretch_is_heard_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.concatenate([np.zeros(RATE), noise(1.0, RATE), np.zeros(RATE)]))
    clip = replace(Clip("a", path, "genre"), start_seconds=1.0, stop_seconds=2.0)
    assert measures.measure(clip, None).level_db == pytest.approx(-20, abs=0.2)
    assert measures.measure(replace(clip, start_seconds=2.1, stop_seconds=None), None).fault == "silent"
