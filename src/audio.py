"""The only file that opens sound: libsndfile decodes, soxr resamples."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

UNKNOWN = 2**63 - 1  # libsndfile's number of frames where a header states none
LEAD_SECONDS = 0.5  # decoded before a stretch and dropped: an MP3 frame may borrow bits from those before it


class AudioError(ValueError):
    """A file whose sound cannot be used; the message is a reason that a user can act on."""


def read(
    path: Path,
    sample_rate: int,
    start_seconds: float = 0.0,
    stop_seconds: float | None = None,
    max_seconds: float | None = None,
) -> NDArray[np.float32]:
    """Decode a stretch of a file: channels averaged to mono, resampled to `sample_rate` -> wave (T,) in about [-1, 1].

    `max_seconds` keeps the middle of the stretch. Half a second more than what is kept is decoded, at most. Raises
    AudioError on a file that is missing, unreadable, or has no sound in the stretch.
    """
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames == UNKNOWN:
                raise AudioError("its header does not say how long it is, as after a broken recording; re-encode it")
            first, last = _stretch(file.frames, file.samplerate, start_seconds, stop_seconds, max_seconds)
            rate = file.samplerate
            lead = min(first, round(LEAD_SECONDS * rate))
            file.seek(first - lead)
            wave_TK = file.read(lead + last - first, dtype="float32", always_2d=True)[lead:]  # K channels
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError) as error:  # TypeError: headerless .raw
        raise AudioError(_reason(path, error)) from error
    wave_T = wave_TK.mean(axis=1)
    if not np.isfinite(wave_T).all():
        raise AudioError("samples that are not numbers (NaN or infinite)")
    if rate != sample_rate:
        wave_T = soxr.resample(wave_T, rate, sample_rate, quality="HQ")
    if not len(wave_T):
        raise AudioError("no samples")
    return np.asarray(wave_T, dtype=np.float32)


def _stretch(
    frames: int, rate: int, start_seconds: float, stop_seconds: float | None, max_seconds: float | None
) -> tuple[int, int]:
    first = round(start_seconds * rate)
    last = frames if stop_seconds is None else min(frames, round(stop_seconds * rate))
    if frames and first >= frames:
        raise AudioError(f"starts at {start_seconds:g} s, but the file is {frames / rate:.2f} s long")
    if max_seconds is not None and last - first > round(max_seconds * rate):
        first += (last - first - round(max_seconds * rate)) // 2
        last = first + round(max_seconds * rate)
    return first, max(first, last)


def _reason(path: Path, error: Exception) -> str:
    if not Path(path).exists():
        return "no such file"
    if Path(path).stat().st_size == 0:
        return "an empty file (0 bytes)"
    detail = getattr(error, "error_string", str(error)).strip().rstrip(".")
    if "does not exist" in detail:  # libsndfile's words for an MP3 without a frame of sound
        detail = "no sound found in it"
    return f"not readable as audio ({detail})"
