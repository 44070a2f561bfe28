"""Decode one clip to the int16 samples that the waveform cache stores."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.audio import reader
from src.audio.corrections import SILENT, Note
from src.clip import Clip, Excluded


class DecodedClip(NamedTuple):
    """Mono int16 samples (T,), and the notes on what was corrected or is missing."""

    wave_T: NDArray[np.int16]
    notes: tuple[Note, ...]


def decode(clip: Clip, sample_rate: int, max_seconds: float | None) -> DecodedClip | Excluded:
    """Decode a clip at `sample_rate`. If it cannot be used, return it as Excluded with the reason."""
    try:
        sound = reader.read_sound(clip.path, sample_rate, clip.start_seconds, clip.stop_seconds, max_seconds)
    except reader.AudioError as error:
        return Excluded(clip.name, str(error))
    if sound.silent:
        return Excluded(clip.name, SILENT)
    return DecodedClip(np.round(sound.wave_T.clip(-1, 1) * 32767).astype(np.int16), sound.notes)
