"""Open a file or a user's waveform as sound to predict, and check the waveform."""

from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from src.audio import reader
from src.audio.corrections import SILENT
from src.inference.windows import SoundEnd, Waveform


def open_sound(
    sound: str | Path | NDArray[np.floating[Any]] | Tensor,
    sample_rate: float | None,
    excerpt_seconds: float | None,
    wanted_rate: int,
) -> reader.Stream | Waveform:
    """Open a file, or a waveform at `sample_rate` Hz, for reading at `wanted_rate` Hz; see `Recognizer.predict`."""
    if isinstance(sound, str | Path):
        if sample_rate is not None:
            raise ValueError("sample_rate is only for a waveform: a file states its own. Leave it out.")
        return reader.Stream(Path(sound), wanted_rate, excerpt_seconds)
    if excerpt_seconds is not None:
        raise ValueError("excerpt_seconds is only for a file: cut the waveform instead.")
    wave_T, notes, silent = reader.from_array(*_check_array(sound, sample_rate), wanted_rate)
    return Waveform(wave_T, wanted_rate, notes, silent)


def notes_of(end: SoundEnd) -> list[str]:
    """The notes of a sound for the user; the first says if it is silent."""
    return [*([SILENT] if end.silent else []), *end.notes]


def _check_array(sound: Any, sample_rate: Any) -> tuple[NDArray[np.floating[Any]], float]:
    """Check type, shape and sample rate of a user's waveform -> wave (K, T), rate in Hz. Raises ValueError."""
    if isinstance(sound, Tensor):
        sound = sound.detach().cpu().float().numpy() if sound.is_floating_point() else sound.cpu().numpy()
    if not isinstance(sound, np.ndarray):
        raise ValueError(f"Expected a path, a numpy array or a torch tensor; got {type(sound).__name__}.")
    if not np.issubdtype(sound.dtype, np.floating):
        raise ValueError(
            f"The waveform's type is {sound.dtype}: expected float in [-1, 1]. Divide int16 samples by 32768."
        )
    if sound.ndim not in (1, 2) or (sound.ndim == 2 and sound.shape[0] > max(1, sound.shape[1])):
        raise ValueError(
            f"The waveform's shape is {sound.shape}: expected (samples,) or (channels, samples). Transpose or split it."
        )
    if not sound.size:
        raise ValueError(f"The waveform has no samples (shape {sound.shape}): expected at least one.")
    if not isinstance(sample_rate, Real) or not float(sample_rate) > 0:
        raise ValueError(f"sample_rate is {sample_rate!r}: expected the waveform's samples per second, e.g. 44100.")
    return np.atleast_2d(sound), float(sample_rate)
