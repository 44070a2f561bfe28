"""Decode audio files: whole, in part, or block by block; mono, at the requested sample rate."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from src.audio.decoders import AudioError as AudioError  # re-exported, as `read` raises it
from src.audio.decoders import File, as_audio_errors, end_is_readable, open_file, seek_exactly
from src.audio.header import TOLERANCE_SECONDS, shortfall, stated_frames

SILENCE = 1e-3  # a peak below -60 dB re full scale is silence, not music
BLOCK_SECONDS = 1.0  # decoded at once in a stream; if a block cannot be decoded, at most this much good sound is lost


def read(
    path: Path,
    sample_rate: int,
    start_seconds: float = 0.0,
    stop_seconds: float | None = None,
    max_seconds: float | None = None,
) -> NDArray[np.float32]:
    """Decode a file or a part of it: mean of the channels, resampled to `sample_rate` -> wave (T,) in about [-1, 1].

    If the part is longer than `max_seconds`, only its middle is returned. The PREROLL_SECONDS before the part are decoded
    too; in a file that needs FFmpeg, everything before it. Raises AudioError if the file is missing, unreadable, or has no
    sound in the part.
    """
    with as_audio_errors(path), closing(open_file(path)) as file:
        rate = file.samplerate
        wave_TK = _decode(file, *_frame_range(file.frames, rate, start_seconds, stop_seconds, max_seconds))
    wave_T = resample(mono(wave_TK), rate, sample_rate)
    if not len(wave_T):
        raise AudioError("no samples")
    return wave_T


class NativeSound(NamedTuple):
    """A decoded part of a file with the file's own channels and sample rate: wave (T, K channels)."""

    wave_TK: NDArray[np.float32]
    sample_rate: int
    start_seconds: float  # in the file
    shortfall: str | None  # describes what is missing; None if the file contains all that its header states


def read_native(path: Path, start_seconds: float, stop_seconds: float | None, max_seconds: float | None) -> NativeSound:
    """Decode a part of a file as `read` does, but without mixing and resampling, and check that the file is complete."""
    with as_audio_errors(path), closing(open_file(path)) as file:
        frames, rate = file.frames, file.samplerate
        first, last = _frame_range(frames, rate, start_seconds, stop_seconds, max_seconds)
        wave_TK = _decode(file, first, last)
        missing = shortfall(stated_frames(path, file), frames, rate)
        if not (missing or end_is_readable(file, round(TOLERANCE_SECONDS * rate))):
            missing = f"damaged or cut short: its header states {frames / rate:.1f} s, but the end cannot be decoded"
    if not len(wave_TK):
        raise AudioError(missing or "no samples")
    return NativeSound(wave_TK, rate, first / rate, missing)


def resample(wave_T: NDArray[np.float32], rate: float, sample_rate: int) -> NDArray[np.float32]:
    """Resample: wave (T,) at `rate` -> (round(T * sample_rate / rate),) at `sample_rate`."""
    return np.asarray(soxr.resample(wave_T, rate, sample_rate, quality="HQ"), dtype=np.float32)


class Stream:
    """Decode a file block by block, so that an hour takes no more memory than a song. Iterate over it once.

    Each block is mono, wave (T,) of about one second at `sample_rate`. The concatenated blocks equal the result of `read`.
    `length` is the number of samples, if the header is right. If the file is longer than `max_seconds`, only its middle is
    yielded; it begins at `start_seconds`. The readable part of a damaged file is yielded, and `shortfall` then describes
    the damage. Raises AudioError as `read` does, when the file is opened or during the iteration.
    """

    def __init__(self, path: Path, sample_rate: int, max_seconds: float | None = None) -> None:
        self.path, self.sample_rate = path, sample_rate
        with as_audio_errors(path):
            self._file = open_file(path)
            self._rate, self._frames = self._file.samplerate, self._file.frames
            self._stated = stated_frames(path, self._file)
        self._first, self._last = _frame_range(self._frames, self._rate, 0.0, None, max_seconds)
        self._next = self._first  # the next frame to decode
        self.length = (2 * (self._last - self._first) * sample_rate + self._rate) // (2 * self._rate)  # as soxr rounds
        self.start_seconds = self._first / self._rate

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        resampler = soxr.ResampleStream(self._rate, self.sample_rate, 1, dtype="float32", quality="HQ")
        count = 0
        with closing(self._file):
            for wave_T in self._mono_blocks():
                block_T = resampler.resample_chunk(wave_T)
                count += len(block_T)
                yield block_T
        block_T = resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True)
        if count + len(block_T) == 0:
            raise AudioError(f"no samples{f' from {self.start_seconds:.1f} s on: cut short' if self._first else ''}")
        yield block_T

    def _mono_blocks(self) -> Iterator[NDArray[np.float32]]:
        with as_audio_errors(self.path):
            seek_exactly(self._file, self._first)
        while self._next < self._last:
            count = min(round(BLOCK_SECONDS * self._rate), self._last - self._next)
            try:
                with as_audio_errors(self.path):
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
        """Length of the whole file according to its header; if decoding stopped early, up to that point."""
        return self._frames / self._rate

    @property
    def shortfall(self) -> str | None:
        """The missing part of the stated length, as text, once the iteration has ended; None if nothing is missing."""
        return shortfall(self._stated, self._frames, self._rate)


def _frame_range(
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


def _decode(file: File, first: int, last: int) -> NDArray[np.float32]:
    seek_exactly(file, first)
    return file.read(last - first, dtype="float32", always_2d=True)


def mono(wave_TK: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the channels, wave (T, K) -> (T,). Raises AudioError on samples that are NaN or infinite."""
    wave_T: NDArray[np.float32] = wave_TK.mean(axis=1)
    if not np.isfinite(wave_T).all():
        raise AudioError("samples that are NaN or infinite")
    return wave_T
