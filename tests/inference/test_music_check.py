"""The check if a sound is music: on sounds whose spectrum is known, and on real recordings."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from src.audio import reader
from src.inference import music_check
from src.inference.windows import iterate_windows

RATE = 16000


def _is_music(wave_T: NDArray[np.floating], seconds: float | None = None) -> bool:
    """Check a wave as the recognizer does, in windows of 3 s."""
    wave_T = np.asarray(wave_T, dtype=np.float32)
    wave_ST = np.stack([window_T for _, window_T in iterate_windows([wave_T], len(wave_T), 3 * RATE)])
    return music_check.is_music(music_check.spectrum(torch.from_numpy(wave_ST), RATE), seconds or len(wave_T) / RATE)


def _chord(*partials_hz: float, seconds: float = 6.0) -> NDArray[np.float64]:
    time_T = np.arange(round(seconds * RATE)) / RATE
    return 0.1 * sum(np.sin(2 * np.pi * hz * time_T) for hz in partials_hz)


def _alternate(a_T: NDArray[np.floating], b_T: NDArray[np.floating]) -> NDArray[np.floating]:
    """Half a second of the one, half a second of the other."""
    return np.where(np.arange(len(a_T)) // (RATE // 2) % 2 == 0, a_T, b_T)


def test_a_held_chord_is_no_music_and_two_chords_in_turn_are() -> None:
    first_T, second_T = _chord(220, 440, 660, 1320), _chord(294, 588, 882, 1764)
    assert not _is_music(first_T)
    assert not _is_music(second_T)
    assert _is_music(_alternate(first_T, second_T))


def test_a_level_that_changes_is_no_music() -> None:
    noise_T = np.random.default_rng(0).uniform(-0.5, 0.5, 6 * RATE)
    for wave_T in (noise_T, _chord(220, 440, 660)):
        assert not _is_music(wave_T * np.linspace(0.01, 1, len(wave_T)))
        assert not _is_music(_alternate(wave_T, 0.05 * wave_T))
        assert not _is_music(_alternate(wave_T, 0 * wave_T))


def test_one_pure_tone_at_a_time_is_no_music_but_with_overtones_it_is() -> None:
    pure = [_chord(hz) for hz in (330, 440)]
    rich = [_chord(hz, 2 * hz, 3 * hz) for hz in (330, 440)]
    assert not _is_music(_alternate(*pure))
    assert _is_music(_alternate(*rich))


def test_the_level_of_the_sound_does_not_matter() -> None:
    music_T = _alternate(_chord(220, 440, 660), _chord(294, 588, 882))
    noise_T = np.random.default_rng(1).uniform(-1, 1, len(music_T))
    for gain in (1.0, 0.1, 0.01):
        assert _is_music(gain * music_T)
        assert not _is_music(gain * noise_T)


def test_below_a_second_only_silence_is_no_music() -> None:
    noise_T = np.random.default_rng(2).uniform(-0.5, 0.5, 3 * RATE)
    assert _is_music(noise_T, seconds=0.9)
    assert not _is_music(noise_T, seconds=1.0)
    assert not _is_music(np.zeros(3 * RATE), seconds=0.9)


@pytest.mark.parametrize("samples", [1, 100, 1000, 4000])
def test_short_windows_can_be_measured(samples: int) -> None:
    noise_ST = torch.from_numpy(np.random.default_rng(5).uniform(-1, 1, (3, samples)).astype(np.float32))
    measured = music_check.spectrum(noise_ST, RATE)
    assert measured.block_SNB.shape[1] >= 1
    assert music_check.is_music(measured, samples / RATE)


def test_the_bands_share_the_power_of_noise_by_their_width() -> None:
    """White noise: the power of a band of Slaney's mel scale, whose area is normalized, is the same in all bands."""
    noise_ST = torch.from_numpy(np.random.default_rng(3).standard_normal((4, 3 * RATE)).astype(np.float32))
    block_B = music_check.spectrum(noise_ST, RATE).block_SNB.mean(dim=(0, 1))
    inner_B = block_B[1:-1]  # the bands at the ends reach below 50 Hz or up to the Nyquist frequency
    assert float(inner_B.std() / inner_B.mean()) < 0.15


def test_the_peak_of_a_tone_has_all_power_and_that_of_noise_little() -> None:
    tone_ST = torch.from_numpy(_chord(1000)[None].astype(np.float32))
    noise_ST = torch.from_numpy(np.random.default_rng(4).standard_normal((1, RATE)).astype(np.float32))
    assert float(music_check.spectrum(tone_ST, RATE).peak_SF.median()) > 0.999
    assert float(music_check.spectrum(noise_ST, RATE).peak_SF.median()) < 0.1


@pytest.mark.parametrize("excerpt_seconds", [None, 3.0])
def test_no_real_recording_is_refused(excerpt_seconds: float | None, music: Path) -> None:
    with open(music / "manifest.csv", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert len(paths) == 103
    refused = [path for path in paths if not _is_music(reader.read(music / path, RATE, max_seconds=excerpt_seconds))]
    assert not refused
