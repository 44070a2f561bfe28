"""Alterations that leave music the same recording, for `benchmarks.copies`."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from src.audio import reader

Wave = NDArray[np.float32]


class Copy(NamedTuple):
    """An altered copy of a recording: wave (T,), its start in the original, and its bit rate (0: not encoded)."""

    wave: Wave
    start_seconds: float = 0.0
    kilobits: float = 0.0


Alteration = Callable[[Wave, int, np.random.Generator], Copy]


def encode(wave_T: Wave, rate: int, suffix: str, level: float) -> Copy:
    """Write the wave to a compressed file and decode it again. `level` is libsndfile's compression level, 0 to 1."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"copy{suffix}"
        constant = {"bitrate_mode": "CONSTANT"} if suffix == ".mp3" else {}
        soundfile.write(path, wave_T, rate, compression_level=level, **constant)
        return Copy(reader.read(path, rate), 0.0, path.stat().st_size * 8 / 1000 / (len(wave_T) / rate))


def mp3(kilobits: int) -> Alteration:
    """mp3 at a constant bit rate in kbit/s. Raises ValueError if the file's bit rate is more than 5 % off."""

    def alter(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
        lowest, highest = (32, 320) if rate >= 32000 else (8, 160)  # bit rates of MPEG-1 and MPEG-2
        copy = encode(wave_T, rate, ".mp3", (highest - kilobits) / (highest - lowest))
        if abs(copy.kilobits / kilobits - 1) > 0.05:
            raise ValueError(f"the mp3 has {copy.kilobits:.1f} kbit/s: expected {kilobits} kbit/s at {rate} Hz.")
        return copy

    return alter


def ogg(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """Ogg at a high compression level."""
    return encode(wave_T, rate, ".ogg", 0.9)


def gain(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """12 dB lower."""
    return Copy(wave_T * np.float32(10 ** (-12 / 20)))


def cut(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """Cut 3 to 10 s off the start; off short clips, an eighth to a third."""
    start = random.integers(min(3 * rate, len(wave_T) // 8), min(10 * rate, len(wave_T) // 3))
    return Copy(wave_T[start:], start / rate)


def shelf(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """Shelf filter of +6 or -6 dB, below 300 Hz or above 1,200 Hz, drawn at random.

    Source: Bristow-Johnson, Audio EQ Cookbook, slope 1.
    """
    is_low, gain_db = random.random() < 0.5, random.choice((-6.0, 6.0))
    amplitude, omega = 10 ** (gain_db / 40), 2 * np.pi * (300 if is_low else 1200) / rate
    sign, slope = 1 if is_low else -1, np.sqrt(2 * amplitude) * np.sin(omega)
    plus, minus = amplitude + 1, (amplitude - 1) * sign
    cosine = np.cos(omega)
    b = amplitude * np.array(
        [
            plus - minus * cosine + slope,
            2 * sign * (amplitude - 1 - sign * plus * cosine),
            plus - minus * cosine - slope,
        ]
    )
    a = np.array(
        [
            plus + minus * cosine + slope,
            -2 * sign * (amplitude - 1 + sign * plus * cosine),
            plus + minus * cosine - slope,
        ]
    )
    return Copy(signal.lfilter(b, a, wave_T).astype(np.float32))


def noise(snr_db: float) -> Alteration:
    """White noise, `snr_db` below the music's root mean square."""

    def alter(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
        level = np.sqrt(np.mean(wave_T**2)) * 10 ** (-snr_db / 20)
        return Copy((wave_T + level * random.standard_normal(len(wave_T))).astype(np.float32))

    return alter


def speed(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """2 % faster, with the pitch raised by as much."""
    return Copy(reader.resample(wave_T, 1.02 * rate, rate))


def cut_noise_mp3(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """Cut, then noise 20 dB below, then mp3 at 32 kbit/s."""
    part = cut(wave_T, rate, random)
    return mp3(32)(noise(20)(part.wave, rate, random).wave, rate, random)._replace(start_seconds=part.start_seconds)


ALTERATIONS: dict[str, Alteration] = {
    "mp3, 128 kbit/s": mp3(128),
    "mp3, 64 kbit/s": mp3(64),
    "mp3, 32 kbit/s": mp3(32),
    "ogg": ogg,
    "12 dB lower": gain,
    "3 to 10 s cut off": cut,
    "6 dB shelf": shelf,
    "noise, 20 dB below": noise(20),
    "noise, 10 dB below": noise(10),
    "cut, noise 20 dB below, mp3 32 kbit/s": cut_noise_mp3,
    "2 % faster": speed,
}
