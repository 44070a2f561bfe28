"""Decode one clip to the int16 samples that the waveform cache stores."""

import numpy as np
from numpy.typing import NDArray

from src.audio import reader
from src.audio.reader import SILENCE
from src.clip import Clip, Excluded

EDGE_SECONDS = 0.01  # ignored at both ends by the check for silence: a resampled constant (a DC offset) rings there
SILENT = f"silent (its peak stays below {SILENCE:g} of full scale)"


def decode(clip: Clip, sample_rate: int, max_seconds: float | None) -> NDArray[np.int16] | Excluded:
    """Decode a clip to mono int16 samples (T,) at `sample_rate`. If it cannot be used, return it as Excluded with the reason."""
    try:
        wave_T = reader.read(clip.path, sample_rate, clip.start_seconds, clip.stop_seconds, max_seconds)
    except reader.AudioError as error:
        return Excluded(clip.name, str(error))
    edge = min(round(EDGE_SECONDS * sample_rate), len(wave_T) // 3)
    inner_T = wave_T[edge : len(wave_T) - edge]
    if np.abs(inner_T - inner_T.mean()).max() < SILENCE:
        return Excluded(clip.name, SILENT)
    return np.round(wave_T.clip(-1, 1) * 32767).astype(np.int16)
