"""The only file that opens sound: libsndfile decodes, FFmpeg what libsndfile cannot, soxr resamples."""

import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from src.clip import UNREADABLE_SUFFIXES
from src.container import Container, File

UNKNOWN = 2**63 - 1  # libsndfile's number of frames where a header states none
LEAD_SECONDS = 0.5  # decoded before a stretch and dropped: an MP3 frame may borrow bits from those before it
BLOCK_SECONDS = 1.0  # decoded at once in a stream, which is what damage in a file takes away with it, at most
SHORT_SECONDS = 0.1  # encoders pad: a header that promises so little more than there is tells no lie
ENDLESS = 2**31 - 2**16  # bytes that a header promises which was written before the length was known, as to a pipe


class AudioError(ValueError):
    """A file whose sound cannot be used; the message is a reason that a user can act on."""


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """One that goes on where the last read ended: soundfile seeks there after each, which costs an MP3 a frame."""

    def seekable(self) -> bool:
        return False


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
    with _reasons(path), closing(_open(path)) as file:
        rate = file.samplerate
        first, last = _stretch(file.frames, rate, start_seconds, stop_seconds, max_seconds)
        _go_to(file, first)
        wave_TK = file.read(last - first, dtype="float32", always_2d=True)  # K channels
    wave_T = resample(_mono(wave_TK), rate, sample_rate)
    if not len(wave_T):
        raise AudioError("no samples")
    return wave_T


def resample(wave_T: NDArray[np.float32], rate: float, sample_rate: int) -> NDArray[np.float32]:
    """The same sound at another sample rate: wave (T,) -> (round(T * sample_rate / rate),)."""
    return np.asarray(soxr.resample(wave_T, rate, sample_rate, quality="HQ"), dtype=np.float32)


class Stream:
    """A file's sound, block by block, so that an hour of it takes no more memory than a song; iterate over it once.

    A block is mono, wave (T,) of about a second at `sample_rate`; joined, they are what `read` returns. `length` is how
    many samples come, as far as the header is true; `max_seconds` keeps the middle, which begins at `start_seconds`.
    What a damaged file still holds is yielded, and `shortfall` then tells of it. Raises AudioError as `read` does, when
    opened or in the iteration.
    """

    def __init__(self, path: Path, sample_rate: int, max_seconds: float | None = None) -> None:
        self.path, self.sample_rate = path, sample_rate
        with _reasons(path):
            self._file = _open(path)
            self._rate, self._frames = self._file.samplerate, self._file.frames
            self._promised = _promised(path, self._file)
        self._first, self._last = _stretch(self._frames, self._rate, 0.0, None, max_seconds)
        self._next = self._first  # the frame to decode
        self.length = (2 * (self._last - self._first) * sample_rate + self._rate) // (2 * self._rate)  # as soxr rounds
        self.start_seconds = self._first / self._rate

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        resampler = soxr.ResampleStream(self._rate, self.sample_rate, 1, dtype="float32", quality="HQ")
        count = 0
        with closing(self._file):
            for wave_T in self._decoded():
                block_T = resampler.resample_chunk(wave_T)
                count += len(block_T)
                yield block_T
        block_T = resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True)
        if count + len(block_T) == 0:
            raise AudioError(f"no samples{f' from {self.start_seconds:.1f} s on: cut short' if self._first else ''}")
        yield block_T

    def _decoded(self) -> Iterator[NDArray[np.float32]]:
        with _reasons(self.path):
            _go_to(self._file, self._first)
        while self._next < self._last:
            count = min(round(BLOCK_SECONDS * self._rate), self._last - self._next)
            try:
                with _reasons(self.path):
                    wave_TK = self._file.read(count, dtype="float32", always_2d=True)
            except AudioError:
                if self._next == self._first:
                    raise
                break
            if not len(wave_TK):
                break
            self._next += len(wave_TK)
            yield _mono(wave_TK)
        if self._next < self._last:
            self._frames = self._next

    @property
    def duration_seconds(self) -> float:
        """The length of the whole file, as its header says; once heard, of what is there."""
        return self._frames / self._rate

    @property
    def shortfall(self) -> str | None:
        """In words, once heard, that less is there than the header promises; None where it told the truth."""
        seconds, promised = self.duration_seconds, self._promised / self._rate
        if promised - seconds < SHORT_SECONDS:
            return None
        return f"damaged or cut short: of {promised:.1f} s that its header promises, {seconds:.1f} s are there"


@contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """The libraries' errors as AudioError."""
    try:
        yield
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError) as error:  # TypeError: headerless .raw
        raise AudioError(_reason(path, error)) from error


def _open(path: Path) -> File:
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


def _promised(path: Path, file: File) -> int:
    """The frames that the header promises, be they there or not; 0 where there is no promise but an estimate."""
    lie = re.search(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", file.extra_info)
    if lie and int(lie[1]) < ENDLESS and int(lie[2]):  # libsndfile counts the bytes of wav, aiff and au itself
        return file.frames * int(lie[1]) // int(lie[2])
    if file.format == "MP3" and not _tells_length(path):
        return 0
    return file.frames


def _tells_length(path: Path) -> bool:
    """Whether an MP3 says how long it is, in the Xing, Info or VBRI header of its first frame, after tags and pictures."""
    with open(path, "rb") as file:
        head = file.read(10)
        while head[:3] == b"ID3" and len(head) == 10:
            file.seek(sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)), 1)
            head = file.read(10)
        first = head + file.read(1500)  # a frame and more
    return any(word in first for word in (b"Xing", b"Info", b"VBRI"))


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


def _go_to(file: File, first: int) -> None:
    lead = min(first, round(LEAD_SECONDS * file.samplerate))
    file.seek(first - lead)
    file.read(lead, dtype="float32", always_2d=True)


def _mono(wave_TK: NDArray[np.float32]) -> NDArray[np.float32]:
    wave_T: NDArray[np.float32] = wave_TK.mean(axis=1)
    if not np.isfinite(wave_T).all():
        raise AudioError("samples that are not numbers (NaN or infinite)")
    return wave_T


def _reason(path: Path, error: Exception) -> str:
    if not Path(path).exists():
        return "no such file"
    if Path(path).stat().st_size == 0:
        return "an empty file (0 bytes)"
    detail = getattr(error, "error_string", str(error)).strip().rstrip(".")
    if "does not exist" in detail:  # libsndfile's words for an MP3 without a frame of sound
        detail = "no sound found in it"
    return f"not readable as audio ({detail})"
