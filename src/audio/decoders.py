"""Open sound files: libsndfile, and FFmpeg (an extra, `make extra-m4a`) for what libsndfile cannot decode."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from src.clip import UNREADABLE_SUFFIXES

UNKNOWN = 2**63 - 1  # libsndfile's number of frames where a header states none
LEAD_SECONDS = 0.5  # decoded before the wanted part and dropped: an MP3 frame may borrow bits from those before it


class AudioError(ValueError):
    """A file whose sound cannot be used; the message is a reason that the user can act on."""


class File(Protocol):
    """An open sound file with the interface of soundfile.SoundFile: `frames` of K channels at `samplerate` Hz."""

    samplerate: int
    frames: int
    format: str
    extra_info: str  # libsndfile's log of the header

    def seek(self, frames: int) -> int: ...
    def read(self, frames: int, dtype: str, always_2d: bool) -> NDArray[np.float32]: ...
    def close(self) -> None: ...


class Container:
    """The first audio stream of a container file, decoded by FFmpeg; a File.

    Raises ImportError where PyAV is not installed, and RuntimeError with FFmpeg's message on what it cannot decode.
    """

    format = "FFmpeg"
    extra_info = ""

    def __init__(self, path: Path) -> None:
        import av

        self._av = av
        with self._errors():
            with self._open(path) as file:
                if not file.streams.audio:
                    raise RuntimeError("no sound found in it")
                stream = file.streams.audio[0]
                self.samplerate = int(stream.codec_context.sample_rate)
                # A container's own duration may be an estimate from its bit rate, so its packets are counted.
                ends = (packet.pts + packet.duration for packet in file.demux(stream) if packet.pts is not None)
                self.frames = round(max(ends, default=0) * float(stream.time_base) * self.samplerate)
            self._path = path
            self._rewind()

    def _rewind(self) -> None:
        self._file = self._open(self._path)
        self._parts = self._decoded()
        self._waiting: NDArray[np.float32] | None = None  # decoded, not yet read: (frames, K)
        self._position = 0  # of the next frame

    def seek(self, frames: int) -> int:
        """Go to a frame, counted from the beginning; the frames before it are decoded and dropped.

        Seeking in a container is not exact, so a seek backwards opens the file again.
        """
        if frames < self._position:
            self.close()
            with self._errors():
                self._rewind()
        while self._position < frames and len(self.read(min(frames - self._position, self.samplerate))):
            pass
        return self._position

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> NDArray[np.float32]:
        """The next `frames`, fewer at the end -> (frames, K) in about [-1, 1]."""
        parts = [] if self._waiting is None else [self._waiting]
        count = sum(len(part) for part in parts)
        with self._errors():
            while count < frames and (part := next(self._parts, None)) is not None:
                parts.append(part)
                count += len(part)
        if not parts:
            return np.empty((0, 1), dtype=np.float32)
        wave_TK = np.concatenate(parts)
        self._waiting = wave_TK[frames:].copy()  # a copy, or a few frames would keep all in memory
        self._position += min(frames, len(wave_TK))
        return wave_TK[:frames]

    def close(self) -> None:
        self._file.close()

    def _open(self, path: Path) -> Any:
        # Only this file is opened: a playlist may name others, or addresses in the network.
        return self._av.open(f"file:{path}", options={"protocol_whitelist": "file"})

    def _decoded(self) -> Iterator[NDArray[np.float32]]:
        planar = self._av.AudioResampler(format="fltp")  # changes the sample format only
        for frame in chain(self._file.decode(audio=0), [None]):  # None flushes the resampler
            for part in planar.resample(frame):
                yield part.to_ndarray().T

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._av.FFmpegError as error:
            raise RuntimeError(error.strerror or str(error)) from error


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read on from where the last read ended; soundfile would seek there, which costs an MP3 a frame."""

    def seekable(self) -> bool:
        return False


@contextmanager
def reasons(path: Path) -> Iterator[None]:
    """Turn the libraries' errors into AudioError."""
    try:
        yield
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError) as error:  # TypeError: headerless .raw
        raise AudioError(_reason(path, error)) from error


def opened(path: Path) -> File:
    """Open a file at its beginning. Raises the libraries' errors (see `reasons`), and AudioError on one without an end."""
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
    """Try FFmpeg on a file that libsndfile refuses; raise libsndfile's `error` where the format is one of its own."""
    foreign = Path(path).suffix.lower() in UNREADABLE_SUFFIXES
    try:
        return Container(path)
    except ImportError:
        if foreign:
            raise AudioError("needs FFmpeg: run `make extra-m4a` once") from None
    except RuntimeError:
        if foreign:
            raise
    raise error


def go_to(file: File, first: int) -> None:
    """Seek to a frame so that reading from there gives the same samples as decoding from the beginning."""
    lead = min(first, round(LEAD_SECONDS * file.samplerate))
    file.seek(first - lead)
    file.read(lead, dtype="float32", always_2d=True)


def has_end(file: File, margin: int) -> bool:
    """Whether the frame can be read that lies `margin` frames before the end stated by the header."""
    try:
        go_to(file, max(0, file.frames - margin))
        return len(file.read(1, dtype="float32", always_2d=True)) > 0
    except (soundfile.LibsndfileError, OSError, RuntimeError):
        return False


def mp3(wave_T: NDArray[np.float32], sample_rate: int) -> bytes:
    """Encode sound (T,) as MP3 of 40 kbit/s, which every browser plays."""
    file = io.BytesIO()
    soundfile.write(file, wave_T, sample_rate, format="MP3", bitrate_mode="CONSTANT", compression_level=0.8)
    return file.getvalue()


def _reason(path: Path, error: Exception) -> str:
    if not Path(path).exists():
        return "no such file"
    if Path(path).stat().st_size == 0:
        return "an empty file (0 bytes)"
    detail = getattr(error, "error_string", str(error)).strip().rstrip(".")
    if "does not exist" in detail:  # libsndfile's message for an MP3 without a frame of sound
        detail = "no sound found in it"
    return f"not readable as audio ({detail})"
