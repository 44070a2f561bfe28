"""Windows of a sound, each as long as the model's crops, spread evenly from beginning to end, a few at a time."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.audio import reader
from src.audio.reader import SILENCE
from src.data.crops import spread_evenly
from src.data.decoding import SILENT

BATCH = 8  # windows that go through the network at once
BATCH_SECONDS = 60.0  # or fewer, where they are long: a network's memory grows with both


class WindowBatch(NamedTuple):
    """S windows of one sound: `start` (S,) their first samples, `wave` (S, T) int16, as the waveform cache stores sound."""

    start: list[int]
    wave: NDArray[np.int16]


@dataclass(frozen=True)
class SoundEnd:
    """Facts known at the end of a sound. `samples`, at the model's rate, are counted from `start_seconds` on."""

    samples: int
    start_seconds: float
    duration_seconds: float
    notes: list[str]


@dataclass(frozen=True)
class Waveform:
    """Sound in memory, mono (T,) at the model's rate, with the interface of reader.Stream."""

    wave_T: NDArray[np.float32]
    sample_rate: int
    start_seconds: float = 0.0
    shortfall: None = None

    @property
    def length(self) -> int:
        return len(self.wave_T)

    @property
    def duration_seconds(self) -> float:
        return self.length / self.sample_rate

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        yield self.wave_T


def windows(sound: reader.Stream | Waveform, length: int) -> Iterator[WindowBatch | SoundEnd]:
    """Yield windows of `length` samples, a batch at a time, then the end of the sound.

    Raises AudioError on silence, and as reader.Stream does.
    """
    level = Level()
    most = max(1, min(BATCH, int(BATCH_SECONDS * sound.sample_rate / length)))
    batch: list[tuple[int, NDArray[np.int16]]] = []
    for start, wave_T in cut(level.watch(sound), sound.length, length):
        batch.append((start, np.round(wave_T.clip(-1, 1) * 32767).astype(np.int16)))
        if len(batch) == most:
            yield _join(batch)
            batch = []
    if batch:
        yield _join(batch)
    if level.peak < SILENCE:
        raise reader.AudioError(SILENT)
    notes = [sound.shortfall] if sound.shortfall else []
    if level.samples < length:
        seconds = length / sound.sample_rate
        notes.append(f"shorter than the {seconds:g} s that the model needs: repeated to fill them")
    yield SoundEnd(level.samples, sound.start_seconds, sound.duration_seconds, notes)


def file_windows(
    paths: Iterable[Path], sample_rate: int, length: int, max_seconds: float | None
) -> Iterator[WindowBatch | SoundEnd | reader.AudioError]:
    """Yield the windows of each file, one file after another; a file that cannot be read ends with its error."""
    for path in paths:
        try:
            yield from windows(reader.Stream(path, sample_rate, max_seconds), length)
        except reader.AudioError as error:
            yield error


def cut(blocks: Iterable[NDArray[np.float32]], promised: int, length: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield windows of `length` samples, each with the number of its first: (start, wave (T,)), while the blocks arrive.

    As many windows as fit, by rounding, into the `promised` number of samples, spread evenly from the beginning to the
    end; a single one is the middle (the same cuts as crops.WaveformCrops.segments). A sound shorter than a window is
    repeated to fill it. Where fewer samples arrive than were promised, the last window ends with them.
    """
    count = max(1, round(promised / length))
    starts = deque(spread_evenly(max(0, promised - length), count))
    buffer_T, origin = (
        np.empty(0, dtype=np.float32),
        0,
    )  # samples that a window may still need, and the first one's number
    stop = 0  # of the last window
    for block_T in blocks:
        buffer_T = np.concatenate((buffer_T, block_T))
        arrived = origin + len(buffer_T)
        while starts and starts[0] + length <= arrived:
            start = starts.popleft()
            stop = start + length
            yield start, buffer_T[start - origin : stop - origin]
        spare = max(0, min(starts[0] if starts else arrived, arrived - length) - origin)
        buffer_T, origin = buffer_T[spare:], origin + spare
    arrived = origin + len(buffer_T)
    if arrived < length:
        yield 0, np.tile(buffer_T, math.ceil(length / len(buffer_T)))[:length]
    elif starts and arrived - stop > length / 2:
        yield arrived - length, buffer_T[-length:]


class Level:
    """The peak of a sound that streams by, relative to the sound's mean, which a microphone may displace."""

    def __init__(self) -> None:
        self.samples, self.sum, self.lowest, self.highest = 0, 0.0, math.inf, -math.inf

    def watch(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        for block_T in blocks:
            if len(block_T):
                self.samples += len(block_T)
                self.sum += float(block_T.sum(dtype=np.float64))
                self.lowest, self.highest = (
                    min(self.lowest, float(block_T.min())),
                    max(self.highest, float(block_T.max())),
                )
            yield block_T

    @property
    def peak(self) -> float:
        mean = self.sum / self.samples
        return max(self.highest - mean, mean - self.lowest)


def _join(batch: list[tuple[int, NDArray[np.int16]]]) -> WindowBatch:
    return WindowBatch([start for start, _ in batch], np.stack([wave_T for _, wave_T in batch]))
