"""Alterations of a waveform, on signals with known answers, and against augmentation, which has the same ones."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import signal

from src.alteration import ALTERATIONS, waves
from src.alteration.equalizer import KNOTS
from src.augmentation import Wave, wave

RATE = 22050


def sine(hz: float, seconds: float = 2.0, level: float = 0.5) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def noise(seconds: float = 2.0, seed: int = 0) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def level_db(wave_T: NDArray[np.floating]) -> float:
    return float(10 * np.log10(np.mean(np.square(wave_T, dtype=np.float64))))


def strongest_hz(wave_T: NDArray[np.floating]) -> float:
    power_F = np.abs(np.fft.rfft(wave_T * np.hanning(len(wave_T))))
    return float(np.argmax(power_F) * RATE / len(wave_T))


@pytest.mark.parametrize("name", [name for name, each in ALTERATIONS.items() if each.alter])
def test_every_alteration_returns_finite_sound_and_the_same_for_one_seed(name: str) -> None:
    alteration = ALTERATIONS[name]
    assert alteration.alter is not None
    music_T = sine(220) + noise()
    for strength in (alteration.strengths[0], alteration.strengths[-1]):
        once, again = (alteration.alter(music_T, RATE, strength, np.random.default_rng(3)) for _ in range(2))
        assert once.dtype == np.float32
        assert once.ndim == 1
        assert np.isfinite(once).all()
        assert np.array_equal(once, again)
        assert not np.array_equal(once, music_T) or (name == "low_pass" and strength >= RATE / 2)
        silence = alteration.alter(np.zeros(RATE, np.float32), RATE, strength, np.random.default_rng(3))
        assert np.abs(silence).max() < 1e-3


@pytest.mark.parametrize("name", [name for name in ALTERATIONS if name != "segment"])
@pytest.mark.parametrize(("samples", "rate"), [(1, 192000), (100, 8000), (1024, 44100)])
def test_very_short_sound_is_altered_too(name: str, samples: int, rate: int) -> None:
    alteration = ALTERATIONS[name]
    assert alteration.alter is not None
    wave_T = np.random.default_rng(0).uniform(-0.5, 0.5, samples).astype(np.float32)
    for strength in alteration.strengths:
        altered_T = alteration.alter(wave_T, rate, strength, np.random.default_rng(0))
        assert len(altered_T)
        assert np.isfinite(altered_T).all()


def test_a_gain_is_in_decibels() -> None:
    assert level_db(waves.gain(noise(), -12)) == pytest.approx(level_db(noise()) - 12, abs=1e-4)


@pytest.mark.parametrize("gain_db", [-6.0, 12.0])
def test_a_shelf_has_its_gain_on_one_side_only(gain_db: float) -> None:
    for is_low, (changed_hz, unchanged_hz) in ((True, (20.0, 8000.0)), (False, (9000.0, 50.0))):
        for hz, expected in ((changed_hz, gain_db), (unchanged_hz, 0.0)):
            middle = slice(RATE // 2, -RATE // 2)
            altered = waves.shelf(sine(hz), RATE, 300 if is_low else 1200, gain_db, is_low)
            assert level_db(altered[middle]) - level_db(sine(hz)[middle]) == pytest.approx(expected, abs=0.3)


def test_a_low_pass_is_a_butterworth_filter() -> None:
    """scipy's filter of the same order, run once, has the same magnitude."""
    altered = waves.low_pass(noise(8), RATE, 2000)
    sos = signal.butter(8, 2000, fs=RATE, output="sos")
    for low, high in ((100, 1500), (1900, 2100), (2500, 3000)):
        own, theirs = (
            signal.welch(each, RATE, nperseg=2048)[1][int(low * 2048 / RATE) : int(high * 2048 / RATE)].mean()
            for each in (altered, signal.sosfilt(sos, noise(8)))
        )
        # Above the cutoff, the bilinear transform makes scipy's filter a little steeper.
        assert 10 * np.log10(own / theirs) == pytest.approx(0, abs=2 if low > 2200 else 0.3)
    tone_T = sine(9000)
    assert level_db(waves.low_pass(tone_T, RATE, 8000)) < level_db(tone_T) - 5
    assert np.array_equal(waves.low_pass(tone_T, RATE, RATE / 2), tone_T)


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_noise_has_its_signal_to_noise_ratio(snr_db: float) -> None:
    music_T = sine(440, 4)
    added_T = waves.white_noise(music_T, snr_db, np.random.default_rng(1)) - music_T
    assert level_db(music_T) - level_db(added_T) == pytest.approx(snr_db, abs=0.1)


def test_a_reverberation_decays_by_60_db_in_its_time() -> None:
    click_T = np.zeros(3 * RATE, np.float32)
    click_T[0] = 1
    wet_T = waves.reverberate(click_T, RATE, 1.0, np.random.default_rng(0))
    assert level_db(wet_T) == pytest.approx(level_db(click_T), abs=0.01)
    direct, tail = wet_T[0] ** 2, np.sum(wet_T[1:] ** 2)
    assert 10 * np.log10(direct / tail) == pytest.approx(0, abs=0.1)
    early, late = (level_db(wet_T[round(t * RATE) : round((t + 0.1) * RATE)]) for t in (0.1, 0.8))
    assert early - late == pytest.approx(60 * 0.7, abs=2)  # 60 dB a second


def test_speed_tempo_and_pitch_change_what_they_say() -> None:
    tone_T = sine(440)
    faster = waves.change_speed(tone_T, RATE, 10)
    assert len(faster) == pytest.approx(len(tone_T) / 1.1, abs=1)
    assert strongest_hz(faster) == pytest.approx(440 * 1.1, abs=1)
    assert strongest_hz(waves.change_tempo(tone_T, 10)) == pytest.approx(440, abs=1)
    assert strongest_hz(waves.change_pitch(tone_T, 2)) == pytest.approx(440 * 2 ** (2 / 12), rel=2e-3)
    clicks_T = np.zeros(4 * RATE, np.float32)
    clicks_T[:: RATE // 4] = 1  # four a second
    quick = np.abs(waves.change_tempo(clicks_T, 20)[: 3 * RATE]).reshape(-1, 441).max(axis=1)
    beats = np.abs(np.fft.rfft(quick - quick.mean()))[: len(quick) // 8]
    assert np.argmax(beats) / 3 == pytest.approx(4 * 1.2, abs=0.34)


def test_an_offset_cuts_the_start_and_never_everything() -> None:
    assert np.array_equal(waves.cut_start(noise(), RATE, 0.5), noise()[RATE // 2 :])
    assert len(waves.cut_start(noise(), RATE, 99)) == 1


def test_what_keeps_the_genre_is_in_the_table() -> None:
    tempo, pitch, speed = (ALTERATIONS[name] for name in ("tempo", "pitch", "speed"))
    assert [strength for strength in tempo.strengths if tempo.keeps_genre(strength)] == [-6, 6]
    assert [strength for strength in pitch.strengths if pitch.keeps_genre(strength)] == [-1, 1]
    for percent in speed.strengths:
        both = abs(12 * np.log2(1 + percent / 100)) <= 1 and abs(percent) <= 6
        assert speed.keeps_genre(percent) == both, percent
    assert all(each.keeps_genre(s) for each in ALTERATIONS.values() if each.most is None for s in each.strengths)


class Fixed:
    """Stands for `_uniform` of augmentation: returns the value for (low, high) instead of a random number."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __call__(self, wave_BT: torch.Tensor, low: float, high: float, columns: int = 1) -> torch.Tensor:
        return torch.as_tensor(self.value, dtype=torch.float32).expand(len(wave_BT), columns)


def augmented(monkeypatch: pytest.MonkeyPatch, value: object, **settings: float) -> NDArray[np.float32]:
    """A second of noise after an augmentation that draws `value`."""
    off = {"gain_db": 0, "polarity": 0, "noise": 0, "noise_snr_db": [9, 9], "shift_share": 0, "filter": 0}
    augmentation = Wave(**{**off, "filter_db": 0, **settings})  # type: ignore[arg-type]
    monkeypatch.setattr(wave, "_uniform", Fixed(value))
    return augmentation(torch.from_numpy(noise(1))[None])[0].numpy()


def test_augmentation_makes_the_same_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    gain_T = augmented(monkeypatch, -7.0)
    np.testing.assert_allclose(gain_T, waves.gain(noise(1), -7.0), atol=1e-7)
    knots_db = np.random.default_rng(5).uniform(-9, 9, (1, KNOTS)).astype(np.float32)

    def with_gain_0(wave_BT: torch.Tensor, low: float, high: float, columns: int = 1) -> torch.Tensor:
        return torch.from_numpy(knots_db) if columns == KNOTS else torch.zeros(len(wave_BT), columns)

    augmented(monkeypatch, 0.0)
    monkeypatch.setattr(wave, "_uniform", with_gain_0)
    equalized = Wave(0, 0, 0, [9, 9], 0, filter=1.0, filter_db=9)(torch.from_numpy(noise(1))[None])[0].numpy()
    np.testing.assert_allclose(equalized, waves.random_equalization(noise(1), 9, np.random.default_rng(5)), atol=1e-7)
    noisy_T = augmented(monkeypatch, 0.0, noise=1.0) - noise(1)  # the fixed ratio is 0 dB
    own_T = waves.white_noise(noise(1), 0.0, np.random.default_rng(0)) - noise(1)
    assert level_db(noisy_T) == pytest.approx(level_db(own_T), abs=0.1)


def test_tempo_and_pitch_are_those_of_augmentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wave, "_uniform", lambda wave_BT, low, high, columns=1: torch.full((1, columns), high))
    music_T = sine(330, 1) + noise(1)
    stretch = Wave(0, 0, 0, [9, 9], 0, 0, 0, stretch_share=0.1)
    np.testing.assert_allclose(
        stretch(torch.from_numpy(music_T)[None])[0].numpy(), waves.change_tempo(music_T, 10), atol=1e-6
    )
    monkeypatch.setattr(torch, "randint", lambda low, high, size: torch.full(size, high - 1))
    pitch = Wave(0, 0, 0, [9, 9], 0, 0, 0, pitch_semitones=2)
    np.testing.assert_allclose(
        pitch(torch.from_numpy(music_T)[None])[0].numpy(), waves.change_pitch(music_T, 2), atol=1e-6
    )
