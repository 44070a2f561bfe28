"""Invented sounds that are no music: noises, hums, tones, clicks, and a crude imitation of speech. (T,) at RATE Hz."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from tests.cases.sounds import RATE

Wave = NDArray[np.float64]
FORMANTS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))


def times(seconds: float) -> Wave:
    return np.arange(round(seconds * RATE)) / RATE


def noise(slope: float, level: float, seconds: float, seed: int = 0, band_hz: tuple[float, float] = (0, RATE)) -> Wave:
    """Noise with a power of f ** slope (white 0, pink -1, brown -2, blue 1) in a band; its peak is `level`."""
    samples = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / RATE)
    spectrum *= np.maximum(hz, 10.0) ** (slope / 2) * ((hz >= band_hz[0]) & (hz <= band_hz[1]))
    wave_T = np.fft.irfft(spectrum, samples)
    return level * wave_T / np.abs(wave_T).max()


def swell(per_second: float, seconds: float, seed: int = 0) -> Wave:
    """A level that moves between 0 and 1 at random, `per_second` times a second."""
    points = max(3, round(per_second * seconds))
    return np.interp(times(seconds), np.linspace(0, seconds, points), np.random.default_rng(seed).uniform(0, 1, points))


def hum(hz: float, level: float, seconds: float) -> Wave:
    """A mains hum: five harmonics."""
    return level * sum(np.sin(2 * np.pi * hz * k * times(seconds) + k) / k for k in range(1, 6)) / 2


def clicks(per_second: float, level: float, seconds: float) -> Wave:
    wave_T = np.zeros(round(seconds * RATE))
    wave_T[(np.arange(0, seconds, 1 / per_second) * RATE).astype(int)] = level
    return wave_T


def glide(hz_T: Wave, level: float = 0.5) -> Wave:
    """One pure tone with a frequency that may change."""
    return level * np.sin(2 * np.pi * np.cumsum(hz_T) / RATE)


def speech(seconds: float, seed: int = 0, pitch_hz: float = 120.0) -> Wave:
    """Vowels by formants, hisses and pauses, of 60 to 250 ms each: a crude imitation of speech."""
    random = np.random.default_rng(seed)
    wave_T = np.zeros(round(seconds * RATE))
    position = 0
    while position < len(wave_T) - 100:
        length = min(round(random.uniform(0.06, 0.25) * RATE), len(wave_T) - position)
        envelope_T, kind = np.sqrt(np.hanning(length)), random.random()
        if kind > 0.4:
            pitch_T = (
                pitch_hz * (1 + 0.15 * random.standard_normal()) * np.linspace(1, random.uniform(0.9, 1.1), length)
            )
            pulse_T = np.diff(np.floor(np.cumsum(pitch_T / RATE)), prepend=0.0)
            formants_hz = FORMANTS_HZ[random.integers(len(FORMANTS_HZ))]
            sound_T = sum(gain * _resonance(pulse_T, hz) for hz, gain in zip(formants_hz, (1, 0.6, 0.3), strict=True))
            wave_T[position : position + length] = envelope_T * sound_T / max(np.abs(sound_T).max(), 1e-9)
        elif kind > 0.15:
            hiss_T = noise(0, 0.25, length / RATE, int(random.integers(1000)), (2500, 9000))[:length]
            wave_T[position : position + len(hiss_T)] = hiss_T * envelope_T[: len(hiss_T)]
        position += length
    return 0.6 * wave_T / np.abs(wave_T).max()


def _resonance(wave_T: Wave, hz: float, width_hz: float = 100.0) -> Wave:
    radius = np.exp(-np.pi * width_hz / RATE)
    return np.asarray(lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * hz / RATE), radius**2], wave_T))


# Each is no music, and each is given its length in seconds.
NO_MUSIC: dict[str, Callable[[float], Wave]] = {
    "white noise": lambda s: noise(0, 0.5, s),
    "white noise at full scale": lambda s: noise(0, 1.0, s, 1),
    "white noise at -50 dB": lambda s: noise(0, 0.003, s, 2),
    "pink noise": lambda s: noise(-1, 0.5, s),
    "quiet pink noise": lambda s: noise(-1, 0.01, s, 3),
    "brown noise": lambda s: noise(-2, 0.5, s),
    "blue noise": lambda s: noise(1, 0.3, s),
    "violet noise": lambda s: noise(2, 0.3, s),
    "telephone noise": lambda s: noise(0, 0.3, s, 4, (300, 3400)),
    "hiss": lambda s: noise(0, 0.05, s, 5, (4000, 9000)),
    "rumble": lambda s: noise(0, 0.5, s, 6, (20, 120)),
    "wind": lambda s: noise(-2, 0.8, s, 7) * (0.2 + 0.8 * swell(0.7, s, 7)),
    "gusts": lambda s: noise(-1.5, 0.8, s, 8) * swell(2, s, 8) ** 2,
    "surf": lambda s: noise(-0.7, 0.7, s, 9) * (0.1 + 0.9 * np.sin(2 * np.pi * 0.12 * times(s)) ** 2),
    "a fan": lambda s: noise(-1, 0.4, s, 10) + hum(120, 0.1, s),
    "hum of 50 Hz": lambda s: hum(50, 0.3, s),
    "quiet hum of 60 Hz": lambda s: hum(60, 0.01, s),
    "buzz": lambda s: 0.3 * (2 * (times(s) * 100 % 1) - 1),
    "hum in noise": lambda s: hum(50, 0.3, s) + noise(-1, 0.02, s),
    "tone of 440 Hz": lambda s: glide(np.full(round(s * RATE), 440.0)),
    "tone of 80 Hz": lambda s: glide(np.full(round(s * RATE), 80.0), 0.9),
    "quiet tone of 3 kHz": lambda s: glide(np.full(round(s * RATE), 3000.0), 0.02),
    "tone in noise": lambda s: glide(np.full(round(s * RATE), 1000.0)) + noise(0, 0.05, s),
    "dial tone": lambda s: 0.3 * (np.sin(2 * np.pi * 350 * times(s)) + np.sin(2 * np.pi * 440 * times(s))),
    "beeps": lambda s: glide(np.full(round(s * RATE), 1000.0)) * (times(s) % 1 < 0.3),
    "siren": lambda s: glide(900 + 400 * np.sin(2 * np.pi * 0.4 * times(s))),
    "sweep": lambda s: glide(np.linspace(50, 8000, round(s * RATE))),
    "clicks, one a second": lambda s: clicks(1, 0.9, s),
    "clicks, eight a second": lambda s: clicks(8, 0.5, s),
    "a constant with noise": lambda s: 0.4 + noise(0, 0.05, s, 11),
}
