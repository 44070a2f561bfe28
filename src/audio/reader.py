"""Decode audio files: whole, in part, or block by block; corrected, mono, at the requested sample rate.

Every program reads sound here, so that training, audit and prediction use the same samples of a file.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from src.audio import corrections
from src.audio.corrections import HEAD_SECONDS, Meter, Note
from src.audio.decoders import AudioError as AudioError  # re-exported, as `read` raises it
from src.audio.excerpt import BLOCK_SECONDS, Excerpt


class Sound(NamedTuple):
    """A decoded part of a file: mono wave (T,) in about [-1, 1], and the notes on it. `silent`: it contains no music."""

    wave_T: NDArray[np.float32]
    notes: tuple[Note, ...]
    silent: bool


class NativeSound(NamedTuple):
    """A decoded part of a file at the file's own sample rate: its K channels (T, K), and their mix (T,)."""

    wave_TK: NDArray[np.float32]  # on the scale [-1, 1], not corrected otherwise
    wave_T: NDArray[np.float32]
    sample_rate: int
    start_seconds: float  # in the file
    shortfall: str | None  # describes what is missing; None if the file contains all that its header states
    notes: tuple[Note, ...]  # without the shortfall
    silent: bool


def read(
    path: Path,
    sample_rate: int,
    start_seconds: float = 0.0,
    stop_seconds: float | None = None,
    max_seconds: float | None = None,
) -> NDArray[np.float32]:
    """Decode a file or a part of it as `read_sound` does -> wave (T,)."""
    return read_sound(path, sample_rate, start_seconds, stop_seconds, max_seconds).wave_T


def read_sound(
    path: Path,
    sample_rate: int,
    start_seconds: float = 0.0,
    stop_seconds: float | None = None,
    max_seconds: float | None = None,
) -> Sound:
    """Decode a file or a part of it, correct it (see corrections.py), mix it to mono and resample it to `sample_rate`.

    If the part is longer than `max_seconds`, only its middle is returned. The PREROLL_SECONDS before the part are decoded
    too; in a file that needs FFmpeg, everything before it. If decoding fails inside the part, the sound before that place
    is returned, with a note. Raises AudioError if the file is missing, unreadable, or has no usable sound in the part.
    """
    excerpt = Excerpt(path, start_seconds, stop_seconds, max_seconds)
    sound = _decode(excerpt, lambda: excerpt.shortfall)
    wave_T = resample(sound.wave_T, sound.sample_rate, sample_rate)
    if not len(wave_T):
        raise AudioError("no samples")
    return Sound(wave_T, (*sound.notes, *_truncated(sound.shortfall)), sound.silent)


def read_native(path: Path, start_seconds: float, stop_seconds: float | None, max_seconds: float | None) -> NativeSound:
    """Decode a part of a file as `read_sound` does, but without resampling, and check that the file is complete."""
    excerpt = Excerpt(path, start_seconds, stop_seconds, max_seconds)
    return _decode(excerpt, lambda: excerpt.unreadable_end)


def from_array(wave_KT: NDArray[np.floating[Any]], rate: float, sample_rate: int) -> Sound:
    """Correct, mix and resample a wave (K, T) in memory as `read_sound` does that of a file. Raises AudioError as well."""
    divisor, scale_notes = corrections.scale(corrections.peak([wave_KT]))
    native_T, mix_notes, silent = _mono(corrections.rescale(wave_KT.astype(np.float32).T, divisor), rate)
    wave_T = resample(native_T, rate, sample_rate)
    if not len(wave_T):
        raise AudioError("no samples are left at the model's sample rate: too short a waveform")
    return Sound(wave_T, (*scale_notes, *mix_notes), silent)


def _decode(excerpt: Excerpt, find_shortfall: Callable[[], str | None]) -> NativeSound:
    with closing(excerpt):
        wave_TK = excerpt.decode()
        missing = find_shortfall()
        if not len(wave_TK):
            raise AudioError(missing) if missing else excerpt.empty()
        divisor, scale_notes = excerpt.scale(wave_TK)
    wave_T, mix_notes, silent = _mono(corrections.rescale(wave_TK, divisor), excerpt.rate)
    notes = (*excerpt.notes, *scale_notes, *mix_notes)
    return NativeSound(wave_TK, wave_T, excerpt.rate, excerpt.first / excerpt.rate, missing, notes, silent)


def _mono(wave_TK: NDArray[np.float32], rate: float) -> Sound:
    """Mix a wave (T, K) at `rate` to mono, and correct it."""
    mix = corrections.choose_mix(wave_TK, rate)
    wave_T = mix.mono(wave_TK)
    meter = Meter()
    meter.add(wave_T)
    return Sound(wave_T, mix.notes, meter.silent)


def _truncated(shortfall: str | None) -> tuple[Note, ...]:
    return (Note("truncated", shortfall),) if shortfall else ()


def resample(wave_T: NDArray[np.float32], rate: float, sample_rate: int) -> NDArray[np.float32]:
    """Resample: wave (T,) at `rate` -> (round(T * sample_rate / rate),) at `sample_rate`."""
    return np.asarray(soxr.resample(wave_T, rate, sample_rate, quality="HQ"), dtype=np.float32)


class Stream:
    """Decode a file block by block, so that an hour takes no more memory than a song. Iterate over it once.

    Each block is mono, wave (T,) of about one second at `sample_rate`. The concatenated blocks equal the result of
    `read_sound`: both judge offset and channels by the first HEAD_SECONDS, which are held in memory here. A file of floats
    is read twice, as its scale depends on its peak. `length` is the number of samples, if the header is right. If the file
    is longer than `max_seconds`, only its middle is yielded; it begins at `start_seconds`. After the iteration, `notes`
    and `silent` are as in Sound. Raises AudioError as `read_sound` does, when the file is opened or during the iteration.
    """

    def __init__(self, path: Path, sample_rate: int, max_seconds: float | None = None) -> None:
        self.sample_rate = sample_rate
        self._excerpt = Excerpt(path, max_seconds=max_seconds)
        rate, frames = self._excerpt.rate, self._excerpt.last - self._excerpt.first
        self.length = (2 * frames * sample_rate + rate) // (2 * rate)  # as soxr rounds
        self.start_seconds = self._excerpt.first / rate
        self.samples = 0  # yielded so far
        self._corrected: tuple[Note, ...] = ()
        self._meter = Meter()

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        resampler = soxr.ResampleStream(self._excerpt.rate, self.sample_rate, 1, dtype="float32", quality="HQ")
        with closing(self._excerpt):
            for wave_T in self._mono_blocks():
                self._meter.add(wave_T)
                block_T = resampler.resample_chunk(wave_T)
                self.samples += len(block_T)
                yield block_T
        block_T = resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True)
        self.samples += len(block_T)
        if not self.samples:
            raise self._excerpt.empty()
        yield block_T

    def _mono_blocks(self) -> Iterator[NDArray[np.float32]]:
        divisor, scale_notes = self._excerpt.scale()
        blocks = (corrections.rescale(wave_TK, divisor) for wave_TK in self._excerpt.blocks())
        head: list[NDArray[np.float32]] = []
        wanted = round(HEAD_SECONDS * self._excerpt.rate)
        while sum(map(len, head)) < wanted and (wave_TK := next(blocks, None)) is not None:
            head.append(wave_TK)
        if not head:
            return
        head_TK = np.concatenate(head)
        head.clear()
        mix = corrections.choose_mix(head_TK, self._excerpt.rate)
        self._corrected = (*scale_notes, *mix.notes)
        head_T = mix.mono(head_TK)
        step = round(BLOCK_SECONDS * self._excerpt.rate)
        yield from (head_T[start : start + step] for start in range(0, len(head_T), step))
        del head_T, head_TK
        yield from map(mix.mono, blocks)

    @property
    def duration_seconds(self) -> float:
        """Length of the whole file according to its header; if decoding stopped early, up to that point."""
        return self._excerpt.frames / self._excerpt.rate

    @property
    def shortfall(self) -> str | None:
        """The missing part of the stated length, as text, once the iteration has ended; None if nothing is missing."""
        return self._excerpt.shortfall

    @property
    def notes(self) -> tuple[Note, ...]:
        return (*self._excerpt.notes, *self._corrected, *_truncated(self.shortfall))

    @property
    def silent(self) -> bool:
        return self._meter.silent
