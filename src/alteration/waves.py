"""Alterations of a waveform: level, filters, noise, reverberation, speed, tempo and pitch.

Each function: wave (T,) at `rate` Hz -> the altered wave, in about the same range. Nothing is clipped. Those that draw at
random take a generator, so that the same seed gives the same sound.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import signal
from torch import Tensor

from src.alteration.equalizer import KNOTS, equalize
from src.alteration.vocoder import N_FFT, bend
from src.audio import reader

Wave = NDArray[np.float32]
SLOPE_ORDER = 8  # of the low pass: 48 dB per octave
# Of the reverberation: the energy of the direct sound over that of the tail, and the pause before the tail.
DIRECT_TO_TAIL_DB, PAUSE_SECONDS = 0.0, 0.01


def amplitude(level_db: float) -> float:
    """Convert a level in dB to a ratio of amplitudes."""
    return float(10 ** (level_db / 20))


def gain(wave_T: Wave, gain_db: float) -> Wave:
    """Multiply by a gain in dB."""
    return wave_T * np.float32(amplitude(gain_db))


def cut_start(wave_T: Wave, rate: int, seconds: float) -> Wave:
    """Cut off the first seconds. At least a sample stays."""
    return wave_T[min(round(seconds * rate), len(wave_T) - 1) :]


def random_equalization(wave_T: Wave, gain_db: float, random: np.random.Generator) -> Wave:
    """Equalize with gains drawn uniformly from -gain_db to gain_db at KNOTS frequencies: see `equalize`."""
    knot_db_1K = torch.from_numpy(random.uniform(-gain_db, gain_db, (1, KNOTS)).astype(np.float32))
    return _numpy(equalize(torch.from_numpy(wave_T)[None], knot_db_1K))


def shelf(wave_T: Wave, rate: int, corner_hz: float, gain_db: float, is_low: bool) -> Wave:
    """Shelf filter: `gain_db` below (`is_low`) or above `corner_hz`, and 0 dB on the other side.

    Source: Bristow-Johnson, Audio EQ Cookbook, slope 1.
    """
    level, omega = 10 ** (gain_db / 40), 2 * np.pi * corner_hz / rate
    sign, slope = 1 if is_low else -1, np.sqrt(2 * level) * np.sin(omega)
    plus, minus = level + 1, (level - 1) * sign
    cosine = np.cos(omega)
    b = level * np.array(
        [plus - minus * cosine + slope, 2 * sign * (level - 1 - sign * plus * cosine), plus - minus * cosine - slope]
    )
    a = np.array(
        [plus + minus * cosine + slope, -2 * sign * (level - 1 + sign * plus * cosine), plus + minus * cosine - slope]
    )
    return np.asarray(signal.lfilter(b, a, wave_T), np.float32)


def low_pass(wave_T: Wave, rate: int, cutoff_hz: float) -> Wave:
    """Remove what lies above `cutoff_hz` (-3 dB there, then 48 dB per octave: Butterworth), without a change of phase.

    A cutoff of half the sample rate or more changes nothing.
    """
    if cutoff_hz >= rate / 2:
        return wave_T
    frequency_F = np.fft.rfftfreq(len(wave_T), 1 / rate)
    gain_F = 1 / np.sqrt(1 + (frequency_F / cutoff_hz) ** (2 * SLOPE_ORDER))
    return np.asarray(np.fft.irfft(np.fft.rfft(wave_T) * gain_F, n=len(wave_T)), np.float32)


def white_noise(wave_T: Wave, snr_db: float, random: np.random.Generator) -> Wave:
    """Add white Gaussian noise, whose power is `snr_db` below the mean power of the wave."""
    level = np.sqrt(np.mean(wave_T**2)) / amplitude(snr_db)
    return np.asarray(wave_T + level * random.standard_normal(len(wave_T)), np.float32)


def reverberate(wave_T: Wave, rate: int, decay_seconds: float, random: np.random.Generator) -> Wave:
    """Add the tail of a room: noise that decays by 60 dB in `decay_seconds` (RT60), as strong as the direct sound.

    The result is as long as the wave, and has its level.
    Source: Moorer 1979, About this reverberation business: a hall's tail is close to decaying noise.
    """
    time_T = np.arange(round(decay_seconds * rate)) / rate
    tail_T = random.standard_normal(len(time_T)) * amplitude(-60) ** (time_T / decay_seconds)
    tail_T /= np.sqrt(np.sum(tail_T**2)) * amplitude(DIRECT_TO_TAIL_DB)
    response_T = np.concatenate([[1.0], np.zeros(round(PAUSE_SECONDS * rate) - 1), tail_T])
    wet_T = signal.oaconvolve(wave_T, response_T)[: len(wave_T)]
    return with_level_of(wet_T, wave_T)


def change_speed(wave_T: Wave, rate: int, percent: float) -> Wave:
    """Play `percent` faster, which raises the pitch by the same ratio, as on a tape."""
    return reader.resample(wave_T, (1 + percent / 100) * rate, rate)


def change_tempo(wave_T: Wave, percent: float) -> Wave:
    """Play `percent` faster at the same pitch and length: see `bend`. A faster clip starts again at its end."""
    return _bent(wave_T, 1 + percent / 100, 0)


def change_pitch(wave_T: Wave, semitones: float) -> Wave:
    """Shift the pitch by whole semitones at the same tempo and length: see `bend`."""
    return _bent(wave_T, 1.0, round(semitones))


def with_level_of(wave_T: NDArray[np.floating], other_T: Wave) -> Wave:
    """Scale a wave to the root mean square of another; silence stays silent."""
    own, wanted = (float(np.sqrt(np.mean(np.square(each_T, dtype=np.float64)))) for each_T in (wave_T, other_T))
    return (wave_T * (wanted / own if own > 0 else 1.0)).astype(np.float32)


def _bent(wave_T: Wave, tempo: float, semitones: int) -> Wave:
    looped_T = np.resize(wave_T, max(len(wave_T), N_FFT))  # a shorter wave is less than a frame of the vocoder
    bent_1T = bend(torch.from_numpy(looped_T)[None], torch.tensor([tempo]), torch.tensor([semitones]))
    return _numpy(bent_1T)[: len(wave_T)]


def _numpy(wave_1T: Tensor) -> Wave:
    return np.asarray(wave_1T[0].numpy(), np.float32)
