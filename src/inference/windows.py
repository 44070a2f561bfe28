"""Windows of a sound, as long as the model's crops and spread evenly from beginning to end, in batches."""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.audio import reader
from src.audio.corrections import Note
from src.data.crops import spread_evenly

BATCH = 8  # largest number of windows in a batch
BATCH_SECONDS = 60.0  # largest length of sound in a batch, to limit the memory that the network needs


class WindowBatch(NamedTuple):
    """S windows of one sound: `start` are their first samples, `wave` (S, T) is int16, as in the waveform cache."""

    start: list[int]
    wave: NDArray[np.int16]


@dataclass(frozen=True)
class SoundEnd:
    """Totals and notes of one sound, known at its end.

    `samples` is the length of the part that was read, at the model's sample rate. This part begins at `start_seconds` of
    a file that is `duration_seconds` long. `notes` are for the user. `silent` is True if no sample differs from the mean.
    """

    samples: int
    start_seconds: float
    duration_seconds: float
    notes: list[str]
    silent: bool


@dataclass(frozen=True)
class Waveform:
    """A waveform in memory, mono (T,) at the model's sample rate, with the interface of reader.Stream."""

    wave_T: NDArray[np.float32]
    sample_rate: int
    notes: tuple[Note, ...] = ()
    silent: bool = False
    start_seconds: float = 0.0

    @property
    def length(self) -> int:
        return len(self.wave_T)

    @property
    def samples(self) -> int:
        return self.length

    @property
    def duration_seconds(self) -> float:
        return self.length / self.sample_rate

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        yield self.wave_T


def windows(
    sound: reader.Stream | Waveform, length: int, blocks: Iterable[NDArray[np.float32]] | None = None
) -> Iterator[WindowBatch | SoundEnd]:
    """Yield the windows of `length` samples in batches, and finally a SoundEnd.

    `blocks` are the blocks of the sound, if others read them too. Raises AudioError as reader.Stream does.
    """
    batch_size = max(1, min(BATCH, int(BATCH_SECONDS * sound.sample_rate / length)))
    batch: list[tuple[int, NDArray[np.int16]]] = []
    for start, wave_T in iterate_windows(sound if blocks is None else blocks, sound.length, length):
        batch.append((start, np.round(wave_T.clip(-1, 1) * 32767).astype(np.int16)))
        if len(batch) == batch_size:
            yield _join(batch)
            batch = []
    if batch:
        yield _join(batch)
    notes = [note.text for note in sound.notes]
    if sound.samples < length:
        seconds = length / sound.sample_rate
        notes.append(f"shorter than the {seconds:g} s that the model needs, so it is repeated")
    yield SoundEnd(sound.samples, sound.start_seconds, sound.duration_seconds, notes, sound.silent)


def windows_of_lengths(
    sound: reader.Stream | Waveform, lengths: Sequence[int]
) -> Iterator[tuple[int, WindowBatch | SoundEnd]]:
    """Yield the windows of several lengths as `windows` does, each item with its length. The sound is read once.

    Items come in the order of time, so that no more of the sound is held than the longest batch needs.
    """

    def items(length: int, blocks: Iterable[NDArray[np.float32]]) -> Iterator[tuple[int, WindowBatch | SoundEnd]]:
        for item in windows(sound, length, blocks):
            yield length, item

    def start(item: tuple[int, WindowBatch | SoundEnd]) -> float:
        return item[1].start[0] if isinstance(item[1], WindowBatch) else math.inf

    return heapq.merge(*map(items, lengths, tee(sound, len(lengths))), key=start)


def file_windows(
    paths: Iterable[Path], sample_rate: int, length: int, max_seconds: float | None
) -> Iterator[WindowBatch | SoundEnd | reader.AudioError]:
    """Yield the windows of each file as `windows` does, one file after another.

    For a file that cannot be used, its AudioError is yielded in place of the SoundEnd, perhaps after some windows.
    """
    for path in paths:
        try:
            yield from windows(reader.Stream(path, sample_rate, max_seconds), length)
        except reader.AudioError as error:
            yield error


def iterate_windows(
    blocks: Iterable[NDArray[np.float32]], expected_length: int, length: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield windows of `length` samples as (index of the first sample, wave (T,)), as soon as their blocks are read.

    The number of windows is round(expected_length / length), at least 1. They are spread evenly from the beginning to the
    end; a single one is the middle (the same positions as in crops.WaveformCrops.segments). A sound shorter than a window
    is repeated to fill it. If there are fewer samples than `expected_length`, the last window ends at the last sample.
    """
    count = max(1, round(expected_length / length))
    starts = deque(spread_evenly(max(0, expected_length - length), count))
    buffer_T = np.empty(0, dtype=np.float32)  # samples that a window may still need
    origin = 0  # index of the buffer's first sample
    stop = 0  # index after the last sample of the last window
    for block_T in blocks:
        buffer_T = np.concatenate((buffer_T, block_T))
        available = origin + len(buffer_T)
        while starts and starts[0] + length <= available:
            start = starts.popleft()
            stop = start + length
            yield start, buffer_T[start - origin : stop - origin]
        discardable = max(0, min(starts[0] if starts else available, available - length) - origin)
        buffer_T, origin = buffer_T[discardable:], origin + discardable
    available = origin + len(buffer_T)
    if available < length:
        yield 0, np.tile(buffer_T, math.ceil(length / len(buffer_T)))[:length]
    elif starts and available - stop > length / 2:
        yield available - length, buffer_T[-length:]


def _join(batch: list[tuple[int, NDArray[np.int16]]]) -> WindowBatch:
    return WindowBatch([start for start, _ in batch], np.stack([wave_T for _, wave_T in batch]))
