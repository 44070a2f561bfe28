"""What is done to music and leaves it the same recording; `benchmarks.copies` asks which of it is recognized."""

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


class Altered(NamedTuple):
    """A copy: wave (T,), where it begins in the original, and its bit rate where it was encoded (0: it was not)."""

    wave: Wave
    start_seconds: float = 0.0
    kilobits: float = 0.0


Alteration = Callable[[Wave, int, np.random.Generator], Altered]


def encode(wave_T: Wave, rate: int, suffix: str, level: float) -> Altered:
    """Through a file: libsndfile's compression level, 0 to 1."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"copy{suffix}"
        constant = {"bitrate_mode": "CONSTANT"} if suffix == ".mp3" else {}
        soundfile.write(path, wave_T, rate, compression_level=level, **constant)
        return Altered(reader.read(path, rate), 0.0, path.stat().st_size * 8 / 1000 / (len(wave_T) / rate))


def mp3(kilobits: int) -> Alteration:
    def alter(wave_T: Wave, rate: int, random: np.random.Generator) -> Altered:
        least, most = (32, 320) if rate >= 32000 else (8, 160)  # of MPEG-1 and MPEG-2
        altered = encode(wave_T, rate, ".mp3", (most - kilobits) / (most - least))
        if abs(altered.kilobits / kilobits - 1) > 0.05:
            raise ValueError(f"{altered.kilobits:.1f} kbit/s came, {kilobits} were asked for, at {rate} Hz.")
        return altered

    return alter


def ogg(wave_T: Wave, rate: int, random: np.random.Generator) -> Altered:
    return encode(wave_T, rate, ".ogg", 0.9)


def gain(wave_T: Wave, rate: int, random: np.random.Generator) -> Altered:
    return Altered(wave_T * np.float32(10 ** (-12 / 20)))


def cut(wave_T: Wave, rate: int, random: np.random.Generator) -> Altered:
    start = random.integers(min(3 * rate, len(wave_T) // 8), min(10 * rate, len(wave_T) // 3))
    return Altered(wave_T[start:], start / rate)


def shelf(wave_T: Wave, rate: int, random: np.random.Generator) -> Altered:
    """6 dB up or down, below 300 Hz or above 1,200 Hz. Source: Bristow-Johnson, Audio EQ Cookbook, slope 1."""
    low, step = random.random() < 0.5, random.choice((-6.0, 6.0))
    root, turn = 10 ** (step / 40), 2 * np.pi * (300 if low else 1200) / rate
    sign, width = 1 if low else -1, np.sqrt(2 * root) * np.sin(turn)
    up, down = root + 1, (root - 1) * sign
    cosine = np.cos(turn)
    b = root * np.array(
        [up - down * cosine + width, 2 * sign * (root - 1 - sign * up * cosine), up - down * cosine - width]
    )
    a = np.array([up + down * cosine + width, -2 * sign * (root - 1 + sign * up * cosine), up + down * cosine - width])
    return Altered(signal.lfilter(b, a, wave_T).astype(np.float32))


def noise(snr_db: float) -> Alteration:
    def alter(wave_T: Wave, rate: int, random: np.random.Generator) -> Altered:
        level = np.sqrt(np.mean(wave_T**2)) * 10 ** (-snr_db / 20)
        return Altered((wave_T + level * random.standard_normal(len(wave_T))).astype(np.float32))

    return alter


def speed(wave_T: Wave, rate: int, random: np.random.Generator) -> Altered:
    return Altered(reader.resample(wave_T, 1.02 * rate, rate))


def several(wave_T: Wave, rate: int, random: np.random.Generator) -> Altered:
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
    "cut, noise 20 dB below, mp3 32 kbit/s": several,
    "2 % faster": speed,
}
