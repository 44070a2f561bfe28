"""The only file that opens sound: libsndfile does, and FFmpeg what libsndfile cannot; their errors become reasons."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from src.audio.container import Container, File
from src.clip import UNREADABLE_SUFFIXES

UNKNOWN = 2**63 - 1  # libsndfile's number of frames where a header states none
LEAD_SECONDS = 0.5  # decoded before a stretch and dropped: an MP3 frame may borrow bits from those before it


class AudioError(ValueError):
    """A file whose sound cannot be used; the message is a reason that a user can act on."""


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """One that goes on where the last read ended: soundfile seeks there after each, which costs an MP3 a frame."""

    def seekable(self) -> bool:
        return False


@contextmanager
def reasons(path: Path) -> Iterator[None]:
    """The libraries' errors as AudioError."""
    try:
        yield
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError) as error:  # TypeError: headerless .raw
        raise AudioError(_reason(path, error)) from error


def opened(path: Path) -> File:
    """The file, to be read from its beginning. Raises the libraries' errors (see `reasons`), or AudioError on an endless one."""
    try:
        # As bytes, since soundfile refuses a name that is no text; but not on Windows, where all names are.
        file: File = _SoundFile(os.fsencode(path) if os.name == "posix" else path)
    except soundfile.LibsndfileError as error:
        if not Path(path).is_file() or Path(path).stat().st_size == 0:
            raise
        file = _open_container(path, error)
    if file.frames == UNKNOWN:
        raise AudioError("its header does not say how long it is, as after a broken recording; re-encode it")
    return file


def _open_container(path: Path, error: Exception) -> Container:
    """Try FFmpeg on a file that libsndfile refuses; raise libsndfile's `error` where the format was libsndfile's."""
    foreign = Path(path).suffix.lower() in UNREADABLE_SUFFIXES
    try:
        return Container(path)
    except ImportError:
        if foreign:
            raise AudioError("a format that FFmpeg reads: `make extra-m4a` installs it, once") from None
    except RuntimeError:
        if foreign:
            raise
    raise error


def go_to(file: File, first: int) -> None:
    """Seek to a frame, so that what is read there is what decoding from the beginning would give."""
    lead = min(first, round(LEAD_SECONDS * file.samplerate))
    file.seek(first - lead)
    file.read(lead, dtype="float32", always_2d=True)


def has_end(file: File, margin: int) -> bool:
    """Whether a frame can be read that is `margin` frames before the end that the header promises."""
    try:
        go_to(file, max(0, file.frames - margin))
        return len(file.read(1, dtype="float32", always_2d=True)) > 0
    except (soundfile.LibsndfileError, OSError, RuntimeError):
        return False


def mp3(wave_T: NDArray[np.float32], sample_rate: int) -> bytes:
    """Sound (T,) as MP3 of 40 kbit/s, which every browser plays."""
    file = io.BytesIO()
    soundfile.write(file, wave_T, sample_rate, format="MP3", bitrate_mode="CONSTANT", compression_level=0.8)
    return file.getvalue()


def _reason(path: Path, error: Exception) -> str:
    if not Path(path).exists():
        return "no such file"
    if Path(path).stat().st_size == 0:
        return "an empty file (0 bytes)"
    detail = getattr(error, "error_string", str(error)).strip().rstrip(".")
    if "does not exist" in detail:  # libsndfile's words for an MP3 without a frame of sound
        detail = "no sound found in it"
    return f"not readable as audio ({detail})"
