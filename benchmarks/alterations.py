"""Altered copies of a recording, for the benchmarks of the copy search. The alterations are those of `src.alteration`."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from src.alteration import Wave, encoding, waves


class Copy(NamedTuple):
    """An altered copy of a recording: wave (T,), its start in the original, and its bit rate (0: not encoded)."""

    wave: Wave
    start_seconds: float = 0.0
    kilobits: float = 0.0


CopyMaker = Callable[[Wave, int, np.random.Generator], Copy]


def mp3(kilobits: int) -> CopyMaker:
    """mp3 at a constant bit rate in kbit/s."""

    def alter(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
        encoded = encoding.mp3(wave_T, rate, kilobits)
        return Copy(encoded.wave, 0.0, encoded.kilobits)

    return alter


def ogg(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """Ogg at a high compression level."""
    encoded = encoding.ogg(wave_T, rate, 0.9)
    return Copy(encoded.wave, 0.0, encoded.kilobits)


def gain(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """12 dB lower."""
    return Copy(waves.gain(wave_T, -12))


def cut(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """Cut 3 to 10 s off the start; off short clips, an eighth to a third."""
    start = random.integers(min(3 * rate, len(wave_T) // 8), min(10 * rate, len(wave_T) // 3))
    return Copy(waves.cut_start(wave_T, rate, start / rate), start / rate)


def shelf(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """Shelf filter of +6 or -6 dB, below 300 Hz or above 1,200 Hz, drawn at random."""
    is_low, gain_db = bool(random.random() < 0.5), float(random.choice((-6.0, 6.0)))
    return Copy(waves.shelf(wave_T, rate, 300 if is_low else 1200, gain_db, is_low))


def noise(snr_db: float) -> CopyMaker:
    """White noise, `snr_db` below the music's root mean square."""
    return lambda wave_T, rate, random: Copy(waves.white_noise(wave_T, snr_db, random))


def speed(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """2 % faster, with the pitch raised by as much."""
    return Copy(waves.change_speed(wave_T, rate, 2))


def cut_noise_mp3(wave_T: Wave, rate: int, random: np.random.Generator) -> Copy:
    """Cut, then noise 20 dB below, then mp3 at 32 kbit/s."""
    part = cut(wave_T, rate, random)
    return mp3(32)(noise(20)(part.wave, rate, random).wave, rate, random)._replace(start_seconds=part.start_seconds)


ALTERATIONS: dict[str, CopyMaker] = {
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
