"""Open sound files: libsndfile, and FFmpeg (an extra, `make extra-m4a`) for what libsndfile cannot decode."""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from src.clip import UNREADABLE_SUFFIXES

UNKNOWN = 2**63 - 1  # libsndfile's number of frames if a header states none
PREROLL_SECONDS = (
    0.5  # decoded before the wanted part and discarded: an MP3 frame may need earlier frames (bit reservoir)
)


class AudioError(ValueError):
    """Raised for a file whose sound cannot be used. The message gives the reason, so that the user can fix it."""


class File(Protocol):
    """An open sound file with the interface of soundfile.SoundFile: `frames` of K channels at `samplerate` Hz."""

    samplerate: int
    frames: int
    format: str
    extra_info: str  # libsndfile's log of the header
    notes: Sequence[str]  # for the user, one sentence each: what was found in the file, and what is not decoded

    def seek(self, frames: int) -> int: ...
    def read(self, frames: int, dtype: str, always_2d: bool) -> NDArray[np.float32]: ...
    def close(self) -> None: ...


class FFmpegFile:
    """The first audio stream of a container file, decoded by FFmpeg, with the interface of File.

    Raises ImportError if PyAV is not installed, and RuntimeError with FFmpeg's message if FFmpeg cannot decode the file.
    """

    format = "FFmpeg"
    extra_info = ""
    notes: Sequence[str] = ()

    def __init__(self, path: Path) -> None:
        import av

        self._av = av
        with self._errors():
            with self._open(path) as file:
                if not file.streams.audio:
                    raise RuntimeError("no sound found in it")
                stream = file.streams.audio[0]
                codec = stream.codec_context
                if codec is None or codec.format is None:
                    raise RuntimeError("no decoder for its sound")
                self.samplerate = int(codec.sample_rate)
                # As libsndfile calls samples that may be on any scale.
                self.subtype = "FLOAT" if codec.codec.lossless and codec.format.name[:3] in ("flt", "dbl") else ""
                # A container's own duration may be an estimate from its bit rate, so its packets are counted.
                ends = (packet.pts + packet.duration for packet in file.demux(stream) if packet.pts is not None)
                self.frames = round(max(ends, default=0) * float(stream.time_base) * self.samplerate)
            self._path = path
            self._rewind()

    def _rewind(self) -> None:
        self._file = self._open(self._path)
        self._blocks = self._decoded_blocks()
        self._unread: NDArray[np.float32] | None = None  # decoded, not yet read: (frames, K)
        self._position = 0  # of the next frame

    def seek(self, frames: int) -> int:
        """Seek to a frame, counted from the beginning. The frames before it are decoded and discarded.

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
        """Read the next `frames` frames, fewer at the end of the file -> (frames, K) in about [-1, 1]."""
        blocks = [] if self._unread is None else [self._unread]
        count = sum(len(block_TK) for block_TK in blocks)
        with self._errors():
            while count < frames and (block_TK := next(self._blocks, None)) is not None:
                blocks.append(block_TK)
                count += len(block_TK)
        if not blocks:
            return np.empty((0, 1), dtype=np.float32)
        wave_TK = np.concatenate(blocks)
        self._unread = wave_TK[frames:].copy()  # a view of a few frames would keep the whole array in memory
        self._position += min(frames, len(wave_TK))
        return wave_TK[:frames]

    def close(self) -> None:
        self._file.close()

    def _open(self, path: Path) -> Any:
        # Only this file may be opened: a playlist may name other files or URLs.
        return self._av.open(f"file:{path}", options={"protocol_whitelist": "file"})

    def _decoded_blocks(self) -> Iterator[NDArray[np.float32]]:
        planar = self._av.AudioResampler(format="fltp")  # changes the sample format only
        for frame in chain(self._file.decode(audio=0), [None]):  # None flushes the resampler
            for block in planar.resample(frame):
                yield block.to_ndarray().T

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._av.FFmpegError as error:
            raise RuntimeError(error.strerror or str(error)) from error


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file without soundfile's seek after each read: in an MP3 this seek loses a frame."""

    notes: Sequence[str] = ()

    def seekable(self) -> bool:
        return False


@contextmanager
def as_audio_errors(path: Path) -> Iterator[None]:
    """Turn the errors of the decoding libraries into AudioError."""
    try:
        yield
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError) as error:  # TypeError: headerless .raw
        raise AudioError(_reason(path, error)) from error


def open_file(path: Path) -> File:
    """Open a sound file at its beginning.

    Raises the errors of the libraries (see `as_audio_errors`), and AudioError if the header does not state the length.
    """
    try:
        # As bytes, because soundfile refuses a name that is not valid Unicode. On Windows every name is valid.
        file: File = _SoundFile(os.fsencode(path) if os.name == "posix" else path)
    except soundfile.LibsndfileError as error:
        if not Path(path).is_file() or Path(path).stat().st_size == 0:
            raise
        file = _open_with_ffmpeg(path, error)
    if file.frames == UNKNOWN:
        raise AudioError("its header does not state its length, as after an interrupted recording; re-encode it")
    return file


def _open_with_ffmpeg(path: Path, error: Exception) -> FFmpegFile:
    """Open a file that libsndfile refuses. If FFmpeg fails too, raise libsndfile's `error` for a format that it knows."""
    needs_ffmpeg = Path(path).suffix.lower() in UNREADABLE_SUFFIXES
    try:
        return FFmpegFile(path)
    except ImportError:
        if needs_ffmpeg:
            raise AudioError("needs FFmpeg: run `make extra-m4a` once") from None
    except RuntimeError:
        if needs_ffmpeg:
            raise
    raise error


def seek_exactly(file: File, first: int) -> None:
    """Seek to a frame so that reading from there gives the same samples as decoding from the beginning."""
    preroll = min(first, round(PREROLL_SECONDS * file.samplerate))
    file.seek(first - preroll)
    file.read(preroll, dtype="float32", always_2d=True)


def end_is_readable(file: File, margin: int) -> bool:
    """Try to read the frame that is `margin` frames before the end that the header states; False if this fails."""
    try:
        seek_exactly(file, max(0, file.frames - margin))
        return len(file.read(1, dtype="float32", always_2d=True)) > 0
    except (soundfile.LibsndfileError, OSError, RuntimeError):
        return False


def encode_mp3(wave_T: NDArray[np.float32], sample_rate: int) -> bytes:
    """Encode a waveform (T,) as MP3 at 40 kbit/s, which every browser plays."""
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
