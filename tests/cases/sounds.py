"""Invented music for the cases: a bass, a chord and a beat. Nothing is copied from a recording."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 22050


def music(seconds: float = 12.0, seed: int = 0, rate: int = RATE) -> NDArray[np.float32]:
    """A wave (T,) with a peak of 0.7. The seed decides key, tempo and loudness of the beat."""
    random = np.random.default_rng(seed)
    time_T = np.arange(round(seconds * rate)) / rate
    root_hz, beats_a_second = 55 * 2 ** (random.integers(12) / 12), random.uniform(1.5, 3.0)
    chord_T = sum(np.sin(2 * np.pi * root_hz * k * time_T) / k for k in (2, 2.52, 3, 4, 5.04, 6))
    beat_T = np.exp(-18 * (time_T * beats_a_second % 1)) * random.standard_normal(len(time_T))
    wave_T = chord_T * (0.6 + 0.4 * np.sin(2 * np.pi * time_T / 4)) + random.uniform(0.3, 1.5) * beat_T
    return (0.7 * wave_T / np.abs(wave_T).max()).astype(np.float32)


def genre_folders(
    root: Path, genres: Sequence[str], clips: int = 6, seconds: float = 4.0, suffix: str = ".wav"
) -> Path:
    """Write root/genre/k.wav, `clips` files for each genre, and return the root."""
    for g, genre in enumerate(genres):
        (root / genre).mkdir(parents=True, exist_ok=True)
        for k in range(clips):
            soundfile.write(root / genre / f"{k}{suffix}", music(seconds, 100 * g + k), RATE)
    return root
