"""Sound out of files: whole, a stretch, or block by block; mono, at the sample rate that is asked for."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from src.audio.decoders import AudioError as AudioError  # part of what reading a file may bring
from src.audio.decoders import File, go_to, has_end, opened, reasons
from src.audio.header import SHORT_SECONDS, promised, shortfall

SILENCE = 1e-3  # a peak below -60 dB of full scale is silence, not music
BLOCK_SECONDS = 1.0  # decoded at once in a stream, which is what damage in a file takes away with it, at most


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
    with reasons(path), closing(opened(path)) as file:
        rate = file.samplerate
        wave_TK = _heard(file, *_stretch(file.frames, rate, start_seconds, stop_seconds, max_seconds))
    wave_T = resample(mono(wave_TK), rate, sample_rate)
    if not len(wave_T):
        raise AudioError("no samples")
    return wave_T


class Sound(NamedTuple):
    """A stretch of a file as it is, wave (T, K channels), and whether the file's end is there."""

    wave_TK: NDArray[np.float32]
    sample_rate: int
    start_seconds: float  # in the file
    shortfall: str | None  # in words; None where the file holds what its header promises


def sound(path: Path, start_seconds: float, stop_seconds: float | None, max_seconds: float | None) -> Sound:
    """Decode a stretch of a file, as `read` does but for mixing and resampling, and look whether the file's end is there too."""
    with reasons(path), closing(opened(path)) as file:
        frames, rate = file.frames, file.samplerate
        first, last = _stretch(frames, rate, start_seconds, stop_seconds, max_seconds)
        wave_TK = _heard(file, first, last)
        lack = shortfall(promised(path, file), frames, rate)
        if not (lack or has_end(file, round(SHORT_SECONDS * rate))):
            lack = f"damaged or cut short: of the {frames / rate:.1f} s that its header promises, the end is not there"
    if not len(wave_TK):
        raise AudioError(lack or "no samples")
    return Sound(wave_TK, rate, first / rate, lack)


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
        with reasons(path):
            self._file = opened(path)
            self._rate, self._frames = self._file.samplerate, self._file.frames
            self._promised = promised(path, self._file)
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
        with reasons(self.path):
            go_to(self._file, self._first)
        while self._next < self._last:
            count = min(round(BLOCK_SECONDS * self._rate), self._last - self._next)
            try:
                with reasons(self.path):
                    wave_TK = self._file.read(count, dtype="float32", always_2d=True)
            except AudioError:
                if self._next == self._first:
                    raise
                break
            if not len(wave_TK):
                break
            self._next += len(wave_TK)
            yield mono(wave_TK)
        if self._next < self._last:
            self._frames = self._next

    @property
    def duration_seconds(self) -> float:
        """The length of the whole file, as its header says; once heard, of what is there."""
        return self._frames / self._rate

    @property
    def shortfall(self) -> str | None:
        """In words, once heard, that less is there than the header promises; None where it told the truth."""
        return shortfall(self._promised, self._frames, self._rate)


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


def _heard(file: File, first: int, last: int) -> NDArray[np.float32]:
    go_to(file, first)
    return file.read(last - first, dtype="float32", always_2d=True)


def mono(wave_TK: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the channels, wave (T, K) -> (T,). Raises AudioError on samples that are not numbers."""
    wave_T: NDArray[np.float32] = wave_TK.mean(axis=1)
    if not np.isfinite(wave_T).all():
        raise AudioError("samples that are not numbers (NaN or infinite)")
    return wave_T
